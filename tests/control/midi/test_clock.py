"""A MIDI clock as a tempo."""

import numpy as np
import pytest

from livemusviz.bridge.control import ExternalTempo
from livemusviz.bridge.features import AudioFeatures
from livemusviz.control.midi.clock import MidiClock, MidiClocks
from livemusviz.director.tempo import Tempo


@pytest.mark.parametrize("bpm", [60.0, 121.7, 180.0])
def test_tempo_and_position_of_a_clock_that_shakes(bpm: float) -> None:
    clock = MidiClock()
    rng = np.random.default_rng(4)
    clock.message("start", 9.99)
    ticks = 10.0 + np.arange(24 * 8) * 60 / bpm / 24
    for tick in ticks:
        clock.message("clock", tick + abs(rng.normal(0.0, 0.001)))
    now = ticks[-1] + 0.003
    found = clock.read(now)
    assert found is not None and found.bpm == pytest.approx(bpm, rel=0.002)
    beat = found.beat + (now - found.time) * found.bpm / 60
    assert beat == pytest.approx((now - 10.0) * bpm / 60, abs=0.002 * bpm / 60)


def test_no_clock_no_tempo() -> None:
    clock = MidiClock()
    assert clock.read(1.0) is None
    for n in range(11):
        clock.message("clock", n / 48)
    assert clock.read(0.23) is None  # too few
    clock.message("clock", 11 / 48)
    assert clock.read(0.23) is not None and clock.read(2.0) is None  # stopped


def test_all_ticks_at_once_are_no_tempo() -> None:
    clock = MidiClock()
    for _ in range(50):
        clock.message("clock", 1.0)
    assert clock.read(1.0) is None


def test_song_position_and_continue() -> None:
    clock = MidiClock()
    clock.message("songpos", 0.0, position=16)  # sixteenths: one bar of four
    clock.message("continue", 0.0)
    for n in range(25):
        clock.message("clock", n / 48)
    found = clock.read(0.5)
    assert found is not None and found.beat == pytest.approx(5.0)


def run(clock: MidiClock, ticks: int, at: float) -> float:
    """Send `ticks` at 120 bpm from `at` on; when the next one would be due, s."""
    for n in range(ticks):
        clock.message("clock", at + n / 48)
    return at + ticks / 48


@pytest.mark.parametrize("stopped", [0, 1, 17, 400])
def test_ticks_after_a_stop_keep_the_tempo_and_leave_the_song_where_it_is(stopped: int) -> None:
    clock = MidiClock()
    clock.message("start", 0.0)
    at = run(clock, 106, 0.0)
    clock.message("stop", at)
    at = run(clock, stopped, at)
    if stopped:
        still = clock.read(at)
        assert still is not None and not still.rolling and still.bpm == pytest.approx(120.0)
        assert still.beat == pytest.approx(106 / 24)
    clock.message("continue", at)
    at = run(clock, 1, at)
    found = clock.read(at)
    assert found is not None and found.rolling and found.beat == pytest.approx(106 / 24)


def test_a_song_position_sent_while_stopped_is_where_the_song_goes_on() -> None:
    clock = MidiClock()
    clock.message("start", 0.0)
    at = run(clock, 50, 0.0)
    clock.message("stop", at)
    at = run(clock, 9, at)
    clock.message("songpos", at, position=32)
    at = run(clock, 9, at)
    still = clock.read(at)
    clock.message("continue", at)
    found = clock.read(run(clock, 13, at))
    assert still is not None and still.beat == 8.0
    assert found is not None and found.beat == pytest.approx(8.5)


def test_a_clock_without_start_plays() -> None:
    clock = MidiClock()
    found = clock.read(run(clock, 49, 0.0))
    assert found is not None and found.rolling and found.beat == pytest.approx(2.0)


def test_two_inputs_with_a_clock_are_not_added_up_and_the_one_started_leads() -> None:
    clocks = MidiClocks()
    for n in range(96):
        clocks.message("drums", "clock", n / 48)  # 120
        clocks.message("keys", "clock", n / 36)  # 90, as it sends all the time
    found = clocks.read(2.0)
    assert found is not None and found.bpm == pytest.approx(120.0)
    clocks.message("keys", "start", 2.67)
    found = clocks.read(2.68)
    assert found is not None and found.bpm == pytest.approx(90.0)
    clocks.drop("keys")
    assert clocks.read(2.2) is not None


def test_the_beat_runs_on_while_the_song_stands_still() -> None:
    """A change that waits for the next bar still comes due."""
    tempo = Tempo(100.0)
    rest = AudioFeatures.rest(0.0)
    tempo.step(0.0, rest, midi=ExternalTempo(120.0, 4.0, 0.0))
    for n in range(1, 101):
        beat = tempo.step(n / 100, rest, midi=ExternalTempo(120.0, 4.5, n / 100, rolling=False))
    assert beat.source == "midi" and beat.beat == pytest.approx(6.0)
