"""Sinks of textures: on the thread that draws, within a budget. The libraries of macOS and Windows are fakes."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.clock import ManualClock
from livemusviz.sinks.spec import parse_out
from livemusviz.sinks.textures import BUDGET, SETTLING, TextureOutput

CANVAS = CanvasTexture(7, 1280, 720, 1.0)


class Fake:
    """A sink that takes `cost` seconds for a canvas, or fails."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.cost, self.sent, self.opened, self.closed = clock, 0.0, 0, 0, 0
        self.fault: Exception | None = None

    def open(self, now: float) -> None:
        self.opened += 1
        self.raise_fault()

    def send(self, canvas: CanvasTexture, now: float) -> None:
        self.raise_fault()
        self.clock.advance(self.cost)
        self.sent += 1

    def close(self) -> None:
        self.closed += 1

    def raise_fault(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def made() -> tuple[TextureOutput, Fake, ManualClock, Notices]:
    clock, notices = ManualClock(50.0), Notices()
    fake = Fake(clock)
    return TextureOutput(parse_out("syphon"), notices, clock, lambda spec: fake, refused=""), fake, clock, notices


def test_every_canvas_is_sent_while_it_is_on(made: tuple[TextureOutput, Fake, ManualClock, Notices]) -> None:
    output, fake, clock, notices = made
    output.poll(clock.now(), False)
    output.send(CANVAS)
    assert fake.sent == 0 and output.status.state == "off"
    for _ in range(20):
        output.poll(clock.now(), True)
        output.send(CANVAS)
    assert (fake.sent, fake.opened, output.status.sent, output.status.state) == (20, 1, 20, "running")
    output.poll(clock.now(), False)
    assert fake.closed == 1 and output.status.state == "off" and not notices.drain()


def test_a_sink_over_its_budget_is_closed_and_tried_again(
    made: tuple[TextureOutput, Fake, ManualClock, Notices],
) -> None:
    output, fake, clock, notices = made
    fake.cost = 10 * BUDGET
    output.poll(clock.now(), True)
    sends = 0
    while output.status.state == "running":
        output.send(CANVAS)
        sends += 1
    assert SETTLING < sends < SETTLING + 5 and fake.closed == 1
    assert ["takes" in notice.text and "more than 4" in notice.text for notice in notices.drain()] == [True]
    fake.cost = 0.0
    output.poll(clock.now(), True)
    assert fake.opened == 1, "not at once"
    clock.advance(1.1)
    output.poll(clock.now(), True)
    assert fake.opened == 2 and output.status.state == "running"


def test_a_slow_first_send_is_no_reason(made: tuple[TextureOutput, Fake, ManualClock, Notices]) -> None:
    output, fake, clock, _notices = made
    output.poll(clock.now(), True)
    for cost in (0.2, 0.05, *[0.0005] * 100):
        fake.cost = cost
        output.send(CANVAS)
    assert output.status.state == "running"


def test_a_fault_is_told_once_and_tried_again(made: tuple[TextureOutput, Fake, ManualClock, Notices]) -> None:
    output, fake, clock, notices = made
    fake.fault = RuntimeError("Syphon could not create the server")
    for _ in range(300):
        output.poll(clock.advance(0.1), True)
    assert fake.opened >= 3
    assert [notice.text for notice in notices.drain()] == ["out syphon: Syphon could not create the server"]
    assert output.status.state == "waiting" and output.status.message == "Syphon could not create the server"


def test_what_cannot_be_had_here_is_told_once() -> None:
    notices = Notices()
    output = TextureOutput(
        parse_out("spout"), notices, ManualClock(), lambda spec: pytest.fail("made"), "no Spout here"
    )
    for now in range(5):
        output.poll(float(now), True)
        output.send(CANVAS)
    assert [notice.text for notice in notices.drain()] == ["out spout: no Spout here"]


class Server:
    """Takes calls as syphon's server and SpoutGL's sender do, after their sources."""

    made: list["Server"] = []

    def __init__(self, name: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = [(name,)] if name else []
        self.refuses = False
        Server.made.append(self)

    def publish_frame_texture(
        self, texture: int, region: Any = None, size: Any = None, is_flipped: bool = False, target: int = 0x0DE1
    ) -> None:
        self.calls.append((texture, region, size, is_flipped, target))

    def stop(self) -> None:
        self.calls.append(("stop",))

    def setSenderName(self, name: str) -> None:
        self.calls.append((name,))

    def sendTexture(self, *arguments: Any) -> bool:
        self.calls.append(arguments)
        return not self.refuses

    def releaseSender(self) -> None:
        self.calls.append(("release",))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a module in the place of one that only macOS or Windows has."""

    def install(name: str, **content: Any) -> None:
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)

    Server.made = []
    for name in ("livemusviz.sinks.syphon", "livemusviz.sinks.spout"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return install


def test_syphon_publishes_the_texture(library: Callable[..., None]) -> None:
    library("objc", error=type("error", (Exception,), {}))
    library("syphon", SyphonOpenGLServer=Server)
    output = TextureOutput(parse_out("syphon:Stage"), Notices(), ManualClock(), refused="")
    output.poll(0.0, True)
    output.send(CANVAS)
    output.close()
    (server,) = Server.made
    assert server.calls == [("Stage",), (7, (0, 0, 1280, 720), (1280, 720), False, 0x0DE1), ("stop",)]


def test_spout_sends_the_texture_and_tells_a_refusal(library: Callable[..., None]) -> None:
    library("SpoutGL", SpoutSender=Server)
    notices = Notices()
    output = TextureOutput(parse_out("spout:Stage"), notices, ManualClock(), refused="")
    output.poll(0.0, True)
    output.send(CANVAS)
    (server,) = Server.made
    assert server.calls == [("Stage",), (7, 0x0DE1, 1280, 720, True, 0)]
    server.refuses = True
    output.send(CANVAS)
    assert server.calls[-1] == ("release",) and output.status.state == "waiting"
    assert ["another GPU" in notice.text for notice in notices.drain()] == [True]


def test_a_library_that_does_not_load_is_told(library: Callable[..., None]) -> None:
    library("SpoutGL")  # without SpoutSender
    notices = Notices()
    output = TextureOutput(parse_out("spout"), notices, ManualClock(), refused="")
    sys.modules["SpoutGL"] = None  # type: ignore[assignment]
    output.poll(0.0, True)
    assert ["its library does not load" in notice.text for notice in notices.drain()] == [True]
