"""Steps a whole performance: features and events in, values, scene and requests out. Pure.

No threads, clocks, files or OpenGL: time, randomness and presets are given. A show calls `step` for each display frame;
a film, whose changes are placed in time already, calls `apply` and `play`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from livemusviz.bridge.control import ControlEvent, ExternalTempi
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import View
from livemusviz.director.tempo import GRACE, Tempo, with_tempo
from livemusviz.errors import UserError
from livemusviz.params.param import Param, Value
from livemusviz.params.performance import Way
from livemusviz.params.registry import BY_NAME, REGISTRY
from livemusviz.params.values import ParamValues
from livemusviz.session.content import Content
from livemusviz.session.cues import other_cue
from livemusviz.session.maps import parse_map_change
from livemusviz.session.quantise import QuantisedQueue
from livemusviz.session.scenes import ScenePlayer
from livemusviz.session.step import (
    ChangeMap,
    ForgetControl,
    LearnControl,
    ProposeTempo,
    Request,
    StartRecording,
    Step,
    StopRecording,
)

BPM_STEP = 0.05  # a smaller change of the tempo is not logged


class Session:
    """Owns parameters, tempo, cues, presets and scene. Implements the `Performance` that events change.

    touched : address of the performer's last event, which key M learns.
    """

    def __init__(
        self,
        content: Content,
        values: ParamValues,
        now: float = 0.0,
        rng: np.random.Generator | None = None,
        switches: Sequence[Param] = (),
    ) -> None:
        """Begin at `now`, s, with `values` and the preset that they name. rng : chooses cues.  switches : of this
        show's own machinery, no part of the performance. UserError for a bad preset."""
        self.scenes = ScenePlayer(content, values, now)
        registry = REGISTRY.plus([*self.scenes.params(), *switches])
        self._switches = frozenset(param.name for param in switches)
        self.values = self.scenes.with_inputs(values.within(registry))
        self.tempo = Tempo(values.params.bpm, now)
        self.tempo.lead(values.params.tempo_source)
        self.touched = ""
        self._rng = np.random.default_rng(0) if rng is None else rng
        self._queue = QuantisedQueue()
        self._external = ExternalTempi()
        self._requests: list[Request] = []
        self._errors: list[str] = []
        self._logged = self.values  # as the last step left them
        self._staged: dict[str, object] = {}  # presets and inputs set since the last step

    # --- a step ---------------------------------------------------------------------------------

    def step(
        self,
        now: float,
        features: AudioFeatures,
        sound: np.ndarray | None = None,
        events: Iterable[ControlEvent] = (),
        external: ExternalTempi | None = None,
    ) -> Step:
        """Advance to `now` (s), apply `events`, and return what to show and what to do.

        features : the newest.  sound : float32 (n, CHANNELS), the newest samples.  external : tempi of others.
        """
        self._external = external or ExternalTempi()
        self.tempo.beats_per_bar = self.values.params.beats_per_bar
        self.tempo.step(now, features, self._external.link, self._external.midi)
        for event in events:
            self._attempt(self._take, event)
        self.tempo.beats_per_bar = self.values.params.beats_per_bar
        for event in self._queue.due(self.tempo.now().cell(self.values.params.quantise)):
            self._attempt(self._do, event)
        bpm = round(self.tempo.now().bpm, 1)
        if abs(bpm - self.values.params.bpm) > BPM_STEP:
            self.values = self.values.with_value("bpm", bpm)
        proposal = self.tempo.take_proposal()
        if proposal.bpm is not None or proposal.beat is not None:
            self._requests.append(ProposeTempo(proposal.bpm, proposal.beat))
        return self.play(now, with_tempo(features, self.tempo.now(), now), sound)

    def play(self, now: float, features: AudioFeatures, sound: np.ndarray | None = None) -> Step:
        """Return the step of `now` (s) from the values as they are; only the autopilot acts."""
        due = self.scenes.due(now, self.values.params)
        if due is not None:
            self._attempt(self._do, ControlEvent("preset", due, now))
        scene, driven = self.scenes.move(now, features, self.values)
        params = self.values.params
        changes = tuple(each.change for each in self._requests if isinstance(each, ChangeMap))
        view = View(
            blackout=params.blackout,
            freeze=params.freeze,
            hud=params.hud,
            scene=scene,
            fade=params.fade,
            flash_limit=params.flash_limit,
            frame_fade=params.frame_fade,
            sway=params.sway,
            energy=features.energy,
            sound=sound,
            map_grid=params.map_grid,
            map_blend=params.map_blend,
            map_changes=changes,
        )
        requests = tuple(each for each in self._requests if not isinstance(each, ChangeMap))
        self._requests = []
        errors, self._errors = tuple(self._errors), []
        return Step(
            features=features,
            values=self.values,
            params=driven.params,
            view=view,
            beat=self.tempo.now(),
            waiting=self._queue.names,
            requests=requests,
            errors=errors,
            changes=self._take_changes(),
        )

    def apply(self, values: Mapping[str, object]) -> None:
        """Take over values at once: a preset by its name, inputs of shaders ("fx/SHADER/INPUT"), then the others.

        For changes whose effects are known, as from a cue file or a log. UserError if one cannot be.
        """
        if values.get("preset"):
            self.load_preset(str(values["preset"]))
        inputs = {name: value for name, value in values.items() if name.startswith("fx/")}
        for name, value in inputs.items():
            _, shader, each = name.split("/", 2)
            self.set_input(shader, each, value)
        known = {name: value for name, value in values.items() if name not in inputs or name in self.values.inputs}
        self.values = self.values.with_values(
            {name: value for name, value in known.items() if name not in self.values.registry.actions}
        )

    def settings(self) -> dict[str, object]:
        """Return all parameters, and the inputs of shaders that the performer set: a preset sets the others."""
        by_hand = self.scenes.stage.own_inputs.items()
        return {
            **{
                name: value
                for name, value in self.values.values.items()
                if name in BY_NAME and not _acts(BY_NAME[name])
            },
            **{f"fx/{shader}/{name}": value for shader, inputs in by_hand for name, value in inputs.items()},
        }

    def switches(self) -> dict[str, object]:
        """Return the switches of the show's own machinery, as `/out/NAME`."""
        return {name: self.values.value(name) for name in self._switches}

    # --- events ---------------------------------------------------------------------------------

    def _attempt(self, do: Callable[[ControlEvent], None], event: ControlEvent) -> None:
        """Apply the events. An error is returned with the step, and its event changes nothing."""
        try:
            do(event)
        except UserError as error:
            self._errors.append(str(error))

    def _take(self, event: ControlEvent) -> None:
        """Do what `event` asks for, or let it wait for its beat or bar."""
        param = self.values.registry.lookup(event.name)
        if param.learned:
            self.touched = param.address
        if event.relative:
            event = replace(event, value=self._moved(param, event.value), relative=False)
        cell = self._cell()
        if param.quantised and cell is not None:
            self._queue.put(event, cell, replaces=not _acts(param))
        else:
            self._do(event)

    def _moved(self, param: Param, step: object) -> Value:
        """Return the parameter's value after a step, from the one that waits or else the one there is."""
        if isinstance(step, bool) or not isinstance(step, int | float):
            raise UserError(f"{param.name}: a step is a number")
        waiting = self._queue.newest(param.name)
        return param.moved(self.values.value(param.name) if waiting is None else waiting.value, float(step))

    def _cell(self) -> int | None:
        """Return the cell of the grid to wait in; None if there is none, or its change is only just over."""
        quantise, beat = self.values.params.quantise, self.tempo.now()
        here, before = beat.cell(quantise), beat.cell(quantise, late=GRACE)
        return here if here == before else None

    def _do(self, event: ControlEvent) -> None:
        """Do what the event's declaration says, then set its value."""
        param, value = self.values.registry.lookup(event.name), event.value
        if param.do is not None:
            taken = param.do(self, value, event.time)
            value = value if taken is None else taken
        if not _acts(param):
            resets = {name: BY_NAME[name].default for name in param.resets}
            self.values = self.values.with_values({param.name: value, **resets})

    # --- what a declaration may set in motion (see `params.performance`) --------------------------

    def lead_tempo(self, source: str) -> None:
        if source == "link" and self._external.link is None:
            raise UserError("tempo_source: this show is not on Ableton Link; start it with --link")
        self.tempo.lead(source)

    def play_cue(self, number: int, time: float) -> None:
        cues = self.values.params.cue_list
        if number > len(cues):
            raise UserError(f"cue_number: {number} of {len(cues)} cues; send more in /cue/list")
        if number:
            self._do(ControlEvent("prompt", cues[number - 1][0], time))

    def step_cue(self, way: Way, time: float) -> None:
        params = self.values.params
        self._do(ControlEvent("cue_number", other_cue(way, params.cue_number, params.cue_list, self._rng), time))

    def load_preset(self, name: str) -> str:
        self.values = self.scenes.load(name, self.values)
        self._staged = {"preset": self.values.params.preset}  # it replaces inputs that were set before
        return self.values.params.preset

    def step_preset(self, way: Way) -> None:
        self.load_preset(self.scenes.player.step(way))

    def save_preset(self, name: str) -> None:
        self._requests.append(self.scenes.saved(name or self.values.params.preset, self.values))

    def set_input(self, shader: str, name: str, value: object) -> None:
        self.scenes.stage.set_input(shader, name, value)
        self._staged[f"fx/{shader}/{name}"] = value

    def change_map(self, verb: str, text: str) -> None:
        self._requests.append(ChangeMap(parse_map_change(verb, text)))

    def start_recording(self, label: str) -> None:
        self._requests.append(StartRecording(label))

    def stop_recording(self) -> None:
        self._requests.append(StopRecording())

    def learn_control(self, wish: str) -> None:
        self._requests.append(LearnControl(wish))

    def forget_control(self, address: str) -> None:
        self._requests.append(ForgetControl(address))

    # --- for the show log -----------------------------------------------------------------------

    def _take_changes(self) -> dict[str, object]:
        """Return the values that changed since the last step, and the presets and inputs that were set since."""
        before, self._logged = self._logged, self.values
        staged, self._staged = self._staged, {}
        if before is self.values:
            return staged
        changed = {
            name: value
            for name, value in self.values.values.items()
            if value != before.value(name) and name not in self._switches
        }
        if "preset" in staged:  # it brings its shaders' inputs itself
            changed = {name: value for name, value in changed.items() if name not in self.values.inputs}
        return {**changed, **staged}


def _acts(param: Param) -> bool:
    return param.kind == "action"
