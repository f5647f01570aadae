"""Plays presets: the present scene, the next one, and the inputs that the sound moves. Pure; one thread.

Time and features are given, so the same calls make the same scenes.
"""

from __future__ import annotations

import re

import numpy as np

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import Scene
from livemusviz.director.playlist import PresetPlayer
from livemusviz.director.stage import Stage, fx_params
from livemusviz.params.param import Param, Value
from livemusviz.params.params import Params
from livemusviz.params.values import ParamValues
from livemusviz.session.content import Content
from livemusviz.session.step import SavePreset

SAVED = ("float", "int", "bool", "str", "choice")  # kinds of parameters that a saved preset holds
ENTRY = re.compile(r"#(\d{1,3})")  # an entry by its number instead of a preset's name


class ScenePlayer:
    """Holds the scene with the performer's inputs (`stage`), and the place in the playlist (`player`)."""

    def __init__(self, content: Content, values: ParamValues, now: float = 0.0) -> None:
        """Put the preset of `values` on, if it names one. now : s. UserError for what is bad."""
        self._content = content
        self.stage = Stage(content.shaders)
        self.player = PresetPlayer(content.entries, np.random.default_rng(values.params.seed))
        self._moved = now  # s, time of the last scene
        if values.params.preset:
            self.load(values.params.preset, values)

    def load(self, name: str, values: ParamValues) -> ParamValues:
        """Put a preset on and return `values` with its own.

        name : or "#3" for the third entry of the playlist. A blend or a cue gives way to the prompt of a preset that
        has one. UserError, and no change, if the preset is bad.
        """
        number = ENTRY.fullmatch(name)
        if number:
            name = self.player.number(int(number[1]))
        preset = self._content.load(name)
        fresh: dict[str, object] = {"prompt_list": (), "seed_list": ()} if "prompt" in preset.values else {}
        changed = values.with_values({**fresh, **preset.values, "cue_number": 0, "preset": name})
        self.stage.load(preset.look)
        self.player.loaded(name)
        return self.with_inputs(changed)

    def params(self) -> tuple[Param, ...]:
        """Return the inputs of built-in shaders and of those that presets name, for the registry."""
        wanted = {*self._content.built_in, *self._content.needed_shaders()[0]}
        return fx_params({name: header for name, header in self.stage.shaders.items() if name in wanted})

    def with_inputs(self, values: ParamValues) -> ParamValues:
        """Return `values` with the shaders' inputs as the scene has them."""
        actions = values.registry.actions
        names = [name for name in values.inputs if name.startswith("fx/") and name not in actions]
        inputs: dict[str, Value] = {name: self.stage.fixed_value(*name.split("/")[1:]) for name in names}
        return values.with_values(inputs)

    def saved(self, name: str, values: ParamValues) -> SavePreset:
        """Return the request to save what is on as preset `name`, made of the preset that is on."""
        base, known = values.params.preset, values.registry.by_name
        settable = {
            key: value for key, value in values.values.items() if known[key].preset and known[key].kind in SAVED
        }
        changed = {key: value for key, value in settable.items() if base or value != known[key].default}
        return SavePreset(name, base, changed, self.stage.own_inputs)

    def due(self, now: float, params: Params) -> str | None:
        """Return the preset to load at `now` (s) because the autopilot says so, or None."""
        self.player.locked = params.lock
        return self.player.due(now, params.autopilot)

    def move(self, now: float, features: AudioFeatures, values: ParamValues) -> tuple[Scene, ParamValues]:
        """Return the scene of time `now`, s, and the values with those that the sound moves moved."""
        dt, self._moved = now - self._moved, now
        params = values.params
        self.stage.base = {("feedback", "zoom"): params.zoom, ("feedback", "pulse"): params.pulse}
        scene, driven = self.stage.step(dt, features)
        return scene, values.with_values(driven) if driven else values
