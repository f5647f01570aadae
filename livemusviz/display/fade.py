"""Times the cross-fade between generated frames. Pure; runs on the drawing thread.

The fade runs over the measured time between frames, so the picture moves all the time instead of in steps. A longer one
is cut off by the next frame, whose fade begins from what is on the stage: the picture then follows the frames with the
fade's length as its time constant, and their small changes even out.
"""

from __future__ import annotations

import math

from livemusviz.display.state import State

FIRST_INTERVAL = 0.1  # s, assumed until two frames have arrived
SHORTEST, LONGEST = 0.015, 2.0  # s, a cross-fade is never outside these
STRETCH = 1.1  # the fade outlasts the mean interval a little, so that a late frame does not leave the picture standing
SMOOTHING = 0.7  # s, time constant of the mean interval


class FadeClock:
    """`arrived` at each new frame, `progress` at each display frame. Times in seconds of one clock.

    interval : s, mean time between frames.
    shortest : s, the least length of the fades to come.
    """

    def __init__(self) -> None:
        self.shortest = 0.0
        self.interval = FIRST_INTERVAL
        self._arrival: float | None = None
        self._length = FIRST_INTERVAL

    def arrived(self, now: float) -> None:
        """Start the fade of a new frame at `now`, s. A pause (frames skipped in silence) counts as three intervals."""
        if self._arrival is not None:
            gap = min(max(now - self._arrival, 0.0), 3.0 * self.interval)
            self.interval += (gap - self.interval) * (1.0 - math.exp(-gap / SMOOTHING))
        self._arrival = now
        self._length = min(max(self.interval * STRETCH, self.shortest, SHORTEST), LONGEST)

    def exchange(self, state: State) -> None:
        """Save or restore the fade."""
        self.shortest = state.value("shortest", self.shortest)
        self.interval = state.value("interval", self.interval)
        self._arrival = state.value("arrival", self._arrival)
        self._length = state.value("length", self._length)

    def progress(self, now: float, dt: float) -> float:
        """0..1 at `now`. `dt` : s, how long this picture will stand; the first one shows some of the frame already."""
        if self._arrival is None:
            return 0.0
        return min(max((now - self._arrival + dt) / self._length, 0.0), 1.0)
