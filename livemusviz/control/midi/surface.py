"""Moves the motor faders, rings and lamps of controllers to the show's values. Used on the MIDI thread.

A control that is being moved is left alone, and a message that a port returns at once is ignored as an echo.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from livemusviz.control.midi.mapping import Key
from livemusviz.control.midi.ports import NOT_OPENED

log = logging.getLogger(__name__)

HELD = 0.3  # s after its last message during which a control counts as being moved
ECHO = 0.1  # s within which a message that was just sent is taken for an echo
A_TURN = 32  # messages sent in one go; the rest follow


class Surfaces:
    """Keeps the open outputs and the values that the surfaces behind them have. From the first `keep` to `close`."""

    def __init__(self) -> None:
        self._ports: dict[str, Any] = {}
        self._refused: set[str] = set()  # outputs that could not be opened, logged once
        self._known: dict[Key, int] = {}  # 0..127 by control, as the surface has it
        self._touched: dict[Key, float] = {}  # s, when each was last moved by its user
        self._sent: dict[Key, tuple[int, float]] = {}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Return the names of the outputs that are open."""
        return tuple(self._ports)

    def keep(self, names: Iterable[str], open_output: Callable[[str], Any]) -> None:
        """Open exactly the outputs `names`; a new one gets every value. One that cannot be opened is left out."""
        wanted = list(names)
        for name in [name for name in self._ports if name not in wanted]:
            self._ports.pop(name).close()
        self._refused &= set(wanted)
        for name in wanted:
            if name in self._ports or name in self._refused:
                continue
            try:
                self._ports[name] = open_output(name)
            except NOT_OPENED as error:
                self._refused.add(name)
                log.warning("MIDI output %s cannot be opened (%s): nothing is shown there", name, error)
                continue
            self._known.clear()
            log.info("MIDI output %s", name)

    def moved(self, key: Key, value: int, time: float) -> None:
        """Note that a user has moved `key` to `value` (0..127) at `time`, s."""
        self._known[key] = value
        self._touched[key] = time

    def is_echo(self, key: Key, value: int, time: float) -> bool:
        """Return True if a message received at `time`, s, equals one that was sent a moment before."""
        sent, when = self._sent.pop(key, (-1, 0.0))  # one echo for a message
        return sent == value and 0.0 <= time - when <= ECHO

    def show(self, positions: Mapping[Key, int], now: float) -> None:
        """Send every output the positions of its controls that have changed. now : s."""
        if not self._ports:
            return
        news = [
            (key, value)
            for key, value in positions.items()
            if self._known.get(key) != value and now - self._touched.get(key, -HELD) >= HELD
        ]
        for key, value in news[:A_TURN]:
            self._send(key, value)
            self._known[key] = value
            self._sent[key] = value, now

    def close(self) -> None:
        for port in self._ports.values():
            port.close()
        self._ports.clear()

    def _send(self, key: Key, value: int) -> None:
        import mido

        if key.message == "cc":
            message = mido.Message("control_change", channel=key.channel - 1, control=key.number, value=value)
        else:
            message = mido.Message("note_on", channel=key.channel - 1, note=key.number, velocity=value)
        for port in self._ports.values():
            port.send(message)
