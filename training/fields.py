"""Smooth fields made of latent noise: the only way noise enters a picture.

z : float32 (32, h, w), N(0, 1), one latent cell is 16 x 16 pixels. Channels 0-15 are a 4x4 sub-cell white noise, 16-19
one "seed" a cell (two offsets, weight, tone), 20-31 are blurred into slow fields. Every field is a linear Gaussian
filter of z with unit variance at every pixel (kernel rows are L2-normalised, so no padding is needed at the border),
hence a small step in z is a small change of the field. A field reads cells within about 3 sigma and is the same
whatever the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

LATENT_CHANNELS = 32
CELL = 16  # pixels a latent cell


@dataclass(frozen=True)
class Style:
    """Holds the effect of a caption's modifiers.

    scale : pattern frequency.
    gain, gamma : of the light.
    contrast : of the tones.
    detail : weight of the fine octaves.
    depth : exponent of the tones; high for a picture that is mostly background.
    glow : amount of halo around bright places.
    rays : amount of beams from the middle.
    folds : amount of sixfold symmetry.
    """

    scale: float = 1.0
    gain: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    detail: float = 1.0
    depth: float = 1.0
    glow: float = 0.0
    rays: float = 0.0
    folds: float = 0.0


@dataclass(frozen=True)
class Layers:
    """Holds the three layers of a picture.

    tone : float32 (H, W), position in the palette, 0 darkest.
    light : float32 (H, W), factor of the colour.
    spark : float32 (H, W) or 0, bleaches towards white.
    """

    tone: np.ndarray
    light: np.ndarray | float = 1.0
    spark: np.ndarray | float = 0.0


@cache
def kernel(cells: int, per_cell: int, sigma: float) -> np.ndarray:
    """float32 (16 * cells, per_cell * cells): Gaussian filter from samples to pixels, `sigma` in cells, rows of unit L2
    norm."""
    pixel = (np.arange(cells * CELL) + 0.5) / CELL
    sample = (np.arange(cells * per_cell) + 0.5) / per_cell
    weight = np.exp(-0.5 * ((pixel[:, None] - sample[None]) / sigma) ** 2)
    return (weight / np.linalg.norm(weight, axis=1, keepdims=True)).astype(np.float32)


def coordinates(
    h: int,
    w: int,
    m: int,
    top: int = 0,
    left: int = 0,
    height: int | None = None,
    width: int | None = None,
    per_cell: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """u (1, n_w) and v (n_h, 1), float32, of a window of h x w cells at (top, left) of a height x width picture whose
    shorter side is m cells.

    The shorter side of the whole picture spans (-1, 1).
    """
    height, width = height or h, width or w
    x = (np.arange(w * per_cell) + 0.5) / per_cell + left
    y = (np.arange(h * per_cell) + 0.5) / per_cell + top
    u, v = (2 * x - width) / m, (2 * y - height) / m
    return u[None].astype(np.float32), v[:, None].astype(np.float32)


class Fields:
    """The fields of one picture: z (32, h, w), pixel coordinates u (1, W) and v (H, 1), and the caption's style."""

    def __init__(self, z: np.ndarray, u: np.ndarray, v: np.ndarray, style: Style = Style()) -> None:
        _, self.h, self.w = z.shape
        self.z, self.style = z, style
        self.scale = style.scale
        self.u = np.broadcast_to(u, (self.h * CELL, self.w * CELL))
        self.v = np.broadcast_to(v, (self.h * CELL, self.w * CELL))
        self._sub_cell = z[:16].reshape(4, 4, self.h, self.w).transpose(2, 0, 3, 1).reshape(4 * self.h, 4 * self.w)

    @cached_property
    def r(self) -> np.ndarray:
        """Distance from the middle; 1 at the middle of the shorter sides."""
        return np.sqrt(self.u * self.u + self.v * self.v)

    def fine(self, sigma_y: float, sigma_x: float | None = None) -> np.ndarray:
        """(H, W) unit-variance noise of the sub-cell samples, blurred by sigma cells (over the style's scale, at least
        0.2)."""
        sy = round(max(sigma_y / self.scale, 0.2), 3)
        sx = round(max((sigma_y if sigma_x is None else sigma_x) / self.scale, 0.2), 3)
        return kernel(self.h, 4, sy) @ self._sub_cell @ kernel(self.w, 4, sx).T

    def slow(self, index: int, sigma_y: float = 2.5, sigma_x: float | None = None) -> np.ndarray:
        """(H, W) unit-variance field number 0-11, independent of `fine` and of each other, blurred by sigma cells (at
        least 0.7)."""
        sx = sigma_y if sigma_x is None else sigma_x
        return kernel(self.h, 1, sigma_y) @ self.z[20 + index] @ kernel(self.w, 1, sx).T

    def fbm(self, sigma: float, octaves: int = 4, rough: float = 0.5) -> np.ndarray:
        """(H, W) sum of octaves of `fine`, about unit variance; the style's detail weighs all but the first."""
        total, power = self.fine(sigma), 1.0
        for octave in range(1, octaves):
            if sigma / 2**octave < 0.17:
                break
            weight = self.style.detail * rough**octave
            total = total + weight * self.fine(sigma / 2**octave)
            power += weight * weight
        return total / np.sqrt(power).astype(np.float32)

    def nearest_seeds(self, weight: float, reach: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weighted Voronoi diagram of the seeds, one a latent cell: (F1, F2, tone of the nearest), each (H, W).

        F1 and F2 are distances in cells (square root of squared distance minus the seed's weight, shifted to be
        positive).
        """
        return self.seeds_around(weight, reach)[:3]

    def seeds_around(self, weight: float, reach: int = 2) -> tuple[np.ndarray, ...]:
        """As `nearest_seeds`, and where a pixel lies from its nearest seed: (F1, F2, tone, dx, dy), each (H, W); dx, dy
        in cells."""
        oy, ox, heavy, tone = np.tanh(0.6 * self.z[16:20]) * np.float32(0.48)
        heavy = heavy * np.float32(weight / 0.48)
        inside = (np.arange(CELL, dtype=np.float32) + 0.5) / CELL - 0.5
        ly, lx = inside[None, :, None, None], inside[None, None, None, :]
        shape = (self.h, CELL, self.w, CELL)
        first, second = np.full(shape, 9.0, np.float32), np.full(shape, 9.0, np.float32)
        nearest, near_x, near_y = (np.zeros(shape, np.float32) for _ in range(3))
        far = np.pad(np.stack([oy, ox, heavy - 0.0, tone]), ((0, 0), (reach, reach), (reach, reach)))
        absent = np.pad(np.zeros_like(oy), reach, constant_values=50.0)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                rows, cols = slice(reach + dy, reach + dy + self.h), slice(reach + dx, reach + dx + self.w)
                sy, sx, sw, st = far[:, rows, cols]
                gone = absent[rows, cols] - sw
                to_y, to_x = ly - (sy + dy)[:, None, :, None], lx - (sx + dx)[:, None, :, None]
                d = to_y**2 + gone[:, None, :, None] + to_x**2
                second = np.minimum(second, np.maximum(first, d))
                closer = d < first
                nearest = np.where(closer, st[:, None, :, None], nearest)
                near_x, near_y = np.where(closer, to_x, near_x), np.where(closer, to_y, near_y)
                first = np.minimum(first, d)
        size = (self.h * CELL, self.w * CELL)
        f1, f2 = (np.sqrt(np.maximum(f + weight, 1e-4)).reshape(size) for f in (first, second))
        return f1, f2, nearest.reshape(size) / 0.48, near_x.reshape(size), near_y.reshape(size)

    def cell(self) -> tuple[np.ndarray, np.ndarray]:
        """x (1, W) and y (H, 1) inside the latent cell, -0.5 to 0.5."""
        inside = (np.arange(CELL, dtype=np.float32) + 0.5) / CELL - 0.5
        return np.tile(inside, self.w)[None], np.tile(inside, self.h)[:, None]

    def columns(self, field: np.ndarray) -> np.ndarray:
        """(H, W) -> (H, W): in each latent cell the values of its middle column, so that a field becomes a row of
        bars."""
        return np.repeat(0.5 * (field[:, CELL // 2 - 1 :: CELL] + field[:, CELL // 2 :: CELL]), CELL, axis=1)

    def blocks(self) -> np.ndarray:
        """(H, W) N(0, 1): the sub-cell noise as it is, constant over blocks of 4x4 pixels."""
        return np.repeat(np.repeat(self._sub_cell, CELL // 4, axis=0), CELL // 4, axis=1)

    def sparkles(self, radius: float, rarity: float) -> np.ndarray:
        """(H, W) >= 0: a star in each cell at its seed, `radius` cells wide; few are bright (log-normal, `rarity` its
        spread)."""
        oy, ox = np.tanh(0.6 * self.z[16:18]) * np.float32(0.48)
        bright = np.exp(rarity * (self.z[18] - 1.3)).astype(np.float32)
        inside = (np.arange(CELL, dtype=np.float32) + 0.5) / CELL - 0.5
        total = np.zeros((self.h, CELL, self.w, CELL), np.float32)
        pad = np.pad(np.stack([oy, ox, bright]), ((0, 0), (1, 1), (1, 1)))
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                sy, sx, sb = pad[:, 1 + dy : 1 + dy + self.h, 1 + dx : 1 + dx + self.w]
                gy = np.exp(-0.5 * ((inside[None, :, None] - (sy + dy)[:, None]) / radius) ** 2) * sb[:, None]
                gx = np.exp(-0.5 * ((inside[None, :, None] - (sx + dx)[:, None]) / radius) ** 2)
                total += gy[..., None] * gx.transpose(0, 2, 1)[:, None]
        return total.reshape(self.h * CELL, self.w * CELL)


def relief(height: np.ndarray, depth: float, angle: float = -2.2) -> np.ndarray:
    """(H, W) about N(0, depth): how much a surface of this height faces a light at `angle` (radians, image axes);
    2-pixel slopes."""
    gy, gx = np.empty_like(height), np.empty_like(height)
    gy[1:-1], gy[0], gy[-1] = height[2:] - height[:-2], 2 * (height[1] - height[0]), 2 * (height[-1] - height[-2])
    gx[:, 1:-1], gx[:, 0], gx[:, -1] = (
        height[:, 2:] - height[:, :-2],
        2 * (height[:, 1] - height[:, 0]),
        2 * (height[:, -1] - height[:, -2]),
    )
    return -depth * (np.float32(np.cos(angle)) * gx + np.float32(np.sin(angle)) * gy)


def step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep of x from `low` (0) to `high` (1)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def line(distance: np.ndarray, width: float) -> np.ndarray:
    """Return a glowing line: 1 on it, 1/2 at `width`, long tails."""
    return width * width / (distance * distance + width * width)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
