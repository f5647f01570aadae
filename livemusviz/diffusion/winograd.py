"""Computes 3x3 convolutions of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016, section 4), for a CPU.

F(4x4, 3x3) makes a tile of 4x4 outputs from a window of 6x6 inputs with 36 multiplications; a direct convolution takes
144. In the paper's letters, for a filter g and a window d:

    Y = A' [(G g G') * (B' d B)] A

The sums over input channels become 36 matrix products. The transforms are products too, one for each side of a window:
a BLAS does all of them, and MLX's own loops are left with one or two copies. Weights are transformed once, in double
precision. The result differs from the direct one by 1e-5 of its largest value at most. Engine thread.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from livemusviz.diffusion.streams import OWN, Streams


@dataclass(frozen=True, eq=False)
class Filtering:
    """Holds the matrices of F(m x m, 3 x 3).

    tile : m, pixels along a side of the outputs.
    window : n = m + 2, pixels along a side of the inputs.
    filter : G, (n, 3).
    into : B', (n, n).
    out_of : A', (m, n).
    """

    tile: int
    window: int
    filter: np.ndarray
    into: np.ndarray
    out_of: np.ndarray

    def tiles(self, pixels: int) -> int:
        """Return how many tiles cover a side."""
        return math.ceil(pixels / self.tile)


# Section 4.1: the polynomials are evaluated at 0, 1, -1 and infinity.
F2 = Filtering(
    tile=2,
    window=4,
    filter=np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
    into=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    out_of=np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
)
# Section 4.3: at 0, 1, -1, 2, -2 and infinity.
F4 = Filtering(
    tile=4,
    window=6,
    filter=np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
    into=np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    out_of=np.array(
        [
            [1, 1, 1, 1, 1, 0],
            [0, 1, -1, 2, -2, 0],
            [0, 1, 1, 4, 4, 0],
            [0, 1, -1, 8, -8, 1],
        ]
    ),
)

FEW_TILES = 64
"""Up to this many tiles a layer reads its weights for longer than it computes: streams divide the weights."""
FEWEST_TILES = 16
"""With fewer tiles than this F(4x4) reads more than it saves; F(2x2) has less than half of its weights."""
BLOCK = 64
"""Output channels that one product makes where its rows are few: BLAS then reads the weights as they lie in memory."""
PART_BYTES = 8 << 20
"""Most of its windows that a layer makes at once: what a processor's cache holds."""
LAYER_BYTES = 16 << 20
"""Most that a layer's weights transformed for F(4x4) take, four times the plain ones. A larger layer stays as it is."""


@cache
def choose_forms(B: int, H: int, W: int) -> tuple[Filtering, bool]:
    """Return the filtering that is fastest for pictures of a shape, as measured, and True if it has few tiles."""
    by = F4 if B * F4.tiles(H) * F4.tiles(W) >= FEWEST_TILES else F2
    return by, B * by.tiles(H) * by.tiles(W) <= FEW_TILES


