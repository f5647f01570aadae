"""Guard a whole canvas against flashes: its windows and its mean. Pure: signals of cells in, shares to mix by out."""

from __future__ import annotations

import numpy as np

from livemusviz.display.flash import DARK, LUMINANCE_CHANGE, RED_CHANGE, MeanGuard
from livemusviz.display.flash_windows import WindowGuard
from livemusviz.display.state import State

LUMINANCE, RED = 0, 1  # indices of `flash.signals`
NEVER_DARK_ENOUGH = 2.0  # red has no bright states that are exempt


class CanvasGuard:
    """`shares` before a picture is shown, `shown` after it. Signals are `flash.signals`, float (3, H, W), 0..1.

    extended : apply the broadcasters' rule on series of transitions to the mean of the canvas.
    """

    def __init__(self, extended: bool) -> None:
        self._windows = WindowGuard()
        self._means = {
            LUMINANCE: MeanGuard(LUMINANCE_CHANGE, DARK, extended),
            RED: MeanGuard(RED_CHANGE, NEVER_DARK_ENOUGH, extended),
        }
        self._last: np.ndarray | None = None  # signals of the picture shown last

    def shares(self, now: float, values: np.ndarray) -> np.ndarray | None:
        """Return the share of the new picture beside the last one in each cell, (H, W); None is all of it."""
        last = self._last
        if last is None:
            return None
        shares = np.ones(values.shape[1:])
        bounds = self._windows.bounds(now, values)
        if bounds is not None:
            allowed = np.clip(values, *bounds)
            needed = np.where(allowed == values, 1.0, mixture(last, values, allowed))
            shares = _least_around(needed.min(0))
        for signal, guard in self._means.items():
            mean = float(values[signal].mean())
            low, high = guard.bounds(now)
            if not low <= mean <= high:
                guard.refuse(now)
                allowed_mean = min(max(mean, low), high)
                shares = np.minimum(shares, mixture(last[signal].mean(), values[signal].mean(), allowed_mean))
        return None if (shares == 1.0).all() else shares

    def shown(self, now: float, values: np.ndarray) -> None:
        """Note the signals of the picture that was shown at `now`, s."""
        self._last = values
        self._windows.shown(now, values)
        for signal, guard in self._means.items():
            guard.shown(now, float(values[signal].mean()))

    def exchange(self, state: State) -> None:
        """Save or restore what may be shown next."""
        self._last = state.optional_array("last", self._last)
        state.part("windows", self._windows)
        for signal, guard in self._means.items():
            state.part(f"mean {signal}", guard)


def mixture(start: np.ndarray | float, end: np.ndarray | float, wanted: np.ndarray | float) -> np.ndarray:
    """Return the share of a flat field of luminance `end` in one of `start` that makes `wanted`, mixed as sRGB values.

    0 where both are alike; gamma is taken as 2.2. All in 0..1.
    """
    a, b, c = (np.maximum(np.asarray(x, float), 0.0) ** (1.0 / 2.2) for x in (start, end, wanted))
    way = np.where(np.abs(b - a) > 1e-6, b - a, 1.0)
    return np.where(np.abs(b - a) > 1e-6, np.clip((c - a) / way, 0.0, 1.0), 0.0)


def _least_around(shares: np.ndarray) -> np.ndarray:
    """Return the least of each cell and its neighbours, as the shares are interpolated between cells."""
    edged = np.pad(shares, 1, constant_values=1.0)
    return np.lib.stride_tricks.sliding_window_view(edged, (3, 3)).min((-1, -2))
