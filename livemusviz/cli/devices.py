"""`livemusviz devices`: audio inputs, by the names that `--input` takes."""

from __future__ import annotations

import argparse

from livemusviz.cli.output import add_json_flag, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from livemusviz.audio.devices import input_devices

    devices = [asdict(device) for device in input_devices()]
    if options.json:
        print_json(devices)
    elif not devices:
        print("no audio input; the show runs with silence, or give --input FILE.wav")
    else:
        print(table([tuple(device.values()) for device in devices], tuple(devices[0])))
    return 0
