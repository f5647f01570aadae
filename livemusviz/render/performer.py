"""Who plays the film: the parameters as they change, and what they and the sound make of the canvas.

No clock of its own: the same steps give the same views.
"""

from __future__ import annotations

from collections.abc import Mapping

from livemusviz.bridge.types import AudioFeatures, View
from livemusviz.director.params import ParamValues
from livemusviz.scenery import Scenery


class Performer:
    """values : of all parameters, now."""

    def __init__(self, values: ParamValues) -> None:
        self.values = values
        self._scenery = Scenery(values)

    def change(self, values: Mapping[str, object]) -> None:
        """Take over new values of some parameters, and the look of a new preset. UserError, and all as it was, if one
        cannot be."""
        changed = self.values.with_values(values)
        if changed.text("preset") != self.values.text("preset") and changed.text("preset"):
            self._scenery.load(changed.text("preset"), changed)
        self.values = changed

    def step(self, time: float, features: AudioFeatures) -> tuple[View, ParamValues]:
        """The canvas at `time` (s), and the parameters with what the sound moves moved."""
        scene, moved = self._scenery.move(time, features, self.values)
        view = View(
            blackout=self.values.flag("blackout"),
            freeze=self.values.flag("freeze"),
            scene=scene,
            fade=self.values.number("fade"),
        )
        return view, moved
