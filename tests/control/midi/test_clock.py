"""A MIDI clock as a tempo."""

import numpy as np
import pytest

from livemusviz.control.midi.clock import MidiClock


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
