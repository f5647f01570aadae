"""The same noise, finer: what a picture of another size needs to show the same scene. Pure.

White noise stays white under an orthonormal cosine transform. So the coefficients of the coarse noise become the low
ones of the fine noise, and fresh noise the rest: the result is white, of unit variance, and looks like the coarse one
from afar. (Coefficients of a finer noise that the coarse grid cannot hold are left out in the other direction.)
"""

from __future__ import annotations

import math

import numpy as np


class Refiner:
    """Brings noise from one latent size to another."""

    def __init__(self, shape: tuple[int, int, int], size: tuple[int, int], seed: int) -> None:
        """shape : (h, w, c) of the noise that comes.  size : (height, width) of the noise that is wanted."""
        h, w, c = shape
        self.shape = (*size, c)
        self._across, self._down = (_dct(w), _dct(size[1])), (_dct(h), _dct(size[0]))
        self._keep = (min(h, size[0]), min(w, size[1]))
        self._fresh = np.random.default_rng([seed, *size]).standard_normal((2, *self.shape)).astype(np.float32)

    def __call__(self, noise: np.ndarray, angle: float) -> np.ndarray:
        """noise : float32 (h, w, c), unit normal. float32 (height, width, c). angle : rad, turns the fresh part."""
        y, x = self._keep
        coarse = _transform(noise, self._down[0], self._across[0])
        fine = math.cos(angle) * self._fresh[0] + math.sin(angle) * self._fresh[1]
        fine[:y, :x] = coarse[:y, :x]
        return _transform(fine, self._down[1].T, self._across[1].T)


def _transform(x: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.einsum("kh,hwc,lw->klc", down, x, across, optimize=True), dtype=np.float32)


def _dct(n: int) -> np.ndarray:
    """The orthonormal DCT-II of n points, (n, n): rows are cosines of rising frequency (Ahmed, Natarajan, Rao 1974)."""
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    matrix = math.sqrt(2.0 / n) * np.cos(math.pi * (2 * x + 1) * k / (2 * n))
    matrix[0] /= math.sqrt(2.0)
    return matrix.astype(np.float32)
