import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from livemusviz.audio import file as audio_file
from livemusviz.audio.file import FileSource, hops, probe
from livemusviz.audio.source import open_source
from livemusviz.audio.spec import AudioSpec
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.errors import UserError

HOP_SECONDS = HOP / SAMPLE_RATE


def write(path: Path, seconds=0.5, rate=SAMPLE_RATE, channels=2, **options):
    t = np.arange(round(seconds * rate)) / rate
    wave = np.repeat(0.5 * np.sin(2 * np.pi * 440 * t)[:, None], channels, axis=1)
    soundfile.write(str(path), wave, rate, **options)
    return wave.astype(np.float32)


class Listener:
    """Keeps what a source delivers, and when."""

    def __init__(self):
        self.blocks, self.began, self.arrived = [], [], []

    def __call__(self, block, began, overflow):
        self.blocks.append(np.array(block))
        self.began.append(began)
        self.arrived.append(time.perf_counter())

    def wait_for(self, count):
        until = time.perf_counter() + 10.0
        while len(self.blocks) < count:
            assert time.perf_counter() < until, f"{len(self.blocks)} of {count} hops came"
            time.sleep(0.005)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_the_usual_kinds_of_file_are_read(tmp_path, suffix):
    path = tmp_path / f"tone{suffix}"
    write(path, 1.0, 44100)
    info = probe(path)
    assert (info.rate, info.channels) == (44100, 2)
    assert info.seconds == pytest.approx(1.0, abs=0.1)
    sound = np.concatenate(list(hops(path)))
    assert np.sqrt(np.mean(sound[12_000:36_000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_hops_are_the_files_samples_and_the_last_is_filled_up(tmp_path):
    wave = write(tmp_path / "a.wav", 0.1, subtype="FLOAT")
    sound = np.concatenate(list(hops(tmp_path / "a.wav")))
    assert len(sound) == -(-len(wave) // HOP) * HOP
    assert np.array_equal(sound[: len(wave)], wave)
    assert not sound[len(wave) :].any()


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (96000, 6), (192000, 1)])
def test_any_rate_and_channel_count_becomes_the_shows(tmp_path, rate, channels):
    write(tmp_path / "a.wav", 1.0, rate, channels)
    sound = np.concatenate(list(hops(tmp_path / "a.wav")))
    assert sound.shape[1] == 2
    assert len(sound) == pytest.approx(SAMPLE_RATE, abs=2 * HOP)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(20_000, 24_000) / SAMPLE_RATE)
    assert np.abs(sound[20_000:24_000, 0] - expected).max() < 0.01


def test_a_loop_tiles_without_a_seam(tmp_path):
    wave = write(tmp_path / "a.wav", 0.1, subtype="FLOAT")
    endless = hops(tmp_path / "a.wav", loop=True)
    sound = np.concatenate([next(endless) for _ in range(60)])
    assert np.array_equal(sound, np.tile(wave, (4, 1))[: len(sound)])


def test_it_goes_on_where_it_was(tmp_path):
    wave = write(tmp_path / "a.wav", 1.0, subtype="FLOAT")
    assert np.array_equal(next(hops(tmp_path / "a.wav", resume=0.25))[0], wave[12_000])
    assert np.array_equal(next(hops(tmp_path / "a.wav", resume=7.25, loop=True))[0], wave[12_000])
    assert list(hops(tmp_path / "a.wav", resume=7.25)) == []


def test_a_missing_or_empty_file_is_told(tmp_path):
    with pytest.raises(UserError, match="gone.wav: no such sound file"):
        probe(tmp_path / "gone.wav")
    with pytest.raises(UserError, match="no such sound file"):
        probe(tmp_path)
    (tmp_path / "nil.wav").touch()
    with pytest.raises(UserError, match="0 bytes"):
        probe(tmp_path / "nil.wav")
    soundfile.write(str(tmp_path / "header.wav"), np.zeros((0, 2)), 48000)
    with pytest.raises(UserError, match="no sound in it"):
        probe(tmp_path / "header.wav")


@pytest.mark.parametrize(
    "content", [b"\x00" * 2000, b"hello, this is no sound at all\n" * 50, b"RIFF\x24\x00\x00\x00WAVEfmt "]
)
def test_what_is_not_sound_is_told(tmp_path, content):
    (tmp_path / "text.wav").write_bytes(content)
    with pytest.raises(UserError, match="not a sound file|no sound in it"):
        probe(tmp_path / "text.wav")


def test_a_video_is_told_apart(tmp_path):
    path = tmp_path / "clip.mp4"
    command = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", str(path)]
    try:
        subprocess.run(command, check=True, timeout=30)
    except FileNotFoundError:
        path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(500))
    with pytest.raises(UserError, match="a video; give WAV"):
        probe(path)


