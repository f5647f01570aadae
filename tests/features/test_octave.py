"""The octave choice: how a rhythm is described, and what a changed octave does to the beat."""

from types import SimpleNamespace

import numpy as np
import pytest

from livemusviz.features.octave import EVERY, LEAST, HeldBeat, OctaveChoice
from livemusviz.features.rhythm import BANDS, BINS, KEPT, BeatHistory
from livemusviz.features.strokes import STEP


def backbeat(place):
    """Strokes at a place in beats: low ones on the even beats, high ones on the odd."""
    strokes = np.zeros(BANDS - 1)
    if place % 1.0 < 0.05:
        strokes[3 if int(place) % 2 else 0] = 1.0
    return strokes


def history(period, steps=KEPT + 100):
    """The backbeat at a beat of `period` seconds."""
    kept = BeatHistory()
    for step in range(steps):
        place = step * STEP / period
        kept.add(backbeat(place), 0.0, place)
    return kept


@pytest.mark.parametrize(("factor", "shift"), [(2.0, 0.0), (0.5, 0.0), (0.5, 0.5), (1.0, 0.5)])
def test_other_beats_describe_a_rhythm_as_if_they_were_counted(factor, shift):
    kept = history(0.5)
    before = kept.describe(0.5, factor, shift)
    kept.scale(factor, shift)
    after = kept.describe(0.5 / factor)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_contrast_is_that_of_even_and_odd_beats():
    contrast = history(0.5).describe(0.5)[1].reshape(BINS, BANDS)
    assert contrast[0, 0] > 0.9 and contrast[0, 3] < -0.9 and np.abs(contrast[2:]).max() == 0.0
    counted_from_another = history(0.5).describe(0.5, shift=1.0)[1].reshape(BINS, BANDS)
    np.testing.assert_allclose(counted_from_another[0, [0, 3]], -contrast[0, [0, 3]], atol=0.05)


def test_a_rhythm_recurs_after_two_beats_and_not_after_one():
    correlations = history(0.5).describe(0.5)[0].reshape(-1)[: 14 * BANDS].reshape(14, BANDS)
    one, two = correlations[6, 0], correlations[8, 0]  # lags of 12 and 24 bins
    assert two > 0.8 and one < 0.1


def test_a_tempo_that_was_taken_anew_lies_under_all_that_is_kept():
    counted, laid = history(0.5, 400), history(0.41, 400)
    for kept in (counted, laid):
        kept.lay(100.0, 0.5)
    assert laid.place == counted.place == 100.0
    assert len(laid) == 400


class Once(OctaveChoice):
    """Changes the tempo by a factor, the first time it is asked."""

    def __init__(self, change, odds=1.0):
        super().__init__()
        self.change, self.heard = change, odds

    def factor(self, history, period, octaves):
        change, self.change = self.change, 1.0
        return change

    def odds(self, history, period):
        return self.heard


def follow(held, steps, begin=0):
    """Step through a filter's steady beats of half a second; return the held phases at its beats."""
    phases, last = [], -1
    for step in range(begin, begin + steps):
        place = step * STEP / 0.5
        metre = SimpleNamespace(period=0.5, phase=place % 1.0, confidence=1.0)
        phase = held.step(metre, backbeat(place), 0.0, step > 10)
        if int(place) != last:
            phases.append(phase)
        last = int(place)
    return phases[1:]


STEPS = (LEAST // EVERY + 1) * EVERY


@pytest.mark.parametrize(("change", "period"), [(0.5, 1.0), (2.0, 0.25), (1.0, 0.5)])
def test_the_tempo_changes_by_the_factor_and_keeps_it_while_the_filter_does_not(change, period):
    held = HeldBeat(Once(change))
    follow(held, STEPS + 1)
    phases = follow(held, 1000, STEPS + 1)
    assert held.period == pytest.approx(period)
    expected = [0.0, 0.5] if change == 0.5 else [0.0]
    assert all(min(abs(phase - place) for place in expected) < 0.1 for phase in phases)
    if change == 0.5:  # each second beat of the filter is one
        assert np.abs(np.diff(phases)).min() > 0.4


def test_the_octave_stays_until_the_tempo_is_known():
    held = HeldBeat(Once(0.5))
    for step in range(2 * STEPS):
        metre = SimpleNamespace(period=0.5, phase=step * STEP / 0.5 % 1.0, confidence=0.2)
        held.step(metre, np.zeros(BANDS - 1), 0.0, False)
    assert held.period == 0.5


def test_odds_that_stay_bad_move_the_beat_by_half():
    on, off = HeldBeat(Once(0.5, 3.0)), HeldBeat(Once(0.5, 3.0))
    for held in (on, off):
        follow(held, STEPS + 1)
    off._choice.heard = -3.0
    straight, moved = (follow(held, 600, STEPS + 1)[-1] for held in (on, off))
    assert abs(abs(straight - moved) - 0.5) < 0.1


def test_one_opinion_is_not_enough_for_a_tempo_that_is_held(monkeypatch):
    choice, kept = OctaveChoice(), history(0.5)
    opinions = [np.array([0.95, 0.05, 0.0])] * 10 + [np.array([0.0, 1.0, 0.0])] * 10
    monkeypatch.setattr(choice, "_probabilities", lambda description: opinions.pop(0))
    asked = [choice.factor(kept, 0.5, np.zeros(5)) for _ in range(20)]
    assert asked[:14] == [1.0] * 14
    assert 0.5 in asked[14:]


@pytest.mark.parametrize(("bpm", "opinion"), [(70, 1), (180, 2)])
def test_no_opinion_leads_out_of_the_range_of_tempi(monkeypatch, bpm, opinion):
    choice = OctaveChoice()
    monkeypatch.setattr(choice, "_probabilities", lambda description: np.eye(3)[opinion])
    assert [choice.factor(history(60 / bpm), 60 / bpm, np.zeros(5)) for _ in range(20)] == [1.0] * 20
