"""Judges whether a stream still delivers as many samples a second as it promised. Pure; times in seconds are passed in.

A headset that changes its rate, or a driver that has lost its clock, may deliver half of the sound and still report
that it is active. A busy machine delays sound too, but irregularly, and delivers it in the end.
"""

from __future__ import annotations

from collections import deque

WINDOW = 1.5  # s over which the pace is taken
PARTS = 5  # of the window, whose paces must be alike
ALIKE = 0.1  # relative
SLOW, FAST = 0.8, 1.25  # of the promised rate; beyond, it is another rate
MEMORY = 10.0  # s; what was held up for less may be made good faster than it is played
SURPLUS = 1.05  # of what that time can hold; more is no making good
HELD_UP = 0.3  # s between two looks, after which this process itself had no time
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # s from one verdict to the next; doubled each time


class Pace:
    """Call `wrong` some times a second. One life, over all openings of a source."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # time and samples so far, over the last window
        self._long: deque[tuple[float, int]] = deque()  # the same over a longer time
        self._pause, self._not_before = FIRST_PAUSE, float("-inf")

    def restart(self) -> None:
        """Forget the samples of the last stream: another one is open."""
        self._seen.clear()
        self._long.clear()

    def wrong(self, now: float, samples: int, rate: float) -> float | None:
        """Return the pace, 1.0 is right, if it has been wrong and steady for a whole window; else None.

        samples : that have come since `restart`.  rate : promised, Hz. Verdicts get rarer: opening again may not help.
        """
        if self._seen and now - self._seen[-1][0] > HELD_UP:
            self._seen.clear()
        self._seen.append((now, samples))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        self._long.append((now, samples))
        while now - self._long[0][0] > MEMORY:
            self._long.popleft()
        began, before = self._seen[0]
        if now - began < WINDOW or before == 0 or now < self._not_before:
            return None
        pace = (samples - before) / (now - began) / rate
        first, count = self._long[0]
        makes_good = pace > 1.0 and samples - count < SURPLUS * (now - first) * rate
        if SLOW <= pace <= FAST or makes_good or not self._steady(pace, rate):
            return None
        self._not_before, self._pause = now + self._pause, min(2.0 * self._pause, LONGEST_PAUSE)
        return pace

    def _steady(self, pace: float, rate: float) -> bool:
        """Return True if all parts of the window have nearly the same pace."""
        seen = list(self._seen)
        marks = [seen[round(part * (len(seen) - 1) / PARTS)] for part in range(PARTS + 1)]
        for (began, before), (ended, after) in zip(marks, marks[1:], strict=False):
            part = (after - before) / max(ended - began, 1e-6) / rate
            if abs(part - pace) > ALIKE * max(pace, SLOW):
                return False
        return True
