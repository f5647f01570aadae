"""Measure pictures on the processor as measure.frag does on the card, at the same pixels. Pure."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from livemusviz.display.flash import SATURATED
from livemusviz.display.flash_windows import GRID

SAMPLES = 16  # pixels that are looked at across a cell, and as many down
GOLDEN = 0.618034  # part of a step by which one row of samples is shifted against the next


def _linear_levels() -> np.ndarray:
    srgb = np.arange(256) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


LINEAR = _linear_levels()  # linear light of each 8-bit sRGB value


def sample_light(picture: np.ndarray) -> np.ndarray:
    """Return linear R, G, B and max(0, R - G - B) of saturated reds at `SAMPLES`^2 pixels of each cell.

    picture : uint8 (H, W, 3 or 4), sRGB. Returns float32 (9 * SAMPLES, 12 * SAMPLES, 4).
    """
    rgb = LINEAR[picture[..., :3].reshape(-1, 3)[_samples(*picture.shape[:2])]]
    red, total = rgb[..., 0], rgb.sum(-1)
    saturated = np.where(red >= SATURATED * total, np.maximum(2.0 * red - total, 0.0), 0.0)
    return np.concatenate([rgb, saturated[..., None]], axis=-1)


def mean_of_cells(light: np.ndarray) -> np.ndarray:
    """Return the cells of `sample_light` as `flash_signals` takes them, float (9, 12, 4)."""
    return light.reshape(GRID[1], SAMPLES, GRID[0], SAMPLES, 4).mean((1, 3), dtype=np.float64)


def changed_parts(last: np.ndarray, light: np.ndarray) -> tuple[float, float]:
    """Return the shares of the samples of which luminance changed, and of which red did. Both as by `sample_light`."""
    changed = last != light
    return float(changed[..., :3].any(-1).mean()), float(changed[..., 3].mean())


@lru_cache(maxsize=2)
def _samples(height: int, width: int) -> np.ndarray:
    """Return the indices of `SAMPLES`^2 pixels for each cell of a picture, int (H, W).

    Each row and column of samples is shifted by a part of a step, so that no regular pattern falls between them.
    """
    y, x = np.indices((GRID[1] * SAMPLES, GRID[0] * SAMPLES))
    down, across = (y + (x * GOLDEN + 0.5) % 1.0) / y.shape[0], (x + (y * GOLDEN + 0.5) % 1.0) / x.shape[1]
    return np.asarray((down * height).astype(int) * width + (across * width).astype(int))
