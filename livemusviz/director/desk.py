"""The desk: what the performer asks for on its way to what is done. Pure; one call a display frame.

Here steps become values, taps become a tempo, cues become prompts, and what is to begin on a beat or bar waits for it.
What comes out is for the show to apply in that order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from livemusviz.bridge.control import ControlEvent, ExternalTempi
from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.tempo import GRACE, Tempo
from livemusviz.errors import UserError
from livemusviz.params.param import Value
from livemusviz.params.values import ParamValues

MAX_WAITING = 64
BPM_STEP = 0.05  # a tempo that moved by less is not told


@dataclass(frozen=True, slots=True)
class Turn:
    """events : absolute values and actions to apply now, in order.  errors : what to tell the performer."""

    events: tuple[ControlEvent, ...] = ()
    errors: tuple[str, ...] = ()


class Desk:
    """Holds the tempo and the changes that wait. `tempo` may be read at any time on the desk's thread."""

    def __init__(self, values: ParamValues, now: float, rng: np.random.Generator) -> None:
        self.tempo = Tempo(values.params.bpm, now)
        self.tempo.lead(values.params.tempo_source)
        self.touched = ""  # address of what the performer asked for last: what the key M learns
        self._rng = rng
        self._waiting: list[tuple[ControlEvent, int]] = []  # with the cell of the grid it was asked for in
        self._registry = values.registry
        self._out: list[ControlEvent] = []
        self._now: dict[str, Value] = {}
        self._outside = ExternalTempi()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of what waits for its beat or bar, oldest first."""
        return tuple(event.name for event, _ in self._waiting)

    def step(
        self,
        events: Iterable[ControlEvent],
        now: float,
        values: ParamValues,
        features: AudioFeatures,
        outside: ExternalTempi,
    ) -> Turn:
        """Take `events`, let time pass until `now` (s), and say what is to be done."""
        self._now, self._registry, self._out = dict(values.values), values.registry, []
        self._outside, errors = outside, list[str]()
        self.tempo.beats_per_bar = values.params.beats_per_bar
        self.tempo.step(now, features, outside.link, outside.midi)
        for event in events:
            try:
                self._take(event)
            except UserError as error:
                errors.append(str(error))
        for event in self._due():
            try:
                self._play(event)
            except UserError as error:
                errors.append(str(error))
        bpm = round(self.tempo.now().bpm, 1)
        known = self._now["bpm"]
        if isinstance(known, float) and abs(bpm - known) > BPM_STEP:
            self._emit(ControlEvent("bpm", bpm, now))
        return Turn(tuple(self._out), tuple(errors))

    # --- one event ------------------------------------------------------------------------------

    def _take(self, event: ControlEvent) -> None:
        param = self._registry.lookup(event.name)
        if event.name not in ("learn", "forget"):
            self.touched = param.address
        if event.relative:
            step = event.value
            if isinstance(step, bool) or not isinstance(step, int | float):
                raise UserError(f"{param.name}: a step is a number")
            moved = param.moved(self._pending(event.name), float(step))
            event = replace(event, value=moved, relative=False)
        cell = self._cell(event)
        if not param.quantised or cell is None:
            self._play(event)
            return
        if param.kind != "action":
            self._waiting = [(other, at) for other, at in self._waiting if other.name != event.name]
        self._waiting.append((event, cell))
        del self._waiting[:-MAX_WAITING]

    def _pending(self, name: str) -> Value:
        """The value that a step starts from: the one that waits, or else the one there is."""
        return next((other.value for other, _ in reversed(self._waiting) if other.name == name), self._now[name])

    def _cell(self, event: ControlEvent) -> int | None:
        """Where on the grid the event was asked for; None if it need not wait, as when it is only just late."""
        quantise, beat = str(self._now["quantise"]), self.tempo.now()
        here, before = beat.cell(quantise), beat.cell(quantise, late=GRACE)
        return here if here == before else None

    def _due(self) -> list[ControlEvent]:
        cell = self.tempo.now().cell(str(self._now["quantise"]))
        due = [event for event, at in self._waiting if cell is None or at != cell]
        self._waiting = [(event, at) for event, at in self._waiting if cell is not None and at == cell]
        return due

    def _play(self, event: ControlEvent) -> None:
        """Do what `event` asks for; UserError if that cannot be."""
        name, tempo = event.name, self.tempo
        if name == "tap":
            tempo.tap(event.time)
        elif name == "tempo_double":
            tempo.scale(2.0, event.time)
        elif name == "tempo_half":
            tempo.scale(0.5, event.time)
        elif name == "tempo_resync":
            tempo.resync(event.time)
        elif name in ("cue_next", "cue_previous", "cue_random"):
            self._cue(event, self._other_cue(name))
        elif name == "cue_number":
            self._cue(event, int(str(event.value)))
        else:
            self._set(event)

    def _set(self, event: ControlEvent) -> None:
        name, value, tempo = event.name, event.value, self.tempo
        if name == "bpm":
            tempo.set_bpm(float(str(value)), event.time)
        elif name == "nudge":
            tempo.nudge(float(str(value)), event.time)
        elif name == "tempo_source":
            if value == "link" and self._outside.link is None:
                raise UserError("tempo_source: this show is not on Ableton Link; start it with --link")
            tempo.lead(str(value))
        elif name == "beats_per_bar":
            tempo.beats_per_bar = int(str(value))
        self._emit(event)
        if name == "prompt":
            self._emit(replace(event, name="prompt_list", value=()))  # one prompt takes the place of a blend
        if name in ("prompt", "prompt_list", "cue_list"):
            self._emit(replace(event, name="cue_number", value=0))
        if name == "seed":
            self._emit(replace(event, name="seed_list", value=()))

    def _emit(self, event: ControlEvent) -> None:
        if self._registry.lookup(event.name).kind != "action":
            if event.name in ("prompt_list", "cue_number", "seed_list") and self._now[event.name] == event.value:
                return
            self._now[event.name] = event.value
        self._out.append(event)

    # --- cues -----------------------------------------------------------------------------------

    def _cues(self) -> list[tuple[str, float]]:
        """The cue list as (prompt, weight)."""
        return list(cast("tuple[tuple[str, float], ...]", self._now["cue_list"]))

    def _other_cue(self, action: str) -> int:
        cues, number = self._cues(), int(str(self._now["cue_number"]))
        if not cues:
            raise UserError('no cues to play; send /cue/list ["a prompt", "another"]')
        if action == "cue_next":
            return number % len(cues) + 1
        if action == "cue_previous":
            return (number - 2) % len(cues) + 1 if number else len(cues)
        weights = np.array([0.0 if i + 1 == number else weight for i, (_, weight) in enumerate(cues)])
        if weights.sum() == 0.0:  # nothing else has any weight
            return number or 1
        return int(self._rng.choice(len(cues), p=weights / weights.sum())) + 1

    def _cue(self, event: ControlEvent, number: int) -> None:
        cues = self._cues()
        if number > len(cues):
            raise UserError(f"cue_number: {number} of {len(cues)} cues; send more in /cue/list")
        if number:
            self._set(ControlEvent("prompt", cues[number - 1][0], event.time))
        self._emit(ControlEvent("cue_number", number, event.time))
