"""A whole scripted performance, stepped without a thread; the same events, logged, make the same film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.bridge.view import View
from livemusviz.director.cuefile import Change
from livemusviz.params.params import Params
from livemusviz.params.values import ParamValues
from livemusviz.record.showlog import ShowLog, read_log
from livemusviz.render.cells import Cell, Grid, cells
from livemusviz.render.window import SoundWindow
from livemusviz.session.session import Session
from livemusviz.session.step import StartRecording, Step, StopRecording
from tests.session.content import PRESETS, small_content

FPS = 30
SECONDS = 12
VALUES = ParamValues().with_values({"bpm": 120.0, "prompt": "nothing yet"})

SCRIPT = [  # (s, name, value)
    (0.5, "prompt", "red lava"),
    (1.0, "quantise", "bar"),  # at 120 bpm a bar begins every two seconds
    (1.2, "preset", "storm"),
    (2.5, "record_start", "a set"),
    (3.0, "tap", ""), (3.4, "tap", ""), (3.8, "tap", ""),  # 150 bpm
    (4.0, "quantise", "none"),
    (4.5, "fx/grade/amount", 0.75),
    (5.0, "autopilot", 4.0),  # "storm" came on at 2 s
    (5.2, "nonsense", 1.0),
    (9.9, "lock", True),
    (11.0, "record_stop", ""),
]  # fmt: skip


def features_at(time: float) -> AudioFeatures:
    """Music whose bass comes and goes; nobody knows its tempo."""
    swell = 0.5 + 0.5 * np.sin(2.0 * np.pi * time / 1.7)
    return AudioFeatures(time=time, bass=float(swell), level=float(1.0 - swell), energy=0.5, silent=False)


def play() -> list[tuple[float, Step]]:
    """Step the script at the rate of the film's frames."""
    session = Session(small_content(), VALUES, rng=np.random.default_rng(1))
    script = [ControlEvent(name, value, time) for time, name, value in SCRIPT]  # type: ignore[arg-type]
    steps = []
    for k in range(SECONDS * FPS):
        now = k / FPS
        due = [event for event in script if event.time <= now]
        script = script[len(due) :]
        steps.append((now, session.step(now, newest(now), events=due)))
    return steps


def newest(now: float) -> AudioFeatures:
    """Return the features that a film's frame at `now` shows: of the last hop up to its middle."""
    hops = int((now + 0.5 / FPS) * SAMPLE_RATE / HOP)
    return features_at(hops * HOP / SAMPLE_RATE) if hops else AudioFeatures.rest(0.0)


@pytest.fixture(scope="module")
def performance() -> list[tuple[float, Step]]:
    return play()


def at(steps: list[tuple[float, Step]], time: float) -> Step:
    """Return the first step at or after `time`."""
    return next(step for now, step in steps if now >= time - 1e-9)


def first(steps: list[tuple[float, Step]], name: str, value: object) -> float:
    """Return when a parameter first had a value, s."""
    return next(now for now, step in steps if step.values.value(name) == value)


def test_a_prompt_is_there_at_once_and_a_preset_on_the_bar(performance: list[tuple[float, Step]]) -> None:
    assert first(performance, "prompt", "red lava") == pytest.approx(0.5, abs=1 / FPS)
    assert at(performance, 1.5).waiting == ("preset",)
    assert first(performance, "preset", "storm") == pytest.approx(2.0, abs=1 / FPS)
    step = at(performance, 2.1)
    assert step.values.params.prompt == "a storm" and not step.waiting
    assert [each.shader for each in step.view.scene.chain] == ["feedback", "grade"]


def test_the_sound_moves_what_the_preset_says(performance: list[tuple[float, Step]]) -> None:
    moved = [step.params.walk_speed for now, step in performance if 2.1 < now < 5.0]
    assert min(moved) == pytest.approx(0.1, abs=0.01) and max(moved) == pytest.approx(0.5, abs=0.01)
    assert {step.values.params.walk_speed for _, step in performance} == {Params().walk_speed}


