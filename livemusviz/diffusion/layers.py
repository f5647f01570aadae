"""Building blocks shared by the networks: activations, group norm, attention. NHWC, any float dtype, engine thread.

`mlx.nn.relu` and its kin are `mx.compile`d one by one, which on a CPU calls a C++ compiler at run time; the plain
forms here need none and fuse just as well inside a compiled step.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from livemusviz.diffusion.winograd import Winograd
from livemusviz.errors import UserError

Activation = Callable[[mx.array], mx.array]


def relu(x: mx.array) -> mx.array:
    return mx.maximum(x, 0)


def silu(x: mx.array) -> mx.array:
    return x * mx.sigmoid(x)


def gelu(x: mx.array) -> mx.array:
    return x * (1 + mx.erf(x * (1 / math.sqrt(2)))) * 0.5


def quick_gelu(x: mx.array) -> mx.array:
    return x * mx.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Activation] = {
    "relu": relu,
    "silu": silu,
    "swish": silu,
    "gelu": gelu,
    "quick_gelu": quick_gelu,
}


def activation_function(name: str, where: str) -> Activation:
    """Return the activation a config names. Raises UserError, naming `where`, for one we do not have."""
    if name not in ACTIVATIONS:
        raise UserError(f"{where}: activation {name!r} is not implemented; there are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]


BAND_BYTES = 8 << 20
"""Bytes of its unfolded input that a staged convolution makes at once, at most: a processor's cache holds them."""


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` whose bias may be given with the call, as one that already holds the time step's share.

    staged : a large one is computed in bands, see `stage` in quantize.py.
    fast : the same of (x, bias) on a CPU with fewer multiplications, see winograd.py and planes.py.
    """

    staged = False
    fast: Callable[[mx.array, mx.array | None], mx.array] | None = None

    def __call__(self, x: mx.array, bias: mx.array | None = None) -> mx.array:
        """x : (B, H, W, I). bias : takes the place of the layer's own; broadcasts to (B, h, w, O)."""
        if self.fast is not None:
            return self.fast(x, self.bias if bias is None and "bias" in self else bias)
        return biased(self, convolve(self, x, self.weight), bias)

    def on_bands(self, bands: list[mx.array]) -> list[mx.array]:
        """Convolve a picture that comes in bands of rows, (B, rows, W, I), by a form of stride 1; so is the result."""
        if len(bands) == 1:
            return [self(bands[0])]
        if isinstance(self.fast, Winograd):
            return self.fast.on_bands(bands, self.bias if "bias" in self else None)
        ends = np.cumsum([band.shape[1] for band in bands])
        return list(mx.split(self(mx.concatenate(bands, axis=1)), ends[:-1].tolist(), axis=1))


def convolve(layer: nn.Module, x: mx.array, weight: mx.array) -> mx.array:
    """x : (B, H, W, C) by weight : (O, kh, kw, C), with a layer's stride and padding, without its bias.

    On a CPU, MLX copies the whole input kh * kw times over to make one matrix product of it. A staged layer does that
    for as many rows at once as BAND_BYTES hold.
    """
    B, H, W, C = x.shape
    _, kh, kw, _ = weight.shape
    (down, across), (above, beside) = layer.stride, layer.padding
    h, w = (H + 2 * above - kh) // down + 1, (W + 2 * beside - kw) // across + 1
    rows = max(1, BAND_BYTES // (B * w * kh * kw * C * x.itemsize))
    if not layer.staged or rows >= h:
        return mx.conv2d(x, weight, layer.stride, layer.padding)
    bands = []
    for top in range(0, h, rows):
        first, end = top * down - above, (min(top + rows, h) - 1) * down - above + kh
        padding = ([max(0, -first), beside], [max(0, end - H), beside])
        band = mx.conv_general(x[:, max(0, first) : end], weight, layer.stride, padding)
        mx.eval(band)
        bands.append(band)
    return mx.concatenate(bands, axis=1)


def biased(layer: nn.Module, y: mx.array, bias: mx.array | None = None) -> mx.array:
    """Return a layer's product plus the bias given, or its own if it has one."""
    if bias is None and "bias" in layer:
        bias = layer.bias
    return y if bias is None else y + bias


class GroupNorm(nn.Module):
    """Group normalisation (Wu and He 2018) with the statistics torch takes: over a group's channels and all pixels.

    Twice as fast as `nn.GroupNorm(pytorch_compatible=True)` on a CPU: the pixels are summed first, channel by
    channel, and no full-size transpose is made. Statistics are kept in float32.
    fused : normalise by `mx.fast.layer_norm`, see gpu_forms.py.  seen : shape and dtype of the last input.
    """

    fused = False
    seen: Any = None

    def __init__(self, groups: int, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = mx.ones((channels,))
        self.bias = mx.zeros((channels,))
        self.groups = groups
        self.eps = eps

    def __call__(self, x: mx.array, scale: mx.array | None = None, shift: mx.array | None = None) -> mx.array:
        """x : (B, H, W, C). `scale` and `shift`, (B, 1, 1, C), take the place of weight and bias where given."""
        object.__setattr__(self, "seen", (x.shape, x.dtype))
        scale = self.weight if scale is None else scale
        shift = self.bias if shift is None else shift
        if self.fused:
            return (self.normalised_by_groups(x) * scale + shift).astype(x.dtype)
        centred = x.astype(mx.float32)
        centred = centred - self._group_mean(centred)
        inverse_std = mx.rsqrt(self._group_mean(mx.square(centred)) + self.eps)
        return (centred * (inverse_std * scale) + shift).astype(x.dtype)

    def normalised_by_groups(self, x: mx.array) -> mx.array:
        """Return x, (B, H, W, C), with mean 0 and variance 1 in each group: one kernel, between two transposes."""
        B, H, W, C = x.shape
        grouped = x.reshape(B, H * W, self.groups, -1).transpose(0, 2, 1, 3)
        y = mx.fast.layer_norm(grouped.reshape(B, self.groups, -1), None, None, self.eps)
        return y.reshape(grouped.shape).transpose(0, 2, 1, 3).reshape(B, H, W, C)

    def _group_mean(self, x: mx.array) -> mx.array:
        """Return the mean of each channel's group, (B, 1, 1, C).

        A small model on a CPU averages by a product: small operations cost as much as passes there. A GPU might make
        the product in TF32, and for many channels the matrix is large.
        """
        B, H, W, C = x.shape
        if C <= AVERAGED_BY_PRODUCT and mx.default_device().type == mx.DeviceType.cpu:
            return (x.sum(axis=(1, 2)) @ _averaging(self.groups, C, H * W)).reshape(B, 1, 1, C)
        by_channel = x.reshape(B, H * W, C).mean(axis=1)
        by_group = by_channel.reshape(B, self.groups, C // self.groups).mean(axis=2)
        return mx.repeat(by_group, C // self.groups, axis=1).reshape(B, 1, 1, C)


AVERAGED_BY_PRODUCT = 512
"""Most channels whose groups are averaged by a product: a matrix of 1 MB."""


@cache
def _averaging(groups: int, channels: int, pixels: int) -> mx.array:
    """Return the matrix, float32 (C, C), that makes of sums over pixels the mean of each channel's group."""
    width = channels // groups
    matrix = np.kron(np.eye(groups), np.full((width, width), 1 / (width * pixels)))
    averaging = mx.array(matrix.astype(np.float32))
    mx.eval(averaging)
    return averaging


KeysValues = tuple[mx.array, ...]
"""Keys and values of a prompt, (B, S, dim) each; with a style also its keys and values, and its weight, (B, 1, 1)."""


class Attention(nn.Module):
    """Multi-head attention to x itself, or to keys and values made before from a context of another width."""

    def __init__(self, dim: int, context_dim: int, heads: int, bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=bias)
        self.k = nn.Linear(context_dim, dim, bias=bias)
        self.v = nn.Linear(context_dim, dim, bias=bias)
        self.out = nn.Linear(dim, dim)

    def keys_values(self, context: mx.array) -> KeysValues:
        """Return keys and values of a context, (B, S, context_dim): two arrays (B, S, dim)."""
        return self.k(context), self.v(context)

    def __call__(self, x: mx.array, context: KeysValues | None = None, mask: mx.array | None = None) -> mx.array:
        """x : (B, T, dim). context : from `keys_values`, of B or of 1. mask : added to the scores, (T, S)."""
        keys, values, *style = self.keys_values(x) if context is None else context
        q = self.q(x)
        y = attend(q, keys, values, self.heads, mask)
        if style:
            style_keys, style_values, weight = style
            y = y + weight.astype(y.dtype) * attend(q, style_keys, style_values, self.heads)
        return self.out(y)


def attend(q: mx.array, k: mx.array, v: mx.array, heads: int, mask: mx.array | None = None) -> mx.array:
    """softmax(q k' / sqrt(d)) v for each head. q : (B, T, heads*d); k, v : (B or 1, S, heads*d). As q is the result."""
    B, T, C = q.shape
    d = C // heads
    k, v = (mx.broadcast_to(a, (B, *a.shape[1:])) for a in (k, v))
    q, k, v = (a.reshape(B, -1, heads, d).transpose(0, 2, 1, 3) for a in (q, k, v))
    more = padded_head(d) - d
    if more:
        q, k, v = (mx.pad(a, [(0, 0), (0, 0), (0, 0), (0, more)]) for a in (q, k, v))
    y = mx.fast.scaled_dot_product_attention(q, k, v, scale=d**-0.5, mask=mask)
    return y[..., :d].transpose(0, 2, 1, 3).reshape(B, T, C)


FUSED_HEADS = (64, 72, 80, 96, 128)
"""Widths of a head that Metal's fused attention takes; it keeps the scores of any other in memory."""


def padded_head(width: int) -> int:
    """Return how wide a head is made: with zeros, which change no score and no sum. On Metal alone."""
    metal = mx.default_device().type == mx.DeviceType.gpu and mx.metal.is_available()
    return next((fused for fused in FUSED_HEADS if fused >= width), width) if metal else width


def upsample_nearest(x: mx.array, factor: int = 2) -> mx.array:
    """Make each pixel of x, (B, H, W, C), a square of factor x factor."""
    B, H, W, C = x.shape
    x = mx.broadcast_to(x[:, :, None, :, None, :], (B, H, factor, W, factor, C))
    return x.reshape(B, H * factor, W * factor, C)
