"""Queues the performer's requests on their way to the session. Any threads put, one drains; neither side ever waits.

Only the newest event of each value is kept, and steps are added up, so the size is bounded by the number of parameters
and a flood of events drops none of the others. Actions (start recording) are all kept in their order; when there are
too many, the oldest is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from livemusviz.bridge.control import ControlEvent

MAX_ACTIONS = 64


class EventSink(Protocol):
    """Takes events; as a rule `CoalescedEvents`."""

    def put(self, event: ControlEvent) -> bool: ...


class CoalescedEvents:
    """Takes `ControlEvent`s by `put`, gives them back by `drain` in the order in which they were last put.

    dropped : actions pushed out by more than `MAX_ACTIONS` in one go.  coalesced : values overtaken by a newer one.
    """

    def __init__(self, actions: Iterable[str]) -> None:
        """actions : names of the parameters that are actions."""
        self._actions = frozenset(actions)
        self._events: dict[str | tuple[str, int], ControlEvent] = {}
        self._waiting: list[tuple[str, int]] = []  # keys of the actions in `_events`, oldest first
        self._count = 0
        self._lock = threading.Lock()
        self.dropped = 0
        self.coalesced = 0

    def put(self, event: ControlEvent) -> bool:
        """Add `event`; False if an action had to go for it."""
        with self._lock:
            if event.name not in self._actions:
                before = self._events.pop(event.name, None)
                self.coalesced += before is not None
                self._events[event.name] = event if before is None else _merged(before, event)
                return True
            self._count += 1
            key = (event.name, self._count)
            self._events[key] = event
            self._waiting.append(key)
            if len(self._waiting) <= MAX_ACTIONS:
                return True
            del self._events[self._waiting.pop(0)]
            self.dropped += 1
            return False

    def drain(self) -> list[ControlEvent]:
        """Return all events so far, oldest first; nothing is left afterwards."""
        with self._lock:
            events = list(self._events.values())
            self._events.clear()
            self._waiting.clear()
        return events


def _merged(before: ControlEvent, event: ControlEvent) -> ControlEvent:
    """Return one event for two of the same value: the newer one, or both added up if the newer is a step of a
    number."""
    old, step = before.value, event.value
    if not event.relative or isinstance(old, bool) or not isinstance(old, int | float):
        return event
    return replace(before, value=old + step, time=event.time) if isinstance(step, int | float) else event
