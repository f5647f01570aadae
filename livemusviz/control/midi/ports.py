"""Opens MIDI ports by name, by mido, whose backend `MIDO_BACKEND` chooses. Used on the MIDI thread.

mido opens the first port of a name. Two controllers of one model have one name on macOS and Windows: here the second
is called "NAME#2", and python-rtmidi opens it by its number.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from livemusviz.errors import UserError, one_line
from livemusviz.names import numbered

MISSING = "MIDI needs mido and python-rtmidi, which the [midi] extra brings: pip install 'livemusviz[midi]'"
NUMBERED = re.compile(r"(.*)#([2-9]|[1-9]\d)")
NOT_OPENED = (
    OSError,
    SystemError,
    RuntimeError,
    ValueError,
)  # mido and rtmidi raise these where a port is not to be had
THROUGH = ("midi through", "iac ")  # ports that hand on what they are sent: no surface is behind them


def output_of(name: str, outputs: Iterable[str]) -> str | None:
    """Return the output of the surface whose input is `name`; None if it has none.

    Windows numbers inputs and outputs apart ("nanoKONTROL2 0" and "nanoKONTROL2 1"): a last number may differ.
    """
    if name.lower().startswith(THROUGH):
        return None
    there = list(outputs)
    if name in there:
        return name
    if sys.platform != "win32":
        return None
    return next((other for other in there if _stem(other) == _stem(name)), None)


def _stem(name: str) -> str:
    return re.sub(r" \d+((#\d+)?)$", r"\1", name)


class MidiPorts:
    """Names ports and opens them, inputs with a callback that takes a `mido.Message`."""

    def __init__(self, backend: Any) -> None:
        """backend : mido's, as `open_backend` returns it."""
        self._backend = backend

    def inputs(self) -> list[str]:
        return numbered(self._backend.get_input_names())

    def outputs(self) -> list[str]:
        return numbered(self._backend.get_output_names())

    def open_input(self, name: str, callback: Callable[[Any], None], virtual: bool = False) -> Any:
        """Return an open input, which has `close`. One of `NOT_OPENED` if it cannot be opened."""
        second = None if virtual else NUMBERED.fullmatch(name)
        if second is None or name in self._backend.get_input_names():
            return self._backend.open_input(name, virtual=virtual, callback=callback)
        return _NumberedInput(second[1], int(second[2]), self._backend, callback)

    def open_output(self, name: str, virtual: bool = False) -> Any:
        """Return an open output, which has `send` and `close`. One of `NOT_OPENED` if it cannot be opened."""
        second = None if virtual else NUMBERED.fullmatch(name)
        if second is None or name in self._backend.get_output_names():
            return self._backend.open_output(name, virtual=virtual)
        return _NumberedOutput(second[1], int(second[2]), self._backend)


class _NumberedInput:
    """An input that python-rtmidi opens by its number."""

    def __init__(self, name: str, number: int, backend: Any, callback: Callable[[Any], None]) -> None:
        import mido
        import rtmidi

        def receive(event: tuple[list[int], float], data: object) -> None:
            try:
                message = mido.Message.from_bytes(event[0])
            except ValueError:
                return
            callback(message)

        self._port = rtmidi.MidiIn(rtapi=_api(rtmidi, backend))
        _open(self._port, name, number)
        self._port.ignore_types(sysex=False, timing=False, active_sense=True)
        self._port.set_callback(receive)

    def close(self) -> None:
        self._port.cancel_callback()
        self._port.close_port()
        self._port.delete()


class _NumberedOutput:
    """An output that python-rtmidi opens by its number."""

    def __init__(self, name: str, number: int, backend: Any) -> None:
        import rtmidi

        self._port = rtmidi.MidiOut(rtapi=_api(rtmidi, backend))
        _open(self._port, name, number)

    def send(self, message: Any) -> None:
        self._port.send_message(message.bytes())

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()


def _open(port: Any, name: str, number: int) -> None:
    places = [i for i, each in enumerate(port.get_ports()) if each == name]
    if len(places) < number:
        port.delete()
        raise OSError(f"MIDI port {name}#{number} has gone")
    port.open_port(places[number - 1])


def _api(rtmidi: Any, backend: Any) -> int:
    return int(getattr(rtmidi, f"API_{getattr(backend, 'api', None)}", rtmidi.API_UNSPECIFIED))


def midi_installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("mido", "rtmidi"))


def midi_available() -> bool:
    """Return True if MIDI can be opened: the extra is installed and, on Linux, there is a sequencer."""
    sequencer = sys.platform != "linux" or "MIDO_BACKEND" in os.environ or os.path.exists("/dev/snd/seq")
    return midi_installed() and sequencer


def input_names() -> tuple[str, ...]:
    """Return the inputs that `--midi NAME` can name. UserError without MIDI. Hides the system's own messages."""
    if not midi_available():
        raise UserError("this system has no MIDI sequencer (/dev/snd/seq)" if midi_installed() else MISSING)
    return tuple(MidiPorts(open_backend()).inputs())


def open_backend() -> Any:
    """Return mido's backend, which `MIDO_BACKEND` chooses (rtmidi by itself; `mido.backends.rtmidi/UNIX_JACK` for
    JACK).

    UserError where the extra is missing or the system has no MIDI.
    """
    try:
        import mido

        backend = mido.Backend(os.environ.get("MIDO_BACKEND", "mido.backends.rtmidi"), load=True)
    except ImportError:
        raise UserError(MISSING) from None
    try:
        backend.get_input_names()
    except (OSError, SystemError, RuntimeError) as error:  # rtmidi's own errors are of these kinds
        raise UserError(f"no MIDI on this machine ({one_line(error, 100)})") from None
    return backend
