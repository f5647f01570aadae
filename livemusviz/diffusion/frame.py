"""Computes a frame from its noise: denoise, blend with the frame before, decode. Pure lazy MLX. Engine thread.

The live pipeline calls these for one frame, `batches.py` for a batch. Every knob is a 0-d array, so that a
compiled form serves all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import mlx.core as mx

from livemusviz.bridge.frames import Controls, Reuse
from livemusviz.diffusion.cached_attention import AttentionMemory, Cached
from livemusviz.diffusion.conditioning import Conditioning, UNetInputs
from livemusviz.diffusion.controls import ControlInput, Residuals
from livemusviz.diffusion.denoiser import Denoiser, Guide, StreamFrame
from livemusviz.diffusion.drift import STILL
from livemusviz.diffusion.layers import KeysValues
from livemusviz.diffusion.model import ModelParts
from livemusviz.diffusion.planes import PicturePlanes
from livemusviz.diffusion.streams import in_bands


@dataclass(frozen=True, eq=False)
class FrameOptions:
    """Holds the inputs of a frame beside its noise and prompt."""

    guidance_scale: float = 1.0
    """Read where the model was loaded with guidance, as `delta` and `negative`."""
    delta: float = 1.0
    """Weight of the residual noise in R-CFG."""
    negative: Conditioning | None = None
    """Conditioning to lead away from; None is no words."""
    reuse: Reuse = Reuse.NONE
    """Most that may be taken from earlier frames; where that is not possible the frame is computed in full."""
    drift: tuple[float, float, float, float] = STILL
    """Movement of the latents that are fed back, see drift.py."""

    @classmethod
    def of(cls, controls: Controls, negative: Conditioning | None) -> FrameOptions:
        """Return the options that the director asks for."""
        return cls(controls.guidance_scale, controls.delta, negative, Reuse(controls.reuse), controls.drift)


PLAIN = FrameOptions()


@dataclass(frozen=True, eq=False)
class FrameState:
    """Holds what the next frame takes from earlier ones."""

    latents: mx.array | None = None
    """Blended latents of the last frame, float32 (1, h, w, c)."""
    target: mx.array | None = None
    """Its denoised latents, before the blend."""
    deep: tuple[mx.array, ...] = ()
    """The UNet's deep features of the last full frame; none where the model cannot do without its deep layers."""
    stream: tuple[StreamFrame, ...] = ()
    """Frames between two steps of the stream batch, youngest first."""
    residuals: tuple[list[Sequence[mx.array]], ...] = ()
    """Of each ControlNet of the last full frame, see `Residuals.made`."""
    attention: tuple[KeysValues, ...] = ()
    """Of each self-attention, until the frame is finished, where they are cached."""

    @property
    def arrays(self) -> list[Any]:
        """Return all arrays, as a tree, to be evaluated."""
        return [self.latents, self.target, self.deep, self.stream, self.residuals, self.attention]


class Init(NamedTuple):
    """A picture to start from. latents : clean, float32 (1, h, w, c).  strength : 0..1, how far from it; 0-d, or
    (B, 1, 1, 1) for a batch. Read where the model knows one step only; the schedule holds it otherwise."""

    latents: mx.array
    strength: mx.array


