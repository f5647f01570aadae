"""A training pair: latent noise and the picture it must become under a caption.

`picture(z, u, v, wish)` is a pure function; `sample` draws a window of a picture of one of several sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np

from livemusviz.diffusion.coordinates import coordinate_planes, in_view
from training.captions import Wish
from training.families import FAMILIES
from training.fields import CELL, LATENT_CHANNELS, Fields, Layers, Style, coordinates, line, sigmoid, step
from training.palettes import paint

COORDINATE_CHANNELS = 32  # planes that tell the UNet where each cell is
PAN, ZOOM = 0.25, 0.25  # of the view, see coordinates.in_view


@dataclass(frozen=True)
class Sample:
    """z: float32 (32, h, w) N(0, 1); planes: float32 (32, h, w), see `planes`; image: float32 (3, 16 h, 16 w) in
    [-1, 1]."""

    z: np.ndarray
    planes: np.ndarray
    image: np.ndarray


def _coloured(z: np.ndarray, u: np.ndarray, v: np.ndarray, wish: Wish) -> tuple[Layers, Fields, Style]:
    style = wish.style()
    fields = Fields(z, u, v, style)
    layers = FAMILIES[wish.family][0](fields)
    shape = fields.u.shape
    tone = 0.5 + style.contrast * (np.clip(layers.tone, 0, 1) ** np.float32(style.depth) - 0.5)
    light = np.broadcast_to(np.clip(layers.light, 0, 1.6), shape)
    spark = np.broadcast_to(np.clip(layers.spark, 0, 1) * min(0.5 + 0.5 * style.contrast, 1.0), shape)
    if style.glow:
        halo = step(tone, 0.35, 0.95)
        light, spark = light * (0.62 + 0.7 * style.glow * halo), spark + 0.35 * style.glow * halo * halo
    if style.rays or style.folds:
        theta, r = np.arctan2(fields.v, fields.u), fields.r
        beams = (0.5 + 0.5 * np.cos(10 * theta + 0.4 * fields.slow(10, 2.5))) * step(r, 0.05, 0.6)
        middle = line(r, 0.35)
        figure = 0.5 + 0.5 * np.cos(6 * theta) * np.sin(5.0 * r + 0.3 * fields.slow(10, 2.5)) * step(r, 0.0, 0.3)
        light = light * (1 + style.rays * (0.75 * beams + 0.7 * middle - 0.55) + style.folds * (0.9 * figure - 0.45))
        tone = tone + style.rays * (0.2 * beams + 0.3 * middle - 0.15) + style.folds * (0.34 * figure - 0.17)
    return Layers(tone, light, spark), fields, style


def _blend(a: Any, b: Any, amount: float) -> Any:
    """Two equal dataclasses of numbers or arrays, `amount` of the way from a to b."""
    return type(a)(*((1 - amount) * getattr(a, f.name) + amount * getattr(b, f.name) for f in dataclass_fields(a)))


def picture(
    z: np.ndarray, u: np.ndarray, v: np.ndarray, wish: Wish, other: Wish | None = None, amount: float = 0.0
) -> np.ndarray:
    """float32 (H, W, 3) in [0, 1] for z (32, H/16, W/16) and pixel coordinates u (1, W), v (H, 1).

    With an `other` wish: the picture `amount` in [0, 1] of the way to it. Shapes and colours are blended apart, so
    half-way is a third picture with full contrast and not two faded ones.
    """
    layers, fields, style = _coloured(z, u, v, wish)
    if other is not None:
        layers_to, _, style_to = _coloured(z, u, v, other)
        layers, style = _blend(layers, layers_to, amount), _blend(style, style_to, amount)
    slow = 1.8 * fields.slow(11, 2.5)

    def painted(one: Wish) -> np.ndarray:
        return paint(
            layers.tone,
            one.palette,
            one.second,
            None if one.second is None else sigmoid(3.0 * (layers.tone - 0.45) + slow),
        )

    rgb = painted(wish)
    if other is not None:
        rgb += amount * (painted(other) - rgb)
    vignette = 1.06 - 0.26 * np.minimum(fields.r * fields.r, 2.0)
    rgb *= (layers.light * vignette)[..., None]
    rgb += (1.08 - rgb) * (0.85 * layers.spark)[..., None]
    rgb = np.clip(rgb, 0.0, None)
    rgb = np.where(rgb > 0.75, 0.75 + 0.25 * np.tanh((rgb - 0.75) / 0.25), rgb)
    return np.clip(style.gain * rgb**style.gamma, 0.0, 1.0).astype(np.float32)


def planes(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the coordinate planes for the UNet, float32 (32, h, w), from u (1, w) and v (h, 1)."""
    return coordinate_planes(_places(u, v), COORDINATE_CHANNELS).transpose(2, 0, 1)


def coordinates_seen(noise: np.ndarray, pan: float, zoom: float, per_cell: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return u and v, see `coordinates`, of a whole picture in the view that its noise, (32, h, w), chooses."""
    _, h, w = noise.shape
    u, v = coordinates(h, w, min(h, w), per_cell=per_cell)
    seen = in_view(_places(u, v), noise.transpose(1, 2, 0), pan, zoom)
    return seen[:1, :, 0], seen[:, :1, 1]


def _places(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(u, v), axis=-1)


def planes_of(h: int, w: int) -> np.ndarray:
    """float32 (32, h, w): the coordinate planes of a whole picture of h x w latent cells."""
    return planes(*coordinates(h, w, min(h, w)))


def sample(
    rng: np.random.Generator,
    wish: Wish,
    cells: tuple[int, int] = (8, 8),
    whole: bool = False,
    other: Wish | None = None,
    amount: float = 0.0,
) -> Sample:
    """Return a window of `cells` (rows, columns) of a picture, or a whole one of that size in the view of its noise.

    Windows are of pictures of 256 pixels on the shorter side mostly, else 384 or 512, a third of them 16:9.
    """
    h, w = cells
    m = min(cells) if whole else int(rng.choice((16, 24, 32), p=(0.7, 0.15, 0.15)))
    width = w if whole else m if rng.random() < 0.67 else round(m * 16 / 9 / 2) * 2
    top, left = (0, 0) if whole else (int(rng.integers(m - h + 1)), int(rng.integers(width - w + 1)))
    window = {"top": top, "left": left, "height": m, "width": width}
    z = rng.standard_normal((LATENT_CHANNELS, h, w), dtype=np.float32)
    cells_at, pixels_at = (
        coordinates_seen(z, PAN, ZOOM, n) if whole else coordinates(h, w, m, per_cell=n, **window) for n in (1, CELL)
    )
    image = picture(z, *pixels_at, wish, other, amount)
    return Sample(z, planes(*cells_at), np.ascontiguousarray((2 * image - 1).transpose(2, 0, 1)))
