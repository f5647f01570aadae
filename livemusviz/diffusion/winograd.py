"""3x3 convolutions of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016, section 4), for a CPU.

F(4x4, 3x3) makes a tile of 4x4 outputs from a window of 6x6 inputs with 36 multiplications; a direct convolution takes
144. In the paper's letters, for a filter g and a window d:

    Y = A' [(G g G') * (B' d B)] A

The sums over input channels become 36 matrix products. The transforms are products too, one for each side of a window:
a BLAS does all of them, and MLX's own loops are left with three copies. Weights are transformed once, in double
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
    """F(m x m, 3 x 3). tile, window : m and n = m + 2, pixels along a side of the outputs and of the inputs.

    filter : G, (n, 3). into : B', (n, n). out_of : A', (m, n).
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
FEW_PIXELS = 64
"""Up to this many pixels one product transforms both sides of a picture: more multiplications, fewer operations."""
PART_BYTES = 8 << 20
"""Most of its windows that a layer makes at once: what a processor's cache holds."""
LAYER_BYTES = 16 << 20
"""Most that a layer's weights transformed for F(4x4) take, four times the plain ones. A larger layer stays as it is."""


def choose_forms(B: int, H: int, W: int) -> Filtering:
    """Return the filtering that is fastest for pictures of a shape, as measured."""
    return F4 if B * F4.tiles(H) * F4.tiles(W) >= FEWEST_TILES else F2


