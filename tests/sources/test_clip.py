"""Clips by a clock that only moves when they wait: in time, in a loop, in any format; and what cannot be played."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from livemusviz.errors import UserError
from livemusviz.sources.clip import Clip
from tests.sources.clips import BLUE, GREEN, RED, SteppedClock, plain, quarter, turn_clip, write_clip

SIZE = (64, 64)


def near(picture: np.ndarray, colour: tuple[int, int, int], by: float = 12.0) -> bool:
    return bool(np.abs(picture.reshape(-1, 3).mean(axis=0) - colour).max() < by)


def shown(clip: Clip, clock: SteppedClock, count: int, resume: float = 0.0) -> list[tuple[float, np.ndarray]]:
    """Return the next pictures with the times at which they came, s from the start."""
    began = clock.now
    pictures = ((clock.now - began, each) for each in clip.play(resume) if each is not None)
    return list(islice(pictures, count))


def test_pictures_come_when_they_are_due_and_the_clip_loops(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mp4", [plain(c) for c in (RED, GREEN, BLUE)], fps=10)
    clock = SteppedClock()
    found = shown(Clip(path, SIZE, clock, clock.sleep), clock, 7)
    assert [round(time, 3) for time, _ in found] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    colours = (RED, GREEN, BLUE)
    assert all(near(picture, colours[i % 3]) for i, (_, picture) in enumerate(found))
    assert all(picture.shape == (64, 64, 3) and picture.flags["C_CONTIGUOUS"] for _, picture in found)


def test_one_picture_a_second_and_signs_of_life_in_between(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "slow.mp4", [plain(RED), plain(GREEN), plain(BLUE)], fps=1)
    clock = SteppedClock()
    items = list(islice(Clip(path, SIZE, clock, clock.sleep).play(), 12))
    assert sum(item is not None for item in items) in (2, 3)
    assert sum(item is None for item in items) >= 8


def test_a_restart_goes_on_where_the_clip_would_be(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mp4", [plain(RED)] * 20 + [plain(BLUE)] * 20, fps=10)
    clock = SteppedClock()
    found = shown(Clip(path, SIZE, clock, clock.sleep), clock, 3, resume=2.55)
    assert all(near(picture, BLUE) for _, picture in found[1:])


def test_what_is_late_is_left_out_and_the_time_is_kept(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mp4", [plain((6 * i, 0, 0)) for i in range(40)], fps=20)
    clock = SteppedClock()
    began, seen = clock.now, []
    for picture in islice(Clip(path, SIZE, clock, clock.sleep).play(), 60):
        if picture is not None:
            seen.append((clock.now - began, float(picture[..., 0].mean())))
            clock.now += 0.21  # a machine that takes long over each
    for time, red in seen[1:-1]:
        if time < 1.8:
            assert abs(red - 6 * 20 * time) < 30, "the picture of that time, within a few"


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("nv12.nut", "rawvideo", "nv12"),
        ("uyvy.nut", "rawvideo", "uyvy422"),
        ("ten-bit.mkv", "ffv1", "yuv422p10le"),
        ("grey.mkv", "ffv1", "gray"),
        ("mjpeg.avi", "mjpeg", "yuvj420p"),
        ("alpha.mkv", "ffv1", "bgra"),
    ],
)
def test_odd_formats(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = write_clip(tmp_path / name, [quarter()] * 3, codec=codec, pix_fmt=pix_fmt)
    clock = SteppedClock()
    ((_, picture),) = shown(Clip(path, SIZE, clock, clock.sleep), clock, 1)
    bright, dark = picture[4:28, 4:28].astype(float).mean(axis=(0, 1)), picture[36:60, 36:60].mean()
    wanted = [81.0] * 3 if pix_fmt == "gray" else RED
    assert np.abs(bright - wanted).max() < 16 and dark < 30


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, 1)), (180, (1, 1)), (270, (1, 0))])
def test_a_turned_clip_stands_upright(tmp_path: Path, degrees: int, corner: tuple[int, int]) -> None:
    """A phone writes how far to turn; the red quarter, upper left in the file, moves clockwise."""
    path = turn_clip(write_clip(tmp_path / "c.mp4", [quarter((96, 64))] * 3), degrees)
    clock = SteppedClock()
    ((_, picture),) = shown(Clip(path, SIZE, clock, clock.sleep), clock, 1)
    halves = picture[..., 0].astype(float).reshape(2, 32, 2, 32).mean(axis=(1, 3))
    assert np.unravel_index(halves.argmax(), (2, 2)) == corner


def test_the_size_may_change_in_mid_stream(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / f"{i}.mjpeg", [plain(c, s)] * 2, codec="mjpeg", pix_fmt="yuvj420p")
             for i, (c, s) in enumerate([(RED, (64, 64)), (BLUE, (160, 48))])]  # fmt: skip
    path = tmp_path / "both.mjpeg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    clock = SteppedClock()
    found = shown(Clip(path, SIZE, clock, clock.sleep), clock, 4)
    assert near(found[0][1], RED) and near(found[3][1], BLUE)


def test_wide_pictures_are_cropped_so_that_they_cover(tmp_path: Path) -> None:
    picture = plain(GREEN, (192, 64))
    picture[:, :60] = picture[:, 132:] = RED
    path = write_clip(tmp_path / "c.mkv", [picture] * 2, codec="ffv1", pix_fmt="bgra")
    clock = SteppedClock()
    ((_, found),) = shown(Clip(path, SIZE, clock, clock.sleep), clock, 1)
    assert near(found[:, 4:-4], GREEN, by=3.0), "only the middle is seen"


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def test_what_cannot_be_played_is_told_in_one_line(tmp_path: Path) -> None:
    cases = {
        "text.mp4": (lambda path: path.write_text("no film"), "cannot be played"),
        "empty.mp4": (lambda path: path.write_bytes(b""), "cannot be played"),
        "noise.mp4": (lambda path: path.write_bytes(os.urandom(5000)), "cannot be played"),
        "sound.m4a": (write_sound, "no moving pictures"),
    }
    for name, (write, message) in cases.items():
        write(tmp_path / name)
        with pytest.raises(UserError, match=message) as caught:
            next(Clip(tmp_path / name, SIZE, SteppedClock(), lambda seconds: None).play())
        assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_damaged_clip_plays_what_is_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.ts", [plain(RED)] * 30, codec="mpeg2video")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = os.urandom(400)
    path.write_bytes(data)
    clock = SteppedClock()
    found = shown(Clip(path, SIZE, clock, clock.sleep), clock, 10)
    assert near(found[0][1], RED)


def test_a_single_picture_is_held(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mkv", [plain(BLUE)], codec="ffv1", pix_fmt="bgra")
    clock = SteppedClock()
    items = list(islice(Clip(path, SIZE, clock, clock.sleep).play(), 6))
    assert sum(item is not None for item in items) == 1 and items[-1] is None
