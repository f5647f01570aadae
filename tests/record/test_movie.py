"""The film's file: light and sound together, the track's own sound untouched, segments that stand on their own."""

from __future__ import annotations

import hashlib
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from livemusviz.audio.track import TrackReader, probe
from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.errors import UserError
from livemusviz.record.movie import Movie, MovieSettings, choose_film_codec, container_of, sound_plan
from tests.tracks import KINDS, clicks, convert, heard_clicks

FPS = Fraction(30)
SIZE = (96, 64)
SEGMENT = 20


def canvas(k: int, flashes: np.ndarray) -> np.ndarray:
    pixels = np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)
    pixels[..., :3] = np.random.default_rng(k).integers(0, 60, (8, 12, 3)).repeat(8, 0).repeat(8, 1)
    if (np.abs(flashes - k / 30) < 0.5 / 30).any():
        pixels[..., :3] = 255
    return pixels


def make(
    path: Path, track: Path, frames: int, flashes: np.ndarray, first: int = 0, previous: Path | None = None
) -> Movie:
    reader = TrackReader(probe(track))
    for _ in reader.blocks():
        pass
    movie = Movie(path, MovieSettings(*SIZE, FPS), reader.track, reader.origin)
    if previous is not None:
        assert movie.take_over(previous, first)
    for k in range(first, frames):
        if k % SEGMENT == 0:
            movie.cut()
        movie.picture(canvas(k, flashes), k)
    movie.close(frames / 30)
    return movie


def pictures(path: Path) -> list[tuple[float, str, float]]:
    """Time (s), digest and brightness of each."""
    with av.open(str(path)) as file:
        decoded = [(float(f.time or 0.0), f.to_ndarray()) for f in file.decode(video=0)]
    return [(t, hashlib.md5(a.tobytes(), usedforsecurity=False).hexdigest(), float(a.mean())) for t, a in decoded]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("kind", KINDS)
def test_flash_and_click_together_in_every_container(kind: str, suffix: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 3.0)
    path = tmp_path / f"film{suffix}"
    make(path, convert(tmp_path / "track.wav", kind), 90, times)
    seen = pictures(path)
    assert len(seen) == 90
    lit = np.array([t for t, _, light in seen if light > 150])
    np.testing.assert_allclose(lit, heard_clicks(path), atol=0.003)
    assert np.diff([t for t, _, _ in seen]) == pytest.approx(1 / 30, abs=0.0011)  # Matroska counts milliseconds


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_taken_over_equals_one_that_ran_through(suffix: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 3.0)
    track = convert(tmp_path / "track.wav", "mp3")
    whole, half, rest = (tmp_path / f"{name}{suffix}" for name in ("whole", "half", "rest"))
    make(whole, track, 90, times)
    make(half, track, 53, times)
    make(rest, track, 90, times, first=40, previous=half)
    assert [digest for _, digest, _ in pictures(rest)] == [digest for _, digest, _ in pictures(whole)]
    np.testing.assert_array_equal(heard_clicks(rest), heard_clicks(whole))


def test_a_film_that_is_too_short_is_not_taken_over(tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 1.0)
    make(tmp_path / "half.mp4", tmp_path / "track.wav", 15, times)
    movie = Movie(tmp_path / "new.mp4", MovieSettings(*SIZE, FPS), probe(tmp_path / "track.wav"), Fraction(0))
    assert not movie.take_over(tmp_path / "half.mp4", 20)
    movie.close(0.0)


@pytest.mark.parametrize(("kind", "suffix"), [("mp3", ".mp4"), ("m4a", ".mp4"), ("flac", ".mp4"), ("ogg", ".mkv")])
def test_the_tracks_packets_are_copied_to_the_bit(kind: str, suffix: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 2.0)
    track, path = convert(tmp_path / "track.wav", kind), tmp_path / f"film{suffix}"
    assert make(path, track, 60, times).sound == "copy"

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as file:
            return [bytes(packet) for packet in file.demux(audio=0) if packet.size]

    assert packets(path) == packets(track)


