"""3x3 convolutions of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016, section 4), for a CPU.

F(4x4, 3x3) makes a tile of 4x4 outputs from a window of 6x6 inputs with 36 multiplications; a direct convolution takes
144. In the paper's letters, for a filter g and a window d:

    Y = A' [(G g G') * (B' d B)] A

The sums over input channels become 36 matrix products. The transforms are products too, one for each side of a window:
a BLAS does all of them, and MLX's own loops are left with three copies. Weights are transformed once, in double
precision. The result differs from the direct one by 1e-5 of its largest value at most. Engine thread.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial

import mlx.core as mx
import mlx.nn as nn
import numpy as np

TILE, WINDOW = 4, 6
"""Pixels along a side: outputs of a tile, m, and inputs of its window, n."""

# The polynomials are evaluated at 0, 1, -1, 2, -2 and infinity.
FILTER = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""G, (n, 3)."""
INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""B', (n, n)."""
OUTPUT = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
)
"""A', (m, n)."""

FEW_TILES = 32
"""Up to this many tiles a layer reads its weights for longer than it computes: see `Winograd._by_columns`."""
PART_BYTES = 8 << 20
"""Most of its windows that a layer makes at once: what a processor's cache holds."""
LAYER_BYTES = 16 << 20
"""Most that a layer's transformed weights take, four times the plain ones. A larger layer is left as it is."""


