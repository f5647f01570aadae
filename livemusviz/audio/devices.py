"""Audio inputs by name. Any thread; loads PortAudio on first use.

PortAudio freezes its list of devices when it is loaded: a process that wants a fresh list must be a fresh process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from livemusviz.audio.spec import DEFAULT
from livemusviz.errors import UserError

WASAPI = "Windows WASAPI"  # PortAudio's name of it


@dataclass(frozen=True, slots=True)
class InputDevice:
    """index : PortAudio's.  channels : inputs it has.  rate : its default, Hz.  default : the system's choice."""

    index: int
    name: str
    channels: int
    rate: float
    default: bool


def input_devices() -> list[InputDevice]:
    """Return all inputs; an empty list where there is no sound card or no PortAudio.

    Windows offers each device once an audio system, MME first. Only WASAPI's are listed: MME adds some 100 ms and cuts
    names off after 31 characters.
    """
    portaudio = load_portaudio()
    if portaudio is None:
        return []
    systems = list(portaudio.query_hostapis())
    wasapi = next((number for number, system in enumerate(systems) if system["name"] == WASAPI), None)
    chosen = _default_input(portaudio) if wasapi is None else systems[wasapi]["default_input_device"]
    return [
        InputDevice(
            index, str(entry["name"]), int(entry["max_input_channels"]), entry["default_samplerate"], index == chosen
        )
        for index, entry in enumerate(portaudio.query_devices())
        if entry["max_input_channels"] > 0 and wasapi in (None, entry["hostapi"])
    ]


def find_input(name: str, devices: Sequence[InputDevice]) -> InputDevice:
    """The device called `name`, exactly or else by the only name that contains it, in any case.

    "default" is the system's choice. UserError that names the candidates if there is none, or more than one.
    """
    if name == DEFAULT:
        chosen = [device for device in devices if device.default] or list(devices[:1])
        if not chosen:
            raise UserError("no audio input found; plug one in, or give --input FILE.wav")
        return chosen[0]
    exact = [device for device in devices if device.name == name]
    near = [device for device in devices if name.lower() in device.name.lower()]
    if exact or len(near) == 1:
        return (exact or near)[0]
    if near:
        raise UserError(f"audio input '{name[:64]}' is ambiguous: {_names(near)}; give one of these names in full")
    raise UserError(f"no audio input '{name[:64]}'; there are: {_names(devices) or 'none'}")


def load_portaudio() -> Any | None:
    """The sounddevice module, or None where the PortAudio library is missing. Quietens ALSA's complaints."""
    with quiet_stderr():
        try:
            import sounddevice
        except OSError:
            return None
        return sounddevice


def _default_input(portaudio: Any) -> int:
    index = portaudio.default.device[0]
    return int(index) if index is not None else -1


def _names(devices: Sequence[InputDevice]) -> str:
    return ", ".join(f"'{device.name}'" for device in devices[:8])


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Sends what C libraries write to the error stream to nowhere. For the whole process, so keep it short."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # the process has no error stream
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
