"""Who leads the beat, and where it is."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from livemusviz.bridge.control import ExternalTempo
from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.tempo import Beat, Proposal, Tempo, with_tempo
from livemusviz.errors import UserError

SILENCE = AudioFeatures.rest(0.0)
FRAME = 1 / 60


def features_at(time: float, bpm: float, confidence: float = 0.9, offset: float = 0.0) -> AudioFeatures:
    """The features of a steady beat whose first one was at `offset` s."""
    beat = (time - offset) * bpm / 60
    return AudioFeatures(time=time, bpm=bpm, beat_phase=beat % 1.0, bar_phase=beat / 4 % 1.0, bpm_confidence=confidence)


def play(tempo: Tempo, start: float, seconds: float, sound: Callable[[float], AudioFeatures]) -> list[Beat]:
    return [tempo.step(start + i * FRAME, sound(start + i * FRAME)) for i in range(round(seconds / FRAME))]


def test_without_any_source_the_beat_runs_on_at_the_last_tempo() -> None:
    tempo = Tempo(90.0, now=10.0)
    beat = play(tempo, 10.0, 20.0, lambda t: SILENCE)[-1]
    assert beat.source == "free" and beat.bpm == 90.0
    assert beat.beat == pytest.approx((20.0 - FRAME) * 1.5)


@pytest.mark.parametrize("bpm", [60.0, 97.3, 128.0, 174.0])
def test_taps_give_tempo_and_phase(bpm: float) -> None:
    tempo = Tempo()
    jitter = np.random.default_rng(1).normal(0.0, 0.008, 8)  # s, an even hand
    times = 5.0 + np.arange(8) * 60 / bpm + jitter
    for time in times:
        tempo.step(time + 0.01, SILENCE)  # the show looks 10 ms after the tap
        tempo.tap(time)
    beat = tempo.now()
    assert beat.source == "tap" and beat.bpm == pytest.approx(bpm, rel=0.02)
    at_tap = beat.beat - 0.01 * beat.bpm / 60
    assert abs(at_tap - round(at_tap)) < 1e-6


def test_a_pause_between_taps_begins_a_new_series() -> None:
    tempo = Tempo()
    for time in (0.0, 0.5, 1.0, 10.0, 10.75, 11.5):
        tempo.tap(time)
    assert tempo.now().bpm == pytest.approx(80.0)


def test_a_single_tap_sets_the_phase_only() -> None:
    tempo = Tempo(120.0)
    tempo.step(0.7, SILENCE)
    tempo.tap(0.7)
    assert tempo.now().bpm == 120.0 and tempo.now().phase == 0.0


def test_gestures() -> None:
    tempo = Tempo(100.0)
    tempo.step(1.5, SILENCE)
    tempo.set_bpm(120.0, 1.5)
    assert tempo.now().beat == pytest.approx(2.5)  # unbroken
    tempo.nudge(0.1, 1.5)
    assert tempo.now().beat == pytest.approx(2.6)
    tempo.scale(2.0, 1.5)
    assert tempo.now().bpm == 240.0 and tempo.now().beat == pytest.approx(5.2)
    with pytest.raises(UserError, match="480 bpm is outside 20..300"):
        tempo.scale(2.0, 1.5)
    tempo.scale(0.5, 1.5)
    assert tempo.now().bpm == 120.0
    tempo.resync(1.4)  # made 0.1 s before the last step
    assert tempo.now().beat == pytest.approx(0.2)


def test_the_heard_tempo_leads_when_it_is_sure_and_the_position_locks_to_it() -> None:
    tempo = Tempo(120.0)
    play(tempo, 0.0, 4.0, lambda t: features_at(t, 126.0, confidence=0.2))
    assert tempo.now().source == "free"
    beats = play(tempo, 4.0, 4.0, lambda t: features_at(t, 126.0, offset=0.13))
    assert beats[-1].source == "audio" and beats[-1].bpm == 126.0
    now = 8.0 - FRAME
    error = (beats[-1].phase - (now - 0.13) * 2.1 + 0.5) % 1.0 - 0.5
    assert abs(error) < 0.01
    assert all(b.beat >= a.beat for a, b in zip(beats, beats[1:], strict=False)), "the beat never runs back"
    assert play(tempo, 8.0, 1.0, lambda t: SILENCE)[-1].bpm == 126.0


def test_the_heard_bars_are_the_bars_until_a_hand_says_otherwise() -> None:
    tempo = Tempo(120.0)
    beat = play(tempo, 0.0, 5.3, lambda t: features_at(t, 90.0, offset=0.4))[-1]
    now = 5.3 - FRAME
    assert beat.source == "audio" and beat.bar_phase == pytest.approx((now - 0.4) * 1.5 / 4 % 1.0, abs=0.01)
    features = features_at(now, 90.0, offset=0.4)
    assert with_tempo(features, beat, now).bar_phase == pytest.approx(features.bar_phase, abs=1e-6)
    tempo.resync(0.4 + 10 / 1.5)  # on the heard bar's third beat
    beat = play(tempo, 7.1, 6.0, lambda t: features_at(t, 90.0, offset=0.4))[-1]
    now = 13.1 - FRAME
    assert beat.bar_phase == pytest.approx(((now - 0.4) * 1.5 - 10) / 4 % 1.0, abs=0.01)
    led = with_tempo(features_at(now, 90.0, offset=0.4), beat, now)
    assert led.bar_phase == pytest.approx(beat.bar_phase, abs=0.01)
    tempo.lead("audio")
    assert play(tempo, 13.1, 0.5, lambda t: features_at(t, 90.0, offset=0.4))[-1].bar_phase == pytest.approx(
        (13.6 - FRAME - 0.4) * 1.5 / 4 % 1.0, abs=0.01
    )


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_double_and_half_correct_the_octave_of_the_heard_tempo(factor: float) -> None:
    tempo = Tempo(120.0)
    play(tempo, 0.0, 2.0, lambda t: features_at(t, 100.0))
    tempo.scale(factor, 2.0)
    beats = play(tempo, 2.0, 6.0, lambda t: features_at(t, 100.0))
    assert {beat.source for beat in beats} == {"audio"} and beats[-1].bpm == 100.0 * factor
    expected = (8.0 - FRAME) * 100 / 60 * factor
    error = beats[-1].beat - expected
    assert abs(error - round(error)) < 0.01 or (factor == 0.5 and abs(error % 0.5) < 0.01)
    assert beats[-1].beat - beats[0].beat == pytest.approx((6.0 - FRAME) * 100 / 60 * factor, abs=0.6)


def test_taps_near_an_octave_of_the_heard_tempo_only_correct_it() -> None:
    tempo = Tempo()
    play(tempo, 0.0, 2.0, lambda t: features_at(t, 64.0))
    for i in range(4):
        tempo.tap(2.0 + i * 60 / 127.0)  # nearly twice
    assert tempo.now().source == "audio"
    assert play(tempo, 3.5, 0.5, lambda t: features_at(t, 64.0))[-1].bpm == 128.0
    for i in range(4):
        tempo.tap(6.0 + i * 60 / 95.0)  # something else altogether: the hand takes over
    assert tempo.now().source == "tap"
    tempo.lead("auto")
    assert play(tempo, 9.0, 0.1, lambda t: features_at(t, 64.0))[-1].source == "audio"


@pytest.mark.parametrize(("heard", "factor"), [(70.0, 2.0), (140.0, 0.5)])
def test_a_corrected_octave_stays_when_the_audio_takes_the_other(heard: float, factor: float) -> None:
    tempo = Tempo(120.0)
    play(tempo, 0.0, 2.0, lambda t: features_at(t, heard))
    tempo.scale(factor, 2.0)
    before = play(tempo, 2.0, 4.0, lambda t: features_at(t, heard))
    after = play(tempo, 6.0, 4.0, lambda t: features_at(t, heard * factor))
    pause = play(tempo, 10.0, 2.0, lambda t: SILENCE)
    again = play(tempo, 12.0, 4.0, lambda t: features_at(t, heard))
    beats = before + after + pause + again
    assert {beat.bpm for beat in beats} == {heard * factor}
    assert np.diff([beat.beat for beat in beats]).min() >= 0.0
    assert np.diff([beat.beat for beat in beats]).max() < 3.0 * heard * factor / 60.0 * FRAME  # no jump


def test_a_corrected_octave_holds_for_the_next_song() -> None:
    tempo = Tempo(120.0)
    play(tempo, 0.0, 2.0, lambda t: features_at(t, 64.0))
    tempo.scale(2.0, 2.0)
    assert play(tempo, 2.0, 2.0, lambda t: features_at(t, 82.0))[-1].bpm == 164.0


def test_link_then_midi_then_taps_then_audio() -> None:
    tempo = Tempo()
    link, midi = ExternalTempo(121.0, 7.25, 1.0), ExternalTempo(133.0, 2.0, 1.0)
    sound = features_at(1.0, 100.0)
    tempo.tap(0.2)
    tempo.tap(0.8)
    assert tempo.step(1.0, sound, link, midi) == Beat(121.0, 7.25, 4, "link")
    assert tempo.step(1.0, sound, ExternalTempo(121.0, 7.25, 1.0, peers=0), midi).source == "midi"
    assert tempo.step(1.5, sound, None, midi) == Beat(133.0, 2.0 + 0.5 * 133 / 60, 4, "midi")
    assert tempo.step(1.5, sound).source == "tap"
    for wanted in ("link", "midi", "audio"):
        tempo.lead(wanted)
        assert tempo.step(1.5, sound, link, midi).source == wanted
    tempo.lead("link")
    assert tempo.step(1.5, sound, None, midi).source == "free"


def test_a_midi_clock_is_not_moved_by_hand() -> None:
    tempo = Tempo()
    tempo.step(1.0, SILENCE, None, ExternalTempo(133.0, 2.0, 1.0))
    for gesture in (lambda: tempo.tap(1.0), lambda: tempo.set_bpm(99.0, 1.0), lambda: tempo.nudge(0.1, 1.0)):
        with pytest.raises(UserError, match="/tempo/source tap takes over"):
            gesture()


def test_what_is_done_to_a_link_session_is_proposed_to_all() -> None:
    tempo = Tempo()
    link = ExternalTempo(120.0, 4.5, 1.0)
    tempo.step(1.0, SILENCE, link)
    assert tempo.take_proposal() == Proposal()
    tempo.set_bpm(130.0, 1.0)
    tempo.nudge(0.25, 1.0)
    assert tempo.take_proposal() == Proposal(130.0, 4.75)
    assert tempo.take_proposal() == Proposal()


def test_cells_of_the_grid() -> None:
    def cells(beat: float) -> list[int | None]:
        return [Beat(120.0, beat, 4, "tap").cell(name) for name in ("none", "beat", "bar", "2_bar", "4_bar")]

    assert cells(0.0) == [None, 0, 0, 0, 0]
    assert cells(7.9) == [None, 7, 1, 0, 0]
    assert cells(16.0) == [None, 16, 4, 2, 1]
    assert Beat(120.0, 6.0, 3, "tap").cell("bar") == 2
    assert Beat(120.0, 4.1, 4, "tap").cell("bar", late=0.1) == 0


def test_the_leading_tempo_takes_the_place_of_the_heard_one() -> None:
    features = AudioFeatures(time=9.9, bpm=100.0, beat_phase=0.3, bpm_confidence=0.4)
    assert with_tempo(features, Beat(120.0, 3.0, 4, "free"), 10.0) is features
    led = with_tempo(features, Beat(120.0, 3.0, 4, "tap"), 10.0)
    assert led.bpm == 120.0 and led.bpm_confidence == 1.0
    assert math.isclose(led.beat_phase, 0.8)  # 0.1 s before the moment, at two beats a second
