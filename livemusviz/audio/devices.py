"""Lists the audio inputs. Any thread; loads PortAudio on first use.

PortAudio freezes its list of devices when it is loaded; `refresh_devices` makes it look again.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from livemusviz.audio.choice import InputDevice, find_input

__all__ = ["InputDevice", "find_input", "input_devices", "load_portaudio", "quiet_stderr", "refresh_devices"]

log = logging.getLogger(__name__)

MAX_DEVICES = 512  # looked at one by one

WASAPI = "Windows WASAPI"  # PortAudio's name of it


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
        for index, entry in _entries(portaudio)
        if entry["max_input_channels"] > 0 and wasapi in (None, entry["hostapi"])
    ]


def refresh_devices() -> None:
    """Let PortAudio look again for devices. No stream of this process may be open."""
    portaudio = load_portaudio()
    if portaudio is None or not hasattr(portaudio, "_terminate"):
        return
    with quiet_stderr():
        portaudio._terminate()  # sounddevice has no public name for it
        portaudio._initialize()


def load_portaudio() -> Any | None:
    """Return the sounddevice module, or None where the PortAudio library is missing. Quietens ALSA's complaints."""
    with quiet_stderr():
        try:
            import sounddevice
        except OSError:
            return None
        return sounddevice


def _default_input(portaudio: Any) -> int:
    index = portaudio.default.device[0]
    return int(index) if index is not None else -1


def _entries(portaudio: Any) -> list[tuple[int, Any]]:
    """Return all devices with their index, but for those whose name cannot be decoded: sounddevice raises for the
    whole."""
    try:
        return list(enumerate(portaudio.query_devices()))
    except UnicodeDecodeError:
        found = []
        for index in range(MAX_DEVICES):
            try:
                found.append((index, portaudio.query_devices(index)))
            except UnicodeDecodeError:
                log.warning("audio device %d is left out: its name cannot be read", index)
            except (portaudio.PortAudioError, ValueError):
                break  # there are no more
        return found


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
