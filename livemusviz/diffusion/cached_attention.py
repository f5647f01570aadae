"""Self-attention over keys and values of earlier frames beside this one's (StreamV2V, Liang et al. 2024, section 3).

So what a frame shows looks as it did in the last ones. No weights: it works with every model that has self-attention.
Engine thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import mlx.core as mx

from livemusviz.bridge.frames import Controls
from livemusviz.diffusion.blocks import TransformerLayer
from livemusviz.diffusion.layers import Attention, KeysValues
from livemusviz.diffusion.unet import UNet2DConditionModel

MOST_FRAMES = 4
PARAMS = ("cached_attention", "cache_frames", "cache_interval")

Cached = tuple[mx.array, list[list[KeysValues]]]
"""strength, 0..1, 0-d; and of each earlier frame the keys and values of every self-attention, in forward order."""


class AttentionMemory:
    """One frame's: `attend` is called by each self-attention, in forward order.

    made : this frame's keys and values.
    """

    def __init__(self, cached: Cached) -> None:
        self._strength, frames = cached
        self._layers: Iterator[Sequence[KeysValues]] = iter(list(zip(*frames, strict=True)))
        self.made: list[KeysValues] = []

    def attend(self, attention: Attention, x: mx.array) -> mx.array:
        """x : (B, T, dim). Earlier frames' scores get the logarithm of the strength: 0 hides them."""
        keys, values = attention.keys_values(x)
        self.made.append((keys, values))
        frames = next(self._layers, ())
        if not frames:
            return attention(x, (keys, values))
        own, past = keys.shape[1], sum(k.shape[1] for k, _ in frames)
        mask = mx.concatenate([mx.zeros((own,)), mx.broadcast_to(mx.log(self._strength), (past,))])
        k = mx.concatenate([keys, *(k for k, _ in frames)], axis=1)
        v = mx.concatenate([values, *(v for _, v in frames)], axis=1)
        return attention(x, (k, v), mask[None].astype(x.dtype))


class AttentionCache:
    """Keeps the keys and values of the last frames, for one model."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        layers = [module for module in unet.modules() if isinstance(module, TransformerLayer)]
        self.usable = any(not layer.only_cross for layer in layers)
        self._strength, self._interval = 0.0, 1
        self._kept: deque[list[KeysValues]] = deque(maxlen=1)
        self._since = 0  # frames

    def apply(self, controls: Controls) -> None:
        """Take over the faders; a cut forgets."""
        self.set(controls.cached_attention, controls.cache_frames, controls.cache_interval)
        if controls.cut:
            self.forget()

    def set(self, strength: float, frames: int = 1, interval: int = 1) -> None:
        """strength : 0..1.  frames : 1..MOST_FRAMES, that are kept.  interval : every so many frames one is."""
        self._strength, self._interval = strength if self.usable else 0.0, interval
        if frames != self._kept.maxlen:
            self._kept = deque(self._kept, maxlen=frames)
        if not self._strength:
            self.forget()

    def inputs(self) -> Cached | None:
        """Return what the next frame attends to; None is this frame alone, at no cost."""
        if not self._strength:
            return None
        return mx.array(self._strength, dtype=mx.float32), list(self._kept)

    def keep(self, made: Sequence[KeysValues]) -> None:
        """Take a frame's keys and values, evaluated; none of a frame that reused others."""
        if not made or not self._strength:
            return
        if not self._kept or self._since + 1 >= self._interval:
            self._kept.append(list(made))
            self._since = 0
        else:
            self._since += 1

    def forget(self) -> None:
        """Begin anew, as after a cut."""
        self._kept.clear()
        self._since = 0