@pytest.mark.parametrize("format", ["pcm_s16le", "pcm_s24le"])
def test_pcm_in_an_mp4_is_lossless(format: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 2.0)
    track = convert(tmp_path / "track.wav", f"{format}.wav", "-c:a", format)
    assert make(tmp_path / "film.mp4", track, 60, times).sound == "flac"

    def samples(path: Path) -> np.ndarray:
        with av.open(str(path)) as file:
            return np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])

    np.testing.assert_array_equal(samples(tmp_path / "film.mp4"), samples(track))


def test_what_is_copied_and_what_is_not(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 0.5)
    plans = {}
    for kind in ("wav", "ogg", "mp3"):
        track = probe(convert(tmp_path / "track.wav", kind))
        plans[kind] = [sound_plan(track, container) for container in ("mp4", "mov", "matroska")]
    assert plans == {
        "wav": ["flac", "copy", "copy"],
        "ogg": ["aac", "aac", "copy"],
        "mp3": ["copy", "copy", "copy"],
    }


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_raw_aac_is_copied_into_every_container(suffix: str, tmp_path: Path) -> None:
    """An .aac file has no header (ADTS): its packets are filtered to the container's form."""
    clicks(tmp_path / "track.wav", 2.0)
    track, path = convert(tmp_path / "track.wav", "aac"), tmp_path / f"film{suffix}"
    assert make(path, track, 60, np.zeros(0)).sound == "copy"
    given, found = (np.concatenate(list(TrackReader(probe(each)).blocks())) for each in (track, path))
    both = min(len(given), len(found))
    assert both > 1.9 * SAMPLE_RATE and np.abs(given[:both] - found[:both]).max() < 1e-6


@pytest.mark.parametrize("channels", [6, 18])
def test_many_channels_become_two_in_a_film(channels: int, tmp_path: Path) -> None:
    """Of an interface's recording in PCM, which is encoded."""
    sound = np.zeros((2 * SAMPLE_RATE, channels), np.float32)
    sound[:, channels - 1] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / SAMPLE_RATE)
    soundfile.write(tmp_path / "track.wav", sound, SAMPLE_RATE)
    assert make(tmp_path / "film.mp4", tmp_path / "track.wav", 60, np.zeros(0)).sound == "aac"
    shown = probe(tmp_path / "film.mp4")
    heard = np.concatenate(list(TrackReader(shown).blocks()))
    assert shown.channels == 2 and 0.04 < np.abs(heard[9600:-9600]).max() <= 0.5


def test_a_film_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg would take what stands before a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    times = clicks(Path("Re: Stacks.wav"), 1.0)
    for name in ("20:30.mp4", "file:x.mkv", "Re: a.mov"):
        make(Path(name), Path("Re: Stacks.wav"), 30, times)
        assert len(pictures((tmp_path / name).absolute())) == 30
    make(Path("a:b.mp4"), Path("Re: Stacks.wav"), 30, times, first=20, previous=Path("20:30.mp4"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_that_was_never_closed_plays_up_to_its_last_second(suffix: str, tmp_path: Path) -> None:
    times = clicks(tmp_path / "track.wav", 4.0)
    path = tmp_path / f"film{suffix}"
    movie = Movie(path, MovieSettings(*SIZE, FPS), probe(tmp_path / "track.wav"), Fraction(0))
    for k in range(100):
        if k % SEGMENT == 0:
            movie.cut()
        movie.picture(canvas(k, times), k)
    movie.cut()
    killed = tmp_path / f"killed{suffix}"
    shutil.copy(path, killed)
    movie.close(100 / 30)
    assert 100 - len(pictures(killed)) <= 31


def test_sizes_and_suffixes_that_cannot_be_are_told() -> None:
    with pytest.raises(UserError, match=r"film\.avi: a video is a \.mp4, \.mov, \.mkv file"):
        container_of(Path("film.avi"))
    with pytest.raises(UserError, match="no H.264 encoder opens at 2x2; tried no-such-codec"):
        choose_film_codec(MovieSettings(2, 2, FPS), ("no-such-codec",))
    assert choose_film_codec(MovieSettings(*SIZE, FPS), ("no-such-codec", "libx264")) == "libx264"
