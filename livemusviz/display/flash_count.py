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
    MeanGuard,
    flash_signals,
)  # fmt: skip
from livemusviz.display.flash_guard import LUMINANCE, NEVER_DARK_ENOUGH, RED
from livemusviz.display.flash_windows import AREA, GRID, WINDOW, WindowGuard, cells_of_windows

SECOND = 0.998  # s that transitions count; time stamps are rounded to milliseconds
SAMPLES = 16  # pixels that are looked at across a cell, and as many down
BUSY_MOST = 4.0  # s of any five with four or more transitions a second: the extended failure of EA IRIS
WORST = 3  # seconds that a report names
ENOUGH_CELLS = math.ceil(AREA * WINDOW[0] * WINDOW[1])  # that make a window flash


def _linear_levels() -> np.ndarray:
    srgb = np.arange(256) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


LINEAR = _linear_levels()  # linear light of each 8-bit sRGB value


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


class FlashCounter:
    """`add` every picture in the order of its time, then `report`."""

    def __init__(self) -> None:
        self._windows = WindowGuard(np.zeros((3, 1, 1)))
        self._means = {
            LUMINANCE: MeanGuard(LUMINANCE_CHANGE, DARK, extended=False),
            RED: MeanGuard(RED_CHANGE, NEVER_DARK_ENOUGH, extended=False),
        }
        self._times: dict[int, deque[float]] = {signal: deque() for signal in self._means}  # transitions of a second
        self._busy: dict[int, deque[tuple[float, float]]] = {signal: deque() for signal in self._means}  # time, length
        self._moved: deque[tuple[float, np.ndarray]] = deque()  # cells with a transition, of a second
        self._counts = np.zeros((3, GRID[1], GRID[0]), np.int32)  # of these
        self._reports = dict.fromkeys(self._means, SignalReport())
        self._seconds: dict[int, Worst] = {}  # the worst of each whole second of the film
        self._pictures, self._last = 0, 0.0

    def add(self, now: float, picture: np.ndarray) -> None:
        """Count a picture. now : s, later than the one before.  picture : uint8 (H, W, 3 or 4), sRGB."""
        values = flash_signals(measure_cells(picture))
        windows = self._count_windows(now, values)
        for signal, guard in self._means.items():
            canvas, series = self._count_mean(signal, now, guard.shown(now, float(values[signal].mean())))
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

    def _count_mean(self, signal: int, now: float, moved: bool) -> tuple[int, float]:
        """Return the transitions of the second before `now`, and s of the last five with four or more a second."""
        times, busy = self._times[signal], self._busy[signal]
        if moved:
            times.append(now)
        while times and now - times[0] >= SECOND:
            times.popleft()
        if len(times) >= BUSY:
            busy.append((now, now - self._last))
        while busy and now - busy[0][0] >= BUSY_WINDOW:
            busy.popleft()
        return len(times), sum(length for _, length in busy)

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


def measure_cells(picture: np.ndarray) -> np.ndarray:
    """Return the cells of a picture as `flash_signals` takes them, float (9, 12, 4), from `SAMPLES`^2 pixels of each.

    picture : uint8 (H, W, 3 or 4), sRGB.
    """
    height, width = picture.shape[:2]
    rows, columns = (_spread(length, cells) for length, cells in ((height, GRID[1]), (width, GRID[0])))
    rgb = LINEAR[picture[rows[:, None], columns, :3]]
    red, total = rgb[..., 0], rgb.sum(-1)
    saturated = np.where(red >= 0.8 * total, np.maximum(2.0 * red - total, 0.0), 0.0)
    pixels = np.concatenate([rgb, saturated[..., None]], axis=-1)
    return pixels.reshape(GRID[1], SAMPLES, GRID[0], SAMPLES, 4).mean((1, 3), dtype=np.float64)


def _spread(length: int, cells: int) -> np.ndarray:
    """Return the indices of `SAMPLES` pixels for each cell of a side of `length` pixels."""
    count = cells * SAMPLES
    return ((np.arange(count) + 0.5) * length / count).astype(int)
