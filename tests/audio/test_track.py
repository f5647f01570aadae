"""Sound files as a performer brings them: every kind in time, damaged ones as far as they go."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from livemusviz.audio.track import TrackReader, probe
from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.errors import UserError
from tests.tracks import KINDS, clicks, convert


def read(path: Path) -> tuple[np.ndarray, TrackReader]:
    reader = TrackReader(probe(path))
    return np.concatenate(list(reader.blocks())), reader


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_first_sample_at_time_0(kind: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 4.0)
    sound, reader = read(convert(tmp_path / "track.wav", kind))
    assert sound.dtype == np.float32 and sound.shape[1] == 2 and not reader.damage
    assert len(sound) / SAMPLE_RATE == pytest.approx(4.0, abs=0.03)
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.2) / SAMPLE_RATE
    starts = loud[np.r_[True, np.diff(loud) > 0.2]]
    np.testing.assert_allclose(starts, times, atol=0.002)


def test_mono_and_many_channels_become_two(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 1.0)
    for channels in (1, 6):
        path = convert(tmp_path / "track.wav", f"{channels}.flac", "-ac", str(channels))
        assert read(path)[0].shape[1] == 2


def test_mp3_with_a_broken_tail_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 6.0)
    path = convert(tmp_path / "track.wav", "mp3")
    data = path.read_bytes()
    noise = np.random.default_rng(1).integers(0, 256, len(data) // 3, np.uint8).tobytes()
    path.write_bytes(data[: -len(noise)] + noise)
    sound, reader = read(path)
    assert len(sound) / SAMPLE_RATE > 3.8 and np.isfinite(sound).all()
    assert reader.damage > 0 and reader.damaged_at == pytest.approx(4.0, abs=0.3)


def test_a_damaged_middle_becomes_silence_and_what_follows_stays_in_time(tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 8.0)
    path = convert(tmp_path / "track.wav", "m4a")
    data = bytearray(path.read_bytes())
    middle = range(len(data) // 3, len(data) // 3 + 1500)
    for i in middle:
        data[i] ^= 0x5A
    path.write_bytes(data)
    sound, _ = read(path)
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.25) / SAMPLE_RATE
    starts = loud[np.r_[True, np.diff(loud) > 0.2]]
    assert starts[-1] == pytest.approx(times[-1], abs=0.03)


def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("not a sound file at all\n" * 50)
    silent = tmp_path / "silent.mp4"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=red:s=64x64:d=1",
        "-pix_fmt",
        "yuv420p",
        str(silent),
    ]
    subprocess.run(command, check=True)
    ladder = {
        tmp_path / "missing.wav": "no such sound file",
        tmp_path: "no such sound file",
        tmp_path / "empty.wav": "0 bytes",
        tmp_path / "text.mp3": "not a sound file",
        silent: "a video without sound",
    }
    for path, words in ladder.items():
        with pytest.raises(UserError, match=words) as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_video_with_sound_is_told_from_an_album_with_a_cover(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 1.0)
    wav = str(tmp_path / "track.wav")
    film, cover = tmp_path / "film.mp4", tmp_path / "cover.m4a"
    colour = ["-f", "lavfi", "-i", "color=red:s=64x64:d=1"]
    run = ["ffmpeg", "-v", "error", "-y", "-i", wav, *colour]
    subprocess.run([*run, "-pix_fmt", "yuv420p", str(film)], check=True)
    one = ["-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
    subprocess.run([*run, "-map", "0:a", "-map", "1:v", *one, str(cover)], check=True)
    assert probe(film).video and not probe(cover).video
    assert len(read(cover)[0])