def test_a_file_of_days_is_refused(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", 1.0)
    monkeypatch.setattr(audio_file, "HOURS_MAX", 0.5 / 3600)
    with pytest.raises(UserError, match="the limit is"):
        probe(tmp_path / "a.wav")


def test_it_plays_in_real_time_by_absolute_deadlines(tmp_path):
    wave = write(tmp_path / "a.wav", 1.0, subtype="FLOAT")
    source, listener = open_source(AudioSpec(str(tmp_path / "a.wav"), speakers=False)), Listener()
    source.start(listener)
    listener.wait_for(150)
    assert source.alive()
    source.close()
    assert np.array_equal(np.concatenate(listener.blocks[:150]), wave[: 150 * HOP])
    assert np.diff(listener.began) == pytest.approx(HOP_SECONDS, abs=1e-6)
    assert all(came >= began + HOP_SECONDS for came, began in zip(listener.arrived, listener.began, strict=True))
    # On a machine that is busy a hop may be late; that it makes up for it shows in the earliest ones.
    late = [came - began - HOP_SECONDS for came, began in zip(listener.arrived, listener.began, strict=True)]
    assert min(late[-50:]) < 0.02
    count = len(listener.blocks)
    time.sleep(0.05)
    assert len(listener.blocks) <= count + 1, "it plays on after close"


def test_a_held_file_is_silent_until_it_is_told_to_play(tmp_path):
    wave = write(tmp_path / "a.wav", 0.1, subtype="FLOAT")
    source = open_source(AudioSpec(str(tmp_path / "a.wav"), loop=False, speakers=False, held=True))
    listener = Listener()
    source.start(listener)
    listener.wait_for(10)
    assert not np.concatenate(listener.blocks).any()
    source.play()
    listener.wait_for(80)
    source.close()
    sound = np.concatenate(listener.blocks)
    begun = int(np.flatnonzero(sound.any(axis=1))[0]) - 1  # a sine's first sample is 0
    assert begun >= 10 * HOP and begun % HOP == 0
    assert np.array_equal(sound[begun : begun + len(wave)], wave), "from its first sample on"


def test_after_its_end_silence_goes_on(tmp_path):
    write(tmp_path / "a.wav", 0.1)
    source, listener = FileSource(tmp_path / "a.wav", loop=False, speakers=False), Listener()
    source.start(listener)
    listener.wait_for(40)
    assert source.ended and source.alive()
    assert "has ended" in source.remark()
    source.close()
    assert not np.concatenate(listener.blocks[25:]).any()


def test_a_file_that_turns_out_damaged_ends_in_silence(tmp_path):
    write(tmp_path / "a.flac", 3.0)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[len(data) // 10 :] = bytes(len(data) - len(data) // 10)
    (tmp_path / "a.flac").write_bytes(data)
    source, listener = FileSource(tmp_path / "a.flac", loop=True, speakers=False), Listener()
    source.start(listener)
    listener.wait_for(100)
    assert source.alive()
    source.close()
    assert np.isfinite(np.concatenate(listener.blocks)).all()


def test_closing_at_once_does_not_hang(tmp_path):
    write(tmp_path / "a.wav", 20.0)
    source = FileSource(tmp_path / "a.wav", speakers=False)
    source.start(Listener())
    began = time.perf_counter()
    source.close()
    assert time.perf_counter() - began < 1.0
