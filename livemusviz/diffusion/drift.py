"""Moves the fed-back latents as a picture: zoom, rotation and pan. Lazy MLX, on the engine thread."""

from __future__ import annotations

import mlx.core as mx

STILL = (1.0, 0.0, 0.0, 0.0)
"""Zoom factor, turn (rad, clockwise), pan to the right and down (shares of the shorter side): no movement."""


def drifted(x: mx.array, drift: mx.array) -> mx.array:
    """x : (B, h, w, c), sampled between its pixels; what comes in from outside is the edge. drift : float32 (4,)."""
    B, h, w, c = x.shape
    shorter = min(h, w)
    zoom, turn, right, down = (drift[i] for i in range(4))
    v, u = (mx.arange(n, dtype=mx.float32) - (n - 1) / 2 for n in (h, w))
    u, v = u[None, :] - right * shorter, v[:, None] - down * shorter
    cos, sin = mx.cos(turn) / zoom, mx.sin(turn) / zoom
    across = mx.clip(cos * u + sin * v + (w - 1) / 2, 0, w - 1)
    along = mx.clip(cos * v - sin * u + (h - 1) / 2, 0, h - 1)
    left, top = mx.floor(across), mx.floor(along)
    fx, fy = (across - left)[None, :, :, None], (along - top)[None, :, :, None]
    flat = x.reshape(B, h * w, c)

    def pixel(row: mx.array, column: mx.array) -> mx.array:
        index = (mx.minimum(row, h - 1) * w + mx.minimum(column, w - 1)).astype(mx.int32)
        return mx.take(flat, index.reshape(-1), axis=1).reshape(B, h, w, c)

    upper = (1 - fx) * pixel(top, left) + fx * pixel(top, left + 1)
    lower = (1 - fx) * pixel(top + 1, left) + fx * pixel(top + 1, left + 1)
    return (1 - fy) * upper + fy * lower
