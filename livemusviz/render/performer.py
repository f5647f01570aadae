"""Who plays the film: the parameters as they change, and what they and the sound make of the canvas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE, SOUND_KEPT
from livemusviz.bridge.view import View
from livemusviz.params.params import Params
from livemusviz.params.registry import REGISTRY
from livemusviz.params.values import ParamValues
from livemusviz.scenery import Scenery


class Performer:
    """values : of all parameters, now. `step` for each frame of the film in turn."""

    def __init__(self, values: ParamValues, scenery: Scenery, sound: Iterator[np.ndarray]) -> None:
        """scenery : with the preset of `values` on.  sound : the track from its start, float32 (n, CHANNELS)."""
        self.values = values.within(REGISTRY.plus(scenery.params()))
        self._scenery = scenery
        self._blocks, self._next = sound, 0  # the sample after the newest one heard
        self._sound = np.zeros((SOUND_KEPT, CHANNELS), np.float32)
        self._ahead = np.zeros((0, CHANNELS), np.float32)

    def change(self, time: float, values: Mapping[str, object]) -> None:
        """Take over new values of parameters, a preset by its name, inputs of shaders ("fx/SHADER/INPUT"). UserError if
        one cannot be."""
        if values.get("preset"):
            self.values = self._scenery.load(str(values["preset"]), self.values)
        inputs = {name: value for name, value in values.items() if name.startswith("fx/")}
        for name, value in inputs.items():
            self._scenery.apply(ControlEvent(name, value, time), self.values)  # type: ignore[arg-type]
        self.values = self.values.with_values({name: value for name, value in values.items() if name not in inputs})

    def step(self, time: float, features: AudioFeatures) -> tuple[View, Params]:
        """The canvas at `time` (s), and the parameters with what the sound moves moved."""
        values = self.values
        due = self._scenery.due(time, values)
        if due is not None:
            self.values = values = self._scenery.load(due, values)
        scene, driven = self._scenery.move(time, features, values)
        view = View(
            blackout=values.params.blackout,
            freeze=values.params.freeze,
            scene=scene,
            fade=values.params.fade,
            flash_limit=values.params.flash_limit,
            sound=self._heard(time),
        )
        return view, driven.params

    def _heard(self, time: float) -> np.ndarray:
        """float32 (SOUND_KEPT, CHANNELS), the sound up to `time`."""
        wanted = round(time * SAMPLE_RATE) - self._next
        while len(self._ahead) < wanted and (block := next(self._blocks, None)) is not None:
            self._ahead = np.concatenate([self._ahead, block])
        new, self._ahead = self._ahead[: max(0, wanted)], self._ahead[max(0, wanted) :]
        self._next += len(new)
        self._sound = np.concatenate([self._sound, new])[-SOUND_KEPT:]
        return self._sound
