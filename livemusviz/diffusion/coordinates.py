"""Computes the coordinate planes for a UNet with `coordinate_channels`, and the view that a frame's noise chooses.

For the show in MLX and for training in numpy: `xp` is the module that the arrays are of.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

TURNS = (1, 2, 3, 6, 10)  # of the angle
WAVES = (0.5, 1.0, 2.0)  # periods a unit of u, v and r
VIEW_CHANNELS = slice(20, 23)
"""Channels of the noise whose means choose the view."""


def cell_places(height: int, width: int) -> np.ndarray:
    """Return u to the right and v down of the cells' middles, float32 (h, w, 2); the shorter side spans (-1, 1)."""
    shorter = min(height, width)
    u = (2 * np.arange(width) + 1 - width) / shorter
    v = (2 * np.arange(height) + 1 - height) / shorter
    return np.stack(np.meshgrid(u, v), axis=-1).astype(np.float32)


def in_view(places: Any, noise: Any, pan: float, zoom: float, xp: ModuleType = np) -> Any:
    """Return what is drawn at places, (h, w, 2), of frames by their unit noise, (..., h', w', c): (..., h, w, 2).

    So the horizon, the sun or the middle of a mandala lies elsewhere for another seed, and moves as the noise moves.

    pan : farthest way of the middle, in halves of the shorter side; down it is 0.8 of that.  zoom : 0..1, most that the
    picture is enlarged by, as a share of its side.
    """
    *_, rows, columns, _ = noise.shape
    sums = noise.sum(axis=(-3, -2), keepdims=True)[..., VIEW_CHANNELS]
    middle, near = xp.split(xp.tanh(sums * (0.8 * (rows * columns) ** -0.5)), [2], axis=-1)
    return places * (1 - zoom / 2 - zoom / 2 * near) + middle * (pan * _reach(xp))


def coordinate_planes(places: Any, count: int, xp: ModuleType = np) -> Any:
    """Return float32 (..., h, w, count) for u and v, (..., h, w, 2), of a picture whose shorter side spans (-1, 1).

    count 2 : u, v.  32 : also the distance r from the middle, log(r + 0.1), and cosine and sine of the angle times
    TURNS and of u, v and r at WAVES, because a network is slow to make fine patterns of a coordinate itself (Tancik et
    al., NeurIPS 2020).  0 : nothing.
    """
    if count <= 2:
        return places[..., :count]
    r = xp.linalg.norm(places, axis=-1, keepdims=True)
    u, v = xp.split(places, 2, axis=-1)
    factors, offsets = _phases(xp)
    phases = xp.concatenate([places, r, xp.arctan2(v, u)], axis=-1) @ factors + offsets
    return xp.concatenate([places, r, xp.log(r + 0.1), xp.cos(phases)], axis=-1)


@cache
def _reach(xp: ModuleType) -> Any:
    """Return how far the middle of a view moves right and down, of `pan`."""
    return xp.array([1.0, 0.8], xp.float32)


@cache
def _phases(xp: ModuleType) -> tuple[Any, Any]:
    """Return the factors of u, v, r and the angle in each phase, (4, phases), and what is added: nothing for a cosine,
    a quarter of a turn less for a sine."""
    factors = np.zeros((4, len(TURNS) + 3 * len(WAVES)), np.float32)
    factors[3, : len(TURNS)] = TURNS
    factors[:3, len(TURNS) :] = np.kron(np.eye(3), 2 * np.pi * np.array(WAVES))
    offsets = np.tile(np.array([0, -np.pi / 2], np.float32), factors.shape[1])
    return xp.array(factors.repeat(2, axis=1)), xp.array(offsets)
