"""Keeps a rate by absolute deadlines. Pure but for the sleep it is given; runs on the thread that it paces."""

from __future__ import annotations

import time
from collections.abc import Callable

from livemusviz.clock import Clock

FINE = 0.001  # s, how early the long sleep ends; a short one takes the rest, as long sleeps overshoot


class Pacer:
    """`wait` returns `fps` times a second. Deadlines that were missed are left out, never caught up with in a burst."""

    def __init__(self, fps: float, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        if not fps > 0.0:
            raise ValueError(f"fps: {fps} is not above 0")
        self.period = 1.0 / fps
        self._clock, self._sleep = clock, sleep
        self._deadline = clock.now()

    def wait(self) -> None:
        """Sleep until the next deadline; return at once if it has gone by. Sleeping releases the GIL."""
        now = self._clock.now()
        if now - self._deadline >= 2.0 * self.period:  # a slot or more was missed: stay on the grid, drop them
            self._deadline += (now - self._deadline) // self.period * self.period
        else:
            self._deadline += self.period
        if self._deadline - now > 2.0 * FINE:
            self._sleep(self._deadline - now - FINE)
            now = self._clock.now()
        if self._deadline > now:
            self._sleep(self._deadline - now)


class Gate:
    """Opens at most `rate` times a second, on a grid, for something that is asked more often than that."""

    def __init__(self, rate: float) -> None:
        if not rate > 0.0:
            raise ValueError(f"rate: {rate} is not above 0")
        self._period = 1.0 / rate
        self._next: float | None = None

    def opens(self, now: float, slack: float = 0.0) -> bool:
        """Return True if it is time at `now`, s. slack : s by which it may be early (half the caller's period)."""
        if self._next is None:
            self._next = now
        if now + slack < self._next:
            return False
        self._next += self._period * max(1.0, (now - self._next) // self._period)
        return True
