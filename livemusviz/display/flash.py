"""The flash limiter's rule: how bright the whole canvas may be now. Pure; the pixels are `limiter`'s.

WCAG 2.3.1 (https://www.w3.org/TR/WCAG21/#three-flashes-or-below-threshold): a general flash is a pair of opposing
changes in relative luminance of a tenth or more of the maximum, the darker state below 0.80. There may be no more
than three in any one second.
"""

from __future__ import annotations

from collections import deque

CHANGE = 0.1  # of the maximum relative luminance
BRIGHT = 0.8  # where the darker of two states is this bright, their change is no flash
MARGIN = 0.004  # what 8-bit pictures are off by
PERIOD = 1.05  # s; a little over a second, as frames have a length
TURNS = 6  # opposing changes in a period: three flashes
FREE_TURNS = 4  # of these may come at once; the others keep the distance of an even three flashes a second
DISTANCE = PERIOD / TURNS


class FlashGuard:
    """`bounds` before a frame is shown, `shown` after it. Times in s, luminance 0..1."""

    def __init__(self) -> None:
        self._turns: deque[float] = deque()
        self._low = self._high = 0.0  # extremes since the last turn
        self._rising: bool | None = None  # the direction of the last change that counts
        self._first = True

    def bounds(self, now: float) -> tuple[float, float]:
        """The darkest and the brightest that the canvas may be at `now` without one flash too many."""
        while self._turns and now - self._turns[0] >= PERIOD:
            self._turns.popleft()
        count = len(self._turns)
        late = not self._turns or now - self._turns[-1] >= DISTANCE
        if self._first or count < FREE_TURNS or (count < TURNS and late):
            return 0.0, 1.0
        low, high = 0.0, 1.0
        if self._rising is not False:  # a fall would be a turn
            low = min(max(self._high - CHANGE + MARGIN, 0.0), BRIGHT)
        if self._rising is not True and self._low < BRIGHT:
            high = min(self._low + CHANGE - MARGIN, 1.0)
        return low, max(low, high)

    def shown(self, now: float, luminance: float) -> None:
        """The canvas of `now` had this mean luminance."""
        if self._first:
            self._low = self._high = luminance
            self._first = False
        self._low, self._high = min(self._low, luminance), max(self._high, luminance)
        fell = self._high - luminance >= CHANGE and luminance < BRIGHT
        rose = luminance - self._low >= CHANGE and self._low < BRIGHT
        if fell and self._rising is not False:
            self._turn(now, False, luminance)
        elif rose and self._rising is not True:
            self._turn(now, True, luminance)

    def _turn(self, now: float, rising: bool, luminance: float) -> None:
        self._turns.append(now)
        self._rising, self._low, self._high = rising, luminance, luminance
