"""The director: features and parameters in, Controls out. Pure: time and randomness are passed in.

It is stepped once for each slot in which the engine could draw a frame.
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.types import AudioFeatures, Controls
from livemusviz.director.cues import PromptCue
from livemusviz.director.params import ParamValues
from livemusviz.director.ssf import Moment, SimilarityFilter
from livemusviz.director.walk import LatentWalk, similarity

MAX_DT = 0.25  # s; a longer pause (sleep, a slow load) is not made up for


class Director:
    """Decides for each slot what noise, which prompts and whether to compute at all."""

    def __init__(self, latent_shape: tuple[int, int, int], values: ParamValues) -> None:
        """latent_shape : (h, w, c).  values : the parameters at the start; the first prompt is cut to, not faded."""
        self._shape = latent_shape
        self._walk = LatentWalk(latent_shape, int(values.number("seed")))
        self._cue = PromptCue(values.text("prompt"))
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
        reseeded = self._reseed(int(values.number("seed")))
        rest = values.number("walk_rest")
        speed = rest + (values.number("walk_speed") - rest) * features.energy
        self._walk.advance(dt, speed, kick)
        was_fading = self._cue.fading
        self._cue.set(values.text("prompt"), values.number("fade"))
        self._cue.advance(dt)
        noise = self._walk.noise()
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
