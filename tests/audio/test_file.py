import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from livemusviz.audio import track
from livemusviz.audio.file import FileSource, hops
from livemusviz.audio.source import open_source
from livemusviz.audio.spec import AudioSpec
from livemusviz.audio.track import TrackReader, probe
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


KINDS = {
    "aac": ["-c:a", "aac"],
    "m4a": ["-c:a", "aac"],
    "alac.m4a": ["-c:a", "alac"],
    "opus": ["-c:a", "libopus"],
    "webm": ["-c:a", "libopus"],
    "mp3": ["-i", "cover.png", "-map", "0:a", "-map", "1:v", "-c:v", "copy", "-id3v2_version", "3"],
    "5.1.m4a": ["-c:a", "aac", "-ac", "6"],
    "mp4": ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-pix_fmt", "yuv420p"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_show_hears_what_a_film_hears(tmp_path, kind):
    """Whatever `render` reads, to the sample: compressed, with a cover, in a video."""
    write(tmp_path / "tone.wav", 1.0, 44100)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cover.png")
    command = ["ffmpeg", "-loglevel", "error", "-i", "tone.wav", *KINDS[kind], f"track.{kind}"]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path)
    path = tmp_path / f"track.{kind}"
    shown = np.concatenate(list(hops(path)))
    filmed = np.concatenate(list(TrackReader(probe(path)).blocks()))
    assert np.array_equal(shown[: len(filmed)], filmed) and len(shown) - len(filmed) < HOP
    share = 1 / (1 + 2 * 0.5**0.5 + 0.5) if kind.startswith("5.1") else 1.0  # its sum cannot clip
    assert np.sqrt(np.mean(shown[12_000:36_000] ** 2)) == pytest.approx(0.5 / np.sqrt(2) * share, rel=0.05)


@pytest.mark.parametrize("channels", [4, 6, 7, 8, 18])
@pytest.mark.parametrize("named", [False, True])
def test_sound_in_any_channel_is_heard_and_nothing_clips(tmp_path, channels, named):
    """With an order of loudspeakers in the header (WAVE_FORMAT_EXTENSIBLE), and of an interface that names none."""
    path, rng = tmp_path / "a.wav", np.random.default_rng(0)
    for loud in range(channels):
        sound = np.zeros((9600, channels), np.float32)
        sound[:, loud] = rng.uniform(-1, 1, 9600)
        soundfile.write(str(path), sound, SAMPLE_RATE, format="WAVEX" if named else "WAV")
        heard = np.concatenate(list(hops(path)))
        assert 0.05 < np.abs(heard).max() <= 1.0, f"channel {loud + 1}"
    soundfile.write(str(path), np.ones((9600, channels), np.float32), SAMPLE_RATE, subtype="FLOAT")
    assert np.abs(np.concatenate(list(hops(path)))).max() <= 1.0001


def spoilt(path: Path, at: int, data: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(data)] = data
    path.write_bytes(whole)


LIES = {
    "endless": ("wav", [(4, b"\xff\xff\xff\xff"), (40, b"\xff\xff\xff\xff")]),
    "nothing": ("wav", [(4, bytes(4)), (40, bytes(4))]),
    "too much": ("wav", [(40, (10**8).to_bytes(4, "little"))]),
    "unknown": ("flac", [(22, bytes(4))]),
    "days": ("flac", [(22, b"\xff\xff\xff\xff")]),
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie_about_the_length(tmp_path, lie):
    """Written before the end was known, or by a program that was killed."""
    suffix, changes = LIES[lie]
    path = tmp_path / f"a.{suffix}"
    wave = write(path, 0.5, subtype="PCM_16")
    for at, data in changes:
        spoilt(path, at, data)
    sound = np.concatenate(list(hops(path)))
    assert len(sound) == -(-len(wave) // HOP) * HOP
    assert np.abs(sound[: len(wave)] - wave).max() < 1e-4
    endless = hops(path, resume=1.25, loop=True)
    assert np.abs(next(endless) - wave[12_000 : 12_000 + HOP]).max() < 1e-4


@pytest.mark.parametrize("name", ["Re: Stacks.wav", "20:30.wav", "http:x.wav", "file:a.wav", "100%.wav", "#1 ?a=b.wav"])
def test_a_file_is_a_file_whatever_its_name(tmp_path, monkeypatch, name):
    """FFmpeg would take what stands before a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    write(Path(name), 0.1)
    assert AudioSpec(name).file == Path(name)
    assert len(list(hops(Path(name)))) == -(-4800 // HOP)


def test_a_playlist_fetches_nothing(tmp_path):
    """A live show asks no network, whatever a file names."""
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.ts"
        (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n")
        with pytest.raises(UserError):
            probe(tmp_path / "list.m3u8")
        server.shutdown()
        thread.join()
    assert not asked


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
    with pytest.raises(UserError, match="a video without sound; give WAV"):
        probe(path)


def test_a_file_of_days_is_refused(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", 1.0)
    monkeypatch.setattr(track, "HOURS_MAX", 0.5 / 3600)
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


def test_a_decoder_that_fails_ends_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda fault: None)
    write(tmp_path / "a.wav", 0.1)
    source, listener = FileSource(tmp_path / "a.wav", loop=True, speakers=False), Listener()
    source._hops = (1 / 0 for _ in range(1))
    source.start(listener)
    listener.wait_for(3)
    source.close()
    assert source.ended and not np.concatenate(listener.blocks).any()
