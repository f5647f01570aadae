"""The live show: opens every room, lets the main thread draw, closes everything again. The only module that knows all.

Order matters: the audio process is spawned before mlx is imported, and the display keeps the main thread.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import islice
from statistics import median
from types import FrameType
from typing import Any

import numpy as np

from livemusviz import __version__
from livemusviz.assets import cache_folder, find_presets
from livemusviz.audio.host import AudioHost, AudioSpec
from livemusviz.bridge.control import ControlEvent, ShowState
from livemusviz.bridge.events import CoalescedEvents
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls, Frame
from livemusviz.bridge.handover import Handover
from livemusviz.bridge.sound import CHANNELS, SOUND_KEPT
from livemusviz.bridge.view import CanvasPicture, Meter, Scene, View
from livemusviz.clock import SystemClock
from livemusviz.config import LiveConfig
from livemusviz.control.controllers import Controllers
from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.loop import Engine, EngineSpec
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.director.anticipate import Timing
from livemusviz.director.desk import Desk
from livemusviz.director.director import Director
from livemusviz.director.tempo import with_tempo
from livemusviz.display.loop import run_display
from livemusviz.display.options import DisplayHealth, DisplayHooks, DisplayOptions
from livemusviz.display.pacer import Gate
from livemusviz.errors import UserError
from livemusviz.features.delay import FeatureDelay
from livemusviz.params.registry import ACTIONS, BY_NAME, REGISTRY
from livemusviz.platforms import END_SIGNALS
from livemusviz.record.files import check_exact
from livemusviz.record.loop import Recorder, RecordSummary
from livemusviz.record.settings import Effort
from livemusviz.report import Trace, engine_fps, figures, hud_lines, open_trace
from livemusviz.scenery import Scenery
from livemusviz.signals import signals
from livemusviz.stats import EnergyMeter, ShowStats, write_json

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.001  # s; the display thread gets the GIL back this soon
TIMED = 15  # frames whose time is taken for the next one's
HALF_FADE = 0.55  # of the time between two frames: half of the display's cross-fade
HUD_RATE = 5.0  # Hz, how often its figures are made
METER_FALL = 12.0  # dB/s, how fast the meter's peak comes down
LEAVE_RATE = 2.0  # Hz, how often is left what a show that takes over would need


class Show:
    """One live show. Made and run on the main thread."""

    def __init__(self, config: LiveConfig) -> None:
        self.config = config
        self.clock = SystemClock()
        self.scenery = Scenery(config.values, config.shaders, config.playlist, self.clock.now())
        self.registry = REGISTRY.plus(self.scenery.params())
        self.values = config.values.within(self.registry)
        self.stats, self.energy = ShowStats(), EnergyMeter()
        self.features = AudioFeatures.rest(self.clock.now())
        self.error = ""
        self.desk = Desk(self.values, self.clock.now(), np.random.default_rng())
        self._delay = FeatureDelay()
        self.conducted = self.features  # what the engine's last slot was decided by
        self._heard = self.features  # as analysed, before the leading tempo takes its place
        self._ticks = self._problems = 0
        self._presets = tuple(find_presets())
        self.started = self.clock.now()
        self._counted = None if config.wait_for_picture else self.started  # s, from when `duration` is counted
        self._ending = False
        self._latents: tuple[int, ...] = ()  # (h, w), known once the model is loaded
        width, height = config.size
        fallback = ModelSpec(resolve_model(EMBEDDED))
        spec = EngineSpec(config.model, fallback, height, width, config.engine_fps, config.picture, config.budget)
        heard = AudioSpec(
            config.input, self.values.params.gain, loop=config.loop, onset=config.onset, held=config.wait_for_picture
        )
        self.audio = AudioHost(heard, self.clock, self.started)
        self.engine = Engine(spec, self._conduct, self.clock)
        self.events = CoalescedEvents(self.registry.actions)
        self.control = Controllers(config.control, self.clock, self.events, self.values.params.bpm, self.registry)
        self.recorder = Recorder(
            config.recordings,
            config.canvas if config.record_source == "canvas" else config.size,
            self.clock,
            self.audio.block_reader().read,
            about=self._about,
            suffix=f".{config.container}",
            effort=Effort(config.budget.encoder_threads, config.budget.encoder_preset),
        )
        self.recorded: list[RecordSummary] = []
        self._staged: dict[str, Any] = {}  # what was done to the stage since the last frame
        self._logged = self.values  # the parameters as the show log knows them
        self._blocks = self.audio.block_reader()
        self._sound = np.zeros((SOUND_KEPT, CHANNELS), np.float32)
        self.driven = self.values  # the parameters, with what the sound moves moved
        self.health = DisplayHealth()
        self._engine_said = ""
        self._peak, self._ticked = 0.0, self.started
        self._lines: tuple[str, ...] = ()
        self._lining, self._leaving = Gate(HUD_RATE), Gate(LEAVE_RATE)
        for name, value in config.before.values.items():
            if name.startswith("fx/"):
                self.events.put(ControlEvent(name, value, self.started))

    def run(self) -> dict[str, Any]:
        """Run to its end and return the figures of `--stats`."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        if self.config.record is not None:
            check_exact(self.config.record)
        with ExitStack() as stack, signals(END_SIGNALS, self._signalled):
            if self.config.trace is not None:
                self.engine.on_slot = Trace(stack.enter_context(open_trace(self.config.trace)), self).slot
            self.audio.start()
            stack.callback(self.audio.close)
            stack.callback(self.control.close)
            self.control.start()
            self.engine.start()
            stack.callback(self.engine.close)
            stack.callback(self._finish_recording)
            self._begin_recording()
            shown = run_display(self._options(), self._hooks(), self.clock)
        return figures(self, shown)

    def _begin_recording(self) -> None:
        """The recording the show starts with. UserError, unless it goes on with another's: then the show is dearer."""
        if self.config.record is None:
            return
        try:
            self.recorder.prepare()
            self.recorder.start(self.config.record)
        except UserError as error:
            if not self.config.before.restarts:
                raise
            self._tell(str(error))

    def _options(self) -> DisplayOptions:
        config = self.config
        return DisplayOptions(
            canvas=config.canvas,
            fps=config.budget.fps,
            headless=config.headless,
            fullscreen=config.fullscreen,
            screen=config.screen,
            window_size=config.canvas,
            operator=config.operator,
            shaders=self.scenery.paths,
            prepare=self.scenery.to_come(),
            frame=config.size,
            quality_ladder=config.quality_ladder,
            first_rung=config.budget.first_rung,
            marker=cache_folder() / "shader-on-trial.json",
        )

    def _hooks(self) -> DisplayHooks:
        return DisplayHooks(
            frames=self.engine.frames,
            tick=self._tick,
            on_key=self._key,
            on_picture=self._hand_out,
            wants_pictures=lambda: self._records_canvas() or self.control.wants_pictures(),
            on_shown=self._shown,
            on_onset_shown=self.stats.onset_shown,
            on_problem=lambda text: self._tell(text, logged=True),  # the display logs it
            on_health=self._take_health,
        )

    def _records_canvas(self) -> bool:
        return self.config.record_source == "canvas" and self.recorder.wants_pictures

    def _hand_out(self, picture: CanvasPicture) -> None:
        if self._records_canvas():
            self.recorder.put(picture)
        if self.control.wants_pictures():
            self.control.put_picture(picture)

    def _conduct(self, latent_shape: tuple[int, int, int]) -> Callable[[float], Controls]:
        """The engine's director; it reads the newest features and values at each step."""
        self._latents = latent_shape[:2]
        self.recorder.note(self.clock.now(), {"latents": list(self._latents)})
        director = Director(latent_shape, self.values.params)

        def step(now: float) -> Controls:
            self.conducted = self.features
            controls = director.step(now, self.conducted, self.driven.params, self._timing())
            self.recorder.note(now, {"walk": [round(angle, 5) for angle in controls.place]})
            return controls

        return step

    def _shown(self, frame: Frame, time: float) -> None:
        """A generated frame was presented for the first time at `time`, s."""
        self.stats.shown(frame, time)
        if self.config.record_source == "frames" and self.recorder.recording:
            self.recorder.put(CanvasPicture(frame.image, frame.time))

    def _about(self) -> dict[str, Any]:
        """The first line of a show log."""
        config, self._logged = self.config, self.values
        return {
            "version": __version__,
            "date": datetime.now().astimezone().isoformat(timespec="milliseconds"),
            "model": self.engine.about.get("model", ""),
            "flags": dict(config.flags),
            "seed": self.values.params.seed,
            "size": list(config.size),
            "latents": list(self._latents),
            "canvas": list(config.canvas),
            "engine_fps": config.engine_fps,
            "values": self._values_now(),
        }

    def _values_now(self) -> dict[str, object]:
        """All parameters; of the shaders' inputs only those set by hand, for a preset brings the others."""
        by_hand = self.scenery.stage.own_inputs.items()
        return {
            **{name: value for name, value in self.values.values.items() if name in BY_NAME and name not in ACTIONS},
            **{f"fx/{shader}/{name}": value for shader, inputs in by_hand for name, value in inputs.items()},
        }

    def _handover(self, now: float) -> Handover:
        path = self.recorder.status.path if self.recorder.recording else None
        seconds = self.config.before.seconds + now - self.started
        return replace(self.config.before, values=self._values_now(), recording=path, seconds=seconds)

    def _log_changes(self, now: float) -> None:
        """Tell the show log which parameters have new values, and what was done to the stage."""
        if self.values is self._logged and not self._staged:
            return
        before, self._logged = self._logged.values, self.values
        staged, self._staged = self._staged, {}
        changed = {name: value for name, value in self.values.values.items() if value != before[name]}
        if "preset" in staged:  # loaded, even if it was on before; it brings its shaders' inputs itself
            changed = {name: value for name, value in changed.items() if not name.startswith("fx/")}
            staged["preset"] = self.values.params.preset
        if changed or staged:
            self.recorder.note(now, {"values": {**changed, **staged}})

    def _timing(self) -> Timing:
        """How long after its beginning a frame is seen: computed, fetched by the display, half faded in."""
        recent = list(islice(reversed(self.engine.seconds), TIMED))
        spent = median(recent) if recent else 0.0
        period = max(spent, 1.0 / self.config.engine_fps)
        seen = spent + 1.0 / self.config.budget.fps + HALF_FADE * period
        return Timing(seen - self.values.params.latency_offset, period)

    # --- each display frame ---------------------------------------------------------------------

    def _tick(self, now: float) -> tuple[AudioFeatures, View] | None:
        """Called by the display before each of its frames; None ends the show."""
        if self._ending or self._is_over(now):
            return None
        if self.engine.generated or self.engine.state == "failed":
            self._begin_music(now)
        self._listen()
        self._take_events(now)
        self._log_changes(now)
        self._publish()
        if self.config.leave is not None and self._leaving.opens(now):
            self.config.leave(self._handover(now))
        if self.engine.message != self._engine_said:
            self._engine_said = self.engine.message
            if self._engine_said:
                self._tell(self._engine_said, logged=True)
        recording = self.recorder.status
        if recording.message and recording.message != self.error:
            self._tell(recording.message)
        if recording.state in ("idle", "error"):
            self._finish_recording()  # its thread has ended: nothing is waited for
        self._peak = max(self.features.rms, self._peak * 10.0 ** (-(now - self._ticked) * METER_FALL / 20.0))
        self._ticked = now
        scene, self.driven = self.scenery.move(now, self.features, self.values)
        if not self.config.headless and self._lining.opens(now):
            self._lines = hud_lines(self)
        return self.features, self._view(scene)

    def _is_over(self, now: float) -> bool:
        duration, since = self.config.duration, self._counted
        return duration is not None and since is not None and now - since >= duration

    def _begin_music(self, now: float) -> None:
        """Let a file begin that waits for the first picture: it is there, or none will come."""
        if self._counted is None:
            self._counted = now
            self.audio.play()
            log.info("%s begins to play", self.config.input)

    def _take_events(self, now: float) -> None:
        """Let the desk turn the performer's requests into what is due now, and do that."""
        outside = self.control.outside(now, self.values.params.beats_per_bar)
        turn = self.desk.step(self.events.drain(), now, self.values, self._heard, outside)
        for event in turn.events:
            self._apply(event)
        due = self.scenery.due(now, self.values)
        if due is not None:
            self._apply(ControlEvent("preset", due, now))
        for error in turn.errors:
            self._tell(error)
        wanted = self.desk.tempo.take_proposal()
        self.control.propose(wanted.bpm, wanted.beat)
        self.features = with_tempo(self._heard, self.desk.tempo.now(), now)

    def _publish(self) -> None:
        """Tell the controllers how things are."""
        self._ticks += 1
        beat, recorder = self.desk.tempo.now(), self.recorder
        state = ShowState(
            tick=self._ticks,
            values=self.values.values,
            features=self.features,
            fps=engine_fps(self.engine),
            engine=self.engine.state,
            beat=beat.beat,
            bpm=beat.bpm,
            tempo_source=beat.source,
            recording=recorder.status.seconds if recorder.recording else None,
            presets=self._presets,
            waiting=self.desk.waiting,
            message=self.error,
            problems=self._problems,
        )
        self.control.publish(state)

    def _listen(self) -> None:
        self.audio.poll()
        late = max(0.0, self.values.params.latency_offset)
        arrived = self._delay.step(self.audio.features(), self.clock.now() - late)
        if arrived:
            onset = any(features.onset for features in arrived)
            self._heard = replace(arrived[-1], onset=onset)
            if onset:
                self.engine.wake()
        else:
            self._heard = replace(self._heard, onset=False)
        heard = [block.samples for block in self._blocks.read()]
        if heard:
            self._sound = np.concatenate([self._sound, *heard])[-SOUND_KEPT:]

    def _apply(self, event: ControlEvent) -> None:
        """One request of the performer. What cannot be done is told, and the show goes on as it was."""
        try:
            if event.name == "record_start":
                self.recorder.start(str(event.value or ""))
            elif event.name == "record_stop":
                self.recorder.end()
            elif event.name in ("learn", "forget"):
                self.control.learn(event.name, str(event.value or ""))
            else:
                changed = self.scenery.apply(event, self.values)
                if changed is not None and event.name != "preset_save":
                    self._staged[event.name if event.name.startswith("fx/") else "preset"] = event.value
                self.values = self.values.with_value(event.name, event.value) if changed is None else changed
        except UserError as error:
            self._tell(str(error))
        self.audio.set_gain(self.values.params.gain)
        self.engine.wake()

    def _take_health(self, health: DisplayHealth) -> None:
        self.health = health

    def _tell(self, error: str, logged: bool = False) -> None:
        self.error = error
        self._problems += 1
        if not logged:
            log.error("%s", error)
        self.control.error(error)

    def _key(self, action: str) -> None:
        """A key of the operator's window."""
        now = self.clock.now()
        if action == "quit":
            self._ending = True
        elif action == "record":
            self.events.put(ControlEvent("record_stop" if self.recorder.recording else "record_start", "", now))
        elif action in ("blackout", "freeze", "hud", "lock"):
            self.events.put(ControlEvent(action, not self.values.value(action), now))
        elif action == "learn":
            self.events.put(ControlEvent("learn", self.desk.touched, now))
        elif action.startswith("preset "):
            self._choose(int(action.removeprefix("preset ")), now)
        elif action in BY_NAME:
            self.events.put(ControlEvent(action, "", now))

    def _choose(self, number: int, now: float) -> None:
        try:
            name = self.scenery.player.number(number)
        except UserError as error:
            self._tell(str(error))
        else:
            self.events.put(ControlEvent("preset", name, now))

    def _view(self, scene: Scene) -> View:
        values, heard = self.values, self.features
        return View(
            blackout=values.params.blackout,
            freeze=values.params.freeze,
            hud=values.params.hud,
            scene=scene,
            fade=values.params.fade,
            flash_limit=values.params.flash_limit,
            sound=self._sound,
            hud_lines=self._lines,
            hud_code=self.control.code,
            meter=Meter(heard.rms, self._peak, heard.onset_strength, heard.beat_phase if heard.bpm > 0.0 else None),
        )

    # --- the end --------------------------------------------------------------------------------

    def _finish_recording(self) -> None:
        summary = self.recorder.stop()
        if summary is not None:
            self.recorded.append(summary)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._ending:
            os._exit(128 + number)  # asked twice: at once
        self._ending = True


def run_live(config: LiveConfig) -> int:
    """Check what can be checked, run the show, write its figures. Returns the exit status."""
    show = Show(config)
    told = show.run()
    if config.stats is not None:
        write_json(config.stats, told)
    if not show.engine.close(timeout=0.0):  # still loading: mlx does not survive the end of Python under its feet
        logging.shutdown()
        os._exit(0)
    return 0
