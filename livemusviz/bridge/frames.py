"""Carries requests from the director to the engine, and generated frames from the engine to the display.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sources import SourcePicture
from livemusviz.params.params import Params

Prompt = str | tuple[tuple[str, float], ...]
"""A prompt: a text, or several with weights >= 0, of which only the ratios count."""


@dataclass(frozen=True, slots=True)
class Timing:
    """seconds : from a frame's start to the middle of its appearance on the screen.  period : between frames, s."""

    seconds: float = 0.0
    period: float = 1.0 / 30.0


@dataclass(frozen=True, slots=True)
class DirectorInput:
    """Holds what the director decides by, as of one moment. params : with what the sound moves moved."""

    features: AudioFeatures
    params: Params
    timing: Timing


class Reuse(IntEnum):
    """Reuse levels of a frame, in falling order of cost."""

    NONE = 0
    """The whole UNet is evaluated."""
    DEEP_FEATURES = 1
    """The UNet's outer layers are, with the deep features of the last full frame."""
    LATENTS = 2
    """No UNet: the latents move on towards the last denoised ones and are decoded."""
    FRAME = 3
    """Nothing is computed: the last picture stays."""


@dataclass(frozen=True, slots=True)
class ControlLevel:
    """The faders of a ControlNet or T2I-Adapter.  scale : 0..2, of its residuals; 0 is off.  interval : full frames
    that use the same residuals."""

    scale: float = 1.0
    interval: int = 1


@dataclass(frozen=True, slots=True)
class Controls:
    """Describes one frame that the director asks the engine for.

    noise : float32 (h, w, c), unit normal.
    prompt, previous_prompt : to fade to and from.
    fade : 0..1; 0 is all previous, 1 is all prompt.
    feedback : 0..1, weight of the previous denoised latents.
    compute : False skips this frame.
    time : s, of the features behind it.
    reuse : what may be taken from earlier frames.
    drift : of the fed-back latents: zoom factor, turn (rad, clockwise), pan right and down (shares of the picture).
    next_start : s, time before which the next slot need not begin; 0 is at once.
    place : angles of the walk; `Director.noise_at` makes their noise again.
    guidance_scale, delta, negative_prompt : read by models with guidance.
    lora_weight : factor on live LoRAs.
    cached_attention, cache_frames, cache_interval : of self-attention, see cached_attention.py.
    cut : True where this frame has nothing to do with the one before.
    steps, t_list : of the denoising, see `Pipeline.reschedule`.
    picture : to start from, None is noise alone.
    strength : 0..1, how far from that picture.
    control_levels : of the ControlNets, in their order.
    style, previous_style, style_fade : styles to fade to and from, as the prompts; "" is none.
    style_scale : 0..2, weight of the style.
    """

    noise: np.ndarray
    prompt: Prompt
    previous_prompt: Prompt
    fade: float
    feedback: float
    compute: bool
    time: float
    reuse: Reuse = Reuse.NONE
    drift: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    next_start: float = 0.0
    place: tuple[float, ...] = ()
    guidance_scale: float = 1.0
    delta: float = 1.0
    negative_prompt: str = ""
    lora_weight: float = 1.0
    cached_attention: float = 0.0
    cache_frames: int = 1
    cache_interval: int = 1
    cut: bool = False
    steps: int = 0
    t_list: tuple[int, ...] = ()
    picture: SourcePicture | None = None
    strength: float = 1.0
    control_levels: tuple[ControlLevel, ...] = ()
    style: Prompt = ""
    previous_style: Prompt = ""
    style_fade: float = 1.0
    style_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Holds a generated picture.

    image : uint8 (H, W, 4) RGBA, C-contiguous, top row first.
    seq : number of the frame, from 1.
    time : s, capture time of the sound that it answers.
    made : s, time at which it was finished.
    duration : s, for which the engine worked on it.
    """

    image: np.ndarray
    seq: int
    time: float
    made: float
    duration: float
