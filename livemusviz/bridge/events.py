"""A bounded queue of events between threads: when full, the oldest goes. `put` never waits."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedEvents(Generic[T]):
    """At most `maxlen` events in order of arrival; `dropped` counts those that were pushed out."""

    def __init__(self, maxlen: int) -> None:
        self._events: deque[T] = deque(maxlen=maxlen)
        self._lock = threading.Lock()
        self.dropped = 0

    def put(self, event: T) -> bool:
        """Add `event`; False if the oldest had to go for it."""
        with self._lock:
            full = len(self._events) == self._events.maxlen
            self.dropped += full
            self._events.append(event)
        return not full

    def drain(self) -> list[T]:
        """All events so far, oldest first; the queue is empty afterwards."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events
