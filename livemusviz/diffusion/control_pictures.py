"""Make control pictures of any picture, without a model: edges, luminance, blur. Pure numpy, any thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue (Rec. 601), as in the pictures that published ControlNets were trained with."""
GAUSSIAN = np.array([1, 4, 6, 4, 1], np.float32) / 16
NOISE_QUANTILE = 0.7
"""Canny's threshold by Otsu counts the gradients above this quantile: flat parts have none to tell apart."""
WEAK = 0.4
"""Share of the high threshold that an edge needs beside a strong one."""
TILE = 8
"""Pixels of a cell that `tile` averages."""


def process(picture: np.ndarray, processor: str) -> np.ndarray:
    """Return a control picture. processor : one of `spec.PROCESSORS`.

    picture : uint8 (height, width, 3), RGB. Returns float32 of that shape, 0 to 1, C-contiguous.
    """
    made = MAKERS[processor](picture.astype(np.float32) / 255)
    return np.ascontiguousarray(np.broadcast_to(made if made.ndim == 3 else made[..., None], picture.shape), np.float32)


def luminance(picture: np.ndarray) -> np.ndarray:
    """Return the luminance of a picture, float32 (height, width, 3) to (height, width)."""
    return np.asarray(picture @ LUMINANCE)


def canny(picture: np.ndarray) -> np.ndarray:
    """Return edges as lines of one pixel, 1 on 0 (Canny 1986): float32 (height, width, 3) to (height, width).

    The thresholds follow the picture: the high one divides the gradients best (Otsu 1979), the low one is its share.
    """
    across, along = gradients(smoothed(luminance(picture)))
    strength = np.hypot(across, along)
    high = otsu(strength)
    if high <= 0:
        return np.zeros(strength.shape, np.float32)
    ridge = thinned(strength, across, along)
    return connected(ridge >= high, ridge >= WEAK * high).astype(np.float32)


def soft_edges(picture: np.ndarray) -> np.ndarray:
    """Return how strong the edges are, 0 to 1, float32 (height, width), of a picture (height, width, 3).

    The strongest hundredth is white, so that a dim picture has edges too.
    """
    strength = np.hypot(*gradients(smoothed(smoothed(luminance(picture)))))
    white = float(np.quantile(strength, 0.99))
    return np.zeros_like(strength) if white < 1 / 255 else np.clip(strength / white, 0, 1)


def tile(picture: np.ndarray) -> np.ndarray:
    """Return the picture without what is smaller than a cell of `TILE` pixels: what ControlNet's tile models take."""
    height, width, _ = picture.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = np.pad(picture, ((0, rows * TILE - height), (0, columns * TILE - width), (0, 0)), mode="edge")
    cells = padded.reshape(rows, TILE, columns, TILE, 3).mean(axis=(1, 3))
    return _between(_between(cells, height, 0), width, 1)


MAKERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pass": lambda picture: picture,
    "canny": canny,
    "soft": soft_edges,
    "luminance": luminance,
    "tile": tile,
}


def smoothed(grey: np.ndarray) -> np.ndarray:
    """Return a picture, (height, width), under a Gaussian of 5x5 pixels; beyond the edge it is the edge."""
    for axis in (0, 1):
        padded = np.pad(grey, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        length = grey.shape[axis]
        grey = sum(weight * _slice(padded, axis, i, length) for i, weight in enumerate(GAUSSIAN))
    return grey


def gradients(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Sobel's gradients of a picture, (height, width), to the right and down, in units of a pixel's step."""
    p = np.pad(grey, 1, mode="edge")
    rows = p[:-2] + 2 * p[1:-1] + p[2:]
    columns = p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
    return (rows[:, 2:] - rows[:, :-2]) / 8, (columns[2:] - columns[:-2]) / 8


def thinned(strength: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Return an edge's strength where it is the greatest across the edge, else 0. All arrays (height, width)."""
    height, width = strength.shape
    padded = np.pad(strength, 1)
    sector = np.round(np.arctan2(along, across) * (4 / np.pi)).astype(np.int8) % 4
    ridge = np.zeros_like(strength)
    for k, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        behind = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
        greatest = (sector == k) & (strength > behind) & (strength >= ahead)
        ridge[greatest] = strength[greatest]
    return ridge


def otsu(strength: np.ndarray) -> float:
    """Return the threshold that divides gradients best into weak and strong ones (Otsu 1979), 0 for a flat picture."""
    top = float(strength.max())
    if top < 1 / 255:
        return 0.0
    above = strength[strength > max(np.quantile(strength, NOISE_QUANTILE), 1 / 255)]
    counts, edges = np.histogram(above, bins=64, range=(0.0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * middles)
    weights = below * (below[-1] - below)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(weights > 0, (mass[-1] * below - mass * below[-1]) ** 2 / weights, 0.0)
    return float(edges[1 + int(between.argmax())]) if between.max() > 0 else 0.5 * top


def connected(strong: np.ndarray, weak: np.ndarray) -> np.ndarray:
    """Return the weak pixels, bool (height, width), that a chain of weak neighbours links to a strong one."""
    found = np.pad(strong, 1)
    allowed = np.pad(weak, 1)
    reached = list(np.flatnonzero(found))
    stride = found.shape[1]
    flat, open_to = found.ravel(), allowed.ravel()
    around = np.array([d * stride + e for d in (-1, 0, 1) for e in (-1, 0, 1) if d or e])
    front = np.array(reached, dtype=np.int64)
    while front.size:
        near = np.unique((front[:, None] + around).ravel())
        front = near[open_to[near] & ~flat[near]]
        flat[front] = True
    return found[1:-1, 1:-1]


def _slice(array: np.ndarray, axis: int, start: int, length: int) -> np.ndarray:
    return array[start : start + length] if axis == 0 else array[:, start : start + length]


def _between(cells: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Return cells, (rows, columns, 3), as `length` pixels along an axis, straight lines between their middles."""
    place = np.clip((np.arange(length) + 0.5) / TILE - 0.5, 0, cells.shape[axis] - 1)
    first = place.astype(np.int64)
    second = np.minimum(first + 1, cells.shape[axis] - 1)
    share = (place - first).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1)).astype(np.float32)
    return (1 - share) * cells.take(first, axis) + share * cells.take(second, axis)
