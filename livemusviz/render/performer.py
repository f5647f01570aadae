"""Who plays the film: the parameters as they change, and what they and the sound make of the canvas. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from livemusviz.bridge.types import AudioFeatures, View
from livemusviz.director.params import ParamValues

EFFECTS = ("zoom", "pulse")


class Performer:
    """values : of all parameters, now."""

    def __init__(self, values: ParamValues) -> None:
        self.values = values

    def change(self, values: Mapping[str, object]) -> None:
        """Take over new values of some parameters. UserError, and all as it was, if one cannot be."""
        self.values = self.values.with_values(values)

    def step(self, time: float, features: AudioFeatures) -> tuple[View, ParamValues]:
        """The canvas at `time` (s), and the parameters with what the sound moves moved."""
        values = self.values
        view = View(
            blackout=values.flag("blackout"),
            freeze=values.flag("freeze"),
            effects=tuple((name, values.number(name)) for name in EFFECTS),
        )
        return view, values
