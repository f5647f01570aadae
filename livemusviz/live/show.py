"""Runs the live show: opens the rooms, runs the threads, and does what the session asks.

Order matters: the audio process is spawned before mlx is imported, and the display keeps the main thread.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from statistics import median
from types import FrameType
from typing import Any

import numpy as np

from livemusviz import __version__
from livemusviz.assets import find_content, find_presets, write_preset
from livemusviz.audio.host import AudioHost
from livemusviz.audio.intake import AudioIntake
from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.events import CoalescedEvents
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import DirectorInput, Frame, Timing
from livemusviz.bridge.handover import Handover
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.view import View
from livemusviz.clock import SystemClock
from livemusviz.control.controllers import Controllers
from livemusviz.diffusion.loop import Engine
from livemusviz.display.loop import run_display
from livemusviz.display.options import DisplayHooks
from livemusviz.display.pacer import Gate
from livemusviz.errors import UserError
from livemusviz.figures import check_writable, write_json
from livemusviz.live.config import LiveConfig
from livemusviz.live.director import LiveDirector
from livemusviz.live.options import ShowLength, audio_spec, display_options, engine_spec, model_choice
from livemusviz.live.outlets import Outlets
from livemusviz.live.publish import Publisher
from livemusviz.live.report import OperatorFigures, Snapshot, figures, recorded_line
from livemusviz.live.stats import ShowStats
from livemusviz.live.trace import Trace
from livemusviz.platforms import END_SIGNALS, IMPATIENT, map_large_blocks
from livemusviz.record.files import check_exact
from livemusviz.session.session import Session
from livemusviz.session.step import (
    ForgetControl,
    LearnControl,
    ProposeTempo,
    Request,
    SavePreset,
    StartRecording,
    Step,
    StopRecording,
)
from livemusviz.signals import signals
from livemusviz.sinks.spec import own_names
from livemusviz.sources.loop import Sources

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.001  # s; the display thread gets the GIL back this soon
TIMED = 15  # frames whose time is taken for the next one's
HALF_FADE = 0.55  # of the time between two frames: half of the display's cross-fade, where none lengthens it
OPENING = 1.5  # s by which the first canvas may wait, so that opening a model does not make those after it late
LEAVE_RATE = 2.0  # Hz, of the state that is kept for a show that takes over


class Show:
    """Runs one live show. Made and run on the main thread."""

    def __init__(self, config: LiveConfig) -> None:
        """Make every room without opening one. UserError for a bad preset, playlist or trace file."""
        self.config, self.clock, self.notices = config, SystemClock(), Notices()
        now = self.clock.now()
        content, shaders = find_content(config.shaders, config.playlist)
        self._options = display_options(config, content, shaders)
        switches = [spec.param for spec in config.outs]
        self.session = Session(content, config.values, now, np.random.default_rng(), switches)
        params = self.session.values.params
        self.audio = AudioHost(audio_spec(config, params), self.clock, now)
        self._intake = AudioIntake(self.audio)
        registry = self.session.values.registry
        self.events = CoalescedEvents(registry.actions)
        self.control = Controllers(config.control, self.clock, self.events, params.bpm, registry, self.notices)
        self.outlets = Outlets(config, self.clock, self.notices, self.audio, self.control, self._about)
        first = DirectorInput(AudioFeatures.rest(now), params, Timing())
        trace = None if config.trace is None else Trace(config.trace, self.clock, now, self.notices)
        sources = Sources(
            config.picture,
            config.size,
            self.clock,
            self.notices,
            config.pictures,
            ours=own_names(config.outs),
        )
        self._director = LiveDirector(first, self.clock, self.outlets.recorder.note, sources, trace)
        self.engine = Engine(engine_spec(config), self._director.open, self.clock, notices=self.notices)
        self.stats = ShowStats(now)
        self._publisher = Publisher(self.control, self.notices, tuple(find_presets()), model_choice(config).names())
        self._operator, self._leaving = OperatorFigures(), Gate(LEAVE_RATE)
        self._length = ShowLength(config.duration, None if config.wait_for_picture else now)
        self.step = self.session.play(now, first.features)
        for name, value in config.before.values.items():
            if name.startswith(("fx/", "out/")):
                self.events.put(ControlEvent(name, value, now))

    def run(self) -> dict[str, Any]:
        """Run to its end and return the figures of `--stats`."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        if self.config.record is not None:
            check_exact(self.config.record)
        if self.config.stats is not None:
            check_writable(self.config.stats)
        with ExitStack() as stack, signals(END_SIGNALS, self._signalled):
            stack.callback(self._director.close)
            self.audio.start()
            stack.callback(self.audio.close)
            stack.callback(self.control.close)
            self.control.start()
            self._director.sources.start()
            stack.callback(self._director.sources.close)
            self.engine.start(OPENING)
            stack.callback(self.engine.close)
            stack.callback(self._close_outlets)
            self.outlets.start()
            shown = run_display(self._options, self._hooks(), self.clock)
        self.stats.generate, self.stats.osc = list(self.engine.seconds), self.control.osc.counts
        return figures(self._snapshot(), self.config, self.stats, shown)

    def _hooks(self) -> DisplayHooks:
        return DisplayHooks(
            frames=self.engine.frames,
            tick=self._tick,
            on_key=self._key,
            on_picture=self.outlets.put_picture,
            picture_fps=self.outlets.outputs.fps,
            wants_pictures=self.outlets.wants_pictures,
            on_texture=self.outlets.put_texture,
            on_shown=self._shown,
            on_onset_shown=self.stats.onset_shown,
            on_problem=self._warn,
            on_health=self.stats.take_health,
        )

    def _warn(self, text: str) -> None:
        """Tell the performer of a problem of the display, and the show log."""
        self.notices.put(logging.WARNING, text, "display")
        self.outlets.recorder.note(self.clock.now(), {"problem": text})

    # --- each display frame ---------------------------------------------------------------------

    def _tick(self, now: float) -> tuple[AudioFeatures, View] | None:
        """Step the session and do what it asks; None ends the show. The display calls it before each of its frames."""
        if self._length.is_over(now):
            return None
        self.engine.look(now)
        if self.engine.status.generated or self.engine.status.state == "failed":
            self._begin_music(now)
        before, recorder = self.step, self.outlets.recorder
        params = before.values.params
        self._intake.step(self.clock.now(), late=max(0.0, params.latency_offset))
        features, sound = self._intake.features, self._intake.sound
        external = self.control.external_tempi(now, params.beats_per_bar)
        self.step = step = self.session.step(now, features, sound, self.events.drain(), external)
        self._director.inputs.put(DirectorInput(step.features, step.params, self._timing()))
        if step.changes:
            recorder.note(now, {"values": step.changes})
        for error in step.errors:
            self.notices.error(error, "show")
        for request in step.requests:
            self._do(request)
        if features.onset or step.requests or step.errors or step.values is not before.values:
            self.engine.wake()
        self.audio.set_gain(step.values.params.gain)
        self.audio.set_sensitivity(step.values.params.sensitivity)
        self._choose_input(step.values.params.input)
        self._choose_picture(step.values.params.picture)
        self._choose_model(step.values.params.model)
        self.stats.recorded += recorder.take_finished()
        self.outlets.outputs.step(now, step.values.values)
        inputs = tuple(name for name, _ in self.audio.inputs)
        self._publisher.publish(step, self.engine.status, recorder.status, inputs, self.outlets.outputs.statuses)
        if self.config.leave is not None and self._leaving.opens(now):
            self.config.leave(self._handover(now))
        return step.features, self._view(now, step)

    def _choose_input(self, wanted: str) -> None:
        """Ask for the audio input that the performer names. A refusal becomes a notice, and the old input stays."""
        refused = self._intake.follow_input(wanted)
        if refused:
            self.notices.error(refused, "audio")
            self.session.apply({"input": self._intake.input})

    def _choose_picture(self, wanted: str) -> None:
        """Ask for the source of pictures that the performer names, as `_choose_input` does."""
        refused = self._director.sources.follow(wanted)
        if refused is not None:
            self.notices.error(refused[1], "sources")
            self.session.apply({"picture": refused[0]})

    def _choose_model(self, wanted: str) -> None:
        """Ask for the model that the performer names. A refusal becomes a notice, and the old model goes on."""
        refused, name = self.engine.models.follow(wanted)
        if refused:
            self.notices.error(refused, "engine")
        if name != wanted:
            self.session.apply({"model": name})

    def _begin_music(self, now: float) -> None:
        """Let a file begin that waits for the first picture: it is there, or none will come."""
        if self._length.begin(now):
            self.audio.play()
            log.info("%s begins to play", self.config.input)

    def _view(self, now: float, step: Step) -> View:
        """Return the session's view with the operator's figures in it."""
        self._operator.step(now, step.features, None if self.config.headless else self._snapshot)
        lines, meter = self._operator.lines, self._operator.meter
        return replace(step.view, hud_lines=lines, hud_code=self.control.code, meter=meter)

    def _timing(self) -> Timing:
        """Return how long after its beginning a frame is seen: computed, fetched by the display, half faded in."""
        recent = self.engine.status.seconds[-TIMED:]
        spent = median(recent) if recent else 0.0
        period = max(spent, 1.0 / self.config.engine_fps)
        seen = spent + 1.0 / (self.stats.health.fps or self.config.budget.fps) + HALF_FADE * period
        return Timing(seen - self.session.values.params.latency_offset, period)

    def _do(self, request: Request) -> None:
        """Do what the session asks for. An error becomes a notice, and the show goes on as before."""
        try:
            match request:
                case StartRecording(label):
                    self.outlets.recorder.begin(label)
                case StopRecording():
                    self.outlets.recorder.end()
                case LearnControl(wish):
                    self.control.learn(wish)
                case ForgetControl(address):
                    self.control.forget(address)
                case SavePreset():
                    log.info("saved %s", write_preset(request))
                case ProposeTempo(bpm, beat):
                    self.control.propose(bpm, beat)
        except UserError as error:
            self.notices.error(str(error), "show")

    def _key(self, action: str) -> None:
        """Put the event that a key of the operator's window asks for."""
        now = self.clock.now()
        param = self.session.values.registry.by_name.get(action)
        if action == "quit":
            self._length.end()
        elif action == "record":
            self.events.put(ControlEvent("record_stop" if self.outlets.recorder.recording else "record_start", "", now))
        elif action == "learn":
            self.events.put(ControlEvent("learn", self.session.touched, now))
        elif action.startswith("preset "):
            self.events.put(ControlEvent("preset", f"#{action.removeprefix('preset ')}", now))
        elif param is not None:
            toggled = not self.session.values.value(action) if param.kind == "bool" else ""
            self.events.put(ControlEvent(action, toggled, now))

    def _shown(self, frame: Frame, time: float) -> None:
        """Note that a generated frame was presented for the first time at `time`, s."""
        self.stats.shown(frame, time)
        self.outlets.put_frame(frame)

    # --- reports --------------------------------------------------------------------------------

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            step=self.step,
            audio=self.audio.status,
            engine=self.engine.status,
            display=self.stats.health,
            record=self.outlets.recorder.status,
            outs=self.outlets.outputs.statuses,
            picture=self._director.sources.status,
            osc_port=self.control.osc.port,
            late_ms=self.stats.late_ms(),
            message=self._publisher.message,
            unknown=self._publisher.unknown,
            controllers=self.control.hud_lines(),
        )

    def _about(self) -> dict[str, Any]:
        """Return the first line of a show log."""
        config, values = self.config, self.session.values
        return {
            "version": __version__,
            "date": datetime.now().astimezone().isoformat(timespec="milliseconds"),
            "model": self.engine.status.about.get("model", ""),
            "flags": dict(config.flags),
            "seed": values.params.seed,
            "size": list(config.size),
            "latents": list(self._director.latents.get() or ()),
            "canvas": list(config.canvas),
            "engine_fps": config.engine_fps,
            "values": self.session.settings(),
        }

    def _handover(self, now: float) -> Handover:
        recorder = self.outlets.recorder
        path = recorder.status.path if recorder.recording else None
        seconds = self.config.before.seconds + now - self.stats.began
        return replace(
            self.config.before,
            values={**self.session.settings(), **self.session.switches()},
            recording=path,
            seconds=seconds,
        )

    # --- the end --------------------------------------------------------------------------------

    def _close_outlets(self) -> None:
        self.stats.recorded += self.outlets.close()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._length.ended and number in IMPATIENT:
            os._exit(128 + number)  # the second request ends it at once
        self._length.end()


def run_live(config: LiveConfig) -> int:
    """Check what can be checked, run the show, write its figures. Returns the exit status."""
    map_large_blocks()
    show = Show(config)
    gc.collect()
    gc.freeze()  # else full collections while the model loads would hold the display up for tens of milliseconds
    told = show.run()
    if show.stats.recorded:
        log.info("%s", recorded_line(show.stats.recorded))
    if config.leave is not None:
        config.leave(replace(config.before, ended=True))
    if config.stats is not None:
        write_json(config.stats, told)
    return 0
