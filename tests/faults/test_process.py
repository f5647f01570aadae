"""Faults of the whole program: crashes, signals, files that are bad (F03, F11, F24, F26)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from demo.measure import bad_pictures, read_film
from livemusviz.assets import find_content
from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.presets import parse_preset
from livemusviz.errors import UserError
from livemusviz.live.watchdog import watch
from livemusviz.params.values import ParamValues
from livemusviz.record.showlog import read_log
from livemusviz.session.session import Session
from tests.director.test_presets import LADDER
from tests.drum_loop import RATE
from tests.fixtures_display import close_window
from tests.live import lives
from tests.system import test_live, test_watchdog
from tests.system.shows import DRAWING, LiveShow
from tests.system.test_live import write
from tests.system.test_watchdog import child

shows = test_live.shows
show = test_watchdog.show


@pytest.mark.system
def test_F03_no_audio_at_start_and_the_show_runs(tmp_path: Path, shows: list[LiveShow]) -> None:
    show = LiveShow(tmp_path, env={"PULSE_SERVER": "unix:/nonexistent"})
    shows.append(show)
    show.wait_for(lambda: show.trace_path.exists() and show.trace_path.stat().st_size > 0, "slots", within=90.0)
    show.end()
    stats = show.stats()
    assert stats["frames_generated"] > 0 and stats["onsets"] == 0
    assert stats["frames_shown"] > 60


@pytest.mark.system
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the show's process in /proc")
@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_F11_engine_aborts_and_the_show_goes_on_as_it_was(show: LiveShow, tmp_path: Path) -> None:
    show.wait_until_drawing()
    show.osc("/preset", "s", "ink")
    show.osc("/gain", "f", "2.5")
    show.osc("/fx/bloom/amount", "f", "0.25")
    first, second = tmp_path / "set.jsonl", tmp_path / "set_2.jsonl"
    show.wait_for(lambda: '"fx/bloom/amount":0.25' in first.read_text(), "the show to take over the changes")
    show.wait_for(lambda: first.read_text().count('"walk"') > 120, "the fade of three seconds, in which it may be dark")
    os.kill(child(show), signal.SIGABRT)
    show.wait_for(lambda: second.is_file() and second.read_text().count('"walk"') > 60, "the next show")
    assert show.log().count(DRAWING) == 2
    show.end(within=60.0)
    taken = read_log(second)
    assert taken.values["gain"] == 2.5 and taken.values["preset"] == "ink"
    later = {name: value for _, changed in taken.changes for name, value in changed.items()}
    assert {**taken.values, **later}["fx/bloom/amount"] == 0.25
    assert show.stats()["restarts"] == 1
    for name in ("set.mp4", "set_2.mp4"):
        film = read_film(tmp_path / name)
        assert film.seconds > 1.0 and film.codecs == ("h264", "aac")
        assert film.pictures[0].std() > 4.0 and film.pictures[-1].std() > 4.0


def test_F11_engine_aborts_and_the_next_show_has_its_parameters(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert watch(partial(lives.twice_dead, tmp_path)) == 0
    assert [(tmp_path / f"life{i}").read_text() for i in range(3)] == ["None", "1.5", "2.5"]
    assert not (tmp_path / "life3").exists()
    assert "SIGABRT" in caplog.text and "SIGKILL" in caplog.text


@pytest.mark.parametrize("case", LADDER)
def test_F24_preset_bad_is_one_clear_line_at_once(case: str) -> None:
    data, says = LADDER[case]
    started = time.perf_counter()
    with pytest.raises(UserError, match=says) as caught:
        parse_preset("mine", data, {})
    assert time.perf_counter() - started < 1.0
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300 and "mine" in str(caught.value)


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_F26_signal_ends_the_show_with_a_playable_recording(
    number: signal.Signals, tmp_path: Path, shows: list[LiveShow]
) -> None:
    track = write(tmp_path / "drums.wav", 10)
    show = LiveShow(tmp_path, "--input", str(track), "--record", str(tmp_path / "set.mp4"))
    shows.append(show)
    show.wait_until_drawing()
    show.record_until(2.0)
    assert show.end(number) < 2.0
    film = read_film(show.recording)
    assert film.seconds > 1.5 and film.codecs == ("h264", "aac") and bad_pictures(film) == 0
    assert len(film.sound) / RATE == pytest.approx(film.seconds, abs=0.3)


@pytest.mark.system
def test_F26_second_signal_is_immediate(tmp_path: Path, shows: list[LiveShow]) -> None:
    show = LiveShow(tmp_path)
    shows.append(show)
    show.wait_until_drawing()
    show.process.send_signal(signal.SIGINT)
    show.process.send_signal(signal.SIGTERM)
    assert show.process.wait(2.0) in (0, 128 + signal.SIGTERM)


@pytest.mark.system
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_F26_closing_the_window_ends_the_show(x_display: str, tmp_path: Path, shows: list[LiveShow]) -> None:
    track = write(tmp_path / "drums.wav", 10)
    words = ["--input", str(track), "--record", str(tmp_path / "set.mp4")]
    show = LiveShow(tmp_path, *words, window=True, env={"DISPLAY": x_display})
    shows.append(show)
    show.wait_until_drawing()
    search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "livemusviz"]
    environment = {**os.environ, "DISPLAY": x_display}
    found = subprocess.run(search, env=environment, capture_output=True, text=True, timeout=20, check=True)
    show.record_until(2.0)
    begun = time.monotonic()
    close_window(found.stdout.split()[0], x_display)
    assert show.gone(begun) < 2.0
    film = read_film(show.recording)
    assert film.seconds > 1.5 and bad_pictures(film) == 0


def test_F24_config_bad_keeps_the_preset_that_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "livemusviz/presets"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("version = 1\nparms = {}\n")
    content, _ = find_content((), None)
    session = Session(content, ParamValues().with_values({"preset": "ink"}), 0.0, np.random.default_rng(0))
    features = AudioFeatures.rest(0.0)
    session.step(0.0, features)
    step = session.step(0.1, features, events=[ControlEvent("preset", "mine", 0.1)])
    assert step.values.params.preset == "ink"
    assert len(step.errors) == 1 and "parms" in step.errors[0] and "params" in step.errors[0]


def test_F26_a_show_that_ended_is_not_begun_again_whatever_comes_afterwards() -> None:
    assert watch(lives.ends_and_then_fails) == 3
