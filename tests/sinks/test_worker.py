"""A sink in a process of its own: it starts, ends, is stopped, is killed; the show's side never waits for it."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.supervise import Patience
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import SystemClock
from livemusviz.errors import UserError
from livemusviz.sinks import outputs as outputs_module
from livemusviz.sinks.outputs import Outputs
from livemusviz.sinks.spec import parse_outs
from livemusviz.sinks.worker import SinkWorker
from tests.sinks.feeding import SIZE, flat

WITHIN = 30.0  # s; a bound, not a target


class Show:
    """Steps outputs as a show does, 60 times a second, and puts a picture each time."""

    def __init__(self, *outs: str) -> None:
        self.clock, self.notices = SystemClock(), Notices()
        self.outputs = Outputs(parse_outs(outs), SIZE, self.clock, self.notices)
        self.outputs.start(str)
        self.switches: dict[str, object] = {}
        self.told: list[str] = []

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Run until `condition` holds."""
        deadline = time.monotonic() + WITHIN
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what}: {self.outputs.statuses} {self.told}"
            now = self.clock.now()
            self.outputs.step(now, self.switches)
            self.outputs.put(CanvasPicture(flat(int(now * 60) % 256), now))
            self.told += [notice.text for notice in self.notices.drain()]
            time.sleep(1 / 60)

    def state(self, name: str = "stream") -> str:
        return next(status.state for status in self.outputs.statuses if status.name == name)

    def sent(self) -> int:
        return self.outputs.statuses[0].sent


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A show that waits less for a process without a sign of life."""
    patience = Patience(stalled=1.5, starting=20.0, healthy=10.0)

    def worker(spec: object, wire: object, notices: object) -> SinkWorker:
        return SinkWorker(spec, wire, notices, patience)  # type: ignore[arg-type]

    monkeypatch.setattr(outputs_module, "SinkWorker", worker)


@pytest.fixture
def show(tmp_path: Path, hasty: None) -> Iterator[Show]:
    made = Show(f"stream:{tmp_path}/show.m3u8")
    yield made
    made.outputs.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process")
def test_a_process_that_is_stopped_or_killed_is_reported_and_replaced(show: Show) -> None:
    show.until(lambda: show.sent() > 20, "pictures")
    first = show.outputs.pids["stream"]
    os.kill(first, signal.SIGSTOP)
    show.until(lambda: show.state() == "waiting", "a report")
    assert show.told == ["out stream: its process stalled; starting another"]
    show.until(lambda: show.state() == "running", "another process")
    second = show.outputs.pids["stream"]
    os.kill(second, signal.SIGKILL)
    show.until(lambda: show.state() == "waiting", "a report")
    assert show.told[1:] == ["out stream: its process ended; starting another"] and first != second
    assert show.outputs.statuses[0].restarts >= 1
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_an_output_is_switched_while_the_show_runs(show: Show, tmp_path: Path) -> None:
    show.switches["out/stream"] = False
    show.until(lambda: show.state() == "off", "off")
    assert not show.outputs.wants_pictures and not show.outputs.pids, "off from the start: no process"
    show.switches["out/stream"] = True
    show.until(lambda: show.sent() > 5, "pictures")
    process = show.outputs.pids["stream"]
    show.switches["out/stream"] = False
    show.until(lambda: not _alive(process), "the end of the process")
    assert "#EXT-X-ENDLIST" in (tmp_path / "show.m3u8").read_text(), "ended in good order"
    assert not show.told and show.state() == "off"


def test_a_server_that_takes_the_call_and_never_answers_is_told(hasty: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        show = Show(f"stream:rtmp://127.0.0.1:{server.getsockname()[1]}/live/secret")
        show.until(lambda: bool(show.told), "a report")
        show.outputs.close()
    (told,) = show.told
    assert "does not answer; trying again" in told and "secret" not in told


def test_what_is_absent_is_told_once_and_takes_no_process(tmp_path: Path) -> None:
    show = Show("camera", f"stream:{tmp_path}/none/show.m3u8") if sys.platform == "linux" else Show("camera")
    show.until(lambda: len(show.told) >= len(show.outputs.specs), "what is missing")
    assert {text.split(":")[0] for text in show.told} == {f"out {spec.name}" for spec in show.outputs.specs}
    show.outputs.close()
    show.outputs.close()
    assert not show.outputs.pids and {status.state for status in show.outputs.statuses} == {"waiting"}


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(size: object) -> None:
        raise OSError("33 MB of shared memory are needed, and /dev/shm has less")

    monkeypatch.setattr(outputs_module.CanvasRing, "create", none)
    with pytest.raises(UserError, match="--out: 33 MB .* smaller --canvas"):
        Show("ndi")


def test_the_outputs_have_the_canvas_and_the_highest_rate() -> None:
    outputs = Outputs(parse_outs(["ndi:fps=60", "camera"]), SIZE, SystemClock(), Notices())
    assert outputs.fps == 60 and Outputs([], SIZE, SystemClock(), Notices()).fps == 30


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