class FrameGraph:
    """A model's frame as functions of arrays: `full`, `shallow` and `decoded`, each returning

    (image, latents, finite, target, ...): uint8 RGBA (height, width, 4), top row first; blended latents, float32
    (1, h, w, c); bool, 0-d; denoised latents, as `latents`.

    planes : makes the coordinate planes of a noise, which these functions take beside it.
    """

    def __init__(self, parts: ModelParts, latent_shape: tuple[int, int, int]) -> None:
        """latent_shape : (h, w, c)."""
        self._parts = parts
        config = parts.unet.config
        self.planes = PicturePlanes(
            *latent_shape[:2], config.coordinate_channels, config.coordinate_pan, config.coordinate_zoom
        )
        self.denoiser = Denoiser(parts.unet, parts.scheduler, parts.spec.guidance, parts.dtype)

    def full(
        self,
        noise: mx.array,
        planes: mx.array | None,
        init: Init | None,
        stream: list[StreamFrame],
        before: tuple[mx.array, mx.array],
        text: UNetInputs,
        guide: Guide,
        controls: Sequence[ControlInput],
        cached: Cached | None = None,
    ) -> tuple[
        mx.array,
        mx.array,
        mx.array,
        mx.array,
        list[StreamFrame],
        list[mx.array],
        list[list[Sequence[mx.array]]],
        list[KeysValues],
    ]:
        """Evaluate the whole UNet. before : latents of the last frame and their weight. controls : one for each
        ControlNet, or none where all are off. cached : of self-attention, in earlier frames. Also returns the
        stream's frames, the UNet's deep features, the ControlNets' residuals and this frame's keys and values."""
        frame, text = self._start(noise, planes, init), UNetInputs(*text)
        guide, residuals = self._guided(guide, controls)
        memory = None if cached is None else AttentionMemory(cached)
        guide = guide._replace(memory=memory)
        deep: list[mx.array] = []
        if self.denoiser.can_be_shallow and not stream:
            x0, features = self.denoiser.once(frame, text, guide)
            deep.append(features)
        elif stream:
            x0, stream = self.denoiser.stream(frame, [StreamFrame(*each) for each in stream], text, guide)
        else:
            x0 = self.denoiser.run(frame, text, guide)
        return (
            *self.decoded(self._near_init(x0, init), before),
            stream,
            deep,
            residuals.made,
            memory.made if memory else [],
        )

    def shallow(
        self,
        noise: mx.array,
        planes: mx.array | None,
        init: Init | None,
        before: tuple[mx.array, mx.array],
        text: UNetInputs,
        guide: Guide,
        deep: mx.array,
        controls: Sequence[ControlInput],
    ) -> tuple[mx.array, mx.array, mx.array, mx.array]:
        """Evaluate the UNet's outermost level, with the deep features and residuals of an earlier frame."""
        guide, _ = self._guided(guide, controls)
        x0, _ = self.denoiser.once(self._start(noise, planes, init), UNetInputs(*text), guide, deep)
        return self.decoded(self._near_init(x0, init), before)

    def decoded(
        self, target: mx.array, before: tuple[mx.array, mx.array]
    ) -> tuple[mx.array, mx.array, mx.array, mx.array]:
        """Blend denoised latents with the last frame's and decode them."""
        x0 = blend_latents(target, *before)
        image, finite = self.decode(x0)
        return image[0], x0, finite[0], target

    def denoise(
        self,
        noise: mx.array,
        planes: mx.array | None,
        init: Init | None,
        text: UNetInputs,
        guide: Guide,
        controls: Sequence[ControlInput] = (),
    ) -> mx.array:
        """Return denoised latents, float32 (B, h, w, c). text, guide : one for all or one for each."""
        guide, _ = self._guided(guide, controls)
        return self._near_init(self.denoiser.run(self._start(noise, planes, init), text, guide), init)

    def _guided(self, guide: Guide, controls: Sequence[ControlInput]) -> tuple[Guide, Residuals]:
        """Return the guide with a frame's residuals, and these. `mx.compile` makes plain tuples of named ones."""
        residuals = Residuals(self._parts.controls if controls else (), controls)
        scale, delta, negative, *_ = guide
        negative = None if negative is None else UNetInputs(*negative)
        return Guide(scale, delta, negative, residuals if controls else None), residuals

    def decode(self, x0: mx.array) -> tuple[mx.array, mx.array]:
        """Return pictures, uint8 RGBA (B, height, width, 4), of latents (B, h, w, c); and bool (B,), True if finite."""
        vae = self._parts.vae
        rgb = vae.decode((x0 / vae.config.scaling_factor).astype(self._parts.vae_dtype))
        rgb = rgb.astype(mx.float32)
        finite = mx.isfinite(rgb.sum(axis=1).sum(axis=(1, 2)))  # by rows first: that much faster on a CPU
        return in_bands(_rgba, rgb, self._parts.streams), finite

    def _start(self, noise: mx.array, planes: mx.array | None, init: Init | None) -> StreamFrame:
        latents = None if init is None else init[0]  # a compiled function makes it a tuple
        return self.denoiser.start(noise, latents, planes)

    def _near_init(self, x0: mx.array, init: Init | None) -> mx.array:
        """Mix the init latents in where the model has one step only and cannot start half-way."""
        if init is None or not self._parts.scheduler.one_step:
            return x0
        latents, strength = init
        return latents + strength * (x0 - latents)


def blend_latents(x0: mx.array, before: mx.array, weight: mx.array) -> mx.array:
    """Return latents with a share, 0 to 1, of the last frame's: exactly x0 at weight 0, exactly `before` at 1."""
    return (1 - weight) * x0 + weight * before


def _rgba(rgb: mx.array) -> mx.array:
    """rgb : float32 (..., 3), -1 to 1; what is beyond is clipped. Returns uint8 (..., 4), alpha 255."""
    rgb = mx.clip(rgb * 127.5 + 128, 0, 255).astype(mx.uint8)
    alpha = mx.full((*rgb.shape[:-1], 1), 255, dtype=mx.uint8)
    return mx.concatenate([rgb, alpha], axis=-1)
