"""Holds OSC events until the time tags of their bundles are due. Pure; used on the control thread."""

from __future__ import annotations

import heapq

from livemusviz.bridge.control import ControlEvent


class HeldEvents:
    """Keeps at most `most` events. Times in s on the show's clock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, ControlEvent]] = []
        self._count = 0  # events of one time keep their order

    def hold(self, event: ControlEvent, due: float, now: float) -> bool:
        """Keep an event that is due later; False if it is due now, or if there is no room."""
        if due <= now or len(self._heap) >= self._most:
            return False
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, event))
        return True

    def due(self, now: float) -> list[ControlEvent]:
        """Remove and return the events that are due at `now`."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found

    def wait(self, now: float, most: float) -> float:
        """Return the seconds until the next event is due, at most `most`."""
        return most if not self._heap else min(most, max(0.0, self._heap[0][0] - now))
