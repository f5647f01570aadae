"""Holds changes back until their beat or bar. Pure.

A cell is a stretch of the grid of beats or bars, by its number; a change asked for in one begins with the next.
"""

from __future__ import annotations

from livemusviz.bridge.control import ControlEvent

MAX_WAITING = 64


class QuantisedQueue:
    """Keeps the events that wait, oldest first; with more than `MAX_WAITING` the oldest is dropped."""

    def __init__(self) -> None:
        self._waiting: list[tuple[ControlEvent, int]] = []  # with the cell it was asked for in

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the events that wait, oldest first."""
        return tuple(event.name for event, _ in self._waiting)

    def put(self, event: ControlEvent, cell: int, replaces: bool) -> None:
        """Let `event` wait. replaces : True drops an older event of its name."""
        if replaces:
            self._waiting = [(other, at) for other, at in self._waiting if other.name != event.name]
        self._waiting.append((event, cell))
        del self._waiting[:-MAX_WAITING]

    def newest(self, name: str) -> ControlEvent | None:
        """Return the event of that name that waits, or None."""
        return next((event for event, _ in reversed(self._waiting) if event.name == name), None)

    def due(self, cell: int | None) -> list[ControlEvent]:
        """Remove and return the events that need not wait in `cell` of the grid. None : there is no grid."""
        due = [event for event, at in self._waiting if at != cell]
        self._waiting = [(event, at) for event, at in self._waiting if at == cell]
        return due
