"""The sources' thread and its process: changes, refusals, a process that dies or hangs, a source that comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.sources import SourcePicture
from livemusviz.bridge.supervise import Patience
from livemusviz.clock import SystemClock
from livemusviz.sources import loop
from livemusviz.sources.loop import FADE, HOLD, Sources
from livemusviz.sources.spec import PictureSpec
from livemusviz.sources.worker import SourceWorker
from tests.sources.clips import BLUE, RED, plain, write_clip

SIZE = (64, 64)


def until(condition: Callable[[], Any], within: float = 20.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
    return found


def is_near(picture: SourcePicture | None, colour: tuple[int, int, int]) -> bool:
    return picture is not None and np.abs(picture.pixels.reshape(-1, 3).mean(axis=0) - colour).max() < 12


@pytest.fixture
def made() -> Iterator[Callable[..., Sources]]:
    """Make `Sources` that are closed at the end."""
    found: list[Sources] = []

    def make(first: str, **more: Any) -> Sources:
        found.append(Sources(first, SIZE, SystemClock(), Notices(), **more))
        found[-1].start()
        return found[-1]

    yield make
    for each in found:
        each.close()


def told(sources: Sources) -> list[str]:
    return [notice.text for notice in sources._notices.drain()]


def test_a_show_changes_its_source_and_a_bad_one_changes_nothing(made, tmp_path: Path) -> None:
    write_clip(tmp_path / "red.mp4", [plain(RED)] * 10)
    Image.fromarray(plain(BLUE)).save(tmp_path / "blue.png")
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    sources = made(f"video:{tmp_path / 'red.mp4'}", folder=tmp_path)
    until(lambda: is_near(sources.pictures.get(), RED))
    first = sources.pictures.get().seq
    until(lambda: sources.pictures.get().seq > first + 2)
    assert sources.status.state == "running" and sources.status.name.startswith("video:")

    assert sources.follow("blue.png") is None
    until(lambda: is_near(sources.pictures.get(), BLUE))
    assert sources.pictures.get().seq > first + 2, "numbers go on over all sources"

    assert sources.follow("bad.mp4") is None
    kept, reason = until(lambda: sources.follow("bad.mp4"))
    assert kept == "blue.png" and "bad.mp4: cannot be played" in reason
    assert sources.follow(kept) is None and is_near(sources.look(time.perf_counter()).picture, BLUE)

    for wrong, message in (("ndi", "needs a name"), ("/etc/passwd", "without a folder"), ("gone.png", "no such file")):
        kept, reason = sources.follow(wrong)
        assert kept == "blue.png" and message in reason
    assert sources.follow("none") is None
    until(lambda: sources.status.state == "none")
    until(lambda: sources.look(time.perf_counter()).picture is None, within=FADE + 5.0)
    assert sources.follow("") is None, "as started"
    until(lambda: is_near(sources.look(time.perf_counter()).picture, RED))


def test_an_unplayable_clip_is_told_once_and_the_show_goes_without(made, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    sources = made(str(tmp_path / "bad.mp4"))
    lines = until(lambda: told(sources))
    assert len(lines) == 1 and "cannot be played" in lines[0] and "the show goes on without it" in lines[0]
    until(lambda: sources.status.state == "none")
    missing = made(str(tmp_path / "missing.png"))
    assert "no such file" in until(lambda: told(missing))[0]


@pytest.mark.parametrize("accident", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_is_replaced(made, tmp_path: Path, accident: signal.Signals) -> None:
    write_clip(tmp_path / "red.mp4", [plain(RED)] * 10)

    def make(*arguments: Any, **more: Any) -> SourceWorker:
        return SourceWorker(*arguments, **more, patience=Patience(stalled=0.6, starting=15.0))

    sources = made(f"video:{tmp_path / 'red.mp4'}", make=make)
    until(lambda: sources.status.state == "running" and sources.pictures.get())
    os.kill(sources._current._process._process.pid, accident)
    until(lambda: sources.status.restarts == 1)
    reason = {signal.SIGKILL: "ended", signal.SIGSTOP: "stalled"}[accident]
    assert any(reason in line for line in told(sources))
    held = sources.pictures.get().seq
    until(lambda: sources.pictures.get().seq > held)
    assert sources.look(time.perf_counter()).presence == 1.0


class FakeWorker:
    """A camera that a test plugs in and pulls."""

    def __init__(self, spec: PictureSpec, size: tuple[int, int], clock: Any, ours: tuple[str, ...]) -> None:
        self.spec, self.state, self.message, self.pipe = spec, "running", "", None
        self.alive: float | None = clock.now()
        self.restarts = self.seq = 0

    @property
    def reason(self) -> str:
        return self.message

    def poll(self, now: float) -> None:
        if not self.message:
            self.alive = now

    def take(self, seq: int) -> SourcePicture | None:
        return None if self.message else SourcePicture.of(plain(RED), seq, 0.0)

    def close(self) -> None:
        pass


class HandClock:
    now_is = 100.0

    def now(self) -> float:
        return self.now_is


def test_a_lost_camera_holds_then_fades_to_none_and_comes_back() -> None:
    clock = HandClock()
    sources = Sources("camera:Stage", SIZE, clock, Notices(), make=FakeWorker)  # its thread is not started
    sources._begin(PictureSpec("camera", "Stage"))
    sources._step(clock.now())
    camera = sources._current
    lost_at = clock.now_is
    camera.state, camera.message = "lost", "camera 'Stage': is gone; looking for it"

    def presence(after: float) -> float:
        clock.now_is = lost_at + after
        sources._step(clock.now_is)
        found = sources.look(clock.now_is)
        return found.presence if found.picture is not None else 0.0

    assert [presence(after) for after in (0.5, HOLD)] == [1.0, 1.0]
    assert presence(HOLD + 0.5 * FADE) == pytest.approx(0.5)
    assert presence(HOLD + FADE) == 0.0
    assert told(sources) == ["camera 'Stage': is gone; looking for it"], "one line, however long it lasts"
    camera.state, camera.message = "running", ""
    assert presence(HOLD + FADE + 1.0) == 1.0 and sources.status.message == ""


def test_a_hung_source_costs_the_caller_nothing(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that never answers: whoever asks for pictures gets none, at once, and may choose another source."""
    os.mkfifo(tmp_path / "hangs.mp4")  # opening it for reading waits for a writer that never comes
    write_clip(tmp_path / "red.mp4", [plain(RED)] * 10)
    monkeypatch.setattr(loop, "check_file", lambda spec: None)
    sources = made(f"video:{tmp_path / 'hangs.mp4'}", folder=tmp_path)
    until(lambda: sources.status.state == "starting" and sources._current is not None)
    assert sources.look(time.perf_counter()).picture is None
    assert sources.follow("red.mp4") is None
    until(lambda: is_near(sources.look(time.perf_counter()).picture, RED))