class Winograd:
    """A convolution's transformed weights and how they are applied.

    weight : (O, 3, 3, C). beside : streams to use beside the caller's own.
    """

    def __init__(self, weight: mx.array, beside: Sequence[mx.ThreadLocalStream] = ()) -> None:
        g = np.array(weight.astype(mx.float32)).astype(np.float64)
        O, _, _, C = g.shape  # noqa: E741
        transformed = np.einsum("jb,ia,oabc->jico", FILTER, FILTER, g).reshape(WINDOW**2, C, O)
        self.weight = mx.array(np.ascontiguousarray(transformed, dtype=np.float32))
        self.on: list[Callable[[], AbstractContextManager[object]]] = [
            nullcontext,
            *(partial(mx.stream, stream) for stream in beside),
        ]
        mx.eval(self.weight)

    def __call__(self, x: mx.array, bias: mx.array | None) -> mx.array:
        """x : float32 (B, H, W, C), taken with one pixel of zeros around it. Returns (B, H, W, O).

        bias : (O,), or (B or 1, 1, 1, O).
        """
        B, H, W, _ = x.shape
        rows, columns = math.ceil(H / TILE), math.ceil(W / TILE)
        few = len(self.on) > 1 and B * rows * columns <= FEW_TILES
        y = self._by_columns(x, rows, columns, bias) if few else self._by_rows(x, rows, columns, bias)
        return y if y.shape[1:3] == (H, W) else y[:, :H, :W]

    def _by_rows(self, x: mx.array, rows: int, columns: int, bias: mx.array | None) -> mx.array:
        """Parts of whole rows of tiles, one to a stream. Where PART_BYTES ask for more, a set of them is evaluated
        before the next one is begun."""
        row_bytes = x.shape[0] * columns * WINDOW**2 * max(self.weight.shape[1:]) * x.itemsize
        most = max(1, PART_BYTES // row_bytes)
        side = len(self.on)
        count = min(rows, max(side, math.ceil(rows / most)))
        (whole,) = _pieces(1)
        parts: list[mx.array] = []
        for k in range(count):
            first, end = rows * k // count, rows * (k + 1) // count
            with self.on[k % side]():
                windows = _windows(x, first, end, columns)
                parts.append(self._finished(self._multiplied(windows, whole), x, end - first, columns, bias))
            if count > side and len(parts) % side == 0:
                mx.eval(parts)
        return mx.concatenate(parts, axis=1) if count > 1 else parts[0]

    def _by_columns(self, x: mx.array, rows: int, columns: int, bias: mx.array | None) -> mx.array:
        """Each stream multiplies with some columns of the transformed windows, and so reads a part of the weights."""
        windows = _windows(x, 0, rows, columns)
        parts = []
        for on, piece in zip(self.on, _pieces(len(self.on)), strict=False):
            with on():
                parts.append(self._multiplied(windows, piece))
        return self._finished(sum(parts[1:], parts[0]), x, rows, columns, bias)

    def _multiplied(self, windows: mx.array, piece: tuple[slice, mx.array, mx.array]) -> mx.array:
        """windows : from `_windows`. Returns what `piece` gives to the columns of the tiles, (TILE, WINDOW * T * O)."""
        chosen, into, out_of = piece
        _, C, _ = self.weight.shape
        v = (into @ windows).reshape(-1, windows.shape[1] // (WINDOW * C), C)
        return out_of @ (v @ self.weight[chosen]).reshape(into.shape[0], -1)

    def _finished(self, y: mx.array, x: mx.array, rows: int, columns: int, bias: mx.array | None) -> mx.array:
        """y : from `_multiplied`, complete. Returns the pixels, (B, TILE * rows, TILE * columns, O)."""
        B, O = x.shape[0], self.weight.shape[2]  # noqa: E741
        ((_, _, output),) = _pieces(1)
        y = output @ y.reshape(TILE, WINDOW, -1)
        y = y.reshape(TILE, TILE, B, rows, columns, O).transpose(2, 3, 1, 4, 0, 5)
        y = y.reshape(B, TILE * rows, TILE * columns, O)
        return y if bias is None else y + bias


def _windows(x: mx.array, first: int, end: int, columns: int) -> mx.array:
    """Cut rows of tiles, first to end - 1, into windows whose columns are transformed: (WINDOW, WINDOW * T * C).

    The first axis is the column in the window, to be transformed yet. Then come the row and the T = B * rows * columns
    tiles.
    """
    B, H, W, C = x.shape
    rows, line = end - first, (TILE * columns + 2) * C
    top, bottom = TILE * first - 1, TILE * end + 1
    d = mx.pad(
        x[:, max(0, top) : min(bottom, H)],
        [(0, 0), (max(0, -top), max(0, bottom - H)), (1, TILE * columns + 1 - W), (0, 0)],
    )
    d = mx.as_strided(d, (B, rows, WINDOW, line), ((TILE * rows + 2) * line, TILE * line, line, 1))
    ((_, into, _),) = _pieces(1)
    d = into @ d
    strides = (C, line, rows * WINDOW * line, WINDOW * line, TILE * C, 1)
    return mx.as_strided(d, (WINDOW, WINDOW, B, rows, columns, C), strides).reshape(WINDOW, -1)


@cache
def _pieces(count: int) -> list[tuple[slice, mx.array, mx.array]]:
    """Divide a window's columns among `count` streams, at most WINDOW.

    For each its slice of the 36 products, the rows of B' that lead there and the columns of A' that lead back.
    """
    count = min(count, WINDOW)
    edges = [WINDOW * k // count for k in range(count + 1)]
    pieces = []
    for a, b in zip(edges, edges[1:], strict=False):
        into, out_of = (np.ascontiguousarray(m, dtype=np.float32) for m in (INPUT[a:b], OUTPUT[:, a:b]))
        pieces.append((slice(WINDOW * a, WINDOW * b), mx.array(into), mx.array(out_of)))
    mx.eval(pieces)
    return pieces


def suits(layer: nn.Conv2d, most_bytes: int = LAYER_BYTES) -> bool:
    """True for a float32 3x3 convolution of stride 1 and padding 1 whose transformed weights are not too large."""
    _, kh, kw, _ = layer.weight.shape
    shape = (kh, kw, *layer.stride, *layer.padding) == (3, 3, 1, 1, 1, 1)
    return shape and layer.weight.dtype == mx.float32 and WINDOW**2 * layer.weight.nbytes <= 9 * most_bytes


def prepare(layers: Iterable[nn.Module], beside: Sequence[mx.ThreadLocalStream], most_bytes: int = LAYER_BYTES) -> None:
    """Let every convolution that `suits` be computed so from now on. Its weights must not change after this."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and hasattr(layer, "fast") and suits(layer, most_bytes):
            layer.fast = Winograd(layer.weight, beside)
