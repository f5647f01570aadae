"""The scores of `benchmarks/beats.py`, on beats that are half a beat off, at the double, or at a tempo found late."""

import numpy as np
import pytest

from benchmarks.beats import octave_score, off_beat, tempo_time
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import HOP, SAMPLE_RATE

MARKED = np.arange(0.0, 20.0, 0.5)  # 120 bpm


def heard(tempi):
    """Return features that report these tempi, one a hop."""
    return [AudioFeatures(time=(i + 1) * HOP / SAMPLE_RATE, bpm=bpm) for i, bpm in enumerate(tempi)]


@pytest.mark.parametrize(("found", "share"), [(MARKED, 0.0), (MARKED + 0.25, 1.0), (np.arange(0.0, 20.0, 0.25), 0.5)])
def test_beats_between_marked_ones_are_off_the_beat(found, share):
    assert off_beat(MARKED, found) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("found", [MARKED, MARKED[::2], MARKED[1::2], np.arange(0.0, 20.0, 0.25)])
def test_the_double_and_either_half_are_the_same_beats_in_another_octave(found):
    assert octave_score(MARKED, found) == pytest.approx(1.0, abs=0.02)


def test_half_a_beat_off_is_no_octave():
    assert octave_score(MARKED, MARKED + 0.25) == pytest.approx(2 / 3, abs=0.03)


def test_the_tempo_is_found_when_it_stays():
    second = round(SAMPLE_RATE / HOP)
    tempi = [0.0] * second + [120.0] * second + [60.0] * second + [121.0] * 4 * second
    assert tempo_time(MARKED, heard(tempi)) == pytest.approx(3.0, abs=0.02)
    assert tempo_time(MARKED, heard([60.0] * 8 * second)) is None
