"""F11: a show that dies goes on, as a performer sees it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.measure import read_film
from tests.system.shows import LiveShow

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


def test_ctrl_c_ends_the_show_and_the_watch(show: LiveShow) -> None:
    show.wait_until_drawing()
    watched = child(show)
    show.end(within=60.0)
    assert show.stats()["restarts"] == 0
    assert not Path(f"/proc/{watched}").exists()
    assert read_film(show.recording).seconds > 0.0
