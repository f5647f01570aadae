"""Builds the blocks of the UNet, in the order of its forward pass: resnet, transformer, down, middle, up. NHWC, engine
thread.

The inputs from time step and prompt are computed apart, once a prompt, because they are the same for every frame: each
resnet's `condition` and each cross-attention's keys and values. A frame gets them as one `ConditioningFeed`, and
every block takes its own from it in order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import Activation, Attention, Conv2d, GroupNorm, KeysValues, gelu, upsample_nearest
from livemusviz.diffusion.streams import OWN, Streams

TRANSFORMER_NORM_EPS = 1e-6
"""diffusers' Transformer2DModel has its own epsilon, whatever the UNet's `norm_eps` is."""

Condition = Any
"""A bias, (B, 1, 1, C), or with scale and shift the affine part of a norm: a pair of such arrays. Between two prompts
(B, H, W, C)."""


@dataclass(frozen=True)
class BlockStyle:
    """Holds the settings of all blocks of one UNet.

    act : the activation.
    groups, eps : of the group norms.
    time_dim : width of the time embedding.
    scale_shift : True if the time embedding scales and shifts the norm; False adds it.
    text_dim : width of the prompt's embeddings.
    only_cross : see `TransformerLayer`; the only one that differs from level to level.
    """

    act: Activation
    groups: int
    eps: float
    time_dim: int
    scale_shift: bool
    text_dim: int
    only_cross: bool = False


class Region(NamedTuple):
    """A second prompt in one evaluation of the UNet, and where it shows; or K more, in a UNet without cross-attention.

    share : of each in each latent cell, float32 (B or 1, h, w, K), 0..1, in all at most 1.
    conditions, keys_values : made of it as those of the first prompt; of K stacked, (B or 1, 1, K, C).
    """

    share: mx.array
    conditions: Sequence[Condition]
    keys_values: Sequence[KeysValues]


class SelfAttends(Protocol):
    """Attends to more than the frame itself, see cached_attention.py."""

    def attend(self, attention: Attention, x: mx.array) -> mx.array: ...


class ConditioningFeed:
    """Hands out a frame's conditioning in forward order: conditions to resnets, keys and values to cross-attentions,
    features of T2I-Adapters to the levels of the way down and to the middle.

    memory : what self-attention does; None attends to the frame alone.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        keys_values: Sequence[KeysValues],
        memory: SelfAttends | None = None,
        features: Sequence[mx.array] = (),
        region: Region | None = None,
    ) -> None:
        """features : (B or 1, h, w, C), for the first levels; further ones go without.  region : where a second prompt
        shows; None is nowhere."""
        self.memory = memory
        self._features: Iterator[mx.array] = iter(features)
        self._conditions: Iterator[Condition] = iter(conditions)
        self._keys_values: Iterator[KeysValues] = iter(keys_values)
        self._region = None if region is None else _RegionFeed(region)

    def guided(self, x: mx.array) -> mx.array:
        """Return x plus the next feature, if there is one left."""
        feature = next(self._features, None)
        return x if feature is None else x + feature

    def condition(self, x: mx.array) -> Condition:
        """Return the next condition, for a resnet on x, (B, H, W, C)."""
        own = next(self._conditions)
        return own if self._region is None else self._region.condition(own, x.shape[1], x.shape[2])

    def attended(self, attention: Attention, x: mx.array, size: tuple[int, int]) -> mx.array:
        """Return what the next cross-attention makes of x : (B, H * W, dim).  size : (H, W)."""
        own = attention(x, next(self._keys_values))
        return own if self._region is None else self._region.attended(own, attention, x, size)


