"""The director: features and parameters in, Controls out. Pure: time and randomness are arguments.

It is stepped once for each slot in which the engine could draw a frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR, AudioFeatures
from livemusviz.bridge.frames import ControlLevel, Controls, Prompt, Reuse, Timing
from livemusviz.bridge.sources import PictureInput
from livemusviz.curves import phase_error
from livemusviz.director.anticipate import Anticipation, Struck, landing, next_start, sure
from livemusviz.director.cues import PromptCue
from livemusviz.director.musicprompts import MusicPromptKnobs, NoteMix, SectionTurns, note_prompts, split_prompts
from livemusviz.director.pictures import PictureFollower, control_levels
from livemusviz.director.seeds import SeedBlend, Seeds
from livemusviz.director.ssf import Moment, SimilarityFilter
from livemusviz.director.walk import LatentWalk, WalkMotion, similarity
from livemusviz.params.params import Params

MAX_DT = 0.25  # s; longer pauses (sleep, a slow load) count as this
FEEDBACK_PERIOD = 0.05  # s, the frame time for which the feedback strength is given
OTHER_WORDS = 0.1  # sum of changed weights above which a mix is another prompt
UNRELATED = 0.5  # similarity of noises below which one has jumped
PULSE_DECAY = 4.0  # e-foldings a beat, of the drift's pulse
AT_ONCE = Timing()
NO_PICTURE = PictureInput()
FREE_BARS = 0.5  # bars/s of a loop while there is no tempo


@dataclass(slots=True)
class _Drawn:
    """Holds the inputs of the last computed frames.

    noise : float32 (h, w, c).  words : previous prompt and prompt.  levels : of the ControlNets.  full : s, time of the
    last full frame.
    """

    noise: np.ndarray | None = None
    words: tuple[Prompt, Prompt] = ("", "")
    levels: tuple[ControlLevel, ...] = ()
    style_scale: float = 1.0
    full: float = float("-inf")  # s


class Director:
    """Decides the noise, the prompts and the level of computation of each slot."""

    def __init__(self, latent_shape: tuple[int, int, int], params: Params) -> None:
        """Start at the given parameters, without a fade.

        latent_shape : (h, w, c).
        """
        self._walk = LatentWalk()
        self._seeds = Seeds(latent_shape, wanted_seeds(params))
        self._cue = PromptCue(wanted_prompt(params))
        self._style = PromptCue(params.style_list or params.style)
        self._turns, self._notes = SectionTurns(wanted_prompt(params)), NoteMix()
        self._filter = SimilarityFilter(np.random.default_rng(self._seeds.blend[0][0]))
        self._anticipation = Anticipation()
        self._drawn = _Drawn()
        self._pictures = PictureFollower()
        self._time: float | None = None
        self._struck_at = float("-inf")
        self._pulse = 0.0
        self._bars = 0.0  # position of a loop; runs on without a tempo

    def step(
        self,
        now: float,
        features: AudioFeatures,
        params: Params,
        timing: Timing = AT_ONCE,
        picture: PictureInput = NO_PICTURE,
    ) -> Controls:
        """Advance to `now` (s) and return what to draw.

        timing : the time until the frame is seen, and the period of frames.  picture : from outside, to paint by.
        """
        dt = 0.0 if self._time is None else min(MAX_DT, max(0.0, now - self._time))
        self._time = now
        struck = self._anticipation.step(now, features, timing)
        if struck.onset or struck.beat:
            self._struck_at = now
        self._move(dt, now, features, params, timing, struck)
        noise = self._seeds.noise(self._walk.angles)
        words, rewritten = self._words(dt, now, features, params)
        levels = control_levels(params)
        restyled = self._style.fading
        self._style.set(params.style_list or params.style, params.fade)
        self._style.advance(dt)
        restyled = restyled or self._style.fading or params.style_scale != self._drawn.style_scale
        self._pictures.step(picture, params)
        changed = rewritten or restyled or levels != self._drawn.levels
        cut = self._is_cut(noise, words[1])
        reuse = self._decide_reuse(now, features, noise, changed, params.ssf)
        if reuse <= Reuse.DEEP_FEATURES:
            self._drawn.noise, self._drawn.words, self._drawn.levels = noise, words, levels
            self._drawn.style_scale = params.style_scale
            self._pictures.drew()
        strike = max(features.onset_strength, self._pulse)
        return Controls(
            noise=noise,
            prompt=words[1],
            previous_prompt=words[0],
            fade=self._cue.fade,
            feedback=_feedback(params.latent_feedback_strength, dt or timing.period) * (1.0 - strike),
            compute=reuse is not Reuse.FRAME,
            time=features.time,
            reuse=reuse,
            drift=self._drift(dt, params),
            next_start=next_start(now, features, timing),
            place=self._walk.angles,
            guidance_scale=params.guidance_scale,
            delta=params.delta,
            negative_prompt=params.negative_prompt,
            steps=params.num_inference_steps,
            t_list=params.t_list,
            lora_weight=params.lora_weight,
            cached_attention=params.cached_attention,
            cache_frames=params.cache_frames,
            cache_interval=params.cache_interval,
            cut=cut,
            picture=self._pictures.picture,
            strength=self._pictures.strength,
            control_levels=levels,
            style=self._style.prompt,
            previous_style=self._style.previous,
            style_fade=self._style.fade,
            style_scale=params.style_scale,
        )

    def noise_at(self, place: tuple[float, ...]) -> np.ndarray:
        """Return the noise of a `Controls.place`, float32 (h, w, c), with the current seeds."""
        return self._seeds.noise(place)

    def _move(
        self, dt: float, now: float, features: AudioFeatures, params: Params, timing: Timing, struck: Struck
    ) -> None:
        """Advance seeds, walk and pulse by `dt`."""
        self._seeds.set(wanted_seeds(params), params.fade)
        self._seeds.advance(dt)
        rest = params.walk_rest
        lively = (params.walk_speed - rest) * features.energy
        levels = (features.bass, features.mid, features.treble)
        told = any(levels)
        speeds = [rest + lively * (min(2.0, 0.5 + 0.5 * level) if told else 1.0) for level in levels]
        kick = params.walk_kick
        kicks = [kick * hit for hit in struck.hits]
        known = sure(features, now)
        bar_rate = features.bpm / 60.0 / BEATS_A_BAR if known else 0.0
        loop = params.walk_loop
        self._bars = self._place_in_bars(dt, now, features, timing, bar_rate)
        locked = known and params.walk_lock
        pace = WalkMotion(
            speeds=(speeds[0], speeds[1], speeds[2]),
            kicks=(kicks[0], kicks[1], kicks[2]),
            bars=self._bars if locked or loop else None,
            bar_rate=bar_rate if locked else 0.0,
            loop=loop,
        )
        self._walk.advance(dt, pace)
        beat_rate = features.bpm / 60.0 if known else 2.0
        self._pulse = max(max(struck.hits), self._pulse * math.exp(-PULSE_DECAY * beat_rate * dt))

    def _place_in_bars(self, dt: float, now: float, features: AudioFeatures, timing: Timing, bar_rate: float) -> float:
        """Return the position in bars at the moment this frame is seen.

        It never runs backwards, and does not jump when a tempo is found or lost.
        """
        if bar_rate <= 0.0:
            return self._bars + FREE_BARS * dt
        ahead = landing(now, features, timing) - features.beats - features.beat_phase
        wanted = features.bar_phase + ahead / BEATS_A_BAR
        step = bar_rate * dt
        behind = phase_error(wanted - self._bars - step)
        return self._bars + step + max(-0.5 * step, min(0.5 * step, behind * min(1.0, 4.0 * dt)))

    def _words(
        self, dt: float, now: float, features: AudioFeatures, params: Params
    ) -> tuple[tuple[Prompt, Prompt], bool]:
        """Return the prompts to fade from and to, and True if they differ from those of the last frame."""
        knobs = _knobs(params)
        was_fading = self._cue.fading
        self._cue.set(self._turns.step(now, wanted_prompt(params), features, knobs), params.fade)
        self._cue.advance(dt)
        self._notes.advance(dt, features, knobs, self._turns.held(now, knobs))
        words = self._notes.mixed(self._cue.previous, knobs), self._notes.mixed(self._cue.prompt, knobs)
        other = _difference(words[1], self._drawn.words[1]) > OTHER_WORDS
        return words, was_fading or self._cue.fading or self._seeds.fading or other

    def _is_cut(self, noise: np.ndarray, prompt: Prompt) -> bool:
        """Return True if a seed or a prompt has jumped since the last drawn frame, rather than faded."""
        drawn = self._drawn
        if drawn.noise is None:
            return True
        rewritten = not self._cue.fading and _difference(prompt, drawn.words[1]) > OTHER_WORDS
        return rewritten or similarity(noise, drawn.noise) < UNRELATED

    def _decide_reuse(
        self, now: float, features: AudioFeatures, noise: np.ndarray, rewritten: bool, strength: float
    ) -> Reuse:
        drawn = self._drawn
        alike = -1.0 if drawn.noise is None else similarity(noise, drawn.noise)
        moment = Moment(
            similarity=min(alike, self._pictures.similarity),
            energy=features.energy,
            since_onset=now - self._struck_at,
            changed=rewritten or self._pictures.changed,
            since_full=now - drawn.full,
        )
        reuse = self._filter.decide(moment, strength)
        if reuse is Reuse.NONE:
            drawn.full = now
        return reuse

    def _drift(self, dt: float, params: Params) -> tuple[float, float, float, float]:
        """Return the movement of the fed-back latents: zoom factor, turn (rad), pan right and down (shares of the
        picture).
        """
        pulse = dt * (0.15 + 0.85 * self._pulse)
        zoom, turn = params.latent_zoom * pulse, params.latent_turn * pulse
        return math.exp(zoom), turn, params.latent_pan_x * pulse, params.latent_pan_y * pulse


def wanted_prompt(params: Params) -> Prompt:
    """Return the blend of prompts, or the single prompt if there is none."""
    return params.prompt_list or params.prompt


def wanted_seeds(params: Params) -> SeedBlend:
    """Return the seeds to blend, or the single seed if there are none."""
    blend = tuple(pair for pair in params.seed_list if pair[1] > 0.0)
    return blend or ((params.seed, 1.0),)


def _knobs(params: Params) -> MusicPromptKnobs:
    return MusicPromptKnobs(
        notes=note_prompts(params.note_prompts),
        mode=params.note_mode,
        depth=params.note_depth,
        seconds=params.note_seconds,
        sections=split_prompts(params.section_prompts),
        bars=params.section_bars,
        hold=params.prompt_hold,
    )


def _feedback(strength: float, dt: float) -> float:
    """Return the share of the last frame's latents for a frame `dt` seconds after it.

    The trail decays equally fast at any frame rate.
    """
    return strength ** (min(dt, MAX_DT) / FEEDBACK_PERIOD) if strength > 0.0 else 0.0


def _difference(a: Prompt, b: Prompt) -> float:
    """Return the sum of the differing weights of two prompts, 0..2."""
    first, second = (dict(((p, 1.0),) if isinstance(p, str) else p) for p in (a, b))
    return sum(abs(first.get(text, 0.0) - second.get(text, 0.0)) for text in first.keys() | second.keys())
