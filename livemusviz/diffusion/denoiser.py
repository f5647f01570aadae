"""Denoises latents: UNet, schedule and guidance together. Lazy MLX arithmetic on the engine thread.

A frame takes as many evaluations as the schedule has steps, one after the other (`run`), or, as a stream batch
(Kodaira et al. 2023, StreamDiffusion), one evaluation of a batch that holds a frame at each step (`stream`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from livemusviz.diffusion.blocks import Condition, Region
from livemusviz.diffusion.cached_attention import AttentionMemory
from livemusviz.diffusion.conditioning import UNetInputs, stacked
from livemusviz.diffusion.controls import Residuals
from livemusviz.diffusion.layers import KeysValues
from livemusviz.diffusion.schedulers import Scheduler
from livemusviz.diffusion.unet import UNet2DConditionModel


class Guide(NamedTuple):
    """Guidance of one frame.

    eps = delta eps_u + scale (eps_text - delta eps_u), with eps_u the negative prompt's noise prediction (`full`), or
    its stand-in (`self`, `initialize`: R-CFG), for which alone delta is meant.
    scale, delta : 0-d float32.
    negative : inputs to lead away from, or None.
    controls : residuals of ControlNets and features of T2I-Adapters; None is none.
    memory : of self-attention; None is this frame alone.
    """

    scale: mx.array
    delta: mx.array
    negative: UNetInputs | None = None
    controls: Residuals | None = None
    memory: AttentionMemory | None = None


class StreamFrame(NamedTuple):
    """Holds a frame between two steps.

    x : its latents. reference : R-CFG's clean latents. noise : what it started from. planes : its coordinate planes.
    """

    x: mx.array
    reference: mx.array
    noise: mx.array
    planes: mx.array | None = None


Asked = tuple[StreamFrame, int, UNetInputs]
"""A prediction of the UNet that a step needs: (frame, step, inputs)."""


class Denoiser:
    def __init__(self, unet: UNet2DConditionModel, scheduler: Scheduler, guidance: str, dtype: mx.Dtype) -> None:
        """guidance : see spec.py."""
        self.unet, self.scheduler, self.guidance = unet, scheduler, guidance
        self._dtype = dtype

    @property
    def steps(self) -> int:
        return len(self.scheduler)

    def start(self, noise: mx.array, init: mx.array | None, planes: mx.array | None = None) -> StreamFrame:
        """Return a frame before its first step.

        noise : unit normal, (B, h, w, c). init : clean latents to start from. planes : (B, h, w, count), for a UNet
        with coordinate planes.
        """
        scheduler = self.scheduler
        if init is not None and not scheduler.one_step:
            return StreamFrame(scheduler.add_noise(init, noise), mx.broadcast_to(init, noise.shape), noise, planes)
        x = noise * scheduler.init_noise_sigma
        reference = (x - float(scheduler.noise[0]) * noise) / float(scheduler.signal[0])
        return StreamFrame(x, reference, noise, planes)

    def run(
        self, frame: StreamFrame, text: UNetInputs, guide: Guide, fresh: Sequence[mx.array] | None = None
    ) -> mx.array:
        """Run all steps of one frame, or of a batch of frames. Return the clean latents, as `frame.x`.

        fresh : see `_fresh`.
        """
        for i in range(self.steps):
            (frame,) = self._advance([frame], [i], text, guide, fresh)
        return frame.x

    @property
    def can_be_shallow(self) -> bool:
        """Return True if `once` works: one step, one evaluation."""
        return self.steps == 1 and self.guidance in ("none", "self")

    def once(
        self, frame: StreamFrame, text: UNetInputs, guide: Guide, deep: mx.array | None = None
    ) -> tuple[mx.array, mx.array]:
        """Run the one step of a frame. Return the clean latents and the UNet's deep features.

        deep : features of an earlier frame, which take the place of the UNet's deep layers.
        """
        (conditions,), keys_values = text.conditions, text.keys_values
        x = self._seen(frame, 0)
        residuals, features = _residuals([(frame, 0, text)], x, guide.controls), _features(guide.controls)
        if deep is None:
            prediction, deep = self.unet.with_deep(
                x, conditions, keys_values, residuals, guide.memory, features, text.region(0)
            )
        else:
            prediction = self.unet.shallow(x, conditions, keys_values, deep, residuals, features, text.region(0))
        x0, _ = self._guided(prediction.astype(mx.float32), None, frame, 0, guide)
        return self.scheduler.step(x0, frame.x, 0, None), deep

    def stream(
        self, frame: StreamFrame, stream: Sequence[StreamFrame], text: UNetInputs, guide: Guide
    ) -> tuple[mx.array, list[StreamFrame]]:
        """Step a new frame and all in the stream, youngest first. Returns the oldest's clean latents and the others."""
        moved = self._advance([frame, *stream], list(range(self.steps)), text, guide, None)
        return moved[-1].x, moved[:-1]

    def _advance(
        self, frames: Sequence[StreamFrame], steps: Sequence[int], text: UNetInputs, guide: Guide,
        fresh: Sequence[mx.array] | None,
    ) -> list[StreamFrame]:  # fmt: skip
        """Take frame k from step steps[k] to the next, with one evaluation of the UNet for all."""
        asked = [(frame, i, text) for frame, i in zip(frames, steps, strict=True)]
        if guide.negative is not None:
            everywhere = self.guidance == "full"
            asked += [(f, i, guide.negative) for f, i in zip(frames, steps, strict=True) if everywhere or i == 0]
        predictions = self._predict(asked, guide)
        moved = []
        for k, (frame, i) in enumerate(zip(frames, steps, strict=True)):
            against = len(frames) + k if guide.negative is not None and (self.guidance == "full" or i == 0) else None
            negative = None if against is None else predictions[against]
            x0, reference = self._guided(predictions[k], negative, frame, i, guide)
            noise = self._fresh(frame, i) if fresh is None else fresh[i]
            x = self.scheduler.step(x0, frame.x, i, noise)
            moved.append(frame._replace(x=x, reference=reference))
        return moved

    def _predict(self, asked: Sequence[Asked], guide: Guide) -> list[mx.array]:
        """Return the UNet's predictions, float32, for each asked one under inputs of its own."""
        xs = [self._seen(frame, i) for frame, i, _ in asked]
        x = xs[0] if len(xs) == 1 else mx.concatenate(xs)
        conditions = _joined(asked, [inputs.conditions[i] for _, i, inputs in asked])
        keys_values = _joined(asked, [inputs.keys_values for _, _, inputs in asked])
        residuals, features = _residuals(asked, x, guide.controls), _features(guide.controls)
        region = _region(asked)
        prediction = self.unet(x, conditions, keys_values, residuals, guide.memory, features, region).astype(mx.float32)
        if len(asked) == 1:
            return [prediction]
        ends = np.cumsum([each.shape[0] for each in xs])[:-1]
        return list(mx.split(prediction, [int(end) for end in ends]))

    def _seen(self, frame: StreamFrame, i: int) -> mx.array:
        """Return a frame's latents before step i, as the UNet takes them."""
        scaled = self.scheduler.scale_input(frame.x, i)
        if frame.planes is not None:
            scaled = mx.concatenate([scaled, frame.planes.astype(scaled.dtype)], axis=-1)
        return scaled.astype(self._dtype)

    def _guided(
        self, prediction: mx.array, negative: mx.array | None, frame: StreamFrame, i: int, guide: Guide
    ) -> tuple[mx.array, mx.array]:
        """Return the denoised latents of step i, and R-CFG's next reference."""
        scheduler, x, reference = self.scheduler, frame.x, frame.reference
        if self.guidance == "none" or (self.guidance != "self" and guide.negative is None):
            return scheduler.denoised(prediction, x, i), reference
        if self.guidance == "full" and negative is not None:
            led = negative + guide.scale * (prediction - negative)
            return scheduler.denoised(led, x, i), reference
        if negative is not None:
            reference = scheduler.clean(negative, x, i)
        eps_u = guide.delta * scheduler.epsilon(reference, x, i)
        eps_text = scheduler.epsilon(scheduler.clean(prediction, x, i), x, i)
        eps = eps_u + guide.scale * (eps_text - eps_u)
        x0 = (x - float(scheduler.noise[i]) * eps) / float(scheduler.signal[i])
        return scheduler.bounded(x0, x, i), reference

    def _fresh(self, frame: StreamFrame, i: int) -> mx.array | None:
        """Return unit noise for between two steps: the frame's own noise, with its elements in another order.

        So it changes as the frame's noise changes, and the picture moves smoothly.
        """
        if not self.scheduler.draws_noise or i == self.steps - 1:
            return None
        _, h, w, c = frame.noise.shape
        noise = frame.noise
        for axis, by in ((1, h // 2 + i // c), (2, w // 2), (3, i + 1)):
            noise = mx.roll(noise, by, axis)
        return noise


def _residuals(asked: Sequence[Asked], x: mx.array, controls: Residuals | None) -> list[mx.array]:
    """Return the sum of the ControlNets' residuals for latents x as the UNet sees them; [] where none is on."""
    if controls is None:
        return []

    def of_net(n: int) -> tuple[list[Condition], list[KeysValues]]:
        conditions = _joined(asked, [inputs.nets[n].conditions[i] for _, i, inputs in asked])
        return conditions, _joined(asked, [inputs.nets[n].keys_values for _, _, inputs in asked])

    return controls.next(x, of_net)


def _features(controls: Residuals | None) -> list[mx.array]:
    """Return the sum of the T2I-Adapters' features; [] where none is on."""
    return [] if controls is None else controls.features


def _region(asked: Sequence[Asked]) -> Region | None:
    """Return the second prompts, joined along the batch; one without has itself for it. None where none has one."""
    found = [inputs.region(i) for _, i, inputs in asked]
    share = next((region.share for region in found if region is not None), None)
    if share is None:
        return None
    regions = [
        region or Region(share, inputs.conditions[i], inputs.keys_values)
        for region, (_, i, inputs) in zip(found, asked, strict=True)
    ]
    return Region(*(_joined(asked, [region[k] for region in regions]) for k in range(3)))


def _joined(asked: Sequence[Asked], trees: Sequence[Any]) -> Any:
    """Return trees of arrays, one for each asked one, joined along the batch; one tree for all stays as it is."""
    if all(tree is trees[0] for tree in trees):
        return trees[0]
    return stacked([_repeated(tree, frame.x.shape[0]) for (frame, _, _), tree in zip(asked, trees, strict=True)])


def _repeated(tree: Any, batch: int) -> Any:
    """Return a tree of arrays of batch 1, as of `batch`."""
    return tree_map(lambda a: mx.broadcast_to(a, (batch, *a.shape[1:])) if a.shape[0] != batch else a, tree)