class Winograd:
    """A convolution's weights, transformed at the first call, and how they are applied.

    weight : (O, 3, 3, C). streams : to compute parts on.
    """

    def __init__(self, weight: mx.array, streams: Streams = OWN) -> None:
        self._plain = weight
        self._transformed: dict[tuple[Filtering, bool], list[mx.array]] = {}
        self.streams = streams

    def __call__(self, x: mx.array, bias: mx.array | None) -> mx.array:
        """x : float32 (B, H, W, C), taken with one pixel of zeros around it. Returns (B, H, W, O).

        bias : (O,), or (B or 1, 1 or H, 1 or W, O).
        """
        if bias is not None and bias.size > bias.shape[0] * bias.shape[-1]:  # it differs from place to place
            return self(x, None) + bias
        B, H, W, _ = x.shape
        by, few = choose_forms(B, H, W)
        if not few:
            y = self._by_rows(by, x, self.weights(by, few_tiles=False)[0], bias)
            return y if y.shape[1] == H else y[:, :H]
        weights, parts = self.weights(by, few_tiles=True), []
        for k, stream in enumerate(self.streams.each[: by.window]):
            with stream():
                parts.append(self._by_columns(by, x, weights[k], k))
        y = parts[0] if bias is None else parts[0] + bias  # while the other parts are made
        return sum(parts[1:], y)

    def weights(self, by: Filtering, few_tiles: bool) -> list[mx.array]:
        """Return G g G', float32, evaluated. Where there are few tiles it is one for each stream, (columns of the
        window, block of outputs, row, C, outputs in a block), so that each product reads its weights from end to end;
        else one for all, (row, 1, column, C, O)."""
        if (by, few_tiles) not in self._transformed:
            g = np.array(self._plain, dtype=np.float64).transpose(1, 2, 3, 0)
            C, O = g.shape[2:]  # noqa: E741
            whole = (np.kron(by.filter, by.filter) @ g.reshape(9, -1)).reshape(by.window, by.window, C, O)
            if few_tiles:
                block = BLOCK if O % BLOCK == 0 else O
                whole = whole.reshape(by.window, by.window, C, -1, block).transpose(1, 3, 0, 2, 4)
                parts = [whole[first:end] for first, end in _columns(by.window, len(self.streams))]
            else:
                parts = [whole[:, None]]
            self._transformed[by, few_tiles] = list(_evaluated(*parts))
        return self._transformed[by, few_tiles]

    def on_bands(self, bands: list[mx.array], bias: mx.array | None) -> list[mx.array]:
        """Return the result in bands of rows as the input is, (B, rows, W, C), each computed on a stream of its own.

        Bands that cannot be computed so are put together first: too large, too small or of an uneven height.
        """
        B, _, W, C = bands[0].shape
        heights = [band.shape[1] for band in bands]
        by, few = choose_forms(B, sum(heights), W)
        if few or any(height % by.tile or self._rows_at_once(by, bands[0]) * by.tile < height for height in heights):
            whole = self(mx.concatenate(bands, axis=1), bias)
            return list(mx.split(whole, [sum(heights[:k]) for k in range(1, len(bands))], axis=1))
        (weight,), made = self.weights(by, few_tiles=False), []
        for k, (band, stream) in enumerate(zip(bands, self.streams.each, strict=False)):
            with stream():
                border = mx.zeros((B, 1, W, C))
                above = bands[k - 1][:, -1:] if k else border
                below = bands[k + 1][:, :1] if k + 1 < len(bands) else border
                made.append(_rows_of_tiles(by, mx.concatenate([above, band, below], axis=1), weight, bias))
        return made

    def _by_rows(self, by: Filtering, x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
        """Parts of whole rows of tiles, one to a stream. Where PART_BYTES ask for more, a set of them is evaluated
        before the next one is begun."""
        _, H, _, _ = x.shape
        m, rows, side = by.tile, by.tiles(H), len(self.streams)
        count = min(rows, max(side, math.ceil(rows / self._rows_at_once(by, x))))
        parts: list[mx.array] = []
        for k in range(count):
            top, bottom = m * (rows * k // count) - 1, m * (rows * (k + 1) // count) + 1
            with self.streams.each[k % side]():
                d = x[:, max(0, top) : min(bottom, H)]
                if top < 0 or bottom > H:
                    d = mx.pad(d, [(0, 0), (max(0, -top), max(0, bottom - H)), (0, 0), (0, 0)])
                parts.append(_rows_of_tiles(by, d, weight, bias))
            if count > side and len(parts) % side == 0:
                mx.eval(parts)
        return mx.concatenate(parts, axis=1) if count > 1 else parts[0]

    def _rows_at_once(self, by: Filtering, x: mx.array) -> int:
        """Return how many rows of tiles a stream may compute at once."""
        B, _, W, C = x.shape
        return max(1, PART_BYTES // (B * by.tiles(W) * by.window**2 * max(C, len(self._plain)) * x.itemsize))

    def _by_columns(self, by: Filtering, x: mx.array, weight: mx.array, k: int) -> mx.array:
        """Return the share of stream k in the result, (B, H, W, O), from its columns of transformed windows.

        Each stream reads a part of the weights. A picture's side is transformed as a whole, with its border of zeros.
        The columns come first in every array, so that the one copy is that of the tiles, on their way back.
        """
        B, H, W, C = x.shape
        columns, blocks, n, _, block = weight.shape
        first, end = _columns(n, len(self.streams))[k]
        (down, up), (across, back), tiles = _down(by, H), _across(by, W, first, end), by.tiles(W)
        x = x.reshape(H, W, C) if B == 1 else x.transpose(1, 2, 0, 3).reshape(H, W, B * C)
        v = down @ (across @ x).reshape(columns, H, -1)
        m = v.reshape(columns, 1, n, -1, C) @ weight
        y = up @ m.reshape(columns * blocks, down.shape[0], -1)
        y = y.reshape(columns, blocks, H, tiles * B, block).transpose(2, 0, 3, 1, 4)
        y = back @ y.reshape(H, columns * tiles, -1)
        return y.reshape(1, H, W, -1) if B == 1 else y.reshape(H, W, B, -1).transpose(2, 0, 1, 3)


def _rows_of_tiles(by: Filtering, d: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
    """Return rows of tiles, (B, tile * rows, W, O), of d : (B, tile * rows + 2, W, C), a row more above and below.

    The columns of tiles are transformed in groups, each as a whole.
    """
    B, H, W, C = d.shape
    m, n, O = by.tile, by.window, weight.shape[-1]  # noqa: E741
    rows = (H - 2) // m
    group, groups = _groups(by.tiles(W))
    into, out_of = _window(by)
    d = into @ mx.as_strided(d, (B, rows, n, W * C), (H * W * C, m * W * C, W * C, 1))
    d = d.reshape(B, rows, n, W, C).transpose(2, 3, 0, 1, 4)  # row in the window, column of the picture
    d = mx.pad(d, [(0, 0), (1, m * group * groups + 1 - W), (0, 0), (0, 0), (0, 0)])
    column, width = B * rows * C, m * group + 2
    d = mx.as_strided(d, (n, groups, width, column), (d.shape[1] * column, m * group * column, column, 1))
    d = _group(by, group) @ d
    y = d.reshape(n, groups, n, group * B * rows, C) @ weight
    y = out_of @ (out_of @ y.reshape(n, groups, n, -1)).reshape(n, -1)
    y = y.reshape(m, groups, m, group, B, rows, O).transpose(4, 5, 0, 1, 3, 2, 6)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1, 1, 1, 1, O)
    y = y.reshape(B, m * rows, m * group * groups, O)
    return y if y.shape[2] == W else y[:, :, :W]


@cache
def _groups(tiles: int) -> tuple[int, int]:
    """Return how many tiles a group has, and how many groups a row of tiles; the last one may have more than there are.

    Four tiles are the fastest, as measured, where they leave no more over than others.
    """
    group = min((4, 5, 3), key=lambda size: -tiles % size)
    return group, math.ceil(tiles / group)


@cache
def _window(by: Filtering) -> tuple[mx.array, ...]:
    """B' and A', float32."""
    return _evaluated(by.into, by.out_of)


@cache
def _columns(window: int, streams: int) -> list[tuple[int, int]]:
    """Return the first column of the window and the one after the last, for each stream that has a part."""
    count = min(streams, window)
    return [(window * k // count, window * (k + 1) // count) for k in range(count)]


@cache
def _down(by: Filtering, pixels: int) -> tuple[mx.array, ...]:
    """Return the transforms of a whole side of a picture: (n * T, pixels) into its T windows of n, (pixels, n * T)
    back."""
    into, out_of = _spread(by, pixels, 0, by.window)
    return _evaluated(into.reshape(-1, pixels), out_of.reshape(pixels, -1))


@cache
def _across(by: Filtering, pixels: int, first: int, end: int) -> tuple[mx.array, ...]:
    """Return the same of columns first to end - 1 of each window: (columns, 1, T, pixels), (pixels, columns * T)."""
    into, out_of = _spread(by, pixels, first, end)
    return _evaluated(into[:, None], out_of.reshape(pixels, -1))


@cache
def _group(by: Filtering, tiles: int) -> mx.array:
    """Return the transform of neighbouring tiles as a whole, (window * tiles, tile * tiles + 2)."""
    return _evaluated(_into_windows(by, tiles).reshape(by.window * tiles, -1))[0]


def _spread(by: Filtering, pixels: int, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Return B', (end - first, T, pixels), and A', (pixels, end - first, T), for each of the T windows along a side;
    these overlap and reach beyond the border."""
    m, n, tiles = by.tile, by.window, by.tiles(pixels)
    out_of = np.zeros((m * tiles, n, tiles))
    for t in range(tiles):
        out_of[m * t : m * (t + 1), :, t] = by.out_of
    return _into_windows(by, tiles)[first:end, :, 1 : pixels + 1], out_of[:pixels, first:end]


def _into_windows(by: Filtering, tiles: int) -> np.ndarray:
    """Return B', (window, T, tile * T + 2), for each of the T windows of neighbouring tiles."""
    into = np.zeros((by.window, tiles, by.tile * tiles + 2))
    for t in range(tiles):
        into[:, t, by.tile * t : by.tile * t + by.window] = by.into
    return into


def _evaluated(*matrices: np.ndarray) -> tuple[mx.array, ...]:
    arrays = tuple(mx.array(np.ascontiguousarray(matrix, dtype=np.float32)) for matrix in matrices)
    mx.eval(arrays)
    return arrays


def suits(layer: nn.Conv2d, most_bytes: int = LAYER_BYTES) -> bool:
    """True for a float32 3x3 convolution of stride 1 and padding 1 whose transformed weights are not too large."""
    _, kh, kw, _ = layer.weight.shape
    shape = (kh, kw, *layer.stride, *layer.padding) == (3, 3, 1, 1, 1, 1)
    return shape and layer.weight.dtype == mx.float32 and F4.window**2 * layer.weight.nbytes <= 9 * most_bytes


def prepare_winograd(layers: Iterable[nn.Module], streams: Streams, most_bytes: int = LAYER_BYTES) -> None:
    """Let every convolution that `suits` be computed so from now on. Its weights must not change after this."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and hasattr(layer, "fast") and suits(layer, most_bytes):
            layer.fast = Winograd(layer.weight, streams)
