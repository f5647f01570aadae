"""Guard a canvas against flashes, its windows and its mean. Pure. In: signals of cells. Out: how to hold a picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from livemusviz.display.flash import DARK, LUMINANCE_CHANGE, RED_CHANGE
from livemusviz.display.flash_mean import MeanGuard
from livemusviz.display.flash_windows import GRID, WindowGuard
from livemusviz.display.state import State

LUMINANCE, RED = 0, 1  # indices of `flash.signals`
NEVER_DARK_ENOUGH = 2.0  # red has no bright states that are exempt
GAMMA = 2.2  # of pictures, in place of sRGB's curve
GAIN_MOST = 2.0  # beyond it a dark picture is mixed with the last one
RELEASE = 0.15  # s, time constant of a gain's way back to 1
SETTLED = 0.01  # distance from 1 that is taken for none
CHANGED = 0.005  # least change of a cell that takes part in a change of the mean
SOFTNESS = 5  # cells over which a share passes into another; odd
PLAIN = np.ones((GRID[1], GRID[0]))
WHOLE = np.ones(2)  # parts of a picture that changed, where that is not known


class Hold(NamedTuple):
    """Holds back a new picture in each cell. shares : of it beside the last one, (H, W).

    gains : factors on its light, (H, W). A picture that is dimmed goes on moving; one that is mixed away stands still.
    """

    shares: np.ndarray
    gains: np.ndarray


class CanvasGuard:
    """`hold` before a picture is shown, `shown` after it. Signals are `flash_signals`, float (3, H, W), 0..1.

    extended : apply the broadcasters' rule on series of transitions to the mean of the canvas.
    """

    def __init__(self, extended: bool) -> None:
        self._windows = WindowGuard()
        self._means = {
            LUMINANCE: MeanGuard(LUMINANCE_CHANGE, DARK, extended),
            RED: MeanGuard(RED_CHANGE, NEVER_DARK_ENOUGH, extended),
        }
        self._last: np.ndarray | None = None  # signals of the picture shown last
        self._gains, self._time = np.ones((GRID[1], GRID[0])), 0.0  # of that picture

    def gains(self, now: float) -> np.ndarray:
        """Return the gains that a picture at `now` begins with, (H, W): the last one's, on their way back to 1."""
        gains = 1.0 + (self._gains - 1.0) * math.exp((self._time - now) / RELEASE)
        return np.where(np.abs(gains - 1.0) < SETTLED, 1.0, gains)

    def hold(self, now: float, values: np.ndarray, gains: np.ndarray = PLAIN) -> Hold | None:
        """Return how to hold the new picture back, beginning with `gains`; None shows it as it is."""
        last = self._last
        if last is None:
            return None
        values, shares = lit(values, gains), np.ones(values.shape[1:])
        factors: list[np.ndarray] = []
        for signal, guard in self._means.items():
            mean = float(values[signal].mean())
            low, high = guard.bounds(now)
            if not low <= mean <= high:
                guard.refuse(now)
                allowed = min(max(mean, low), high)
                found = factor(last[signal], values[signal], allowed)
                if found is None:
                    shares = np.minimum(shares, mixture(last[signal].mean(), mean, allowed))
                else:
                    factors.append(found)
        if factors:
            gains = gains * max(factors, key=lambda each: float(np.abs(each - 1.0).max()))
            values = lit(values, gains)
        bounds = self._windows.bounds(now, values)
        if bounds is not None:
            allowed_values = np.clip(values, *bounds)
            needed = np.where(allowed_values == values, 1.0, mixture(last, values, allowed_values))
            shares = np.minimum(shares, softened(needed.min(0)))
        return None if (shares == 1.0).all() and (gains == 1.0).all() else Hold(shares, gains)

    def shown(self, now: float, values: np.ndarray, parts: np.ndarray = WHOLE, gains: np.ndarray = PLAIN) -> None:
        """Note the signals of the picture that was shown at `now`, s.

        parts : of it in which luminance and red are others than in the last one, (2,), 0..1.  gains : on its light.
        """
        self._last, self._gains, self._time = values, gains, now
        self._windows.shown(now, values)
        for signal, guard in self._means.items():
            guard.shown(now, float(values[signal].mean()), float(parts[signal]))

    def stay(self, now: float) -> None:
        """Note that the last picture was shown again at `now`."""
        if self._last is not None:
            self.shown(now, self._last, np.zeros(2), self._gains)

    def exchange(self, state: State) -> None:
        """Save or restore what may be shown next."""
        self._last = state.optional_array("last", self._last)
        self._gains, self._time = state.array("gains", self._gains), state.value("time", self._time)
        state.part("windows", self._windows)
        for signal, guard in self._means.items():
            state.part(f"mean {signal}", guard)


def lit(values: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return the signals of a picture whose light is scaled: luminance and red with it, chroma not at all."""
    return np.concatenate([np.minimum(values[:2] * gains, 1.0), values[2:]])


def factor(last: np.ndarray, values: np.ndarray, mean: float) -> np.ndarray | None:
    """Return the factors, (H, W), on the cells that changed which give the whole a mean; None where that is too much.

    Towards the cells that did not change they pass into 1, if the others can take the rest.
    last, values : one signal of the last picture and of the new one, (H, W).
    """
    changed = np.abs(values - last) > CHANGED
    missing = mean * values.size - float(values.sum())
    for parts in (inward(changed), changed.astype(float)):
        light, most = float((parts * values).sum()), float(parts.max())
        if -light < missing * most < (GAIN_MOST - 1.0) * light:
            return np.asarray(1.0 + missing / light * parts)
    return None


def inward(cells: np.ndarray) -> np.ndarray:
    """Return 1 within some cells, less towards the others and 0 there, (H, W). A small gap among them belongs to them.

    cells : bool (H, W).
    """
    grown = _around(cells.astype(float), SOFTNESS).max((-1, -2))
    closed = _around(grown, SOFTNESS).min((-1, -2))
    inner = _around(closed, 3).min((-1, -2))
    return np.asarray(closed * _around(inner, SOFTNESS).mean((-1, -2)))


def mixture(start: np.ndarray | float, end: np.ndarray | float, wanted: np.ndarray | float) -> np.ndarray:
    """Return the share of a flat field of luminance `end` in one of `start` that makes `wanted`, mixed as sRGB values.

    0 where both are alike. All in 0..1.
    """
    a, b, c = (np.maximum(np.asarray(x, float), 0.0) ** (1.0 / GAMMA) for x in (start, end, wanted))
    way = np.where(np.abs(b - a) > 1e-6, b - a, 1.0)
    return np.where(np.abs(b - a) > 1e-6, np.clip((c - a) / way, 0.0, 1.0), 0.0)


def softened(shares: np.ndarray) -> np.ndarray:
    """Return shares, (H, W), that are nowhere more than each cell and its neighbours allow, and change little from cell
    to cell: where a part of the picture is held back, no edge shows."""
    least = _around(shares, SOFTNESS + 2).min((-1, -2))
    return np.asarray(_around(least, SOFTNESS).mean((-1, -2)))


def _around(cells: np.ndarray, side: int) -> np.ndarray:
    """Return the square of `side` cells around each cell, (H, W, side, side); the outermost go on beyond the edge."""
    return sliding_window_view(np.pad(cells, side // 2, mode="edge"), (side, side))
