"""The whole show, as a performer runs it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo.measure import bad_pictures, dominant_hue, hue_distance, read_film
from livemusviz.budget import decide
from livemusviz.machine import read_machine
from tests.drum_loop import RATE, drum_loop
from tests.fixtures_pulse import PulseServer
from tests.system.shows import LiveShow

pytestmark = pytest.mark.system

STATS_KEYS = {
    *("seconds", "display_fps", "frames_shown", "frames_generated", "frames_skipped", "frame_ms", "stalls"),
    *("stalls_at", "generate_ms"),
    *("audio_to_frame_ms", "onset_to_shader_ms", "onsets", "audio_overflows", "osc_messages", "osc_rejected"),
    *("peak_rss_mb", "model", "size", "backend", "budget"),
}


@pytest.fixture
def shows(tmp_path: Path) -> Iterator[list[LiveShow]]:
    """Every show a test puts in here is gone afterwards."""
    running: list[LiveShow] = []
    yield running
    for show in running:
        show.kill()


def write(path: Path, bars: int, rest: float = 0.0) -> Path:
    """`bars` bars of drums (2 s each, 8 onsets) as a WAV; with `rest`, that much silence and the bars again."""
    sound, _ = drum_loop(bars)
    pieces = [sound, np.zeros((int(rest * RATE), 2), np.float32), sound] if rest else [sound]
    soundfile.write(path, np.concatenate(pieces), RATE)
    return path


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> LiveShow:
    """A show that has ended: two bars of drums, 10 s of silence, two bars."""
    folder = tmp_path_factory.mktemp("rested")
    track = write(folder / "rest.wav", 2, rest=10.0)
    show = LiveShow(folder, "--input", str(track), "--no-loop", "--duration", "19", "--wait-for-picture")
    show.gone(time.monotonic())
    return show


def test_stats_hold_what_the_contract_names(rested: LiveShow) -> None:
    show, stats = rested, rested.stats()
    assert set(stats) >= STATS_KEYS
    assert stats["frames_generated"] > 10 and stats["model"] == "embedded" and not stats["error"]
    assert stats["onsets"] == pytest.approx(32, abs=4)
    assert stats["budget"] == decide(read_machine()).figures()
    first_onset = next(slot["sound_time"] for slot in show.trace() if slot["onsets"])
    assert first_onset > stats["first_frame_s"] - 0.1, "the music waited for the picture"
    assert show.trace()[-1]["time"] > stats["first_frame_s"] + 18.0, "the duration counts from then"
    assert stats["generate_ms"]["p50"] > 0 and stats["onset_to_shader_ms"]["p50"] > 0


UNTIL_SEEN = 12
"""Pictures from a fade's end until the canvas is certainly of its prompt: words are encoded, pictures drawn and faded
in. On a slow machine each of them takes longer."""


def prompted(show: LiveShow, prompt: str) -> list[float]:
    """Return when a prompt was told so far, s of the recording."""
    log = show.show_log()
    return [line["sample"] / log[0]["rate"] for line in log[1:] if line.get("values", {}).get("prompt") == prompt]


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_prompt_by_osc_moves_the_hue_within_the_fade(tmp_path: Path, shows: list[LiveShow]) -> None:
    fade = 2.0
    track = write(tmp_path / "drums.wav", 10)
    words = ["--input", str(track), "--prompt", "deep blue ocean", "--fade", str(fade), "--duration", "60"]
    show = LiveShow(tmp_path, *words, "--record", str(tmp_path / "set.mp4"))
    shows.append(show)
    show.wait_until_drawing()
    show.record_until(1.0)
    show.osc("/prompt", "s", "red lava")
    show.wait_for(lambda: bool(prompted(show, "red lava")), "the prompt")
    changed = prompted(show, "red lava")[0]
    faded = changed + fade
    show.wait_for(lambda: len(show.directed(faded)) >= 2 * UNTIL_SEEN, "pictures after the fade")
    show.end()
    film = read_film(show.recording)
    hues = [dominant_hue(picture) for picture in film.pictures]
    assert hue_distance(hues[np.searchsorted(film.times, changed)], 220) < 45
    red = np.array([hue_distance(hue, 10) < 35 for hue in hues])
    assert red[film.times > show.directed(faded)[UNTIL_SEEN]].all()
    assert show.stats()["osc_messages"] == 1 and show.stats()["osc_rejected"] == 0


def test_silence_is_skipped_and_onsets_never_are(rested: LiveShow) -> None:
    trace = rested.trace()
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


def test_busy_osc_port_is_not_the_end(tmp_path: Path, shows: list[LiveShow]) -> None:
    first = LiveShow(tmp_path, "--duration", "60")
    shows.append(first)
    first.wait_until_drawing()
    (tmp_path / "second").mkdir()
    second = LiveShow(tmp_path / "second", "--duration", "2", port=first.port)
    shows.append(second)
    second.gone(time.monotonic())
    assert f"OSC port {first.port} is taken" in second.log()


def test_a_real_input_is_heard_without_a_sound_card(pulse: PulseServer, tmp_path: Path, shows: list[LiveShow]) -> None:
    sound, times = drum_loop(bars=5, lead_in=0.5)  # 10.5 s
    loop = tmp_path / "loop.wav"
    soundfile.write(loop, sound, RATE)
    words = ["--input", pulse.input, "--duration", "15", "--record", str(tmp_path / "set.mp4"), "--engine-fps", "240"]
    show = LiveShow(tmp_path, *words, "--ssf", "0", env=pulse.env)  # MLX flat out: no slot waits, no frame is skipped
    shows.append(show)
    show.wait_until_drawing()
    show.wait_for(lambda: "audio running" in show.log(), "the input to run")
    pulse.play(loop)
    show.gone(time.monotonic())
    stats, film = show.stats(), read_film(show.recording)
    assert stats["onsets"] == pytest.approx(len(times), abs=0.1 * len(times))
    assert stats["audio_overflows"] == 0 and stats["audio"]["restarts"] == 0
    assert stats["audio"]["device"] == pulse.input and stats["frames_skipped"] == 0
    assert film.seconds > 12.0 and bad_pictures(film) == 0
    assert np.abs(film.sound).max() > 0.3, "the recording holds the sound that was heard"
