"""Where pictures and sound are placed, without any encoder."""

import numpy as np
import pytest

from livemusviz.bridge.sound import HOP, SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.record.timed import TimedEncoder
from livemusviz.record.timeline import MOST, AudioTimeline, VideoGrid, stretch


def picture(tag: int, time: float) -> CanvasPicture:
    return CanvasPicture(np.full((2, 2, 4), tag, np.uint8), time)


def tags(slots: list[tuple[int, np.ndarray]]) -> list[tuple[int, int]]:
    return [(number, int(pixels[0, 0, 0])) for number, pixels in slots]


def test_grid_repeats_missing_and_replaces_surplus_pictures() -> None:
    grid = VideoGrid(10.0, 30)
    assert tags(grid.place(picture(1, 10.0))) == []
    assert tags(grid.place(picture(2, 10.002))) == []  # the same slot: replaces
    assert tags(grid.place(picture(3, 10.1))) == [(0, 2), (1, 2), (2, 2)]
    assert tags(grid.fill(10.2)) == [(3, 3), (4, 3), (5, 3)]
    assert tags(grid.place(picture(4, 10.0))) == []  # late: takes the next slot that is free
    assert tags(grid.fill(10.234)) == [(6, 4)]


def test_grid_gives_the_first_picture_to_the_slots_before_it() -> None:
    grid = VideoGrid(0.0, 30)
    assert grid.fill(0.2) == []
    assert tags(grid.place(picture(7, 0.2))) == []
    assert tags(grid.fill(0.3)) == [(n, 7) for n in range(9)]


def test_grid_leaves_slots_out_when_told_not_to_repeat() -> None:
    grid = VideoGrid(0.0, 30)
    grid.place(picture(1, 0.0))
    assert tags(grid.place(picture(2, 2.0), repeat=False)) == [(0, 1)]
    assert tags(grid.fill(10.0, repeat=False)) == [(60, 2)]
    assert grid.next == 300


class Written:
    """An encoder that only remembers."""

    def __init__(self) -> None:
        self.frames, self.slots, self.samples = 0, list[int](), 0

    def video(self, pixels: np.ndarray, slot: int) -> None:
        self.slots.append(slot)

    def audio(self, samples: np.ndarray) -> None:
        self.samples += len(samples)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("shown", [[0.0], [0.0, 0.1, 0.2], [0.0, 5.0]])
def test_pictures_reach_as_far_as_the_sound_though_the_end_comes_far_behind(shown: list[float]) -> None:
    """The recorder stood still for 14 s, then was told to stop."""
    written = Written()
    timed = TimedEncoder(written, 100.0, 30, (2, 2))
    for time in shown:
        timed.picture(picture(1, 100.0 + time), 114.3)
    for i in range(143):
        timed.block(AudioBlock(100.0 + i * 0.1, i * 4800, np.zeros((4800, 2), np.float32)), 114.3)
    timed.finish(114.3)
    assert written.samples == pytest.approx(14.3 * 48000, abs=4800)
    assert written.slots == sorted(set(written.slots)) and written.slots[0] == 0
    assert (written.slots[-1] + 1) / 30 == pytest.approx(14.3, abs=1 / 30)


def block(index: int, time: float, value: float = 0.5, start: int = 0) -> AudioBlock:
    return AudioBlock(time, start + index * HOP, np.full((HOP, 2), value, np.float32))


def test_sound_starts_at_zero_and_what_came_before_is_cut() -> None:
    line = AudioTimeline(100.0)
    samples = line.place(block(0, 100.0 - 100 / SAMPLE_RATE))
    assert samples.shape == (HOP - 100, 2)
    assert line.place(AudioBlock(99.0, 0, np.ones((HOP, 2), np.float32))).shape == (0, 2)


def test_a_gap_in_the_indices_becomes_silence() -> None:
    line = AudioTimeline(0.0)
    line.place(block(0, 0.0, start=5000))
    samples = line.place(block(3, 3 * HOP / SAMPLE_RATE, start=5000))
    assert samples.shape == (3 * HOP, 2)
    assert not samples[: 2 * HOP].any() and (samples[2 * HOP :] == 0.5).all()


def test_a_restarted_index_is_placed_by_its_time() -> None:
    line = AudioTimeline(0.0)
    line.place(block(400, 0.0))
    line.place(block(401, HOP / SAMPLE_RATE))
    samples = line.place(block(0, 1.0, value=0.25))
    assert line.position == SAMPLE_RATE + HOP
    assert (samples[-HOP:] == 0.25).all() and not samples[:-HOP].any()


@pytest.mark.parametrize("drift", [-200e-6, 200e-6, 0.0])
def test_a_drifting_sound_card_stays_within_5_ms_and_without_cuts(drift: float) -> None:
    line, rng = AudioTimeline(0.0), np.random.default_rng(1)
    for index in range(20_000):  # 107 s
        true = index * HOP / SAMPLE_RATE * (1 + drift)
        samples = line.place(block(index, true + rng.uniform(0, 0.001)))
        if index:  # the first may follow on a millisecond of silence
            assert HOP - 1 <= len(samples) <= HOP + 1 and samples.all()
    assert line.position / SAMPLE_RATE == pytest.approx(20_000 * HOP / SAMPLE_RATE * (1 + drift), abs=0.005)


def test_samples_lost_by_the_driver_unseen_are_made_up_for() -> None:
    line = AudioTimeline(0.0)
    for index in range(1000):
        late = 0.2 if index >= 500 else 0.0
        line.place(block(index, index * HOP / SAMPLE_RATE + late))
    assert line.position / SAMPLE_RATE == pytest.approx(1000 * HOP / SAMPLE_RATE + 0.2, abs=0.005)


def test_silence_is_filled_in_bounded_pieces() -> None:
    line = AudioTimeline(0.0)
    assert len(line.fill(0.5)) == SAMPLE_RATE // 2
    assert len(line.fill(0.25)) == 0
    assert len(line.fill(1e6)) == MOST * SAMPLE_RATE


def test_stretching_keeps_the_ends() -> None:
    ramp = np.stack([np.linspace(-1, 1, HOP)] * 2, axis=1).astype(np.float32)
    for length in (HOP - 1, HOP + 1):
        out = stretch(ramp, length)
        assert out.shape == (length, 2) and out.dtype == np.float32
        np.testing.assert_allclose(out[[0, -1]], ramp[[0, -1]])
