"""The whole show, as a performer runs it."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo.measure import bad_pictures, dominant_hue, hue_distance, read_film
from tests.system.shows import LiveShow

pytestmark = pytest.mark.system

STATS_KEYS = {
    *("seconds", "display_fps", "frames_shown", "frames_generated", "frames_skipped", "frame_ms", "generate_ms"),
    *("audio_to_frame_ms", "onset_to_shader_ms", "onsets", "audio_overflows", "osc_messages", "osc_rejected"),
    *("peak_rss_mb", "model", "size", "backend"),
}
RATE = 48_000


@pytest.fixture
def shows(tmp_path: Path) -> Iterator[list[LiveShow]]:
    """Every show a test puts in here is gone afterwards."""
    running: list[LiveShow] = []
    yield running
    for show in running:
        show.kill()


def drums(seconds: float, bpm: float = 120.0) -> np.ndarray:
    """A plain loop: a decaying low sine and noise burst on each beat. float32 (samples, 2)."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    t = np.arange(int(0.2 * RATE)) / RATE
    burst = np.random.default_rng(0).standard_normal(len(t)) * np.exp(-t * 60) * 0.4
    hit = (np.sin(2 * np.pi * 60 * t) * np.exp(-t * 18) * 0.7 + burst).astype(np.float32)
    for start in np.arange(0.0, seconds - 0.2, 60.0 / bpm):
        sound[int(start * RATE) : int(start * RATE) + len(hit)] += hit
    return np.stack([sound, sound], axis=1) * 0.8


def write(path: Path, sound: np.ndarray) -> Path:
    soundfile.write(path, sound, RATE)
    return path


def test_stats_hold_what_the_contract_names(tmp_path: Path, shows: list[LiveShow]) -> None:
    track = write(tmp_path / "drums.wav", drums(6.0))
    show = LiveShow(tmp_path, "--input", str(track), "--duration", "6")
    shows.append(show)
    show.gone(time.monotonic())
    stats = show.stats()
    assert set(stats) >= STATS_KEYS
    assert stats["frames_generated"] > 10 and stats["model"] == "embedded" and not stats["error"]
    assert 8 <= stats["onsets"] <= 12
    assert stats["generate_ms"]["p50"] > 0 and stats["onset_to_shader_ms"]["p50"] > 0


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_prompt_by_osc_moves_the_hue_within_the_fade(tmp_path: Path, shows: list[LiveShow]) -> None:
    fade = 2.0
    track = write(tmp_path / "drums.wav", drums(20.0))
    words = ["--input", str(track), "--prompt", "deep blue ocean", "--fade", str(fade), "--duration", "60"]
    show = LiveShow(tmp_path, *words, "--record", str(tmp_path / "set.mp4"))
    shows.append(show)
    begun = time.monotonic()
    show.wait_until_drawing()
    time.sleep(2.0)
    changed = time.monotonic() - begun
    show.osc("/prompt", "s", "red lava")
    time.sleep(fade + 2.0)
    ended = time.monotonic() - begun
    show.end()
    film = read_film(show.recording)
    start = film.seconds - (ended - changed)  # the change, on the film's own clock, 0.1 s or so early
    before = film.pictures[np.searchsorted(film.times, start - 0.5)]
    after = film.pictures[np.searchsorted(film.times, start + fade + 1.0)]
    assert hue_distance(dominant_hue(before), 220) < 45
    assert hue_distance(dominant_hue(after), 10) < 35
    assert show.stats()["osc_messages"] == 1 and show.stats()["osc_rejected"] == 0


def test_silence_is_skipped_and_onsets_never_are(tmp_path: Path, shows: list[LiveShow]) -> None:
    music = drums(4.0)
    silence = np.zeros((10 * RATE, 2), np.float32)
    track = write(tmp_path / "rest.wav", np.concatenate([music, silence, music]))
    show = LiveShow(tmp_path, "--input", str(track), "--duration", "19")
    shows.append(show)
    show.gone(time.monotonic())
    trace = show.trace()
    times = np.array([slot["sound_time"] for slot in trace])
    computed = np.array([slot["computed"] for slot in trace])
    counts = np.array([slot["onsets"] for slot in trace])
    onsets = times[1:][np.diff(counts) > 0]
    assert len(onsets) >= 8
    gap = int(np.argmax(np.diff(onsets)))
    rest = (times > onsets[gap] + 0.5) & (times < onsets[gap + 1])
    assert onsets[gap + 1] - onsets[gap] > 9.0
    assert np.mean(~computed[rest]) >= 0.6
    for onset in onsets:
        assert computed[(times >= onset) & (times <= onset + 0.1)].all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_show_with_a_playable_recording(
    number: signal.Signals, tmp_path: Path, shows: list[LiveShow]
) -> None:
    track = write(tmp_path / "drums.wav", drums(20.0))
    show = LiveShow(tmp_path, "--input", str(track), "--record", str(tmp_path / "set.mp4"))
    shows.append(show)
    show.wait_until_drawing()
    time.sleep(2.0)
    assert show.end(number) < 2.0
    film = read_film(show.recording)
    assert film.seconds > 1.5 and film.codecs == ("h264", "aac") and bad_pictures(film) == 0
    assert len(film.sound) / RATE == pytest.approx(film.seconds, abs=0.3)


def test_show_runs_on_silence_without_any_input(tmp_path: Path, shows: list[LiveShow]) -> None:
    show = LiveShow(tmp_path, "--duration", "4", env={"PULSE_SERVER": "unix:/nonexistent"})
    shows.append(show)
    show.gone(time.monotonic())
    stats = show.stats()
    assert stats["frames_generated"] > 0 and stats["onsets"] == 0
    assert stats["frames_shown"] > 60


def test_busy_osc_port_is_not_the_end(tmp_path: Path, shows: list[LiveShow]) -> None:
    first = LiveShow(tmp_path, "--duration", "5")
    shows.append(first)
    first.wait_until_drawing()
    (tmp_path / "second").mkdir()
    second = LiveShow(tmp_path / "second", "--duration", "2", "--osc-port", str(first.port))
    shows.append(second)
    second.gone(time.monotonic())
    assert str(first.port) in second.log()
