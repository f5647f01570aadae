"""F11: a show that dies goes on, as a performer sees it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.measure import read_film
from livemusviz.record.showlog import read_log
from tests.system.shows import DRAWING, LiveShow

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the show's process in /proc"),
    pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed"),
]


@pytest.fixture
def show(tmp_path: Path) -> Iterator[LiveShow]:
    show = LiveShow(tmp_path, "--watchdog", "--record", str(tmp_path / "set.mp4"), "--size", "64")
    yield show
    show.kill()


def child(show: LiveShow) -> int:
    """The process that the watchdog watches."""
    parent = show.process.pid
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(pid) for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_an_aborted_show_goes_on_as_it_was(show: LiveShow, tmp_path: Path) -> None:
    show.wait_until_drawing()
    show.osc("/preset", "s", "ink")
    show.osc("/gain", "f", "2.5")
    show.osc("/fx/bloom/amount", "f", "0.25")
    first, second = tmp_path / "set.jsonl", tmp_path / "set_2.jsonl"
    show.wait_for(lambda: '"fx/bloom/amount":0.25' in first.read_text(), "the show to take over the changes")
    show.wait_for(lambda: first.read_text().count('"walk"') > 60, "two seconds more")
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


def test_ctrl_c_ends_the_show_and_the_watch(show: LiveShow) -> None:
    show.wait_until_drawing()
    watched = child(show)
    show.end(within=60.0)
    assert show.stats()["restarts"] == 0
    assert not Path(f"/proc/{watched}").exists()
    assert read_film(show.recording).seconds > 0.0
