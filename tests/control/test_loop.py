"""The control thread on real loopback sockets."""

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from livemusviz.bridge.control import ControlEvent, ShowState
from livemusviz.bridge.events import CoalescedEvents
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.outputs import OutputStatus
from livemusviz.clock import SystemClock
from livemusviz.control.feedback import UNKNOWN, Feedback, RateLimit, encode
from livemusviz.control.loop import OscControl
from livemusviz.control.osc_guard import Message, validate
from livemusviz.errors import UserError
from livemusviz.params.registry import ACTIONS, BY_ADDRESS, BY_NAME, PARAMS
from livemusviz.params.values import ParamValues
from tests.control.test_osc import good_value
from tests.control.test_osc_guard import bundle


@pytest.fixture
def control() -> Iterator[OscControl]:
    made = OscControl(SystemClock(), CoalescedEvents(ACTIONS), port=0)
    made.start()
    yield made
    made.close()


@pytest.fixture
def client(control: OscControl) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", control.port))
        udp.settimeout(3)
        yield udp


def events(control: OscControl) -> list[ControlEvent]:
    assert isinstance(control._events, CoalescedEvents)
    return control._events.drain()


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def state(features: AudioFeatures = AudioFeatures.rest(0.0), tick: int = 1, **known: Any) -> ShowState:  # noqa: B008
    values = {**ParamValues().values, **known.pop("values", {})}
    return ShowState(tick=tick, values=values, features=features, **known)


def reply(client: socket.socket, address: str) -> Message:
    """The next message at `address`, passing over other feedback."""
    for _ in range(500):
        for found in validate(client.recv(65_535)):
            if found[0] == address:
                return found
    raise AssertionError(f"no {address} came")


def test_every_address_of_the_registry_can_be_set(control: OscControl, client: socket.socket) -> None:
    expected = {}
    for param in PARAMS:
        value = good_value(param)
        client.send(encode(param.address, value))  # type: ignore[arg-type]
        expected[param.name] = param.validate(value)
    wait_until(lambda: control.counts.messages == len(PARAMS))
    time.sleep(0.02)
    assert {event.name: event.value for event in events(control)} == expected
    assert control.counts.rejected == 0


@pytest.mark.parametrize(
    ("datagram", "complaint"),
    [
        (encode("/gain", 99.0), "gain: 99.0 is outside 0..32 x"),
        (encode("/gain", "loud"), "is not a number"),
        (encode("/promt", "sea"), "did you mean '/prompt'?"),
        (encode("/prompt"), "0 arguments; give one"),
        (encode("/Gain", 1.0), "/Gain: no such address: addresses have small letters"),
        (encode("/GAIN", 1.0), "did you mean '/gain'?"),
        (encode("/fx/*/zoom", 1.0), "/fx/*/zoom: no such address: addresses have small letters"),
        (bundle(encode("/{gain,fade}", 1.0)), "and no patterns"),
    ],
)
def test_what_is_refused_is_told_to_the_sender(
    control: OscControl, client: socket.socket, datagram: bytes, complaint: str
) -> None:
    client.send(datagram)
    address, (text,) = reply(client, "/error")
    assert complaint in str(text)
    assert control.counts.rejected == 1 and events(control) == []


def test_complaints_are_limited_and_never_answered(control: OscControl, client: socket.socket) -> None:
    control.publish(state())
    for _ in range(100):
        client.send(encode("/nothing/here", 1))
    for _ in range(20):
        client.send(encode("/error", "no such address"))
    wait_until(lambda: control.counts.rejected == 120)
    client.settimeout(0.2)
    complaints = 0
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        complaints += validate(client.recv(65_535))[0][0] == "/error"
    assert 1 <= complaints <= 15


FLOOD = """
import socket, sys, time
from pythonosc.osc_message_builder import OscMessageBuilder
def encode(address, value):
    builder = OscMessageBuilder(address); builder.add_arg(value); return builder.build().dgram
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.connect(("127.0.0.1", int(sys.argv[1])))

packets = [encode(("/gain", "/fade", "/walk_speed", "/ssf")[n % 4], (n % 1000) / 1000) for n in range(4000)]
began, sent = time.perf_counter(), 0
while (passed := time.perf_counter() - began) < 2.0:
    while sent < passed * 20000:
        udp.send(packets[sent % 4000]); sent += 1
    time.sleep(0.001)
time.sleep(0.05)
for address, value in (("/gain", 7.5), ("/fade", 3.5), ("/walk_speed", 1.5), ("/ssf", 0.25)):
    udp.send(encode(address, value))
print(sent)
"""


