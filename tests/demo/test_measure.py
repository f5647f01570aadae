"""The measurements themselves, on films whose answers are known."""

import numpy as np
import pytest

from demo.measure import Film, bad_pictures, dominant_hue, hue_distance, offset_of, onset_motion_ratio
from demo.run import generated
from livemusviz.bridge.sound import SAMPLE_RATE

FPS = 30


def film(pictures: np.ndarray) -> Film:
    times = np.arange(len(pictures)) / FPS
    return Film(pictures, times, np.zeros((0, 2), np.float32), ("h264", "aac"), (16, 9))


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (count, 9, 16, 3)).astype(np.uint8)


def test_motion_on_onsets_is_told_from_motion_between() -> None:
    onsets = np.arange(1.0, 8.0, 0.5)
    still = noise(1)[0].astype(int)
    pictures = []
    for i in range(8 * FPS):
        since = min((i / FPS - onset for onset in onsets if i / FPS >= onset - 1e-9), default=9.0)
        step = 12 if since <= 0.1 else 4
        still = still + (step if i % 2 else -step)
        pictures.append(still.clip(0, 255))
    made = film(np.array(pictures, np.uint8))
    assert onset_motion_ratio(made, onsets, after=0.5) == pytest.approx(3.0, rel=0.15)
    during = onset_motion_ratio(made, onsets + 0.4 / FPS, after=0.5)
    assert during == pytest.approx(3.0, rel=0.1), "the picture that stands when an onset comes counts"
    assert onset_motion_ratio(made, onsets + 0.25, after=0.5) < 1.0


def test_no_onsets_give_no_ratio() -> None:
    assert np.isnan(onset_motion_ratio(film(noise(120)), np.array([])))


def test_black_and_flat_pictures_are_counted_after_the_first_second() -> None:
    pictures = noise(4 * FPS)
    pictures[10] = 0  # within the first second: not counted
    pictures[50] = 0
    pictures[60] = 120
    assert bad_pictures(film(pictures)) == 2


@pytest.mark.parametrize(
    ("rgb", "hue"), [((200, 30, 20), 3), ((20, 200, 40), 127), ((20, 60, 220), 228), ((90, 60, 0), 40)]
)
def test_dominant_hue(rgb: tuple[int, int, int], hue: float) -> None:
    picture = np.full((9, 16, 3), 128, np.uint8)
    picture[:, :10] = rgb
    assert hue_distance(dominant_hue(picture), hue) <= 15


def test_hue_distance_goes_the_short_way_round() -> None:
    assert hue_distance(350, 10) == 20 and hue_distance(10, 350) == 20 and hue_distance(0, 180) == 180


@pytest.mark.parametrize("offset", [0.0, 1.2345, -0.5])
def test_offset_of_a_track_within_a_recording(offset: float) -> None:
    track = np.random.default_rng(1).standard_normal((2 * SAMPLE_RATE, 2)).astype(np.float32)
    samples = round(offset * SAMPLE_RATE)
    heard = np.concatenate([np.zeros((max(0, samples), 2), np.float32), track[max(0, -samples) :]])
    assert offset_of(track, heard) == pytest.approx(offset, abs=1e-4)


def test_the_table_tells_the_pace_from_the_first_frame_on() -> None:
    figures = {"frames_generated": 100, "frames_skipped": 7, "first_frame_s": 2.0, "seconds": 12.0}
    assert generated(figures) == "100 frames, 10.0 a second, the first after 2.0 s; 7 skipped as the music rested"
    assert generated({**figures, "frames_generated": 0, "first_frame_s": None}) == "no frame"