class Winograd:
    """A convolution's weights, transformed at the first call, and how they are applied.

    weight : (O, 3, 3, C). streams : to compute parts on.
    """

    def __init__(self, weight: mx.array, streams: Streams = OWN) -> None:
        self._plain = weight
        self._transformed: dict[Filtering, mx.array] = {}
        self.streams = streams

    def __call__(self, x: mx.array, bias: mx.array | None) -> mx.array:
        """x : float32 (B, H, W, C), taken with one pixel of zeros around it. Returns (B, H, W, O).

        bias : (O,), or (B or 1, 1, 1, O).
        """
        B, H, W, _ = x.shape
        by = choose_forms(B, H, W)
        weight = self.weight(by)
        if B * by.tiles(H) * by.tiles(W) > FEW_TILES:
            y = self._by_rows(by, x, weight, bias)
            return y if y.shape[1:3] == (H, W) else y[:, :H, :W]
        parts = []
        for k, stream in enumerate(self.streams.each[: by.window]):
            with stream():
                parts.append(self._by_columns(by, x, weight, k))
        y = sum(parts[1:], parts[0])
        return y if bias is None else y + bias

    def weight(self, by: Filtering) -> mx.array:
        """Return G g G', float32 (n * n, C, O), evaluated, column by column of the window."""
        if by not in self._transformed:
            g = np.array(self._plain, dtype=np.float64).transpose(2, 1, 3, 0)
            transformed = np.kron(by.filter, by.filter) @ g.reshape(9, -1)
            self._transformed[by] = mx.array(transformed.astype(np.float32).reshape(-1, *g.shape[2:]))
            mx.eval(self._transformed)
        return self._transformed[by]

    def _by_rows(self, by: Filtering, x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
        """Parts of whole rows of tiles, one to a stream. Where PART_BYTES ask for more, a set of them is evaluated
        before the next one is begun."""
        B, H, W, _ = x.shape
        rows, side = by.tiles(H), len(self.streams)
        row_bytes = B * by.tiles(W) * by.window**2 * max(weight.shape[1:]) * x.itemsize
        count = min(rows, max(side, math.ceil(rows / max(1, PART_BYTES // row_bytes))))
        parts: list[mx.array] = []
        for k in range(count):
            with self.streams.each[k % side]():
                parts.append(_rows_of_tiles(by, x, weight, bias, rows * k // count, rows * (k + 1) // count))
            if count > side and len(parts) % side == 0:
                mx.eval(parts)
        return mx.concatenate(parts, axis=1) if count > 1 else parts[0]

    def _by_columns(self, by: Filtering, x: mx.array, weight: mx.array, k: int) -> mx.array:
        """Return the share of stream k in the result, (B, H, W, O), from its columns of transformed windows.

        Each stream reads a part of the weights. A picture's side is transformed as a whole, with its border of zeros.
        """
        B, H, W, C = x.shape
        n, O = by.window, weight.shape[2]  # noqa: E741
        count = min(len(self.streams), n)
        first, end = n * k // count, n * (k + 1) // count
        some = weight[n * first : n * end]
        if B == 1 and H * W <= FEW_PIXELS:
            down, up = _picture(by, H, W, first, end)
            m = (down @ x.reshape(H * W, C)).reshape(some.shape[0], -1, C) @ some
            return (up @ m.reshape(-1, O)).reshape(B, H, W, O)
        down, up = _side(by, H, 0, n)
        across, back = _side(by, W, first, end)
        v = down @ (across @ x).reshape(B, H, -1)
        v = v.reshape(B, n, by.tiles(H), end - first, by.tiles(W), C).transpose(3, 1, 0, 2, 4, 5)
        m = v.reshape(some.shape[0], -1, C) @ some
        m = m.reshape(end - first, n, B, by.tiles(H), by.tiles(W), O).transpose(2, 1, 3, 0, 4, 5)
        return back @ (up @ m.reshape(B, down.shape[0], -1)).reshape(B, H, across.shape[0], O)


def _rows_of_tiles(
    by: Filtering, x: mx.array, weight: mx.array, bias: mx.array | None, first: int, end: int
) -> mx.array:
    """Return rows of tiles, first to end - 1: (B, tile * (end - first), tile * columns, O)."""
    B, H, W, C = x.shape
    m, n, rows, columns, O = by.tile, by.window, end - first, by.tiles(W), weight.shape[2]  # noqa: E741
    top, bottom, line = m * first - 1, m * end + 1, (m * columns + 2) * C
    inside = x[:, max(0, top) : min(bottom, H)]
    d = mx.pad(inside, [(0, 0), (max(0, -top), max(0, bottom - H)), (1, m * columns + 1 - W), (0, 0)])
    into, out_of = _window(by)
    d = into @ mx.as_strided(d, (B, rows, n, line), ((m * rows + 2) * line, m * line, line, 1))
    strides = (C, line, rows * n * line, n * line, m * C, 1)  # column, row in the window; picture, row, column; channel
    d = into @ mx.as_strided(d, (n, n, B, rows, columns, C), strides).reshape(n, -1)
    y = d.reshape(n * n, B * rows * columns, C) @ weight
    y = out_of @ (out_of @ y.reshape(n, -1)).reshape(m, n, -1)
    y = y.reshape(m, m, B, rows, columns, O).transpose(2, 3, 1, 4, 0, 5)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1, 1, 1, O)
    return y.reshape(B, m * rows, m * columns, O)


@cache
def _window(by: Filtering) -> tuple[mx.array, mx.array]:
    """B' and A', float32."""
    return _evaluated(by.into, by.out_of)


@cache
def _side(by: Filtering, pixels: int, first: int, end: int) -> tuple[mx.array, mx.array]:
    """Return the transforms of a whole side of a picture, rows first to end - 1 of each of its T windows.

    ((end - first) * T, pixels) into the windows; (pixels, (end - first) * T) back from the tiles.
    """
    into, out_of = _spread(by, pixels, first, end)
    return _evaluated(into.reshape(-1, pixels), out_of.reshape(pixels, -1))


@cache
def _picture(by: Filtering, H: int, W: int, first: int, end: int) -> tuple[mx.array, mx.array]:
    """Return the transforms of a whole picture, columns first to end - 1 of its T windows; for one of few pixels.

    ((end - first) * n * T, H * W) into the windows; (H * W, (end - first) * n * T) back from the tiles.
    """
    (down, up), (across, back) = _spread(by, H, 0, by.window), _spread(by, W, first, end)
    into = np.einsum("iyp,jxq->jiyxpq", down, across).reshape(-1, H * W)
    out_of = np.einsum("piy,qjx->pqjiyx", up, back).reshape(H * W, -1)
    return _evaluated(into, out_of)


def _spread(by: Filtering, pixels: int, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Return B', (end - first, T, pixels), and A', (pixels, end - first, T), for each of the T windows along a side;
    these overlap and reach beyond the border."""
    m, n, tiles = by.tile, by.window, by.tiles(pixels)
    into, out_of = np.zeros((n, tiles, m * tiles + 2)), np.zeros((m * tiles, n, tiles))
    for t in range(tiles):
        into[:, t, m * t : m * t + n] = by.into
        out_of[m * t : m * (t + 1), :, t] = by.out_of
    return into[first:end, :, 1 : pixels + 1], out_of[:pixels, first:end]


def _evaluated(*matrices: np.ndarray) -> tuple[mx.array, mx.array]:
    a, b = (mx.array(np.ascontiguousarray(matrix, dtype=np.float32)) for matrix in matrices)
    mx.eval(a, b)
    return a, b


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
