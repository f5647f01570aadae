"""Translates the options of a show into those of each room. Pure but for the folders of this machine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from livemusviz.audio.spec import AudioSpec
from livemusviz.diffusion.choice import ModelChoice
from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.opening import EngineSpec
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.display.options import DisplayOptions
from livemusviz.folders import cache_folder, user_folder
from livemusviz.live.config import LiveConfig
from livemusviz.params.params import Params
from livemusviz.session.content import Content
from livemusviz.sources.spec import NONE

log = logging.getLogger(__name__)


class ShowLength:
    """Decides when a show is over: after `seconds` (None is never) since it began, or when it was asked to end."""

    def __init__(self, seconds: float | None, began: float | None) -> None:
        """began : s; None is not yet."""
        self._seconds, self._began = seconds, began
        self.ended = False

    def begin(self, now: float) -> bool:
        """Count from `now` (s), unless it has begun. True if it begins now."""
        if self._began is not None:
            return False
        self._began = now
        return True

    def end(self) -> None:
        """Be over."""
        self.ended = True

    def is_over(self, now: float) -> bool:
        """Return True if it is over at `now`, s."""
        if self._seconds is None or self._began is None:
            return self.ended
        return self.ended or now - self._began >= self._seconds


def audio_spec(config: LiveConfig, params: Params) -> AudioSpec:
    """Return the options of the audio process. params : the parameters at the start."""
    return AudioSpec(
        config.input,
        params.gain,
        params.sensitivity,
        loop=config.loop,
        onset=config.onset,
        held=config.wait_for_picture,
    )


def engine_spec(config: LiveConfig) -> EngineSpec:
    """Return the options of the engine."""
    width, height = config.size
    return EngineSpec(
        config.model,
        fallback=ModelSpec(resolve_model(EMBEDDED)),
        height=height,
        width=width,
        max_fps=config.engine_fps,
        pictures=config.picture not in ("", NONE),
        budget=config.budget,
        find=model_choice(config).find,
        control_pictures=config.control_pictures,
        style_pictures=config.style_pictures,
    )


def model_choice(config: LiveConfig) -> ModelChoice:
    """Return the models that the show can change to."""
    return ModelChoice(config.model, config.models, str(config.flags.get("vae", "auto")))


def display_options(config: LiveConfig, content: Content, shaders: Mapping[str, Path]) -> DisplayOptions:
    """Return the options of the display. Bad presets are logged, and their shaders not prepared."""
    needed, problems = content.needed_shaders()
    for problem in problems:
        log.warning("%s", problem)
    return DisplayOptions(
        canvas=config.canvas,
        fps=config.budget.fps,
        headless=config.headless,
        fullscreen=config.fullscreen or bool(config.span),
        screen=config.screen,
        span=config.span,
        window_size=config.canvas,
        operator=config.operator,
        shaders=shaders,
        prepare=needed,
        frame=config.size,
        quality_ladder=config.quality_ladder,
        first_rung=config.budget.first_rung,
        other_fps=config.budget.other_fps,
        shares_cores=config.budget.shares_cores,
        marker=cache_folder() / "shader-on-trial.json",
        maps=user_folder() / "screens.json",
    )
