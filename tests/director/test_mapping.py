"""Features and LFOs as values: followers, curves, clocks, and what is refused."""

import math

import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.mapping import (
    CURVES,
    SHAPES,
    SOURCES,
    BeatClock,
    Driver,
    attack_release,
    parse_drive,
    unit,
)
from livemusviz.errors import UserError

DT = 1.0 / 60.0


def driver(minimum=0.0, maximum=1.0, **raw):
    return Driver(parse_drive("here", raw, minimum, maximum))


def features_at(**features):
    return AudioFeatures(time=0.0, **features)


@pytest.mark.parametrize("name", ["level", "bass", "mid", "treble", "onset", "energy", "beat", "bpm", "rms", "one"])
def test_every_feature_is_a_source(name):
    assert SOURCES[name](AudioFeatures.rest(0.0)) == (1.0 if name == "one" else 0.0)


def test_an_onset_strikes_at_once_and_falls_with_its_release():
    hit = driver(source="onset", low=0.2, high=0.8, release=0.1)
    assert hit.step(DT, features_at(onset_strength=1.0), 0.0) == pytest.approx(0.8)
    for _ in range(6):
        last = hit.step(DT, features_at(), 0.0)
    assert last == pytest.approx(0.2 + 0.6 * math.exp(-1.0), abs=0.01)


def test_attack_and_release_do_not_depend_on_the_rate():
    def after(fps):
        slow = driver(source="bass", gain=0.5, attack=0.3)
        return [slow.step(1.0 / fps, features_at(bass=2.0), 0.0) for _ in range(fps // 2)][-1]

    assert after(30) == pytest.approx(after(120), rel=0.01) == pytest.approx(1 - math.exp(-0.5 / 0.3), rel=0.02)


@pytest.mark.parametrize(("curve", "value"), [("linear", 0.25), ("square", 0.0625), ("root", 0.5), ("step", 0.0)])
def test_curves(curve, value):
    assert driver(source="level", curve=curve).step(DT, features_at(level=0.25), 0.0) == pytest.approx(value)
    assert CURVES["smooth"](0.5) == pytest.approx(0.5)


def test_upside_down():
    assert driver(source="level", low=1.0, high=0.0).step(DT, features_at(level=0.25), 0.0) == pytest.approx(0.75)


def test_an_accumulated_value_runs_at_its_speed_and_wraps():
    turn = driver(0.0, 10.0, source="energy", low=1.0, high=3.0, accumulate=True)
    for _ in range(60):
        value = turn.step(DT, features_at(energy=0.5), 0.0)
    assert value == pytest.approx(2.0)
    for _ in range(60 * 60):
        value = turn.step(DT, features_at(energy=1.0), 0.0)
        assert 0.0 <= value < 10.0


@pytest.mark.parametrize("shape", SHAPES)
def test_lfos_repeat_after_their_beats(shape):
    lfo = driver(lfo=shape, beats=4.0)
    values = [lfo.step(DT, features_at(), beats) for beats in (0.0, 1.0, 3.9, 4.0, 8.0, 400.0)]
    assert values[0] == values[3] == values[4] == values[5]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert len({round(lfo.step(DT, features_at(), i / 16), 6) for i in range(64)}) >= 2


def test_a_decay_strikes_on_the_beat():
    lfo = driver(lfo="decay", beats=1.0)
    assert lfo.step(DT, features_at(), 7.0) == pytest.approx(1.0)
    assert lfo.step(DT, features_at(), 7.9) < 0.05


def beats_after(seconds, bpm, phase_of=lambda t, bpm: t * bpm / 60.0 % 1.0):
    clock = BeatClock()
    counted = [
        clock.step(DT, features_at(bpm=bpm, beat_phase=phase_of((i + 1) * DT, bpm))) for i in range(int(seconds / DT))
    ]
    return counted


def test_the_beat_clock_counts_with_the_music_and_never_runs_back():
    counted = beats_after(30.0, 140.0)
    assert counted[-1] == pytest.approx(70.0, abs=0.05)
    assert all(b >= a for a, b in zip(counted, counted[1:], strict=False))


def test_the_beat_clock_finds_a_phase_that_jumped():
    counted = beats_after(4.0, 120.0, lambda t, bpm: (t * 2.0 + (0.4 if t > 1.0 else 0.0)) % 1.0)
    assert counted[-1] % 1.0 == pytest.approx(0.4, abs=0.02)
    assert all(b >= a for a, b in zip(counted, counted[1:], strict=False))


def test_without_a_tempo_it_runs_free_and_after_one_it_goes_on():
    clock = BeatClock()
    for _ in range(60):
        clock.step(DT, features_at())
    assert clock.beats == pytest.approx(2.0)
    clock.step(DT, features_at(bpm=60.0, beat_phase=0.0))
    before = clock.beats
    for _ in range(60):
        clock.step(DT, features_at())
    assert clock.beats - before == pytest.approx(1.0)


def test_a_laptop_that_slept_and_features_that_are_no_numbers():
    turn = driver(0.0, 10.0, source="energy", low=1.0, high=1.0, accumulate=True)
    assert turn.step(3600.0, features_at(), 0.0) == pytest.approx(0.1)
    assert driver(source="bass").step(DT, features_at(bass=float("nan")), 0.0) == 0.0
    assert [unit(x) for x in (-1.0, 0.4, math.inf, math.nan)] == [0.0, 0.4, 1.0, 0.0]
    assert attack_release(0.0, 1.0, 0.1, 0.1, 9.0) == pytest.approx(1 - math.exp(-1))


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({}, "either 'source' or 'lfo'"),
        ({"source": "bass", "lfo": "sine"}, "either 'source' or 'lfo'"),
        ({"source": "base"}, "did you mean 'bass'"),
        ({"lfo": "sinus"}, "did you mean 'sine'"),
        ({"source": "bass", "gian": 1}, "did you mean 'gain'"),
        ({"source": "bass", "curve": "cubic"}, "no curve 'cubic'"),
        ({"source": "bass", "high": 2.0}, r"high 2 is outside 0..1"),
        ({"source": "bass", "release": -1.0}, "release -1 is outside 0..60"),
        ({"source": "bass", "gain": "much"}, "gain must be a number"),
        ({"source": "bass", "gain": float("nan")}, "outside"),
        ({"lfo": "sine", "beats": 0.1}, "beats 0.1 is outside 0.5..16"),
        ({"source": "one", "accumulate": 1}, "true or false"),
        ({"source": 3}, "no source '3'"),
    ],
)
def test_what_is_refused(raw, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        parse_drive("here", raw, 0.0, 1.0)
    assert str(caught.value).startswith("here: ") and "\n" not in str(caught.value)
