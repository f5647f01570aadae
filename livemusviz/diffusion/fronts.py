"""Divides the picture between two prompts during a fade: each place shows one, but for a soft front. numpy only.

Embeddings half-way between far prompts (an ocean, lava) are no prompt: the model draws grey mud. So the fade between
far prompts is one of places: the front travels over hills of smoothed noise, the lowest ground first. The noise is the
frame's own, so the front moves with the walk, and a film has the same one.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SOFTNESS = 0.15
"""Share of the picture over which the front is spread."""
HILL = 1 / 8
"""Standard deviation of the filter that smooths the noise, in shares of the shorter side."""


def front(noise: np.ndarray, fade: float) -> np.ndarray:
    """Return the second prompt's share of each latent cell, float32 (h, w, 1), 0..1.

    noise : of the frame, float32 (h, w, c).  fade : 0..1; 0 is 0 everywhere, 1 is 1 everywhere, and between them the
    mean share is about as large as the fade.
    """
    h, w, _ = noise.shape
    order = np.empty(h * w, np.float32)
    order[np.argsort(hills(noise), axis=None, kind="stable")] = np.linspace(0.0, 1.0, h * w)
    return soft_share((fade * (1.0 + SOFTNESS) - order.reshape(h, w, 1)) / SOFTNESS)


def soft_share(way: np.ndarray) -> np.ndarray:
    """Return the share, float32 0..1, at each place of the way across a soft edge: 0 before it, 1 behind it."""
    share = np.clip(way, 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)


def hills(noise: np.ndarray) -> np.ndarray:
    """Return the smoothed sum of the channels of noise, (h, w, c), as (h, w): what a soft edge follows."""
    h, w, _ = noise.shape
    smoothed: np.ndarray = _smoothing(h, HILL * min(h, w)) @ noise.sum(axis=-1) @ _smoothing(w, HILL * min(h, w)).T
    return smoothed


@cache
def _smoothing(n: int, sigma: float) -> np.ndarray:
    """Return the matrix, float32 (n, n), that filters n cells by a Gaussian of `sigma` cells, mirrored at the ends."""
    cells = np.arange(n)
    mirrored = (np.arange(-2 * n, 3 * n), np.tile(np.concatenate([cells, cells[::-1]]), 3)[: 5 * n])
    weights = np.exp(-0.5 * ((mirrored[0][None, :] - cells[:, None]) / sigma) ** 2)
    matrix = np.zeros((n, n))
    np.add.at(matrix.T, mirrored[1], weights.T)
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
