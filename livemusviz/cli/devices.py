"""`livemusviz devices`: what `--input` and `--picture` can take, and the screens of `--screen`, by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict

from livemusviz.cli.output import add_json_flag, print_json, table
from livemusviz.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    inputs, pictures, screens = _inputs(), _pictures(), _screens()
    if options.json:
        print_json({"inputs": inputs, "pictures": pictures, "screens": screens})
        return 0
    if inputs:
        print(table([tuple(device.values()) for device in inputs], tuple(inputs[0])))
        print('\n--input NAME hears all channels, --input "NAME:3-4" two of them, "NAME:2" one')
    else:
        print("no audio input; the show runs with silence, or give --input FILE.wav")
    print()
    if pictures:
        print(table([tuple(each.values()) for each in pictures], tuple(pictures[0])))
    else:
        print("no camera and no sender; --picture FILE or video:FILE paints by a file")
    if screens:
        print()
        print(table([tuple(each.values()) for each in screens], tuple(screens[0])))
    return 0


def _inputs() -> list[dict[str, object]]:
    """Return the audio inputs."""
    from livemusviz.audio.devices import input_devices
    from livemusviz.names import numbered

    found = input_devices()
    names = numbered(device.name for device in found)
    return [asdict(device) | {"name": name} for device, name in zip(found, names, strict=True)]


def _pictures() -> list[dict[str, object]]:
    """Return the sources of pictures; senders where their library is there."""
    from livemusviz.sources.devices import cameras, screens
    from livemusviz.sources.senders import sender_names, senders_available
    from livemusviz.sources.spec import SENDERS

    found: list[dict[str, object]] = [
        {"picture": f"{each.kind}:{each.name}", "system": each.format} for each in (*cameras(), *screens())
    ]
    for kind in filter(senders_available, SENDERS):
        found += [{"picture": f"{kind}:{name}", "system": kind} for name in _or_none(sender_names, kind)]
    return found


def _or_none(names: Callable[[str], list[str]], kind: str) -> list[str]:
    try:
        return names(kind)
    except UserError:  # the library is there, and does not run here
        return []


def _screens() -> list[dict[str, object]]:
    """Return the screens that a window can fill, as `--screen` counts them; none without a display."""
    from livemusviz.display.native import list_screens

    return [
        {"screen": number, "name": each.name, "size": f"{each.width}x{each.height}", "place": f"{each.x},{each.y}"}
        for number, each in enumerate(list_screens(), 1)
    ]
