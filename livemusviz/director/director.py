"""The director: features and parameters in, Controls out. Pure: time and randomness are passed in.

It is stepped once for each slot in which the engine could draw a frame.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from livemusviz.bridge.types import AudioFeatures, Controls, Prompt
from livemusviz.director.cues import PromptCue
from livemusviz.director.params import ParamValues
from livemusviz.director.ssf import Moment, SimilarityFilter
from livemusviz.director.walk import LatentWalk, similarity

SeedBlend = tuple[tuple[int, float], ...]
MAX_DT = 0.25  # s; a longer pause (sleep, a slow load) is not made up for


class Director:
    """Decides for each slot what noise, which prompts and whether to compute at all."""

    def __init__(self, latent_shape: tuple[int, int, int], values: ParamValues) -> None:
        """latent_shape : (h, w, c).  values : the parameters at the start; the first prompt is cut to, not faded."""
        self._shape = latent_shape
        self._walk = LatentWalk(latent_shape, int(values.number("seed")))
        self._seeds = wanted_seeds(values)
        self._blended = [(weight, LatentWalk(latent_shape, seed)) for seed, weight in self._seeds]
        self._cue = PromptCue(wanted_prompt(values))
        self._filter = SimilarityFilter(np.random.default_rng(self._walk.seed))
        self._computed: np.ndarray | None = None  # the noise of the last computed frame
        self._time: float | None = None
        self._onsets = 0
        self._onset_time = float("-inf")

    def step(self, now: float, features: AudioFeatures, values: ParamValues) -> Controls:
        """Let time pass until `now` (s) and say what to draw."""
        dt = 0.0 if self._time is None else min(MAX_DT, max(0.0, now - self._time))
        self._time = now
        kick = self._hear(now, features) * values.number("walk_kick")
        reseeded = self._reseed(int(values.number("seed"))) | self._blend(wanted_seeds(values))
        rest = values.number("walk_rest")
        speed = rest + (values.number("walk_speed") - rest) * features.energy
        self._walk.advance(dt, speed, kick)
        was_fading = self._cue.fading
        self._cue.set(wanted_prompt(values), values.number("fade"))
        self._cue.advance(dt)
        noise = self._noise()
        moment = Moment(
            similarity=-1.0 if self._computed is None else similarity(noise, self._computed),
            energy=features.energy,
            since_onset=now - self._onset_time,
            changed=reseeded or was_fading or self._cue.fading,
        )
        compute = self._filter.computes(moment, values.number("ssf"))
        if compute:
            self._computed = noise
        return Controls(
            noise=noise,
            prompt=self._cue.prompt,
            previous_prompt=self._cue.previous,
            fade=self._cue.fade,
            feedback=values.number("latent_feedback_strength") * (1.0 - features.onset_strength),
            compute=compute,
            time=features.time,
            guidance_scale=values.number("guidance_scale"),
            delta=values.number("delta"),
            negative_prompt=values.text("negative_prompt"),
            steps=int(values.number("num_inference_steps")),
            timesteps=tuple(int(str(t)) for t in values.items("t_list")),
        )

    def _hear(self, now: float, features: AudioFeatures) -> float:
        """Strength of the onset since the last step, 0..1."""
        new = features.onsets != self._onsets
        self._onsets = features.onsets
        if not new:
            return 0.0
        self._onset_time = now
        return features.onset_strength

    def _reseed(self, seed: int) -> bool:
        if seed == self._walk.seed:
            return False
        theta = self._walk.theta
        self._walk = LatentWalk(self._shape, seed)
        self._walk.theta = theta
        return True

    def _blend(self, seeds: SeedBlend) -> bool:
        """Take over the blend of seeds; True if it is another. Circles of seeds that stay are kept."""
        if seeds == self._seeds:
            return False
        known = {walk.seed: walk for _, walk in self._blended}
        self._blended = [(weight, known.get(seed) or LatentWalk(self._shape, seed)) for seed, weight in seeds]
        self._seeds = seeds
        return True

    def _noise(self) -> np.ndarray:
        """The walk's noise; of a blend, each seed's at the same angle, by weights whose squares sum to 1."""
        if not self._blended:
            return self._walk.noise()
        norm = math.sqrt(sum(weight * weight for weight, _ in self._blended))
        noise = np.zeros(self._shape, np.float32)
        for weight, walk in self._blended:
            walk.theta = self._walk.theta
            noise += np.float32(weight / norm) * walk.noise()
        return noise * np.float32(math.sqrt(noise.size) / np.linalg.norm(noise))


def wanted_prompt(values: ParamValues) -> Prompt:
    """The blend of prompts where there is one, else the prompt."""
    return cast("tuple[tuple[str, float], ...]", values.items("prompt_list")) or values.text("prompt")


def wanted_seeds(values: ParamValues) -> SeedBlend:
    """The seeds to blend, none if it is one seed alone."""
    return tuple(pair for pair in cast(SeedBlend, values.items("seed_list")) if pair[1] > 0.0)
