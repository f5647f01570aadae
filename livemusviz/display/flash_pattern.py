"""Look for striped patterns in a picture: six or more light and dark pairs over a quarter of it. Pure: points in.

Stripes can harm where they stand still too (ITU-R BT.1702, EA IRIS), so the operator is warned of them.
A quarter is a rectangle of half by half, of the whole width or of the whole height. It is striped where one spatial
frequency holds most of what is not its mean. From a grid of 96 by 72 points, stripes of up to some 40 pairs are seen.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from livemusviz.display.flash import DARK, LUMINANCE_CHANGE, LUMINANCE_WEIGHTS
from livemusviz.display.state import State

WARNING = "striped pattern: six stripes or more over a quarter of the canvas may harm photosensitive people"
STRIPES = 6.0  # light and dark pairs
LOOKS, PAUSE = 3, 0.25  # that must see them, and s between two at the same rectangles
CALM = 5.0  # s without stripes, after which they are told of again
SHARE = 0.5  # of the variance of a quarter, that one frequency must hold
EVEN = 0.3  # of that variance, that each ninth of the quarter must have
SQUARE_WAVE = 8.0 / np.pi**2  # share of a square wave's variance that its first harmonic holds
QUARTERS = ((2, 2), (1, 4), (4, 1))  # width and height of the rectangles: the picture's, divided by these


class PatternWatch:
    """`look` at every picture in the order of its time."""

    def __init__(self) -> None:
        self._next = self._seen = float("-inf")
        self._looks = [0] * len(QUARTERS)  # that found stripes, one after the other
        self._kind = 0  # of the quarters that are looked at next: one kind at a time costs each picture less
        self.striped = False

    def look(self, now: float, light: np.ndarray) -> bool:
        """Return whether stripes have been there for half a second, or were a short while ago.

        now : s.  light : (H, W, 3 or more), linear R, G and B, 0..1, at points of the picture.
        """
        if now >= self._next or now < self._next - PAUSE:  # or a clock that was set back
            self._next = now + PAUSE / len(QUARTERS)
            kind, self._kind = self._kind, (self._kind + 1) % len(QUARTERS)
            striped = is_striped(light[..., :3] @ LUMINANCE_WEIGHTS, QUARTERS[kind : kind + 1])
            self._looks[kind] = self._looks[kind] + 1 if striped else 0
            if self._looks[kind] >= LOOKS:
                self._seen = now
            self.striped = 0.0 <= now - self._seen < CALM
        return self.striped

    def exchange(self, state: State) -> None:
        """Save or restore what was seen so far."""
        self._next, self._seen = state.value("next", self._next), state.value("seen", self._seen)
        self._looks, self._kind = state.value("looks", list(self._looks)), state.value("kind", self._kind)
        self.striped = state.value("striped", self.striped)


def is_striped(luminance: np.ndarray, quarters: tuple[tuple[int, int], ...] = QUARTERS) -> bool:
    """Return whether any quarter of a picture is striped.

    luminance : float (H, W), linear, 0..1; H divides by 24, W too.  quarters : some of `QUARTERS`.
    """
    height, width = luminance.shape
    luminance = luminance.astype(np.float32)
    for columns, rows in quarters:
        size = (height // rows, width // columns)
        steps = (size[0] // 2 if rows > 1 else 1, size[1] // 2 if columns > 1 else 1)
        blocks = sliding_window_view(luminance, size)[:: steps[0], :: steps[1]].reshape(-1, *size)
        if _are_striped(blocks).any():
            return True
    return False


def _are_striped(blocks: np.ndarray) -> np.ndarray:
    """Return which of some rectangles are striped, bool (N,). blocks : (N, H, W), float32."""
    count, height, width = blocks.shape
    parts = blocks.reshape(count, 3, height // 3, 3, width // 3).var((2, 4)).reshape(count, 9)
    power = _spectrum(blocks)
    total = power.sum((1, 2))  # the variance
    fast = np.where(np.hypot(*_frequencies(height, width)) >= STRIPES - 0.5, power, 0.0)
    rows, columns = np.unravel_index(fast.reshape(count, -1).argmax(1), power.shape[1:])
    edged = np.pad(power, ((0, 0), (1, 1), (1, 1)))
    around = sliding_window_view(edged, (3, 3), axis=(1, 2))[np.arange(count), rows, columns].sum((1, 2))
    contrast = 2.0 * np.sqrt(around / SQUARE_WAVE)  # between light and dark, of a square wave
    dark = blocks.mean((1, 2)) - contrast / 2.0
    everywhere = parts.min(1) >= EVEN * total
    return np.asarray((around >= SHARE * total) & everywhere & (contrast >= LUMINANCE_CHANGE) & (dark < DARK))


def _spectrum(blocks: np.ndarray) -> np.ndarray:
    """Return the power of each spatial frequency but 0, (N, H, W // 2 + 1); rows from the most negative one on."""
    _, height, width = blocks.shape
    power = np.abs(np.fft.rfft2(blocks) / (height * width)) ** 2
    power[:, 0, 0] = 0.0
    power[..., 1 : width // 2] *= 2.0  # and that of its opposite, which is not computed
    power[:, 1 : height // 2, 0] *= 2.0  # where it is computed
    power[:, height // 2 + 1 :, 0] = 0.0
    return np.roll(power, height // 2, axis=1)


@lru_cache(maxsize=len(QUARTERS))
def _frequencies(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of `_spectrum`, in waves per rectangle: down (H, 1) and across (W // 2 + 1,)."""
    return np.arange(-(height // 2), height - height // 2)[:, None], np.arange(width // 2 + 1)
