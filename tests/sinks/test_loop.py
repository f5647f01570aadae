"""The body of a sink's process, without a process: rates, faults, pauses, reports."""

from collections.abc import Iterator, Sequence

import av
import numpy as np
import pytest

from livemusviz.bridge.canvas_ring import CanvasReader, CanvasRing
from livemusviz.bridge.outputs import OutputStatus
from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import ManualClock
from livemusviz.errors import UserError
from livemusviz.sinks import loop
from livemusviz.sinks.loop import SinkFeed
from livemusviz.sinks.status import STATUS_BYTES, pack_output_status, unpack_output_status
from tests.sinks.feeding import SIZE, flat, wiring


class Fake:
    """A sink that remembers its calls, and fails with `fault`."""

    encoded = 0

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.times: list[float] = []
        self.fault: Exception | None = None

    def open(self, now: float) -> None:
        self._call("open")

    def send(self, picture: CanvasPicture, now: float) -> None:
        self._call("send")
        self.times.append(picture.time)

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        pass

    def close(self) -> None:
        self.calls.append("close")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.fault is not None:
            raise self.fault


class Rig:
    """A feed over a ring, on a clock of its own."""

    def __init__(self, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sink, self.clock, self.ring = Fake(), ManualClock(50.0), CanvasRing.create(SIZE)
        self.reports: list[OutputStatus] = []
        monkeypatch.setattr(loop, "make_sink", lambda wiring: self.sink)
        reader = CanvasReader(self.ring)
        self.feed = SinkFeed(
            wiring(out), reader, None, lambda data: self.reports.append(unpack_output_status(data)), self.clock
        )

    def run(self, seconds: float, fps: float = 60.0) -> None:
        """Let pictures come at `fps` for a while."""
        for _ in range(round(seconds * fps)):
            self.ring.write(CanvasPicture(flat(0), self.clock.advance(1.0 / fps)))
            self.feed.step()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig("ndi:fps=30", monkeypatch)
    yield made
    made.ring.close()


def test_pictures_come_at_the_sinks_own_rate(rig: Rig) -> None:
    rig.run(2.0)
    assert rig.sink.calls[0] == "open" and rig.sink.calls.count("send") == pytest.approx(60, abs=2)
    assert np.diff(rig.sink.times) == pytest.approx(1 / 30)
    rig.feed.close()
    assert rig.sink.calls[-1] == "close"


def test_it_reports_that_it_is_alive(rig: Rig) -> None:
    rig.run(2.0)
    assert len(rig.reports) == pytest.approx(20, abs=3)
    assert rig.reports[0].state == "starting" and rig.reports[-1].state == "running"
    assert rig.reports[-1].sent == pytest.approx(57, abs=4)


def test_a_sink_that_cannot_be_opened_is_tried_again_with_longer_pauses(rig: Rig) -> None:
    rig.sink.fault = OSError(111, "Connection refused")
    rig.run(12.0)
    assert rig.sink.calls.count("open") == 6, "at 0, 0.5, 1.5, 3, 5, 7 and 12 s"
    assert (rig.reports[-1].state, rig.reports[-1].message) == ("waiting", "Connection refused")
    rig.sink.fault = None
    rig.run(6.0)
    assert (rig.reports[-1].state, rig.reports[-1].message) == ("running", "")


def test_that_it_could_not_be_opened_is_reported_at_once(rig: Rig) -> None:
    rig.sink.fault = OSError(111, "Connection refused")
    rig.feed.step()
    assert [report.state for report in rig.reports] == ["starting", "waiting"]


def test_a_sink_that_fails_is_closed_and_opened_again(rig: Rig) -> None:
    rig.run(6.0)
    rig.sink.fault = OSError(32, "Broken pipe")
    rig.run(0.1)
    assert rig.sink.calls[-2:] == ["send", "close"] and rig.feed.status.message == "Broken pipe"
    rig.sink.fault = None
    rig.run(1.0)
    assert rig.sink.calls.count("open") == 2 and rig.feed.status.state == "running"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (UserError("ndi: the name is taken"), "ndi: the name is taken"),
        (RuntimeError("of a\nlibrary"), "of a library"),
        (ValueError(), "ValueError"),
    ],
)
def test_any_fault_becomes_one_line(fault: Exception, message: str, rig: Rig) -> None:
    rig.sink.fault = fault
    rig.run(0.1)
    assert rig.feed.status.message == message


def test_an_error_that_names_the_address_is_told_without_it(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.sink.fault = av.error.HTTPUnauthorizedError(401, "Server returned 401 Unauthorized", "https://me:pw@host/key")
    assert "https://me:pw@host/key" in str(rig.sink.fault)
    rig.run(0.1)
    assert rig.feed.status.message == "Server returned 401 Unauthorized"
    assert "key" not in caplog.text and "Traceback" not in caplog.text


def test_a_status_of_any_length_fits() -> None:
    status = OutputStatus("x" * 40, "stream", "é" * 500, "waiting", 10**9, 10**9, 10**9, 99, "ü" * 500)
    packed = pack_output_status(status)
    assert len(packed) == STATUS_BYTES and unpack_output_status(packed).message == "ü" * 200
