"""Computes the coordinate planes for a UNet with `coordinate_channels`, and the view that a frame's noise chooses.

numpy, for frames and for training. On a CPU MLX takes five times as long, most of it to start small operations.
"""

from __future__ import annotations

import math

import numpy as np

TURNS = (1, 2, 3, 6, 10)  # of the angle
WAVES = (0.5, 1.0, 2.0)  # periods a unit of u, v and r
FACTORS = np.array([*TURNS, *(2 * np.pi * f for _ in "uvr" for f in WAVES)], np.float32)  # of the angle, u, v and r
VIEW_CHANNELS = slice(20, 23)
"""Channels of the noise whose means choose the view."""


def view(noise: np.ndarray, pan: float, zoom: float) -> tuple[float, float, float]:
    """Return a frame's view, (scale, right, down): u is drawn as scale u + right, v as scale v + down.

    So the horizon, the sun or the middle of a mandala lies elsewhere for another seed, and moves as the noise moves.

    noise : unit normal, (h, w, c).
    pan : farthest way of the middle, in halves of the shorter side.  zoom : 0..1, most that the scale is less than 1.
    """
    cells = noise.reshape(-1, noise.shape[-1])
    sums = np.add.reduce(cells)[VIEW_CHANNELS].tolist()
    right, down, near = (math.tanh(0.8 * len(cells) ** -0.5 * value) for value in sums)
    return 1.0 - zoom * (0.5 + 0.5 * near), pan * right, 0.8 * pan * down


def cell_coordinates(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return u (1, width) and v (height, 1) of the cells' middles; the shorter side spans (-1, 1)."""
    shorter = min(height, width)
    u = ((2 * np.arange(width) + 1 - width) / shorter)[None, :]
    v = ((2 * np.arange(height) + 1 - height) / shorter)[:, None]
    return u, v


def coordinate_planes(u: np.ndarray, v: np.ndarray, count: int) -> np.ndarray:
    """Return float32 (..., h, w, count) for u (..., 1, w) to the right and v (..., h, 1) down, of a picture whose
    shorter side spans (-1, 1).

    count 2 : u, v.  32 : also the distance r from the middle, log(r + 0.1), and cosine and sine of the angle times
    TURNS and of u, v and r at WAVES, because a network is slow to make fine patterns of a coordinate itself (Tancik et
    al., NeurIPS 2020).  0 : nothing.
    """
    r = np.hypot(u, v)
    planes = np.empty((*r.shape, 4 + 2 * len(FACTORS)), np.float32)
    phases = np.empty((*r.shape, len(FACTORS)), np.float32)
    planes[..., 0], planes[..., 1], planes[..., 2] = u, v, r
    np.log(r + 0.1, out=planes[..., 3], casting="same_kind")
    phases[..., : len(TURNS)] = np.arctan2(v, u)[..., None]
    phases[..., len(TURNS) :].reshape(*r.shape, 3, len(WAVES))[...] = planes[..., :3, None]
    phases *= FACTORS
    np.cos(phases, out=planes[..., 4::2])
    np.sin(phases, out=planes[..., 5::2])
    return planes[..., :count]
