"""Guard every window of a third by a third of the canvas against flashes (WCAG 2.2). Pure: signals in, bounds out.

The canvas is a grid of cells. A cell makes a transition when one of its signals moves far enough against its last one.
A window flashes too often when a quarter of its cells make more than six transitions in a second.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from livemusviz.display.flash import CHROMA_CHANGE, DARK, LUMINANCE_CHANGE, PERIOD, RED_CHANGE, TRANSITIONS
from livemusviz.display.state import State

GRID = (12, 9)  # columns and rows of cells
WINDOW = (4, 3)  # cells of a window: a third by a third
AREA = 0.25  # share of a window's cells
HELD = 0.8  # of the change that a cell which is held back may still make

CHANGES = np.array([LUMINANCE_CHANGE, RED_CHANGE, CHROMA_CHANGE])[:, None, None]
MARGINS = np.array([0.008, 0.012, 0.02])[:, None, None]  # error of a cell's signals, as it is seen at some pixels only
DARKS = np.array([DARK, np.inf, np.inf])[:, None, None]


class WindowGuard:
    """`bounds` before a picture is shown, `shown` after it. Signals are `flash_signals`, float (3, H, W), 0..1."""

    def __init__(self, margins: np.ndarray = MARGINS) -> None:
        """margins : by which changes that count are smaller than the rules', (3, 1, 1); 0 counts as the rules do."""
        self._changes = CHANGES - margins
        shape = (3, GRID[1], GRID[0])
        self._low, self._high = np.full(shape, np.inf), np.full(shape, -np.inf)  # since a cell's last transition
        self._direction = np.zeros(shape, np.int8)  # of that transition: -1, 1, or 0 before the first
        self._times = np.full((TRANSITIONS + 1, *shape), -np.inf)  # s, of the last transitions, newest first

    def bounds(self, now: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the least and the greatest that the signals may be, each (3, H, W). None if `values` may be shown.

        The bounds are -inf and inf for cells that may change as they like.
        """
        fall, rise = self._find_moves(values)
        one_more = (fall | rise) & (now - self._times[TRANSITIONS - 1] < PERIOD)
        if not one_more.any():
            return None
        too_often = one_more | (now - self._times[TRANSITIONS] < PERIOD)
        held = one_more & _in_windows(cells_of_windows(too_often).mean((-1, -2)) >= AREA)
        if not held.any():
            return None
        low = np.where(held & fall, self._high - HELD * self._changes, -np.inf)
        return low, np.where(held & rise, self._low + HELD * self._changes, np.inf)

    def shown(self, now: float, values: np.ndarray) -> np.ndarray:
        """Note the picture that was shown at `now`, s. Return the cells that made a transition, bool (3, H, W)."""
        fall, rise = self._find_moves(values)
        moved = fall | rise
        self._times = np.where(moved, np.concatenate([np.full((1, *moved.shape), now), self._times[:-1]]), self._times)
        self._direction = np.where(moved, np.where(rise, 1, -1), self._direction)
        self._low = np.where(moved, values, np.minimum(self._low, values))
        self._high = np.where(moved, values, np.maximum(self._high, values))
        return moved

    def exchange(self, state: State) -> None:
        """Save or restore the transitions so far."""
        self._low = state.array("low", self._low)
        self._high = state.array("high", self._high)
        self._direction = state.array("direction", self._direction)
        self._times = state.array("times", self._times)

    def _find_moves(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the cells that would fall and those that would rise, bool (3, H, W)."""
        fall = (self._high - values >= self._changes) & (values < DARKS) & (self._direction >= 0)
        rise = (values - self._low >= self._changes) & (self._low < DARKS) & (self._direction <= 0)
        return fall & ~rise, rise


def cells_of_windows(cells: np.ndarray) -> np.ndarray:
    """Return the cells of every window: (..., H, W) as a view (..., h, w, rows, columns)."""
    return sliding_window_view(cells, (WINDOW[1], WINDOW[0]), axis=(-2, -1))


def _in_windows(windows: np.ndarray) -> np.ndarray:
    """Return the cells that lie in any of the marked windows: bool (3, h, w) to (3, H, W)."""
    rows, columns = WINDOW[1] - 1, WINDOW[0] - 1
    edged = np.pad(windows, ((0, 0), (rows, rows), (columns, columns)))
    return np.asarray(cells_of_windows(edged).any((-1, -2)))
