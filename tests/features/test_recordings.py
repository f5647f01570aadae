"""Onsets on recordings that people marked, beside aubio's defaults. Skipped where the recordings are not.

The folder lies beside the repository and is never part of it: its licence forbids more than measuring.
"""

from functools import cache
from pathlib import Path

import aubio
import numpy as np
import pytest
import soundfile
import soxr

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.offline import analyse_hops
from tests.features.extraction import extract, f_measure, merged, onset_times

FOLDER = Path(__file__).parents[3] / "shared" / "audio_eval"
DRUMS = sorted(FOLDER.glob("mdb_drums/*.flac"))
MIXES = sorted(FOLDER.glob("mdb_mix/*.flac"))

pytestmark = pytest.mark.skipif(not DRUMS, reason="the marked recordings are not here")


@cache
def load(path):
    sound, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    return soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)


@cache
def causal_features(path):
    """What is heard in a clip: once for all tests."""
    return extract(load(path))


def marks(path):
    lines = path.with_suffix(".drums").read_text().splitlines()
    return merged([float(line.split()[0]) for line in lines if line.strip()])


def aubio_default(sound):
    """aubio's own onset program as it comes: hfc, window 1024."""
    detector, found = aubio.onset("default", 1024, HOP, SAMPLE_RATE), []
    for start in range(0, len(sound) - HOP + 1, HOP):
        if detector(sound[start : start + HOP].astype(np.float32))[0]:
            found.append((start + HOP) / SAMPLE_RATE)
    return found


@pytest.mark.parametrize(("clips", "least"), [(DRUMS, 0.94), (MIXES, 0.78)], ids=["drums", "mixes"])
def test_onsets_are_no_worse_than_aubios_own(clips, least, record_property):
    ours, theirs, delays = [], [], []
    for clip in clips:
        sound, marked = load(clip), marks(clip)
        score, delay = f_measure(marked, onset_times(causal_features(clip)))
        stock = f_measure(marked, aubio_default(sound))
        ours.append(score)
        theirs.append(stock[0])
        delays.append(delay)
        record_property(
            clip.stem, f"F {score:.3f} delay {delay * 1000:.0f} ms, aubio {stock[0]:.3f} {stock[1] * 1000:.0f} ms"
        )
        print(f"{clip.stem:28s} F {score:.3f}  {delay * 1e3:4.0f} ms   aubio {stock[0]:.3f}  {stock[1] * 1e3:4.0f} ms")
    print(f"mean: ours {np.mean(ours):.3f}  aubio {np.mean(theirs):.3f}")
    assert np.mean(ours) >= least
    assert np.mean(ours) >= np.mean(theirs)
    assert np.median(delays) <= 0.015


def beat_times(features):
    pairs = zip(features, features[1:], strict=False)
    return [b.time - b.beat_phase * 60.0 / b.bpm for a, b in pairs if b.beats > a.beats and b.bpm > 0.0]


@pytest.mark.parametrize(("clips", "least"), [(DRUMS, 0.97), (MIXES, 0.9)], ids=["drums", "mixes"])
def test_beats_are_where_people_marked_them(clips, least):
    live, whole = [], []
    for clip in clips:
        sound = load(clip)
        marked = [
            float(line.split()[0]) for line in clip.with_suffix(".beats").read_text().splitlines() if line.strip()
        ]
        marked = [mark for mark in marked if mark >= 5.0]
        track = analyse_hops(np.repeat(sound[:, None], 2, 1)[: len(sound) // HOP * HOP].reshape(-1, HOP, 2))
        for scores, features in ((live, causal_features(clip)), (whole, list(track))):
            scores.append(f_measure(marked, [time for time in beat_times(features) if time >= 5.0], 0.07)[0])
    print(f"causal {np.mean(live):.3f}  offline {np.mean(whole):.3f}")
    assert np.mean(live) >= least
    assert np.mean(whole) >= least


def test_a_quiet_desk_keeps_the_onsets():
    sound = load(DRUMS[0])
    usual, quiet = len(onset_times(causal_features(DRUMS[0]))), len(onset_times(extract(sound * 0.05)))
    assert quiet == pytest.approx(usual, rel=0.1)


def test_an_electronic_kick_at_120_is_heard_as_such():
    features = extract(np.tile(load(FOLDER / "beatnet" / "808kick120bpm.mp3"), 2))
    assert features[-1].bpm == pytest.approx(120.0, abs=1.5)
    assert features[-1].onsets == pytest.approx(40, abs=2)
