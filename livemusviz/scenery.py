"""The stage of a show or a render: shaders and presets found as files, the one that is on, and what the sound moves.

Time and features are given, so the same calls make the same scenes. One thread.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from livemusviz.assets import find_presets, load_playlist, load_preset, save_preset, usable_shaders
from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import Scene
from livemusviz.director.playlist import Entry, PresetPlayer
from livemusviz.director.stage import Stage, fx_params
from livemusviz.errors import UserError
from livemusviz.params.param import Param, Value
from livemusviz.params.values import ParamValues
from livemusviz.resources import our_shaders

log = logging.getLogger(__name__)

SAVED = ("float", "int", "bool", "str", "choice")  # kinds of parameters that a saved preset holds
ENTRY = re.compile(r"#(\d{1,3})")  # an entry by its number instead of a preset's name
STEPS = ("next", "previous", "random")  # actions that choose a preset


class Scenery:
    """The director's stage and player with the files behind them.

    paths : every shader found, by name.  stage, player : for the performer's changes.
    """

    def __init__(
        self, values: ParamValues, folders: Iterable[Path] = (), playlist: Path | None = None, now: float = 0.0
    ) -> None:
        """values : `preset` among them is put on.  folders : more shaders.  now : s.  UserError for what is bad."""
        self.paths, headers, problems = usable_shaders(folders)
        for problem in problems:
            log.warning("%s", problem)
        self.stage = Stage(headers)
        every = tuple(Entry(name) for name in find_presets())
        entries = load_playlist(playlist) if playlist is not None else every
        self.player = PresetPlayer(entries, np.random.default_rng(values.params.seed))
        self._moved = now
        if values.params.preset:
            self.load(values.params.preset, values)

    def load(self, name: str, values: ParamValues) -> ParamValues:
        """Put a preset on; `values` with its own. A blend or a cue gives way to the prompt of a preset that has one.
        UserError, and everything as it was, if it is bad."""
        preset = load_preset(name, self.stage.shaders)
        fresh: dict[str, object] = {"prompt_list": (), "seed_list": ()} if "prompt" in preset.values else {}
        changed = values.with_values({**fresh, **preset.values, "cue_number": 0, "preset": name})
        self.stage.load(preset.look)
        self.player.loaded(name)
        return changed.with_values(self._inputs(changed))

    def params(self) -> tuple[Param, ...]:
        """The inputs of our shaders and of those that presets name, for the registry."""
        wanted = {*our_shaders(), *self.to_come()}
        return fx_params({name: header for name, header in self.stage.shaders.items() if name in wanted})

    def _inputs(self, values: ParamValues) -> dict[str, Value]:
        """What the registry's inputs of shaders are now that a preset has come on."""
        names = [
            param.name for param in values.registry.params if param.name.startswith("fx/") and param.kind != "action"
        ]
        return {name: self.stage.fixed_value(*name.split("/")[1:]) for name in names}

    def apply(self, event: ControlEvent, values: ParamValues) -> ParamValues | None:
        """Do what `event` asks of the stage; the values after it, or None if it asks something else. UserError, and
        everything as it was, if it cannot be."""
        if event.name == "preset":
            number = ENTRY.fullmatch(str(event.value))
            return self.load(self.player.number(int(number[1])) if number else str(event.value), values)
        if event.name in STEPS:
            return self.load(getattr(self.player, event.name)(), values)
        if event.name == "preset_save":
            self.save(str(event.value or values.params.preset), values)
            return values
        if event.name.startswith("fx/"):
            _, shader, name = event.name.split("/", 2)
            action = event.name in values.registry.actions
            self.stage.set_input(shader, name, True if action else event.value)
            return values.with_value(event.name, event.value) if event.name in values.values and not action else values
        return None

    def save(self, name: str, values: ParamValues) -> Path:
        """Write what is on the stage as the user's preset `name`; where it is."""
        base = values.params.preset
        known = values.registry.by_name
        settable = {
            key: value for key, value in values.values.items() if known[key].preset and known[key].kind in SAVED
        }
        changed = {key: value for key, value in settable.items() if base or value != known[key].default}
        path = save_preset(name, base, changed, self.stage.own_inputs)
        log.info("saved %s", path)
        return path

    def due(self, now: float, values: ParamValues) -> str | None:
        """The preset to load now, because the autopilot says so."""
        self.player.locked = values.params.lock
        return self.player.due(now, values.params.autopilot)

    def move(self, now: float, features: AudioFeatures, values: ParamValues) -> tuple[Scene, ParamValues]:
        """The scene of time `now`, s, and the values with those that the sound moves moved."""
        dt, self._moved = now - self._moved, now
        params = values.params
        self.stage.base = {("feedback", "zoom"): params.zoom, ("feedback", "pulse"): params.pulse}
        scene, driven = self.stage.step(dt, features)
        return scene, values.with_values(driven) if driven else values

    def to_come(self) -> tuple[str, ...]:
        """Shaders that the presets to play need, in their order. Presets that are bad are told and left out."""
        needed: list[str] = []
        for entry in self.player.entries:
            try:
                look = load_preset(entry.preset, self.stage.shaders).look
            except UserError as error:
                log.warning("%s", error)
                continue
            needed += [*(look.chain or ()), *(name for name in (look.transition, look.idle) if name)]
        return tuple(dict.fromkeys(needed))
