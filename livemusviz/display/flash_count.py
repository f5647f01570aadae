"""Count the flashes of a film by the flash limiter's rules. Pure. In: pictures and their times. Out: a `FlashReport`.

The rules are those of `flash`: what the limiter would have held back is counted here. A second is one second, however,
where the limiter keeps to a little more.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from livemusviz.display.flash import (
    BUSY,
    BUSY_WINDOW,
    DARK,
    LUMINANCE_CHANGE,
    RED_CHANGE,
    TRANSITIONS,
    flash_signals,
)
from livemusviz.display.flash_guard import LUMINANCE, NEVER_DARK_ENOUGH, RED
from livemusviz.display.flash_mean import MeanGuard
from livemusviz.display.flash_samples import changed_parts, mean_of_cells, sample_light
from livemusviz.display.flash_windows import AREA, GRID, WINDOW, WindowGuard, cells_of_windows

SECOND = 0.998  # s that transitions count; time stamps are rounded to milliseconds
BUSY_MOST = 4.0  # s of any five with four or more transitions a second: the extended failure of EA IRIS
WORST = 3  # seconds that a report names
ENOUGH_CELLS = math.ceil(AREA * WINDOW[0] * WINDOW[1])  # that make a window flash


@dataclass(frozen=True, slots=True)
class Worst:
    """Holds the largest value of one measure. amount : transitions, flashes or s.  at : s, when its count ends."""

    amount: float = 0.0
    at: float = 0.0

    def or_worse(self, amount: float, at: float) -> Worst:
        return Worst(amount, at) if amount > self.amount else self


@dataclass(frozen=True, slots=True)
class SignalReport:
    """Holds the worst of one signal.

    canvas : transitions of the mean of the canvas in a second.
    windows : flashes of a quarter of a window of a third by a third of the canvas in a second.
    series : s of five in which the mean makes four or more a second.
    """

    canvas: Worst = Worst()
    windows: Worst = Worst()
    series: Worst = Worst()

    @property
    def passes(self) -> bool:
        return (
            self.canvas.amount <= TRANSITIONS
            and self.windows.amount <= TRANSITIONS // 2
            and self.series.amount < BUSY_MOST
        )


@dataclass(frozen=True, slots=True)
class FlashReport:
    """Holds what was counted in a film.

    pictures : number of pictures.
    seconds : s, time of the last one.
    luminance, red : of general flashes and of saturated red.
    worst : the seconds with most transitions, worst first.
    """

    pictures: int
    seconds: float
    luminance: SignalReport
    red: SignalReport
    worst: tuple[Worst, ...]

    @property
    def passes(self) -> bool:
        return self.luminance.passes and self.red.passes


class _Series:
    """Counts the transitions of a mean, by one rule."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()  # of the transitions of a second
        self._busy: deque[tuple[float, float]] = deque()  # time and length of the pictures with many

    def count(self, now: float, last: float, moved: bool) -> tuple[int, float]:
        """Return the transitions of the second before `now`, and s of the last five with four or more a second.

        last : s, time of the picture before.  moved : this one made a transition.
        """
        if moved:
            self._times.append(now)
        while self._times and now - self._times[0] >= SECOND:
            self._times.popleft()
        if len(self._times) >= BUSY:
            self._busy.append((now, now - last))
        while self._busy and now - self._busy[0][0] >= BUSY_WINDOW:
            self._busy.popleft()
        return len(self._times), sum(length for _, length in self._busy)


class FlashCounter:
    """`add` every picture in the order of its time, then `report`."""

    def __init__(self) -> None:
        self._windows = WindowGuard(np.zeros((3, 1, 1)))
        self._means = {
            LUMINANCE: MeanGuard(LUMINANCE_CHANGE, DARK, extended=False, margin=0.0, parts=(AREA,)),
            RED: MeanGuard(RED_CHANGE, NEVER_DARK_ENOUGH, extended=False, margin=0.0, parts=(AREA,)),
        }
        self._series = {signal: (_Series(), _Series()) for signal in self._means}  # by each rule of a `MeanGuard`
        self._moved: deque[tuple[float, np.ndarray]] = deque()  # cells with a transition, of a second
        self._counts = np.zeros((3, GRID[1], GRID[0]), np.int32)  # of these
        self._reports = dict.fromkeys(self._means, SignalReport())
        self._seconds: dict[int, Worst] = {}  # the worst of each whole second of the film
        self._pictures, self._last = 0, 0.0
        self._light: np.ndarray | None = None  # of the last picture's samples

    def add(self, now: float, picture: np.ndarray) -> None:
        """Count a picture. now : s, later than the one before.  picture : uint8 (H, W, 3 or 4), sRGB."""
        light = sample_light(picture)
        values = flash_signals(mean_of_cells(light))
        parts = changed_parts(light if self._light is None else self._light, light)
        self._light = light
        windows = self._count_windows(now, values)
        for signal, guard in self._means.items():
            moved = guard.shown(now, float(values[signal].mean()), parts[signal])
            rules = zip(self._series[signal], moved, strict=True)
            counts = [rule.count(now, self._last, seen) for rule, seen in rules]
            canvas, series = max(count for count, _ in counts), max(busy for _, busy in counts)
            worst = self._reports[signal]
            self._reports[signal] = SignalReport(
                worst.canvas.or_worse(canvas, now),
                worst.windows.or_worse(windows[signal] // 2, now),
                worst.series.or_worse(series, now),
            )
            second = int(now)
            self._seconds[second] = self._seconds.get(second, Worst()).or_worse(max(canvas, windows[signal]), now)
        self._pictures, self._last = self._pictures + 1, now

    def report(self) -> FlashReport:
        """Return what was counted so far."""
        worst: list[Worst] = []
        for each in sorted(self._seconds.values(), key=lambda each: -each.amount):
            apart = all(abs(each.at - other.at) >= 1.0 for other in worst)
            if each.amount > 0 and apart and len(worst) < WORST:
                worst.append(each)
        reports = self._reports
        return FlashReport(self._pictures, self._last, reports[LUMINANCE], reports[RED], tuple(worst))

    def _count_windows(self, now: float, values: np.ndarray) -> tuple[int, int]:
        """Return the transitions of the second before `now` in the worst window: of luminance, and of red or chroma."""
        moved = self._windows.shown(now, values)
        self._moved.append((now, moved))
        self._counts += moved
        while now - self._moved[0][0] >= SECOND:
            self._counts -= self._moved.popleft()[1]
        cells = cells_of_windows(self._counts).reshape(3, -1, WINDOW[0] * WINDOW[1])
        most = np.sort(cells)[..., -ENOUGH_CELLS].max(-1)  # a quarter of a window made so many, or more
        return int(most[0]), int(most[1:].max())
