"""The blocks of the UNet, in the order of its forward pass: resnet, transformer, down, middle, up. NHWC, engine thread.

What the time step and the prompt say to a resnet is computed apart, by `Resnet.condition`, and handed in as one
array a resnet: it is the same for every frame of a prompt. Blocks take those arrays from an iterator in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import Activation, Attention, GroupNorm, gelu, upsample_nearest

TRANSFORMER_NORM_EPS = 1e-6
"""diffusers' Transformer2DModel has its own epsilon, whatever the UNet's `norm_eps` is."""


@dataclass(frozen=True)
class BlockStyle:
    """What all blocks of one UNet share."""

    act: Activation
    groups: int
    eps: float
    time_dim: int
    scale_shift: bool
    text_dim: int


class Resnet(nn.Module):
    """Norm, activation, 3x3 convolution, twice, with the condition in between, plus the input."""

    def __init__(self, in_channels: int, channels: int, style: BlockStyle) -> None:
        super().__init__()
        self.norm1 = GroupNorm(style.groups, in_channels, style.eps)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.time_proj = nn.Linear(style.time_dim, channels * (2 if style.scale_shift else 1))
        self.norm2 = GroupNorm(style.groups, channels, style.eps)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        if in_channels != channels:
            self.shortcut = nn.Linear(in_channels, channels)
        self.act = style.act
        self.scale_shift = style.scale_shift

    def condition(self, emb: mx.array) -> mx.array:
        """emb : (B, time_dim). Returns (B, 1, 1, C) to add, or (2, B, 1, 1, C): the affine part of norm2."""
        c = self.time_proj(self.act(emb))[:, None, None, :]
        if not self.scale_shift:
            return c
        scale, shift = mx.split(c, 2, axis=-1)
        return mx.stack([self.norm2.weight * (1 + scale), self.norm2.bias * (1 + scale) + shift])

    def __call__(self, x: mx.array, condition: mx.array) -> mx.array:
        h = self.conv1(self.act(self.norm1(x)))
        h = self.norm2(h, *condition) if self.scale_shift else self.norm2(h + condition)
        h = self.conv2(self.act(h))
        return h + (self.shortcut(x) if "shortcut" in self else x)


class FeedForward(nn.Module):
    """GEGLU (Shazeer 2020) and back: (B, T, dim) -> (B, T, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj_in = nn.Linear(dim, 8 * dim)
        self.proj_out = nn.Linear(4 * dim, dim)

    def __call__(self, x: mx.array) -> mx.array:
        value, gate = mx.split(self.proj_in(x), 2, axis=-1)
        return self.proj_out(value * gelu(gate))


class TransformerLayer(nn.Module):
    """Self-attention, cross-attention to the prompt's tokens, feed-forward; each on its own norm and added."""

    def __init__(self, dim: int, text_dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(dim, dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.attn2 = Attention(dim, text_dim, heads)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    def __call__(self, x: mx.array, text: mx.array) -> mx.array:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """(B, H, W, C), the pixels as tokens, through one transformer layer and back.

    A checkpoint's 1x1 convolution and its Linear are the same here, so `use_linear_projection` changes nothing.
    """

    def __init__(self, channels: int, heads: int, style: BlockStyle) -> None:
        super().__init__()
        self.norm = GroupNorm(style.groups, channels, TRANSFORMER_NORM_EPS)
        self.proj_in = nn.Linear(channels, channels)
        self.layers = [TransformerLayer(channels, style.text_dim, heads)]
        self.proj_out = nn.Linear(channels, channels)

    def __call__(self, x: mx.array, text: mx.array) -> mx.array:
        B, H, W, C = x.shape
        h = self.proj_in(self.norm(x).reshape(B, H * W, C))
        for layer in self.layers:
            h = layer(h, text)
        return x + self.proj_out(h).reshape(B, H, W, C)


class DownBlock(nn.Module):
    """Resnets, each followed by a transformer if `heads` is given, then a convolution of stride 2 unless last."""

    def __init__(
        self, in_channels: int, channels: int, layers: int, heads: int | None, last: bool, style: BlockStyle
    ) -> None:
        super().__init__()
        self.resnets = [Resnet(in_channels if i == 0 else channels, channels, style) for i in range(layers)]
        if heads:
            self.transformers = [Transformer(channels, heads, style) for _ in range(layers)]
        if not last:
            self.downsample = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def __call__(self, x: mx.array, conditions: Iterator[mx.array], text: mx.array) -> tuple[mx.array, list[mx.array]]:
        """Returns the output and what the up path will be given: every intermediate result in order."""
        skips = []
        for i, resnet in enumerate(self.resnets):
            x = resnet(x, next(conditions))
            if "transformers" in self:
                x = self.transformers[i](x, text)
            skips.append(x)
        if "downsample" in self:
            x = self.downsample(x)
            skips.append(x)
        return x, skips


class MidBlock(nn.Module):
    """A resnet, and with `heads` a transformer and a second resnet behind it."""

    def __init__(self, channels: int, heads: int | None, style: BlockStyle) -> None:
        super().__init__()
        self.resnets = [Resnet(channels, channels, style) for _ in range(2 if heads else 1)]
        if heads:
            self.transformers = [Transformer(channels, heads, style)]

    def __call__(self, x: mx.array, conditions: Iterator[mx.array], text: mx.array) -> mx.array:
        x = self.resnets[0](x, next(conditions))
        if "transformers" in self:
            x = self.transformers[0](x, text)
            x = self.resnets[1](x, next(conditions))
        return x


class UpBlock(nn.Module):
    """Resnets on the concatenation with a skip, each with a transformer if `heads` is given, then twice the size."""

    def __init__(self, in_channels: list[int], channels: int, heads: int | None, last: bool, style: BlockStyle) -> None:
        """in_channels : input channels of each resnet, skip included."""
        super().__init__()
        self.resnets = [Resnet(c, channels, style) for c in in_channels]
        if heads:
            self.transformers = [Transformer(channels, heads, style) for _ in in_channels]
        if not last:
            self.upsample = nn.Conv2d(channels, channels, 3, padding=1)

    def __call__(self, x: mx.array, skips: list[mx.array], conditions: Iterator[mx.array], text: mx.array) -> mx.array:
        """`skips` is consumed from its end. An odd-sized skip that follows decides the size of the result."""
        for i, resnet in enumerate(self.resnets):
            x = resnet(mx.concatenate([x, skips.pop()], axis=-1), next(conditions))
            if "transformers" in self:
                x = self.transformers[i](x, text)
        if "upsample" in self:
            _, H, W, _ = skips[-1].shape
            x = self.upsample(upsample_nearest(x)[:, :H, :W])
        return x
