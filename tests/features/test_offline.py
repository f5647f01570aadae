import numpy as np
import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.offline import FeatureTrack, analyse_hops
from tests.drum_loop import drum_loop
from tests.features.extraction import f_measure, onset_times
from tests.features.test_form import groove, tone


def analysed(sound):
    stereo = np.asarray(sound if sound.ndim == 2 else np.repeat(sound[:, None], 2, axis=1), np.float32)
    return analyse_hops(stereo[i : i + HOP] for i in range(0, len(stereo) - HOP + 1, HOP))


@pytest.fixture(scope="module")
def loop():
    sound, times = drum_loop(8, 120, lead_in=0.5)
    return analysed(sound), times


def test_every_hop_has_its_features_and_slices_and_ends_work(loop):
    track, _ = loop
    assert isinstance(track, FeatureTrack) and isinstance(track[0], AudioFeatures)
    assert [f.sample for f in track[:3]] == [HOP - 1, 2 * HOP - 1, 3 * HOP - 1]
    assert track[-1].time == pytest.approx(len(track) * HOP / SAMPLE_RATE)
    assert len(list(track)) == len(track)
    with pytest.raises(IndexError):
        track[len(track)]


def test_they_survive_the_ring_like_the_live_ones(loop):
    some = loop[0][700]
    assert AudioFeatures.unpack(some.pack()) == some


def test_onsets_are_told_where_they_are(loop):
    track, times = loop
    score, delay = f_measure(times, onset_times(list(track)))
    assert score > 0.97 and abs(delay) < 0.006
    assert track[-1].onsets == sum(f.onset for f in track)


def test_beats_are_known_from_the_first_on(loop):
    track, times = loop
    beats = [b.time for a, b in zip(track, track[1:], strict=False) if b.beats > a.beats]
    truth = [times[0] + 0.5 * k for k in range(1, 15)]
    assert f_measure(truth, [b for b in beats if truth[0] - 0.1 < b < truth[-1] + 0.1], 0.03)[0] > 0.95
    assert track[300].bpm == pytest.approx(120, abs=1.0)
    assert all(0.0 <= f.beat_phase < 1.0 and 0.0 <= f.bar_phase < 1.0 for f in track)


def test_levels_are_relative_to_the_whole_track():
    """The same quiet verse is less energetic before a loud chorus than alone; live, nobody could know."""
    verse, chorus = groove(6.0, 0.1), groove(6.0, 0.8)
    alone, before = analysed(verse), analysed(np.concatenate([verse, chorus]))
    n = len(alone)
    assert before.column("energy")[:n].mean() < 0.5 * alone.column("energy").mean()
    assert before.column("energy")[n + 200 :].mean() > 0.6


def test_a_section_changes_where_it_changes():
    track = analysed(np.concatenate([groove(14.0, 0.4), tone(14.0, 0.05), groove(14.0, 0.4)]))
    told = np.flatnonzero(np.diff(track.column("sections"))) * HOP / SAMPLE_RATE
    assert told == pytest.approx([14.0, 28.0], abs=1.0)


def test_nothing_and_silence_are_no_error():
    assert len(analysed(np.zeros((0, 2)))) == 0
    assert len(analysed(np.zeros((HOP, 2)))) == 1
    silence = analysed(np.zeros((2 * SAMPLE_RATE, 2)))
    assert all(f.silent and f.energy == 0.0 and f.bpm == 0.0 and not any(f.chroma) for f in silence)
