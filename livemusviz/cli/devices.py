"""`livemusviz devices`: audio inputs, by the names that `--input` takes."""

from __future__ import annotations

import argparse

from livemusviz.cli.output import add_json_flag, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from livemusviz.audio.choice import numbered
    from livemusviz.audio.devices import input_devices

    found = input_devices()
    names = numbered(device.name for device in found)
    devices = [asdict(device) | {"name": name} for device, name in zip(found, names, strict=True)]
    if options.json:
        print_json(devices)
    elif not devices:
        print("no audio input; the show runs with silence, or give --input FILE.wav")
    else:
        print(table([tuple(device.values()) for device in devices], tuple(devices[0])))
        print('\n--input NAME hears all channels, --input "NAME:3-4" two of them, "NAME:2" one')
    return 0
