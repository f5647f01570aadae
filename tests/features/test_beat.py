import numpy as np
import pytest

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from tests.drum_loop import KICK, hit
from tests.features.extraction import extract


def kicks(bpm, seconds):
    sound, rng = np.zeros(round(seconds * SAMPLE_RATE)), np.random.default_rng(1)
    times = np.arange(0.25, seconds - 0.3, 60.0 / bpm)
    for time in times:
        piece = hit(KICK, rng)
        start = round(time * SAMPLE_RATE)
        sound[start : start + len(piece)] += 0.7 * piece
    return sound, times


def test_a_kick_on_every_beat_gives_the_tempo():
    sound, _ = kicks(120, 12.0)
    last = extract(sound)[-1]
    assert last.bpm == pytest.approx(120.0, abs=1.0)
    assert last.bpm_confidence > 0.8


def test_the_phase_runs_smoothly_and_is_zero_on_the_beat():
    sound, times = kicks(120, 16.0)
    features = extract(sound)
    settled = [f for f in features if f.time > 10.0]
    steps = np.diff(np.unwrap([2 * np.pi * f.beat_phase for f in settled])) / (2 * np.pi)
    usual = 2.0 * HOP / SAMPLE_RATE  # turns a hop at 120 bpm
    assert 0.7 * usual < steps.min() and steps.max() < 1.3 * usual
    wraps = np.flatnonzero(np.diff([f.beat_phase for f in settled]) < 0) + 1
    counted = np.flatnonzero(np.diff([f.beats for f in settled]) == 1) + 1
    assert np.array_equal(wraps, counted)
    assert all(0.0 <= f.beat_phase < 1.0 for f in features)
    on_beat = [min(settled, key=lambda f, t=t: abs(f.time - t)).beat_phase for t in times if 10.5 < t < 15.0]
    assert max(min(phase, 1.0 - phase) for phase in on_beat) < 0.06  # of a beat: 30 ms


def test_without_sound_there_is_no_tempo():
    last = extract(np.zeros(3 * SAMPLE_RATE))[-1]
    assert (last.bpm, last.bpm_confidence) == (0.0, 0.0)


def test_the_tempo_is_forgotten_in_a_long_silence():
    sound, _ = kicks(120, 8.0)
    features = extract(np.concatenate([sound, np.zeros(6 * SAMPLE_RATE)]))
    assert features[round(8.0 * SAMPLE_RATE / HOP) - 1].bpm > 0.0
    assert features[-1].bpm == 0.0


def test_noise_is_never_sure_of_a_tempo_it_does_not_have():
    noise = np.random.default_rng(2).normal(0, 0.1, 10 * SAMPLE_RATE)
    last = extract(noise)[-1]
    assert 0.0 <= last.bpm_confidence <= 1.0
    assert last.bpm == 0.0 and last.bpm_confidence < 0.3


@pytest.mark.parametrize("bpm", [84, 174])
def test_slow_and_fast_are_told_as_they_are(bpm):
    assert extract(kicks(bpm, 10.0)[0])[-1].bpm == pytest.approx(bpm, rel=0.02)


def test_a_new_tempo_is_found_within_six_seconds():
    slow, fast = kicks(100, 10.0)[0], kicks(135, 8.0)[0]
    features = extract(np.concatenate([slow, fast]))
    assert features[round(9.5 * SAMPLE_RATE / HOP)].bpm == pytest.approx(100, rel=0.02)
    assert features[round(16.0 * SAMPLE_RATE / HOP)].bpm == pytest.approx(135, rel=0.02)


def test_the_bar_begins_where_the_music_began():
    sound, times = kicks(120, 16.0)
    late = [f for f in extract(sound) if f.time > 8.0]
    ones = [f.time for a, f in zip(late, late[1:], strict=False) if f.bar_phase < a.bar_phase]
    assert len(ones) >= 3
    places = [round((time - times[0]) / 0.5) % 4 for time in ones]
    assert places == [0] * len(places)


def test_the_phase_never_turns_back_even_when_the_music_does():
    """Half a beat is left out: the phase hurries or waits for it, and never jumps."""
    sound, _ = kicks(120, 9.0)
    features = extract(np.concatenate([sound, sound[round(0.5 * SAMPLE_RATE) :]]))
    turns = np.array([f.beats + f.beat_phase for f in features if f.bpm > 0.0])
    assert np.diff(turns).min() >= 0.0 and np.diff(turns).max() < 2.0 * 2.0 * HOP / SAMPLE_RATE