def cpu_seconds(native: int | None) -> float | None:
    """User and system seconds of one thread of this process; None where the system does not say."""
    try:
        with open(f"/proc/self/task/{native}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9
    except OSError:
        return None


def test_a_bad_newest_value_does_not_hide_the_good_one_before_it(control: OscControl, client: socket.socket) -> None:
    for _ in range(50):
        client.send(encode("/gain", 2.0))
        client.send(encode("/gain", 99.0))
    wait_until(lambda: control.counts.messages == 100)
    time.sleep(0.02)
    assert [event.value for event in events(control)] == [2.0]


def test_closing_frees_the_port(control: OscControl) -> None:
    control.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", control.port))
    control.close()


@pytest.mark.parametrize(
    ("host", "port", "complaint"), [("999.1.1.1", 7000, "not an address"), ("127.0.0.1", 70_000, "outside")]
)
def test_a_host_or_port_that_is_none_is_a_user_error(host: str, port: int, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        OscControl(SystemClock(), CoalescedEvents(ACTIONS), host, port).start()


def test_listening_to_the_network_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    open_to_all = OscControl(SystemClock(), CoalescedEvents(ACTIONS), "0.0.0.0", 0)  # noqa: S104
    open_to_all.start()
    open_to_all.close()
    assert "the whole network" in caplog.text


def test_feedback_goes_to_the_last_sender(control: OscControl, client: socket.socket) -> None:
    control.publish(state(AudioFeatures(time=0.0, level=1.25, bpm=124.0), fps=59.5, engine="running"))
    client.send(encode("/seed", 1))
    assert reply(client, "/server_active") == ("/server_active", [1])
    assert reply(client, "/stream-info/fps") == ("/stream-info/fps", [59.5])
    assert reply(client, "/stream-info/state") == ("/stream-info/state", ["running"])
    assert reply(client, "/audio/level") == ("/audio/level", [1.25])
    assert reply(client, "/audio/bpm") == ("/audio/bpm", [124.0])
    control.error("the disk is full")
    assert reply(client, "/error") == ("/error", ["the disk is full"])


def test_feedback_goes_where_it_was_told_to() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(3)
        made = OscControl(SystemClock(), CoalescedEvents(ACTIONS), port=0, outs=[udp.getsockname()])
        made.start()
        made.publish(state())
        assert reply(udp, "/server_active") == ("/server_active", [1])
        made.close()


def test_feedback_is_paced_and_stops_a_minute_after_the_last_word() -> None:
    feedback = Feedback()
    feedback.publish(state())
    assert feedback.due(0.0) == []
    feedback.add_sender(HERE, 0.0)
    sent = [validate(datagram)[0][0] for n in range(3000) for datagram, _ in feedback.due(n / 1000)]
    assert sent.count("/server_active") == 3 and 55 <= sent.count("/audio/onset") <= 60
    assert feedback.due(60.5) == []


HERE = ("127.0.0.1", 5)


def told(feedback: Feedback, now: float, to: tuple[str, int] = HERE) -> dict[str, Any]:
    """Return what is said of parameters at `now` to one reader."""
    messages = [validate(datagram)[0] for datagram, reader in feedback.due(now) if reader == to]
    return {address: arguments for address, arguments in messages if address in BY_ADDRESS}


def test_a_new_controller_is_told_every_value_and_then_only_changes() -> None:
    feedback = Feedback()
    feedback.publish(state())
    feedback.add_sender(HERE, 0.0)
    first = told(feedback, 0.0) | told(feedback, 0.1) | told(feedback, 0.2)
    assert set(first) == {param.address for param in PARAMS if param.kind != "action"}
    assert told(feedback, 0.3) == {}
    feedback.publish(state(tick=2, values={"gain": 2.5, "cue_list": (("sea", 1.0),), "t_list": (3, 4), "freeze": True}))
    changes = {"/gain": [2.5], "/cue/list": ['[["sea", 1.0]]'], "/t_list": [3, 4], "/freeze": [1]}
    assert told(feedback, 0.4) == changes
    feedback.add_sender(("127.0.0.1", 6), 0.5)
    assert len(told(feedback, 0.6, ("127.0.0.1", 6))) > 20


def test_a_fader_is_not_told_what_it_has_just_set() -> None:
    feedback = Feedback()
    feedback.publish(state())
    feedback.add_sender(HERE, 0.0)
    for n in range(5):
        told(feedback, n / 10)
    feedback.knows(HERE, "gain", 2.5)
    assert told(feedback, 1.0) == {}  # the show has not taken it over yet: the old value is no news
    feedback.publish(state(tick=2, values={"gain": 2.5}))
    feedback.publish(state(tick=3, values={"gain": 2.5}))
    assert told(feedback, 1.1) == {}
    feedback.knows(HERE, "gain", 9.0)
    for tick in (4, 5, 6):  # ... but it was refused after all
        feedback.publish(state(tick=tick, values={"gain": 2.5}))
    assert told(feedback, 1.2) == {"/gain": [2.5]}


def test_an_answer_waits_for_what_was_asked_for_before_it() -> None:
    feedback = Feedback()
    feedback.publish(state(tick=7))
    feedback.ask(BY_NAME["gain"], HERE, 0.0)
    assert feedback.answers(0.01) == []
    feedback.publish(state(tick=9, values={"gain": 3.0}))
    assert feedback.answers(0.02) == [(encode("/gain", 3.0), HERE)]
    feedback.ask(BY_NAME["gain"], HERE, 0.1)
    assert feedback.answers(0.4) == [(encode("/gain", 3.0), HERE)]  # nothing is published any more: answer all the same


def test_every_value_can_be_asked_for(control: OscControl, client: socket.socket) -> None:
    control.publish(state(values={"prompt": "red lava", "seed_list": ((3, 0.5),)}))
    for param in PARAMS:
        if param.kind == "action":
            continue
        client.send(encode(param.address + "?"))
        expected = param.wire({"prompt": "red lava", "seed_list": ((3, 0.5),)}.get(param.name, param.default))
        found = reply(client, param.address)[1]
        while found != expected:  # feedback goes the same way
            found = reply(client, param.address)[1]


def test_a_bundle_acts_but_for_what_is_wrong_in_it(control: OscControl, client: socket.socket) -> None:
    wrong = [b"/seed\0\0\0,r\0\0\0\0\0\0", encode("/gain", float("nan")), encode("/nothing", 1), encode("/fade", 99.0)]
    client.send(bundle(encode("/gain", 2.0), *wrong, encode("/walk_speed", 1.5)))
    client.send(bundle(*[encode("/gain", "+", 0.125)] * 80))
    wait_until(lambda: control.counts.messages == 4 + 80)
    time.sleep(0.02)
    assert {event.name: event.value for event in events(control)} == {"gain": 12.0, "walk_speed": 1.5}
    assert control.counts.rejected == 4
    said = {str(reply(client, "/error")[1][0]) for _ in range(4)}
    assert "fade: 99.0 is outside 0..60 s" in said and "/gain: a number that is not finite" in said
    assert any(text.startswith("/seed: argument type 'r'") for text in said)


def test_a_bundle_for_the_near_future_acts_then(control: OscControl, client: socket.socket) -> None:
    def at(moment: float) -> bytes:
        return struct.pack(">II", 2_208_988_800 + int(moment), int(moment % 1 * 2**32))

    soon, clock = time.time() + 0.4, SystemClock()
    sent = clock.now()
    client.send(bundle(encode("/gain", 2.0), encode("/tap"), tag=at(soon)))
    client.send(bundle(encode("/fade", 3.0), tag=at(soon - 60)))  # long past
    client.send(bundle(encode("/seed", 4), tag=at(soon + 3600)))  # somebody's clock is wrong
    early: list[ControlEvent] = []
    late: list[ControlEvent] = []
    wait_until(lambda: bool(early.extend(events(control))) or len(early) == 2)
    wait_until(lambda: bool(late.extend(events(control))) or len(late) == 2)
    assert [event.name for event in early] == ["fade", "seed"] and [event.name for event in late] == ["gain", "tap"]
    assert clock.now() - sent >= 0.39 and late[1].time == pytest.approx(sent + 0.4, abs=0.05)


def test_a_surfaces_chatter_is_complained_of_once_a_minute(control: OscControl, client: socket.socket) -> None:
    control.publish(state())
    for _ in range(60):
        client.send(encode("/accxyz", 0.1))
        client.send(encode("/fx/feedback/zoom/z", 1.0))
        client.send(encode("/ping"))
        time.sleep(0.002)
    wait_until(lambda: control.counts.messages == 180)
    client.settimeout(0.1)
    said: list[str] = []
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        address, arguments = validate(client.recv(65_535))[0]
        said += [str(arguments[0])] if address == "/error" else []
    assert sorted(text.partition(":")[0] for text in said) == ["/accxyz", "/fx/feedback/zoom/z"]
    assert max(map(len, said)) <= 200 and control.counts.rejected == 120


def test_everybody_who_spoke_lately_and_every_out_is_told(control: OscControl) -> None:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for udp in sockets:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(3)
    outs = [udp.getsockname() for udp in sockets[2:]]
    made = OscControl(SystemClock(), CoalescedEvents(ACTIONS), port=0, outs=outs)
    made.start()
    try:
        made.publish(state())
        for udp in sockets[:2]:
            udp.sendto(encode("/ping"), ("127.0.0.1", made.port))
        for udp in sockets:
            assert reply(udp, "/server_active") == ("/server_active", [1])
        sockets[0].sendto(encode("/gain", 3.0), ("127.0.0.1", made.port))
        wait_until(lambda: bool(events(made)))
        for tick in (2, 3, 4):
            made.publish(state(tick=tick, values={"gain": 3.0}))
        for udp in sockets[1:]:
            while reply(udp, "/gain")[1] != [3.0]:
                pass
        made.error("the disk is full")
        for udp in sockets:
            assert reply(udp, "/error") == ("/error", ["the disk is full"])
    finally:
        made.close()
        for udp in sockets:
            udp.close()


def test_words_that_the_model_does_not_know_are_told_once() -> None:
    def said(now: float) -> list[Message]:
        return [found for datagram, _ in feedback.due(now) for found in validate(datagram) if found[0] == UNKNOWN]

    feedback = Feedback([("127.0.0.1", 1)])
    feedback.publish(state(unknown=("ein", "Vulkan")))
    assert said(0.0) == [(UNKNOWN, ["ein Vulkan"])] and said(0.1) == []
    feedback.publish(state(tick=2))
    assert said(0.2) == [(UNKNOWN, [""])]


def test_the_state_of_an_output_is_told_when_it_changes() -> None:
    def said(now: float) -> list[Message]:
        found = [found for datagram, _ in feedback.due(now) for found in validate(datagram)]
        return [(address, values) for address, values in found if address.startswith("/out/")]

    feedback = Feedback([("127.0.0.1", 1)])
    feedback.publish(state(outs=(OutputStatus("stage", "ndi", state="waiting", message="the name is taken"),)))
    assert said(0.0) == [("/out/stage/state", ["waiting"]), ("/out/stage/error", ["the name is taken"])]
    feedback.publish(state(tick=2, outs=(OutputStatus("stage", "ndi", state="running", message="the name is taken"),)))
    assert said(0.1) == [("/out/stage/state", ["running"])] and said(0.2) == []


def test_the_speakers_that_are_told_things_are_bounded() -> None:
    feedback = Feedback([("127.0.0.1", 1)])
    feedback.publish(state())
    for n in range(100):
        feedback.add_sender(("127.0.0.1", 1000 + n), n / 100)
    assert len(feedback.targets(1.0)) == 17 and ("127.0.0.1", 1) in feedback.targets(1.0)
    assert ("127.0.0.1", 1099) in feedback.targets(1.0) and feedback.targets(100.0) == [("127.0.0.1", 1)]


def test_steps_all_count(control: OscControl, client: socket.socket) -> None:
    client.send(encode("/gain", 1.0))
    for _ in range(20):
        client.send(encode("/gain", "+", 0.25))
    client.send(encode("/seed", "+3"))
    wait_until(lambda: control.counts.messages == 22)
    time.sleep(0.02)
    found = {event.name: (event.value, event.relative) for event in events(control)}
    assert found == {"gain": (6.0, False), "seed": (3.0, True)}


def test_the_rate_limit_allows_a_burst_and_then_its_rate() -> None:
    limit = RateLimit(10.0)
    assert sum(limit.allow(5.0) for _ in range(100)) == 10
    assert sum(limit.allow(5.0 + n / 100) for n in range(1, 201)) == 20


def test_a_fault_is_counted_and_the_thread_goes_on() -> None:
    class Broken(CoalescedEvents):
        broken = True

        def put(self, event: ControlEvent) -> bool:
            if self.broken:
                raise RuntimeError("a fault")
            return super().put(event)

    sink = Broken(ACTIONS)
    made = OscControl(SystemClock(), sink, port=0)
    made.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", made.port))
        udp.send(encode("/seed", 1))
        wait_until(lambda: made.counts.faults == 1)
        sink.broken = False
        udp.send(encode("/seed", 2))
        wait_until(lambda: made.counts.messages == 2)
    made.close()
    assert [event.value for event in sink.drain()] == [2]
    assert threading.active_count() < 20


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_oscsend_is_understood(control: OscControl) -> None:
    for arguments in (("/prompt", "s", "red lava"), ("/gain", "f", "2.5"), ("/seed", "i", "9"), ("/freeze", "T")):
        subprocess.run(["oscsend", "127.0.0.1", str(control.port), *arguments], check=True)
    wait_until(lambda: control.counts.messages == 4)
    time.sleep(0.02)
    assert {event.name: event.value for event in events(control)} == {
        "prompt": "red lava",
        "gain": 2.5,
        "seed": 9,
        "freeze": True,
    }
    assert BY_NAME["prompt"].address == "/prompt"
