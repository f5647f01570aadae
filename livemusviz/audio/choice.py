"""Reads what `--input` and `/input` name: a device, and perhaps some of its channels. Pure.

Scarlett        the only device whose name contains it
Scarlett#2      the second of several devices of one name
Scarlett:3-4    its inputs 3 and 4 as left and right
Scarlett:2      its input 2 on both sides
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from livemusviz.audio.spec import DEFAULT
from livemusviz.errors import UserError
from livemusviz.names import numbered

CHANNELS = re.compile(r"(.+):(\d{1,3})(?:-(\d{1,3}))?")
NUMBER = re.compile(r"(.+)#(\d{1,2})")
CARD = re.compile(r" \(hw:\d+,\d+\)$")  # ends ALSA's names of cards; the numbers change from plug to plug
SHOWN = 8  # names in a message


@dataclass(frozen=True, slots=True)
class InputDevice:
    """Describes an audio input.

    index : PortAudio's.
    name : PortAudio's.
    channels : number of inputs.
    rate : its default, Hz.
    default : True for the system's choice.
    """

    index: int
    name: str
    channels: int
    rate: float
    default: bool


def choose_input(text: str, devices: Sequence[InputDevice]) -> tuple[InputDevice, tuple[int, ...]]:
    """Return the device that `text` names and its channels counted from 1, () for all.

    UserError if there is no such device or channel, or if several devices may be meant.
    """
    if _named(text, devices) or len(_near(text, devices)) == 1:
        return find_input(text, devices), ()  # a name that ends like channels
    match = CHANNELS.fullmatch(text)
    if match is None:
        return find_input(text, devices), ()
    device = find_input(match[1], devices)
    first, last = int(match[2]), int(match[3] or match[2])
    if not 1 <= first <= last <= device.channels:
        asked = text.rpartition(":")[2]
        raise UserError(f"audio input '{device.name}' has inputs 1-{device.channels}; ':{asked}' is none of them")
    return device, tuple(range(first, last + 1))


def find_input(name: str, devices: Sequence[InputDevice]) -> InputDevice:
    """Return the device called `name`: exactly, but for its card number, or as the only name that contains it.

    "default" is the system's choice. The first of several devices of one name; "NAME#2" is the second. UserError that
    names the candidates if there is none, or if several may be meant.
    """
    if name == DEFAULT:
        chosen = [device for device in devices if device.default] or list(devices[:1])
        if not chosen:
            raise UserError("no audio input found; plug one in, or give --input FILE.wav")
        return chosen[0]
    found = _named(name, devices)
    if found:
        return found[0]
    match = NUMBER.fullmatch(name)
    if match is not None:
        twins = _named(match[1], devices) or _near(match[1], devices)
        if 1 <= int(match[2]) <= len(twins):
            return twins[int(match[2]) - 1]
        if twins:
            raise UserError(f"audio input '{name[:64]}': there are {len(twins)} of that name")
    near = _near(name, devices)
    if len({device.name for device in near}) == 1:
        return near[0]
    if near:
        raise UserError(f"audio input '{name[:64]}' is ambiguous: {_list(near)}; give one of these names in full")
    raise UserError(f"no audio input '{name[:64]}'; there are: {_list(devices) or 'none'}")


def ranges(channels: Iterable[int]) -> str:
    """Return channel numbers in short: "1-2, 5"."""
    runs: list[list[int]] = []
    for channel in channels:
        if runs and runs[-1][1] == channel - 1:
            runs[-1][1] = channel
        else:
            runs.append([channel, channel])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _named(name: str, devices: Sequence[InputDevice]) -> list[InputDevice]:
    """Devices of that very name, or else of the same name but for the card's number."""
    exact = [device for device in devices if device.name == name]
    return exact or [device for device in devices if CARD.sub("", device.name) == CARD.sub("", name)]


def _near(name: str, devices: Sequence[InputDevice]) -> list[InputDevice]:
    return [device for device in devices if name.lower() in device.name.lower()]


def _list(devices: Sequence[InputDevice]) -> str:
    return ", ".join(f"'{name}'" for name in numbered(device.name for device in devices)[:SHOWN])
