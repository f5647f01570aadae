"""Generates pictures in batches and over several ranks, equal to one at a time. The thread that owns MLX.

In: `Controls`, one for each picture. Out: uint8 RGBA pictures. Only the blend with the previous picture's denoised
latents depends on the picture before, so the UNet runs on a batch at once (each rank on its share), the blend runs
through the batch in order on every rank, and the decoder again on a batch:

    x0[k] = denoise(noise[k]);   y[k] = x0[k] + feedback[k] (drift(y[k-1]) - x0[k]);   picture[k] = decode(y[k])

Every picture is computed in full; `Controls.reuse` is ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import Controls
from livemusviz.diffusion.conditioning import Conditioning, stacked
from livemusviz.diffusion.denoiser import Guide
from livemusviz.diffusion.drift import STILL, drifted
from livemusviz.diffusion.frame import blend_latents
from livemusviz.diffusion.loop import conditioning
from livemusviz.diffusion.pipeline import NOT_FINITE, NonFiniteFrame, Pipeline
from livemusviz.diffusion.ranks import Ranks
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

AUTO_PIXELS = 1 << 18  # picture pixels in an automatic batch on a CPU, where more gain nothing
AUTO_PIXELS_GPU = 1 << 22
AUTO_MOST = 16


@dataclass(frozen=True, eq=False)
class Batch:
    """Holds pictures that are being computed. last : blended latents of the last one, where the next batch
    continues."""

    pictures: mx.array
    last: mx.array


class BatchGenerator:
    """Generates by one pipeline, and keeps the last picture. lost : pictures that held NaN or infinity."""

    def __init__(self, pipeline: Pipeline, ranks: Ranks) -> None:
        self.pipeline, self.ranks = pipeline, ranks
        self.lost = 0
        self._applied = False
        self._previous: mx.array | None = None
        self._good: np.ndarray | None = None  # the last finite picture

    def start_at(self, first: int, latents: np.ndarray | None) -> int:
        """Take over from rank 0 the first picture and the latents of the one before it. Return rank 0's `first`.

        Every rank must call this; only the arguments of rank 0 count. latents : None without a picture before.
        """
        blank = np.zeros((1, *self.pipeline.latent_shape), np.float32)
        message = self.ranks.broadcast(mx.array([first, latents is not None], mx.int32))
        previous = self.ranks.broadcast(mx.array(blank if latents is None else latents))
        first, known = (int(value) for value in np.array(message))
        self._previous = previous if known else None
        return first

    def begin(self, controls: Sequence[Controls]) -> Batch:
        """Start on a picture for each of the controls and return at once. Every rank must call this with the same
        controls.

        Raises UserError, the first time, for steps that the model does not make.
        """
        batches = [self._begin(list(alike)) for _, alike in groupby(controls, key=self._faders)]
        if len(batches) == 1:
            return batches[0]
        return Batch(mx.concatenate([batch.pictures for batch in batches]), batches[-1].last)

    def _faders(self, controls: Controls) -> tuple[object, ...]:
        return (*faders(controls), controls.strength if self.pipeline.init.latents is not None else 1.0)

    def _begin(self, controls: Sequence[Controls]) -> Batch:
        """Start on pictures whose `faders` are equal."""
        self._apply(controls[0])
        count = len(controls)
        share = [min(i, count - 1) for i in self.ranks.share(count)]
        x0 = self.ranks.gather(self._clean([controls[i] for i in share]), count)
        blended = self._blend(x0, controls)
        pictures, finite = self.pipeline.graph.decode(mx.take(blended, mx.array(share), axis=0))
        pictures = mx.where(finite.reshape(-1, 1, 1, 1), pictures, mx.zeros_like(pictures))  # alpha 0 means: not finite
        batch = Batch(self.ranks.gather(pictures, count), blended[-1:])
        self._previous = batch.last
        mx.async_eval(batch.pictures, batch.last)
        return batch

    def _apply(self, controls: Controls) -> None:
        """Apply the faders. Steps that the model does not make are a UserError at first, and ignored later."""
        try:
            self.pipeline.apply(controls)
        except UserError as error:
            if not self._applied:
                raise
            log.error("%s", error)
        self._applied = True

    def _clean(self, controls: Sequence[Controls]) -> mx.array:
        """Return clean latents: of one prompt or a blend in one evaluation, of two side by side in another."""
        prompts = self.pipeline.prompts
        texts = [
            prompts.with_guidance(conditioning(self.pipeline, control), control.guidance_scale) for control in controls
        ]
        pairs = zip(controls, texts, strict=True)
        runs = [list(alike) for _, alike in groupby(pairs, key=lambda pair: pair[1].places)]
        return mx.concatenate([self._evaluated(*zip(*run, strict=True)) for run in runs])

    def _evaluated(self, controls: Sequence[Controls], texts: Sequence[Conditioning]) -> mx.array:
        noise, prompts = mx.array(np.stack([control.noise for control in controls])), self.pipeline.prompts
        negatives = [prompts.negative_inputs(prompts.encode_negative(control.negative_prompt)) for control in controls]
        guide = Guide(
            _each([control.guidance_scale for control in controls]),
            _each([control.delta for control in controls]),
            None if negatives[0] is None else stacked(negatives),
        )
        return self.pipeline.denoise_batch(noise, stacked([text.inputs for text in texts]), guide)

    def finish(self, batch: Batch | None) -> list[np.ndarray]:
        """Return the batch's pictures, uint8 (height, width, 4) RGBA, top row first. Waits for them. Raises
        NonFiniteFrame if the first picture is not finite; a later one repeats the picture before."""
        return [] if batch is None else [self._checked(picture) for picture in np.array(batch.pictures)]

    def _blend(self, x0: mx.array, controls: Sequence[Controls]) -> mx.array:
        rows, previous = [], self._previous
        for i, control in enumerate(controls):
            row = x0[i : i + 1]
            if previous is not None:
                if control.drift != STILL:
                    previous = drifted(previous, mx.array(control.drift, dtype=mx.float32))
                row = blend_latents(row, previous, mx.array(control.feedback, dtype=mx.float32))
            rows.append(row)
            previous = row
        return mx.concatenate(rows)

    def _checked(self, picture: np.ndarray) -> np.ndarray:
        if picture[0, 0, 3] == 0:
            if self._good is None:
                raise NonFiniteFrame(f"{self.pipeline.name}: the first picture {NOT_FINITE}")
            self.lost += 1
            log.warning("%s: a picture holds NaN or infinity; the one before stays", self.pipeline.name)
            return picture if self._good is None else self._good
        self._good = picture
        return picture


def faders(controls: Controls) -> tuple[object, ...]:
    """Return the controls that must not change within a batch."""
    return controls.lora_weight, controls.steps, controls.t_list, controls.control_levels


def _each(values: Sequence[float]) -> mx.array:
    """Return float32 (n, 1, 1, 1)."""
    return mx.array(list(values), dtype=mx.float32).reshape(-1, 1, 1, 1)


def automatic(size: tuple[int, int], backend: str) -> int:
    """Return a batch for pictures of (height, width) pixels: a rule, not a measurement, so that every run has the
    same."""
    pixels = AUTO_PIXELS if backend == "cpu" else AUTO_PIXELS_GPU
    return max(1, min(AUTO_MOST, pixels // (size[0] * size[1])))
