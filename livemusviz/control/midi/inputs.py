"""Opens MIDI inputs as they are plugged in, and closes those that are gone. Used on the MIDI thread."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from livemusviz.control.midi.ports import NOT_OPENED, NUMBERED, MidiPorts, midi_available, open_backend

log = logging.getLogger(__name__)

VIRTUAL = "livemusviz"  # name of the ports that `--midi virtual` offers to other programs
LOOK = 2.0  # s between looks for ports plugged in

Listen = Callable[[str, Any], None]  # an input's name and a message; on a thread of rtmidi's


class MidiInputs:
    """Keeps the wanted inputs open.

    wanted : "all", "virtual", or a part of an input's name.
    backend : the system's; None while there is no sequencer.
    """

    def __init__(self, wanted: str, listen: Listen) -> None:
        self.wanted = wanted
        self.backend: MidiPorts | None = None
        self._listen = listen
        self._ports: dict[str, Any] = {}
        self._refused: set[str] = set()  # inputs that could not be opened, logged once
        self._looked = float("-inf")  # s
        self._missed: list[str] | None = None  # the inputs there were when the one wanted was not among them

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the inputs that are open."""
        return tuple(self._ports)

    @property
    def virtual(self) -> bool:
        """Return True if the inputs are offered to other programs instead of opened."""
        return self.wanted == "virtual"

    def start(self) -> None:
        """Find the system's inputs. UserError without the extra, or while there is no sequencer."""
        self.backend = MidiPorts(open_backend())

    def look(self, now: float) -> list[str] | None:
        """Open inputs that have appeared and return the names of those that went; None if it is too early to look.

        now : s.
        """
        if now - self._looked < LOOK:
            return None
        self._looked = now
        if self.backend is None:
            if not midi_available():
                return None
            self.backend = MidiPorts(open_backend())
        if self.virtual:
            self._open([] if self._ports else [VIRTUAL])
            return []
        there = self.backend.inputs()
        names = [name for name in there if self.wanted == "all" or self.wanted.lower() in name.lower()]
        if not names and self.wanted != "all" and there != self._missed:
            self._missed = there
            log.warning("no MIDI input '%s' yet; there are: %s", self.wanted, ", ".join(there) or "none")
        gone = _gone(list(self._ports), names)
        for name in gone:
            log.warning("MIDI input %s has gone", name)
            self._ports.pop(name).close()
        self._refused &= set(names)
        self._open([name for name in names if name not in self._ports])
        return gone

    def close(self) -> None:
        """Close all inputs."""
        for port in self._ports.values():
            port.close()

    def _open(self, names: list[str]) -> None:
        for name in names:
            if self.backend is None:
                return
            try:
                self._ports[name] = self.backend.open_input(name, partial(self._listen, name), self.virtual)
            except NOT_OPENED as error:
                if name not in self._refused:
                    log.warning("MIDI input %s cannot be opened (%s): does another program hold it?", name, error)
                self._refused.add(name)  # it is tried again, and not complained of
                continue
            self._refused.discard(name)
            log.info("MIDI input %s", name)


def _gone(open_now: list[str], there: list[str]) -> list[str]:
    """Return the open ports to close.

    Of ports of one name all are closed, because one cannot tell which was removed.
    """
    before, after = Counter(map(_group, open_now)), Counter(map(_group, there))
    return [name for name in open_now if name not in there or before[_group(name)] > after[_group(name)]]


def _group(name: str) -> str:
    numbered = NUMBERED.fullmatch(name)
    return numbered[1] if numbered else name
