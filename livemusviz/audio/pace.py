"""Judges whether a stream still delivers as many samples a second as it promised. Pure; times in seconds are passed in.

A headset that changes its rate, or a driver that has lost its clock, may deliver half of the sound for ever and call
itself active all the while.
"""

from __future__ import annotations

from collections import deque

WINDOW = 1.5  # s over which the pace is taken
SLOW, FAST = 0.8, 1.25  # of the promised rate; beyond, it is another rate
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # s from one verdict to the next; doubled each time


class Pace:
    """Call `wrong` some times a second. One life, over all openings of a source."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # time and samples so far, over the last window
        self._pause, self._not_before = FIRST_PAUSE, float("-inf")

    def restart(self) -> None:
        """Forget the samples of the last stream: another one is open."""
        self._seen.clear()

    def wrong(self, now: float, samples: int, rate: float) -> float | None:
        """Return the pace, 1.0 is right, if it has been wrong for a whole window; else None.

        samples : that have come since `restart`.  rate : promised, Hz. Verdicts get rarer: opening again may not help.
        """
        self._seen.append((now, samples))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        began, before = self._seen[0]
        if now - began < WINDOW or before == 0 or now < self._not_before:
            return None
        pace = (samples - before) / (now - began) / rate
        if SLOW <= pace <= FAST:
            return None
        self._not_before, self._pause = now + self._pause, min(2.0 * self._pause, LONGEST_PAUSE)
        return pace
