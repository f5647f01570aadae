"""F11: what the watchdog does when a show dies, hangs, or is asked to end. The children are real processes."""

from __future__ import annotations

import multiprocessing
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from livemusviz.bridge.handover import Handover
from livemusviz.bridge.supervise import Backoff
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.live import watchdog
from livemusviz.live.config import LiveConfig
from livemusviz.live.takeover import take_over
from livemusviz.live.watchdog import watch
from livemusviz.params.values import ParamValues
from tests.live import lives


@pytest.mark.parametrize("status", [0, 2])
def test_a_show_that_never_got_going_is_not_started_again(status: int) -> None:
    assert watch(partial(lives.never_going, status)) == status


def test_nor_one_that_crashes_before_its_first_word() -> None:
    assert watch(lives.aborts_at_once) == 128 + signal.SIGABRT


def test_a_hung_show_is_killed_and_followed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watchdog, "HUNG", 0.3)
    monkeypatch.setattr(watchdog, "GRACE", 0.1)
    assert watch(lives.hangs_once) == 0
    assert "has hung" in caplog.text and "SIGKILL" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_ends_the_watch(number: signal.Signals) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup, and so by a show")
    handler = signal.getsignal(number)
    assert watch(partial(lives.has_its_parent_asked, number)) == 7
    assert signal.getsignal(number) is handler


def test_a_signal_between_two_shows_ends_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "Backoff", lambda: Backoff((30.0,)))
    assert watch(lives.dies_and_has_its_parent_asked) == 0


def test_a_show_whose_watchdog_was_killed_ends_in_good_order(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=lives.watched, args=(tmp_path,))
    process.start()
    process.join(30.0)
    assert process.exitcode == -signal.SIGKILL
    deadline = time.monotonic() + 30.0
    while not (tmp_path / "ended").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_show_takes_over(tmp_path: Path) -> None:
    (tmp_path / "set.mp4").touch()
    values = {"gain": 2.5, "preset": "ink", "prompt_list": (("red lava", 1.0),), "fx/bloom/amount": 0.5}
    config = LiveConfig(values=ParamValues().with_value("gain", 4.0), record=Path("other.mp4"), duration=60.0)
    taken = take_over(config, Handover(values, tmp_path / "set.mp4", 45.5, 3))
    assert taken.values.values["gain"] == 2.5 and taken.values.params.preset == "ink"
    assert taken.values.params.prompt_list == (("red lava", 1.0),)
    assert taken.record == tmp_path / "set_2.mp4" and taken.duration == 14.5 and taken.before.restarts == 3
    assert taken.model == config.model
    assert take_over(config, Handover(values, None, 70.0, 1)).record is None
    assert take_over(config, Handover(values, None, 70.0, 1)).duration == 0.1


def test_a_model_that_kills_show_after_show_gives_way_to_the_embedded_one(tmp_path: Path) -> None:
    config = LiveConfig(model=ModelSpec(tmp_path / "large"))
    models = [take_over(config, Handover({"gain": 1.0}, short_lives=n)).model.folder.name for n in (2, 3)]
    assert models == ["large", "embedded"]
