"""Time as an argument: the show passes a SystemClock, tests a ManualClock. Seconds throughout."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time in seconds, on the `time.perf_counter` scale."""

    def now(self) -> float: ...


class SystemClock:
    """The real clock. `perf_counter` is the same scale in every process of one machine on Linux and macOS."""

    def now(self) -> float:
        return time.perf_counter()


class ManualClock:
    """A clock that moves only when it is set."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on by `seconds` (may not be negative) and return the new time."""
        if seconds < 0:
            raise ValueError(f"a clock cannot go back by {-seconds} s")
        self._now += seconds
        return self._now
