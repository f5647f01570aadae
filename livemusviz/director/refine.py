"""Resamples noise to another latent size, so that a larger picture shows the same scene. Pure.

White noise stays white under an orthonormal cosine transform. So the coefficients of the coarse noise become the low
coefficients of the fine noise, and fresh noise fills the others: the result is white, of unit variance, and the same at
low frequencies. In the other direction the high coefficients are dropped.
"""

from __future__ import annotations

import math

import numpy as np


class Refiner:
    """Resamples noise from one latent size to another."""

    def __init__(self, shape: tuple[int, int, int], size: tuple[int, int], seed: int) -> None:
        """Prepare the transforms.

        shape : (h, w, c) of the input.  size : (height, width) of the output.  seed : of the fresh noise.
        """
        h, w, c = shape
        self.shape = (*size, c)
        self._across, self._down = (_dct(w), _dct(size[1])), (_dct(h), _dct(size[0]))
        self._keep = (min(h, size[0]), min(w, size[1]))
        self._fresh = np.random.default_rng([seed, *size]).standard_normal((2, *self.shape)).astype(np.float32)

    def __call__(self, noise: np.ndarray, angle: float) -> np.ndarray:
        """Return the resampled noise, float32 (height, width, c).

        noise : float32 (h, w, c), unit normal.  angle : rad, turns the fresh part.
        """
        y, x = self._keep
        coarse = _transform(noise, self._down[0], self._across[0])
        fine = math.cos(angle) * self._fresh[0] + math.sin(angle) * self._fresh[1]
        fine[:y, :x] = coarse[:y, :x]
        return _transform(fine, self._down[1].T, self._across[1].T)


def _transform(x: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.einsum("kh,hwc,lw->klc", down, x, across, optimize=True), dtype=np.float32)


def _dct(n: int) -> np.ndarray:
    """Return the orthonormal DCT-II matrix (n, n): rows are cosines of rising frequency (Ahmed, Natarajan, Rao
    1974).
    """
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    matrix = math.sqrt(2.0 / n) * np.cos(math.pi * (2 * x + 1) * k / (2 * n))
    matrix[0] /= math.sqrt(2.0)
    return matrix.astype(np.float32)