def test_taps_lead_the_tempo(performance: list[tuple[float, Step]]) -> None:
    step = at(performance, 4.0)
    assert step.beat.source == "tap" and step.beat.bpm == pytest.approx(150.0, abs=1.0)
    assert step.values.params.bpm == pytest.approx(150.0, abs=1.0)
    assert step.features.bpm == step.beat.bpm and step.features.beat_phase == pytest.approx(step.beat.phase, abs=0.05)


def test_what_is_outside_is_asked_for_and_what_cannot_be_is_told(performance: list[tuple[float, Step]]) -> None:
    requests = [(now, request) for now, step in performance for request in step.requests]
    assert [request for _, request in requests] == [StartRecording("a set"), StopRecording()]
    assert [now for now, _ in requests] == pytest.approx([2.5, 11.0], abs=1 / FPS)
    errors = [error for _, step in performance for error in step.errors]
    assert len(errors) == 1 and errors[0].startswith("no parameter 'nonsense'")


def test_an_input_set_by_hand_holds_until_another_preset_comes(performance: list[tuple[float, Step]]) -> None:
    assert amount(at(performance, 4.6).view) == 0.75
    assert at(performance, 5.9).values.inputs["fx/grade/amount"] == 0.75
    assert at(performance, 6.1).values.inputs["fx/grade/amount"] == 0.5, "the shader's own"


def test_the_autopilot_plays_the_next_preset_unless_it_is_locked(performance: list[tuple[float, Step]]) -> None:
    assert first(performance, "preset", "calm") == pytest.approx(6.0, abs=1 / FPS)
    changes = [now for now, step in performance if "preset" in step.changes]
    assert changes == pytest.approx([2.0, 6.0], abs=1 / FPS), "locked at 9.9 s, a tenth before the next"


def test_the_same_performance_comes_out_of_a_second_session(performance: list[tuple[float, Step]]) -> None:
    assert [step.view for _, step in play()] == [step.view for _, step in performance]


def amount(view: View) -> object:
    return next(dict(each.inputs)["amount"] for each in view.scene.chain if each.shader == "grade")


def film(changes: list[Change]) -> list[Cell]:
    """Return the cells of a film that has these changes."""
    hops = (features_at((i + 1) * HOP / SAMPLE_RATE) for i in range(SECONDS * SAMPLE_RATE // HOP))
    session = Session(small_content(), VALUES)
    grid = Grid(Fraction(FPS), 1, SECONDS * FPS)
    return list(cells(grid, hops, changes, session, SoundWindow(iter(())), direct))


def direct(now: float, features: AudioFeatures, params: Params) -> Controls:
    return Controls(np.zeros((1, 1, 1), np.float32), params.prompt, "", 1.0, params.walk_speed, True, now)


def test_the_logged_events_make_a_film_with_the_same_values_and_scenes(
    performance: list[tuple[float, Step]], tmp_path: Path
) -> None:
    log = ShowLog(tmp_path / "set.mp4", 0.0, {"values": {}})
    for now, step in performance:
        if step.changes:
            log.line(now, {"values": step.changes})
    log.close(float(SECONDS))
    changes = [Change(time, values) for time, values in read_log(tmp_path / "set.jsonl").changes]
    made = film(changes)
    assert len(made) == len(performance)
    for cell, (now, step) in zip(made, performance, strict=True):
        assert cell.time == now and cell.view.scene == step.view.scene and cell.view.fade == step.view.fade
        assert cell.controls is not None
        assert (cell.controls.prompt, cell.controls.feedback) == (step.params.prompt, step.params.walk_speed)


def test_a_cue_file_and_hands_make_the_same_scenes() -> None:
    """A cue sets at a time what a performer sets then."""
    preset = {"preset": "storm"}
    made = film([Change(1.0, preset), Change(2.0, {"fx/grade/amount": 0.25, "fade": 3.0})])
    session = Session(small_content(), VALUES)
    asked = {30: [("preset", "storm")], 60: [("fx/grade/amount", 0.25), ("fade", 3.0)]}
    for k, cell in enumerate(made):
        now = k / FPS
        events = [ControlEvent(name, value, now) for name, value in asked.get(k, ())]  # type: ignore[arg-type]
        step = session.step(now, newest(now), events=events)
        assert (step.view.scene, step.view.fade) == (cell.view.scene, cell.view.fade)
    assert set(PRESETS) == {"calm", "storm"}
