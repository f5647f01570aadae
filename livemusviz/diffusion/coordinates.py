"""Computes the coordinate planes for a UNet with `coordinate_channels`. numpy only: training uses it too."""

from __future__ import annotations

import numpy as np

TURNS = (1, 2, 3, 6, 10)  # of the angle
WAVES = (0.5, 1.0, 2.0)  # periods a unit of u, v and r


def coordinate_planes(u: np.ndarray, v: np.ndarray, count: int) -> np.ndarray:
    """Return float32 (h, w, count) for u (1, w) to the right and v (h, 1) down, of a picture whose shorter side spans
    (-1, 1).

    count 2 : u, v.  32 : also the distance r from the middle, log(r + 0.1), and cosine and sine of the angle times
    TURNS and of u, v and r at WAVES, because a network is slow to make fine patterns of a coordinate itself (Tancik et
    al., NeurIPS 2020).  0 : nothing.
    """
    r, angle = np.sqrt(u * u + v * v), np.arctan2(v, u)
    phases = [*(k * angle for k in TURNS), *(2 * np.pi * f * x for x in (u, v, r) for f in WAVES)]
    waves = [wave(phase) for phase in phases for wave in (np.cos, np.sin)]
    return np.stack(np.broadcast_arrays(u, v, r, np.log(r + 0.1), *waves), axis=-1)[..., :count].astype(np.float32)
