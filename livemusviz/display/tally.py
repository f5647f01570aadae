"""Counts what a display run presents, in constant memory. Pure; times in s of one clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from livemusviz.display.options import DisplayStats

STALL = 0.1  # s; a longer time between two presented canvases is seen as a stall
STALLS_KEPT = 100  # whose times are remembered; all are counted


@dataclass(slots=True)
class Durations:
    """Percentiles of any number of durations in constant memory: a histogram of 0.1 ms up to 1 s."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(10_001, np.int64))

    def add(self, seconds: float) -> None:
        self.counts[min(max(int(seconds * 10_000), 0), 10_000)] += 1

    def percentile(self, percent: float) -> float:
        """In ms; 0 if there are none. Longer than a second counts as a second."""
        total = int(self.counts.sum())
        if total == 0:
            return 0.0
        rank = max(1, -(-total * percent // 100))  # rounded up
        return (float(np.searchsorted(np.cumsum(self.counts), rank)) + 0.5) / 10.0


@dataclass(slots=True)
class Intervals:
    """Measures the times between presented canvases.

    durations : of all intervals.
    first, last : s, of the first and the newest canvas.
    longest : s, the longest interval.
    stalls : intervals over `STALL`.
    stalls_at : s from the first canvas to the end of each stall.
    """

    durations: Durations = field(default_factory=Durations)
    first: float | None = None
    last: float = 0.0
    longest: float = 0.0
    stalls: int = 0
    stalls_at: list[float] = field(default_factory=list)

    def add(self, shown: float) -> None:
        """Count a canvas that was presented at `shown`, s."""
        if self.first is None:
            self.first = self.last = shown
            return
        interval, self.last = shown - self.last, shown
        self.durations.add(interval)
        self.longest = max(self.longest, interval)
        if interval > STALL:
            self.stalls += 1
            if len(self.stalls_at) < STALLS_KEPT:
                self.stalls_at.append(round(shown - self.first, 2))

    @property
    def seconds(self) -> float:
        """From the first canvas to the last."""
        return 0.0 if self.first is None else self.last - self.first


@dataclass(slots=True)
class Recent:
    """Rate and work since it was last asked."""

    count: int = 0
    work: float = 0.0
    first: float = 0.0
    last: float = 0.0

    def add(self, started: float, shown: float) -> None:
        """Count one frame, from `started` to `shown`, s."""
        if self.count == 0:
            self.first = started
        self.count, self.last, self.work = self.count + 1, started, self.work + shown - started

    def take(self) -> tuple[float, float]:
        """Frames a second and mean work in ms; it begins anew."""
        span = self.last - self.first
        figures = ((self.count - 1) / span if span > 0.0 else 0.0, 1000.0 * self.work / max(self.count, 1))
        self.count, self.work = 0, 0.0
        return figures


class Tally:
    """Counts canvases. shown : of them so far.  generated : generated frames that reached one."""

    def __init__(self) -> None:
        self.intervals, self.recent = Intervals(), Recent()
        self.shown = self.generated = 0
        self._work = Durations()

    def add(self, started: float, shown: float) -> None:
        """Count a canvas whose frame was `started` and which was presented at `shown`."""
        self._work.add(shown - started)
        self.recent.add(started, shown)
        self.intervals.add(shown)
        self.shown += 1

    def stats(self, errors: int, quality: str, renderer: str) -> DisplayStats:
        """Return the figures of the whole run; the arguments are its other ones."""
        intervals, seconds = self.intervals, self.intervals.seconds
        return DisplayStats(
            frames_shown=self.shown,
            generated_shown=self.generated,
            seconds=seconds,
            display_fps=(self.shown - 1) / seconds if seconds > 0.0 else 0.0,
            frame_ms_p50=intervals.durations.percentile(50),
            frame_ms_p99=intervals.durations.percentile(99),
            frame_ms_max=1000.0 * intervals.longest,
            stalls=intervals.stalls,
            stalls_at=tuple(intervals.stalls_at),
            work_ms_p50=self._work.percentile(50),
            work_ms_p99=self._work.percentile(99),
            errors=errors,
            quality=quality,
            renderer=renderer,
        )
