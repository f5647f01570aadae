"""The scores of others: on times made for it, and the flow on pictures that move."""

import numpy as np
import pytest

from benchmarks.dance import music_beats, truth
from benchmarks.scores import SIGMA, av_align, beat_alignment, grey, local_maxima, mean_flow
from livemusviz.bridge.sound import SAMPLE_RATE


def test_av_align_is_intersection_over_union():
    onsets = np.array([1.0, 2.0, 3.0])
    assert av_align(onsets, onsets + 0.02) == 1.0
    assert av_align(onsets, onsets + 0.04) == 0.0
    assert av_align(onsets, np.array([1.0, 1.5, 2.0, 2.5])) == pytest.approx(2 / 5)
    assert av_align(onsets, np.array([])) == 0.0


def test_beat_alignment_is_a_mean_of_gaussians():
    beats = np.array([1.0, 2.0, 3.0])
    assert beat_alignment(beats, beats) == 1.0
    assert beat_alignment(beats + SIGMA, beats) == pytest.approx(np.exp(-0.5))
    assert beat_alignment(np.array([1.0, 1.5]), beats) == pytest.approx(0.5)
    assert beat_alignment(beats, np.array([1.0])) == pytest.approx(1 / 3)


def test_marks_after_the_end_of_the_sound_are_left_out(tmp_path):
    """A shift wraps round the end of what was played, and would put later marks where no beat is."""
    for suffix in (".beats", ".drums"):
        (tmp_path / f"track{suffix}").write_text("".join(f"{moment:.3f} KD\n" for moment in np.arange(0.1, 9.0, 0.5)))
    sound = np.zeros((2 * SAMPLE_RATE, 2), np.float32)
    path = tmp_path / "track.flac"
    assert music_beats(path, sound) == pytest.approx([0.1, 0.6, 1.1, 1.6])
    assert truth(path, sound)[0] == pytest.approx([0.1, 0.6, 1.1, 1.6])


def test_local_maxima_are_larger_than_both_neighbours():
    times = np.arange(7) / 30
    assert local_maxima(times, np.array([3.0, 0, 1, 0, 2, 2, 0])) == pytest.approx([2 / 30])


def test_the_flow_of_a_moving_picture_is_its_motion():
    pytest.importorskip("cv2")
    texture = np.random.default_rng(0).random((90, 200, 1)).repeat(3, axis=2)
    smooth = sum(np.roll(texture, (i, j), (0, 1)) for i in range(6) for j in range(6)) / 36
    picture = np.clip(255 * (0.5 + 3 * (smooth - smooth.mean())), 0, 255).astype(np.uint8)
    still = [grey(picture[:, 20:180])] * 3
    moved = [grey(np.roll(picture, 2 * i, 1)[:, 20:180]) for i in range(3)]
    assert mean_flow(still).max() < 0.01
    assert mean_flow(moved) == pytest.approx([2.0, 2.0], abs=0.4)
