"""Pacing, fades, smoothing, percentiles: all without a real clock."""

import math

import numpy as np
import pytest

from livemusviz.clock import ManualClock
from livemusviz.display.fade import FadeClock
from livemusviz.display.loop import SoundAge
from livemusviz.display.pacer import Gate, Pacer
from livemusviz.display.tally import Durations


def paced(fps, works):
    """Times at which a frame starts, where frame i takes works[i] seconds."""
    clock = ManualClock(100.0)
    pacer = Pacer(fps, clock, lambda seconds: clock.advance(seconds) and None)
    starts = []
    for work in works:
        starts.append(clock.now() - 100.0)
        clock.advance(work)
        pacer.wait()
    return np.array(starts)


def test_frames_start_on_absolute_deadlines():
    starts = paced(60.0, np.random.default_rng(1).uniform(0.0, 0.015, 600))
    assert np.abs(starts - np.arange(600) / 60.0).max() < 1e-9


def test_a_slow_frame_is_made_up_for_only_within_its_slot():
    starts = paced(50.0, [0.0, 0.025, 0.0, 0.0])
    assert starts == pytest.approx([0.0, 0.02, 0.045, 0.06])


def test_after_a_stall_there_is_no_burst():
    works = [0.001] * 10 + [3600.0] + [0.001] * 50
    starts = paced(60.0, works)
    after = np.diff(starts[11:])
    assert after.min() > 1e-3
    assert np.sort(after)[1] == pytest.approx(1 / 60.0)


def test_too_much_work_runs_as_fast_as_it_can():
    assert np.diff(paced(60.0, [0.03] * 200))[50:].mean() == pytest.approx(0.03, rel=0.02)


def test_a_rate_must_be_positive():
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError):
            Pacer(wrong, ManualClock())
        with pytest.raises(ValueError):
            Gate(wrong)


def test_the_gate_keeps_its_rate_under_a_faster_caller():
    gate = Gate(30.0)
    opened = [i / 60.0 for i in range(600) if gate.opens(i / 60.0 + 0.001 * math.sin(i), 0.5 / 60.0)]
    assert len(opened) == 300
    assert np.diff(opened).max() == pytest.approx(1 / 30.0)


def test_the_gate_does_not_catch_up():
    gate = Gate(10.0)
    assert gate.opens(0.0)
    assert gate.opens(100.0)
    assert sum(gate.opens(100.0 + i / 1000.0) for i in range(1, 400)) <= 5


def test_the_fade_learns_the_engines_rate():
    fade = FadeClock()
    assert fade.progress(0.0, 0.016) == 0.0
    now = 0.0
    for _ in range(100):
        now += 0.25
        fade.arrived(now)
    assert fade.interval == pytest.approx(0.25, rel=0.05)
    assert 0.0 < fade.progress(now, 0.016) < 0.1
    assert fade.progress(now + 10.0, 0.016) == 1.0
    fade.arrived(now + 30.0)  # silence: frames were skipped
    assert fade.interval < 0.75


def test_a_fade_is_at_least_as_long_as_asked():
    fade = FadeClock()
    fade.shortest = 0.5
    for frame in range(100):
        fade.arrived(0.1 * frame)
    assert fade.progress(9.9, 0.1) == pytest.approx(0.2)  # when the next frame comes
    fade.shortest = 0.05
    assert fade.progress(9.9, 0.1) == pytest.approx(0.2)  # a fade that runs keeps its length
    fade.arrived(10.0)
    assert fade.progress(10.0, 0.1) == pytest.approx(1.0 / 1.1, abs=0.02)


def test_percentiles_in_constant_memory():
    durations = Durations()
    assert durations.percentile(99) == 0.0
    for ms in range(1, 101):
        durations.add(ms / 1000.0 + 1e-6)
    durations.add(7200.0)
    assert durations.percentile(50) == pytest.approx(51, abs=0.2)
    assert durations.percentile(100) == pytest.approx(1000, abs=0.2)


def test_the_age_of_the_sound_is_even_and_silence_leaves_it() -> None:
    age = SoundAge()
    assert age.step(5.0) == 0.0  # there was no sound yet
    figures = [age.step(0.03 + 0.005 * (k % 2)) for k in range(200)]
    assert figures[0] == 0.03 and figures[-1] == pytest.approx(0.0325, abs=0.001)
    assert np.abs(np.diff(figures)).max() < 0.0003
    assert age.step(2.0) == figures[-1]