class _RegionFeed:
    """Hands out a region's conditioning in forward order, mixed into the first prompt's by its share."""

    def __init__(self, region: Region) -> None:
        self._shares = [region.share]
        self._conditions, self._keys_values = iter(region.conditions), iter(region.keys_values)

    def condition(self, own: Condition, height: int, width: int) -> Condition:
        share, other = self._share(height, width), next(self._conditions)
        if isinstance(own, mx.array):
            return mixed(own, other, share)
        return tuple(mixed(a, b, share) for a, b in zip(own, other, strict=True))

    def attended(self, own: mx.array, attention: Attention, x: mx.array, size: tuple[int, int]) -> mx.array:
        other, share = attention(x, next(self._keys_values)), self._share(*size)
        return mixed(own, other, share.reshape(share.shape[0], -1, 1))

    def _share(self, height: int, width: int) -> mx.array:
        """Return the shares at a level of the UNet, (B or 1, height, width, K): means of 2x2 finer cells."""
        for known in self._shares:
            if known.shape[1:3] == (height, width):
                return known
        finer = self._shares[-1]
        B, h, w, K = finer.shape
        even = mx.pad(finer, [(0, 0), (0, h % 2), (0, w % 2), (0, 0)], mode="edge") if h % 2 or w % 2 else finer
        self._shares.append(even.reshape(B, (h + 1) // 2, 2, (w + 1) // 2, 2, K).mean(axis=(2, 4)))
        return self._share(height, width)


def mixed(a: mx.array, b: mx.array, share: mx.array) -> mx.array:
    """Return a with a share of b, 0 to 1, each broadcast; exactly a where the share is 0.

    K shares, (B or 1, h, w, K), are of K vectors, (B or 1, 1, K, C).
    """
    share = share.astype(a.dtype)
    if share.shape[-1] == 1:
        return a + share * (b - a)
    B, h, w, K = share.shape
    apart: mx.array = share.reshape(B, h * w, K) @ (b - a)[:, 0]
    return a + apart.reshape(-1, h, w, apart.shape[-1])


class Resnet(nn.Module):
    """Norm, activation, 3x3 convolution, twice, with the condition in between, plus the input.

    streams : on the last one the input is projected, if its channels change.
    """

    streams: Streams = OWN

    def __init__(self, in_channels: int, channels: int, style: BlockStyle) -> None:
        super().__init__()
        self.norm1 = GroupNorm(style.groups, in_channels, style.eps)
        self.conv1 = Conv2d(in_channels, channels, 3, padding=1)
        self.time_proj = nn.Linear(style.time_dim, channels * (2 if style.scale_shift else 1))
        self.norm2 = GroupNorm(style.groups, channels, style.eps)
        self.conv2 = Conv2d(channels, channels, 3, padding=1)
        if in_channels != channels:
            self.shortcut = nn.Linear(in_channels, channels)
        self.act = style.act
        self.scale_shift = style.scale_shift

    def condition(self, emb: mx.array) -> Condition:
        """emb : (B, time_dim). The bias of the first convolution, or the affine part of the second norm."""
        c = self.time_proj(self.act(emb))[:, None, None, :]
        if not self.scale_shift:
            return c + self.conv1.bias
        scale, shift = mx.split(c, 2, axis=-1)
        return self.norm2.weight * (1 + scale), self.norm2.bias * (1 + scale) + shift

    def __call__(self, x: mx.array, condition: Condition) -> mx.array:
        with self.streams.each[-1]():
            past = self.shortcut(x) if "shortcut" in self else x
        h = self.act(self.norm1(x))
        h = self.norm2(self.conv1(h), *condition) if self.scale_shift else self.norm2(self.conv1(h, bias=condition))
        h = self.conv2(self.act(h))
        return h + past


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
    """Self-attention, cross-attention to the prompt's tokens, feed-forward; each on its own norm and added.

    only_cross : a second cross-attention takes the place of the self-attention, as in the finest level of SDXS.
    """

    def __init__(self, dim: int, text_dim: int, heads: int, only_cross: bool) -> None:
        super().__init__()
        self.only_cross = only_cross
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(dim, text_dim if only_cross else dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.attn2 = Attention(dim, text_dim, heads)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    @property
    def cross_attentions(self) -> list[Attention]:
        """In forward order."""
        return [self.attn1, self.attn2] if self.only_cross else [self.attn2]

    def __call__(self, x: mx.array, feed: ConditioningFeed, size: tuple[int, int]) -> mx.array:
        """x : (B, H * W, dim). feed : keys and values of the cross-attentions, and of those behind them.  size : (H,
        W)."""
        if self.only_cross:
            x = x + feed.attended(self.attn1, self.norm1(x), size)
        elif feed.memory is None:
            x = x + self.attn1(self.norm1(x))
        else:
            x = x + feed.memory.attend(self.attn1, self.norm1(x))
        x = x + feed.attended(self.attn2, self.norm2(x), size)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """(B, H, W, C), the pixels as tokens, through transformer layers and back.

    A checkpoint's 1x1 convolution and its Linear are the same here, so `use_linear_projection` changes nothing.
    """

    def __init__(self, channels: int, heads: int, depth: int, style: BlockStyle) -> None:
        super().__init__()
        self.norm = GroupNorm(style.groups, channels, TRANSFORMER_NORM_EPS)
        self.proj_in = nn.Linear(channels, channels)
        self.layers = [TransformerLayer(channels, style.text_dim, heads, style.only_cross) for _ in range(depth)]
        self.proj_out = nn.Linear(channels, channels)

    def __call__(self, x: mx.array, feed: ConditioningFeed) -> mx.array:
        B, H, W, C = x.shape
        h = self.proj_in(self.norm(x).reshape(B, H * W, C))
        for layer in self.layers:
            h = layer(h, feed, (H, W))
        return x + self.proj_out(h).reshape(B, H, W, C)


def transformers(channels: int, heads: int, depths: Sequence[int], style: BlockStyle) -> list[Transformer]:
    """Return one transformer for each depth (layers in it)."""
    return [Transformer(channels, heads, depth, style) for depth in depths]


class DownBlock(nn.Module):
    """Resnets, each followed by a transformer if `heads` is given, then a convolution of stride 2 unless last."""

    def __init__(
        self, in_channels: int, channels: int, heads: int, depths: Sequence[int], last: bool, style: BlockStyle
    ) -> None:
        """depths : layers of the transformer behind each resnet; as many entries as resnets."""
        super().__init__()
        self.resnets = [Resnet(in_channels if i == 0 else channels, channels, style) for i in range(len(depths))]
        if heads:
            self.transformers = transformers(channels, heads, depths, style)
        if not last:
            self.downsample = Conv2d(channels, channels, 3, stride=2, padding=1)

    def __call__(self, x: mx.array, feed: ConditioningFeed, descend: bool = True) -> tuple[mx.array, list[mx.array]]:
        """Returns the output and what the up path will be given: every intermediate result in order.

        descend : False leaves the convolution of stride 2 out. A feature is added before it where there are
        transformers, else behind it, as diffusers does.
        """
        skips = []
        for i, resnet in enumerate(self.resnets):
            x = resnet(x, feed.condition(x))
            if "transformers" in self:
                x = self.transformers[i](x, feed)
            skips.append(x)
        if "transformers" in self:
            x = skips[-1] = feed.guided(x)
        if descend and "downsample" in self:
            x = self.downsample(x)
            skips.append(x)
        if descend and "transformers" not in self:
            x = skips[-1] = feed.guided(x)
        return x, skips


class MidBlock(nn.Module):
    """A resnet, and with `heads` a transformer and a second resnet behind it."""

    def __init__(self, channels: int, heads: int, depth: int, style: BlockStyle) -> None:
        super().__init__()
        self.resnets = [Resnet(channels, channels, style) for _ in range(2 if heads else 1)]
        if heads:
            self.transformers = transformers(channels, heads, [depth], style)

    def __call__(self, x: mx.array, feed: ConditioningFeed) -> mx.array:
        x = self.resnets[0](x, feed.condition(x))
        if "transformers" in self:
            x = self.transformers[0](x, feed)
            x = self.resnets[1](x, feed.condition(x))
        return x


class UpBlock(nn.Module):
    """Resnets on the concatenation with a skip, each with a transformer if `heads` is given, then twice the size."""

    def __init__(
        self, in_channels: list[int], channels: int, heads: int, depths: Sequence[int], last: bool, style: BlockStyle
    ) -> None:
        """in_channels : input channels of each resnet, skip included. depths : as in DownBlock."""
        super().__init__()
        self.resnets = [Resnet(c, channels, style) for c in in_channels]
        if heads:
            self.transformers = transformers(channels, heads, depths, style)
        if not last:
            self.upsample = Conv2d(channels, channels, 3, padding=1)

    def __call__(self, x: mx.array, skips: list[mx.array], feed: ConditioningFeed) -> mx.array:
        """`skips` is consumed from its end. An odd-sized skip that follows decides the size of the result."""
        for i, resnet in enumerate(self.resnets):
            x = resnet(mx.concatenate([x, skips.pop()], axis=-1), feed.condition(x))
            if "transformers" in self:
                x = self.transformers[i](x, feed)
        if "upsample" in self:
            _, H, W, _ = skips[-1].shape
            x = self.upsample(upsample_nearest(x)[:, :H, :W])
        return x
