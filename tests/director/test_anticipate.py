import math
from dataclasses import replace

import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.anticipate import Anticipation, Timing, landing, next_start, sure

BPM = 120.0


def features_at(time: float, confidence: float = 0.9, struck: bool = True, lag: float = 0.008) -> AudioFeatures:
    """Features at `time` of a kick on every beat, each onset told `lag` seconds late."""
    position = time * BPM / 60.0
    onsets = math.floor((time - lag) * BPM / 60.0) + 1 if struck else 0
    since = (time - lag) % (60.0 / BPM)
    strength = math.exp(-since / 0.15) if struck else 0.0
    return AudioFeatures(
        time=time, bpm=BPM, beats=math.floor(position), beat_phase=position % 1.0, bpm_confidence=confidence,
        onsets=onsets, onset_strength=strength, bass_hit=strength, silent=False,
    )  # fmt: skip


def strikes(seconds: float, timing: Timing, **how) -> list[float]:
    """Times at which a frame is struck."""
    anticipation, found = Anticipation(), []
    frames = round(seconds / timing.period)
    for i in range(frames):
        now = i * timing.period
        struck = anticipation.step(now, features_at(now, **how), timing)
        if max(struck.hits) > 0.2:
            found.append(now)
    return found


def test_beats_are_drawn_before_they_are_heard_once_they_are_sure() -> None:
    timing = Timing(seconds=0.12, period=1 / 30)
    found = [t for t in strikes(10.0, timing) if t > 3.0]
    seen = [(t + timing.seconds) * BPM / 60.0 for t in found]
    assert len(found) == 14
    assert all(abs(position - round(position)) * 60.0 / BPM <= timing.period / 2 + 1e-6 for position in seen)


def test_each_beat_strikes_once_though_it_is_heard_later() -> None:
    found = strikes(10.0, Timing(seconds=0.12, period=1 / 30))
    assert min(b - a for a, b in zip(found[4:], found[5:], strict=False)) > 0.4


def test_unsure_beats_are_answered_when_they_are_heard() -> None:
    found = strikes(4.0, Timing(seconds=0.12, period=1 / 60), confidence=0.3)
    late = [t % 0.5 for t in found if t > 0.1]
    assert len(found) >= 7 and all(0.0 < t < 0.03 for t in late)


def test_beats_without_drums_are_not_struck() -> None:
    assert strikes(6.0, Timing(0.1, 1 / 30), struck=False) == []


def test_when_the_band_stops_no_more_than_two_beats_are_played_into_the_silence() -> None:
    anticipation, timing, stopped, played = Anticipation(), Timing(0.1, 1 / 30), 6.2, []
    for i in range(360):
        now = i * timing.period
        features = features_at(now)
        if now > stopped:
            features = replace(
                features, onsets=features_at(stopped).onsets, onset_strength=0.0, bass_hit=0.0, silent=True
            )
        if max(anticipation.step(now, features, timing).hits) > 0.0:
            played.append(now)
    assert len([t for t in played if 3.0 < t < stopped]) >= 6
    assert 0 < len([t for t in played if t > stopped]) <= 2


def test_a_hit_between_the_beats_is_answered_at_once() -> None:
    anticipation, timing = Anticipation(), Timing(0.1, 1 / 30)
    for i in range(120):
        anticipation.step(i / 30, features_at(i / 30), timing)
    now = 120 / 30 + 0.25
    before = features_at(now)
    anticipation.step(now - 0.01, before, timing)
    extra = AudioFeatures(
        time=now, bpm=BPM, beats=before.beats, beat_phase=0.5, bpm_confidence=0.9, onsets=before.onsets + 1,
        onset_strength=0.8, treble_hit=1.0,
    )  # fmt: skip
    struck = anticipation.step(now, extra, timing)
    assert struck.onset and struck.hits[2] > struck.hits[0] > 0.0


def test_the_offset_moves_the_landing() -> None:
    at = features_at(1.0)
    assert landing(1.0, at, Timing(0.1)) - landing(1.0, at, Timing(0.1 - 0.05)) == pytest.approx(0.05 * BPM / 60)


def test_frames_are_spread_so_that_one_lands_on_the_beat() -> None:
    """A generator of 100 ms, never in step with the beat by itself (110 bpm and 545 ms)."""
    timing, now, landed = Timing(seconds=0.155, period=0.1), 0.013, []
    while now < 20.0:
        position = landing(now, features_at(now), timing)
        landed.append(abs(position - round(position)) * 60.0 / BPM)
        now = max(now + timing.period, next_start(now, features_at(now), timing))
    nearest = sorted(landed)[: len(landed) // 5]
    assert max(nearest) < 0.01
    assert len(landed) > 0.75 * 20.0 / timing.period


def test_no_beat_no_waiting() -> None:
    assert next_start(1.0, AudioFeatures.rest(1.0), Timing(0.1, 0.1)) == 0.0
    assert (
        not sure(features_at(1.0, confidence=0.2), 1.0)
        and sure(features_at(1.0), 1.0)
        and not sure(features_at(1.0), 3.0)
    )
