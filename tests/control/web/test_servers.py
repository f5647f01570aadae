"""Both servers on real loopback sockets: HTTP by urllib, WebSocket by websockets' own client."""

import contextlib
import http.client
import io
import json
import os
import resource
import socket
import time
from asyncio import base_events
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from livemusviz.bridge.control import ControlEvent, ShowState
from livemusviz.bridge.events import CoalescedEvents
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.outputs import OutputStatus
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import SystemClock
from livemusviz.control.feedback import encode
from livemusviz.control.osc_guard import validate
from livemusviz.control.web.door import MAX_CLIENTS, MAX_WAITING, PATIENCE
from livemusviz.control.web.loop import WebOptions, WebServers
from livemusviz.errors import UserError
from livemusviz.params.registry import ACTIONS, PARAMS
from livemusviz.params.values import ParamValues
from tests.control.web.flood import CONTINUED, FLOODS, TEXT, frame, shaken_hands

LOCAL = "127.0.0.1"


class Served:
    """Both servers, and a show that publishes what it is told to."""

    def __init__(self) -> None:
        self.events = CoalescedEvents(ACTIONS)
        self.web = WebServers(WebOptions((LOCAL, 0), (LOCAL, 0), 7000), SystemClock(), self.events)
        self.web.start()
        self.page_port = int(self.web.url.split(":")[2].split("/")[0])
        self.tick = self.problems = 0
        self.publish()

    def publish(self, message: str = "", **values: object) -> None:
        self.tick += 1
        known = ParamValues().with_values(values).values
        heard = AudioFeatures(time=0.0, level=1.0)
        self.problems += message != ""
        self.web.publish(
            ShowState(
                self.tick,
                known,
                heard,
                presets=("lava", "sea"),
                message=message,
                problems=self.problems,
                unknown=("qwxz",),
                unused=("delta",),
                inputs=("line", "line#2"),
                outs=(OutputStatus("stage", "ndi", "stage", "waiting", sent=self.tick, message="the name is taken"),),
            )
        )

    def get(self, target: str, port: int | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        client = http.client.HTTPConnection(LOCAL, port or self.web.oscquery_port, timeout=5)
        client.request("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = client.getresponse()
        body = answer.read()
        client.close()
        return answer.status, body, dict(answer.getheaders())

    def listen(self) -> ClientConnection:
        return connect(f"ws://{LOCAL}:{self.web.oscquery_port}/", compression=None)

    def page(self, token: str | None = None, origin: str | None = None) -> ClientConnection:
        address = f"ws://{LOCAL}:{self.page_port}/ws?token={self.web.token if token is None else token}"
        return connect(address, origin=origin, compression=None)  # type: ignore[arg-type]


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.web.close()
    assert made.web.faults == 0


def wait_for(found: Callable[[], Any], seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
    return result


def news(page: ClientConnection, key: str) -> Any:
    """The next news of that kind."""
    for _ in range(200):
        message = page.recv(timeout=3)
        if isinstance(message, str) and key in (found := json.loads(message)):
            return found[key]
    raise AssertionError(f"no {key} came")


# --- OSCQuery -----------------------------------------------------------------------------------


def test_the_tree_over_http(served: Served) -> None:
    served.publish(gain=2.5)
    status, body, headers = served.get("/gain?VALUE")
    assert status == 200 and json.loads(body) == {"VALUE": [2.5]}
    assert headers["Content-Type"] == "application/json" and "Access-Control-Allow-Origin" not in headers
    info = json.loads(served.get("/?HOST_INFO")[1])
    assert info["OSC_PORT"] == 7000 and info["WS_PORT"] == served.web.oscquery_port
    assert served.get("/nothing")[0] == 404 and served.get("/tap?VALUE")[:2] == (204, b"")


def test_another_client_reads_the_tree(served: Served) -> None:
    """python-oscquery's own classes take our JSON."""
    space = pytest.importorskip("pythonoscquery.shared.osc_path_node")
    for path, value in (("/gain", [1.0]), ("/quantise", ["none"]), ("/freeze", [0]), ("/prompt_list", ["[]"])):
        node = space.OSCPathNode.from_json(json.loads(served.get(path)[1]))
        assert (node.full_path, list(node.value)) == (path, value)
    effects = space.OSCPathNode.from_json(json.loads(served.get("/fx")[1]))
    assert [node.full_path for node in effects.contents] == ["/fx/feedback"]


def test_listening_brings_changes_as_osc(served: Served) -> None:
    with served.listen() as client:
        client.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/gain"}))
        assert validate(client.recv(timeout=3)) == [("/gain", [1.0])]  # type: ignore[arg-type]
        served.publish(gain=2.5, seed=7)
        assert validate(client.recv(timeout=3)) == [("/gain", [2.5])]  # type: ignore[arg-type]
        client.send(json.dumps({"COMMAND": "IGNORE", "DATA": "/gain"}))
        client.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/nothing"}))
        assert validate(client.recv(timeout=3))[0][0] == "/error"  # type: ignore[arg-type]
        served.publish(gain=3.5)
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)


def test_osc_comes_in_by_websocket_too(served: Served) -> None:
    with served.listen() as client:
        client.send(encode("/gain", 2.0))
        found = wait_for(served.events.drain)
        assert [(event.name, event.value) for event in found] == [("gain", 2.0)]
        client.send(encode("/gain?"))
        assert validate(client.recv(timeout=3)) == [("/gain", [1.0])]  # type: ignore[arg-type]
        for bad in (encode("/gain", 99.0), b"nonsense", "nonsense", "[" * 60_000, "3", '{"COMMAND": 3}'):
            client.send(bad)
            assert validate(client.recv(timeout=3))[0][0] == "/error"  # type: ignore[arg-type]
    assert served.events.drain() == []


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_other_pages_are_kept_out_of_the_tree(served: Served, headers: dict[str, str]) -> None:
    assert served.get("/", **headers)[0] == 403
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://{LOCAL}:{served.web.oscquery_port}/", additional_headers=headers)
    assert caught.value.response.status_code == 403


# --- the page -----------------------------------------------------------------------------------


def test_the_page_and_its_parts_need_the_token(served: Served) -> None:
    for path in ("/", "/page.js", "/page.css"):
        status, body, headers = served.get(f"{path}?token={served.web.token}", served.page_port)
        assert status == 200 and b"{{token}}" not in body
        assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store"
        for wrong in ("", "?token=", "?token=wrong", f"?token={served.web.token}x"):
            assert served.get(path + wrong, served.page_port)[0] == 403
    assert served.get(f"/../loop.py?token={served.web.token}", served.page_port)[0] == 404
    assert served.get(f"/static/page.js?token={served.web.token}", served.page_port)[0] == 404


def test_a_wrong_token_or_a_foreign_origin_gets_no_websocket(served: Served) -> None:
    for token, origin in (("wrong", None), ("", None), (None, "http://evil.example"), (None, "null")):
        with pytest.raises(InvalidStatus) as caught:
            served.page(token, origin)
        assert caught.value.response.status_code == 403
    with served.page(origin=f"http://{LOCAL}:{served.page_port}"):
        pass
    status, body, _ = served.get(f"/?token={served.web.token}", served.page_port, Host="evil.example")
    assert status == 403 and served.web.token.encode() not in body


def test_the_page_learns_the_registry_and_then_changes(served: Served) -> None:
    with served.page() as page:
        assert [param["address"] for param in news(page, "params")] == [param.address for param in PARAMS]
        assert news(page, "values")["/gain"] == [1.0]
        assert news(page, "presets") == ["lava", "sea"]
        assert (news(page, "inputs"), news(page, "unknown")) == (["line", "line#2"], ["qwxz"])
        assert news(page, "unused") == ["delta"]
        told = {"name": "stage", "target": "stage", "state": "waiting", "message": "the name is taken"}
        assert news(page, "outs") == [told]
        served.publish(gain=4.0)
        assert news(page, "values") == {"/gain": [4.0]}
        for _ in range(2):  # told each time
            served.publish(gain=4.0, message="the disk is full")
            assert news(page, "error") == "the disk is full"
        assert news(page, "now")["level"] == 1.0


def test_the_pages_requests_are_checked_like_osc(served: Served) -> None:
    with served.page() as page:
        page.send(json.dumps({"set": "/prompt", "to": ["red lava\n"]}))
        page.send(json.dumps({"set": "/tap", "to": []}))
        page.send(json.dumps({"set": "/gain", "to": ["+", 0.5]}))
        found: list[ControlEvent] = []
        wait_for(lambda: found.extend(served.events.drain()) or len(found) == 3)
        assert [(event.name, event.value, event.relative) for event in found] == [
            ("prompt", "red lava", False),
            ("tap", "", False),
            ("gain", 0.5, True),
        ]
        for bad, says in (
            ({"set": "/gain", "to": [99]}, "outside 0..32"),
            ({"set": "/gian", "to": [1]}, "no such address"),
            ({"set": "/gain", "to": 3}, "a list of arguments"),
            ({"set": "/gain", "to": [{}]}, "not a number"),
            ({"set": "/prompt", "to": [[1]]}, "not text"),
            ([3], "not a JSON object"),
        ):
            page.send(json.dumps(bad))
            assert says in news(page, "error")
        page.send("[" * 60_000)
        assert "not JSON" in news(page, "error")
    assert served.events.drain() == []


def test_the_qr_code_is_of_the_pages_address(served: Served) -> None:
    segno = pytest.importorskip("segno")
    matrix = segno.make(served.web.url, error="m", micro=False).matrix
    assert [list(map(int, row)) for row in served.web.code] == [list(row) for row in matrix]
    assert served.web.url.startswith("http://127.0.0.1:") and served.web.url.endswith(served.web.token)


def test_previews_are_made_only_while_somebody_looks(served: Served) -> None:
    pixels = np.zeros((360, 640, 4), np.uint8)
    pixels[..., 0] = 200
    assert not served.web.wants_pictures()
    with served.page() as page:
        page.send(json.dumps({"preview": True}))
        wait_for(served.web.wants_pictures)
        served.web.put_picture(CanvasPicture(pixels, 0.0))
        assert not served.web.wants_pictures()  # not so soon
        data = next(message for message in iter(lambda: page.recv(timeout=3), None) if isinstance(message, bytes))
        picture = np.asarray(Image.open(io.BytesIO(data)))
        assert picture.shape == (360, 640, 3) and abs(picture[..., 0].mean() - 200) < 3 and picture[..., 1].max() < 12
        page.send(json.dumps({"preview": False}))
        time.sleep(0.2)
        wait_for(lambda: not served.web.wants_pictures())
    time.sleep(0.15)
    assert not served.web.wants_pictures()


def test_messages_and_clients_are_bounded(served: Served) -> None:
    with served.page() as page:
        page.send("x" * 70_000)
        with pytest.raises(ConnectionClosed):
            while True:
                page.recv(timeout=3)
    with ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(served.listen())
        extra = stack.enter_context(served.listen())
        with pytest.raises(ConnectionClosed) as caught:
            extra.recv(timeout=3)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1013


@pytest.mark.parametrize("kind", FLOODS)
def test_a_client_that_floods_is_cut_off_and_told_of_once(
    served: Served, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    begin, more = FLOODS[kind]
    with (
        shaken_hands(served.web.oscquery_port) as client,
        pytest.raises(OSError, match="reset|Broken pipe|aborted|timed out"),
    ):
        client.sendall(begin)
        for _ in range(200):
            client.sendall(more * 5000)
    assert served.get("/gain?VALUE")[0] == 200
    assert len(caplog.records) <= 1, "asyncio and websockets have a line for each write to a client that has gone"
    wait_for(lambda: served.web.doors["oscquery"].clients == 0)


def test_a_client_may_be_slow_and_split_its_messages(served: Served) -> None:
    """A byte at a time, a message in fragments: it is answered, and others are meanwhile."""
    words = [b'{"COMMAND": ', b'"LISTEN", ', b'"DATA": "/gain"}']
    frames = [frame(TEXT, words[0], False), frame(CONTINUED, words[1], False), frame(CONTINUED, words[2])]
    with shaken_hands(served.web.oscquery_port) as client:
        for each in b"".join(frames):
            client.sendall(bytes([each]))
        assert served.get("/gain?VALUE")[0] == 200
        assert b"/gain" in client.recv(4096)


def test_listeners_without_a_token_do_not_lock_the_phone_out(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(served.listen())
        wait_for(lambda: served.web.doors["oscquery"].clients == MAX_CLIENTS)
        page = stack.enter_context(served.page())
        assert "params" in json.loads(page.recv(timeout=3))


def test_connections_that_say_nothing_are_few_and_short(served: Served) -> None:
    """The oldest goes for a new one, so that a phone gets in meanwhile; all go in the end."""
    with ExitStack() as stack:
        ports = (served.page_port, served.web.oscquery_port)
        silent = [stack.enter_context(socket.create_connection((LOCAL, port), 3)) for port in ports * 60]
        silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: 127")  # half of a request
        wait_for(lambda: all(door.waiting == MAX_WAITING for door in served.web.doors.values()))
        assert served.get("/?HOST_INFO")[0] == 200
        with served.page() as page:
            assert "params" in json.loads(page.recv(timeout=3))
        began = time.monotonic()
        wait_for(lambda: not any(door.waiting for door in served.web.doors.values()), PATIENCE + 5.0)
        assert time.monotonic() - began < PATIENCE + 3.0
    with served.page() as page:
        assert "params" in json.loads(page.recv(timeout=3))


def test_without_file_descriptors_there_is_one_line_and_then_service_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(8)]
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        try:
            used = []
            with contextlib.suppress(OSError):
                while True:
                    used.append(os.dup(0))
            for client in clients:
                client.connect((LOCAL, served.page_port))
            wait_for(lambda: "Too many open files" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in used:
                os.close(number)
    with served.page() as page:
        assert "params" in json.loads(page.recv(timeout=5))
    assert len(caplog.records) == 1 and caplog.records[0].exc_info is None


def test_garbage_on_the_ports_does_nothing(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    for data in (
        b"",
        b"\0" * 3000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + b"/" * 70_000,
    ):
        for port in (served.page_port, served.web.oscquery_port):
            with socket.create_connection((LOCAL, port), timeout=3) as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                try:
                    while client.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
    assert served.get("/gain?VALUE")[0] == 200 and caplog.records == []


def test_a_busy_port_is_stepped_over_and_closing_frees_it(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    second = WebServers(WebOptions((LOCAL, served.web.oscquery_port), None, 7000), SystemClock(), served.events)
    second.start()
    assert second.oscquery_port > served.web.oscquery_port and "is taken; listening on" in caplog.text
    second.close()
    second.close()
    assert second.oscquery_port not in listening()


def test_closing_while_it_starts_frees_the_ports(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    web = WebServers(WebOptions((LOCAL, 0), (LOCAL, 0), 7000), SystemClock(), served.events)
    begin = base_events.Server._start_serving
    reached = []

    def begin_and_stop(server: base_events.Server) -> None:
        begin(server)
        reached.append(server)  # kept, so that no collector closes its socket
        web._stop.set()

    monkeypatch.setattr(base_events.Server, "_start_serving", begin_and_stop)
    web.start()
    ports = {web.oscquery_port, int(web.url.split(":")[2].split("/")[0])}
    assert ports <= listening()
    web.close()
    assert reached and not ports & listening()


def listening() -> set[int]:
    """The TCP ports on which this process listens. A connection would not tell: a port may be another's by now."""
    found = psutil.Process().net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def test_a_host_that_is_none_is_a_user_error() -> None:
    with pytest.raises(UserError, match="not an address of this machine"):
        WebServers(WebOptions(None, ("999.1.1.1", 0), 7000), SystemClock(), CoalescedEvents(ACTIONS)).start()


# --- on the network -----------------------------------------------------------------------------


def test_a_zeroconf_browser_finds_the_tree() -> None:
    zeroconf = pytest.importorskip("zeroconf")
    found: dict[str, Any] = {}

    def on_service_change(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        info = zeroconf.get_service_info(service_type, name, timeout=2000)
        if info is not None and "livemusviz" in name:
            found[name] = info

    web = WebServers(WebOptions(("0.0.0.0", 0), None, 7000), SystemClock(), CoalescedEvents(ACTIONS))  # noqa: S104
    web.start()
    browser_of = zeroconf.Zeroconf()
    try:
        browser = zeroconf.ServiceBrowser(browser_of, "_oscjson._tcp.local.", handlers=[on_service_change])
        ports = wait_for(lambda: [info.port for info in found.values() if info.port == web.oscquery_port], 10.0)
        assert ports
        address = next(info for info in found.values() if info.port == web.oscquery_port).parsed_addresses()[0]
        client = http.client.HTTPConnection(address, ports[0], timeout=5)
        client.request("GET", "/?HOST_INFO")
        assert json.loads(client.getresponse().read())["OSC_IP"] == address
        client.close()
        browser.cancel()
    finally:
        browser_of.close()
        web.close()


def test_nothing_is_announced_from_loopback(served: Served) -> None:
    zeroconf = pytest.importorskip("zeroconf")
    heard: list[str] = []
    browser_of = zeroconf.Zeroconf()

    def handler(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        info = zeroconf.get_service_info(service_type, name, timeout=500)
        if info is not None and info.port == served.web.oscquery_port:
            heard.append(name)

    zeroconf.ServiceBrowser(browser_of, "_oscjson._tcp.local.", handlers=[handler])
    time.sleep(0.7)
    browser_of.close()
    assert heard == []


def test_a_fault_of_one_server_leaves_the_other_and_is_over_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = iter([OSError("no descriptors"), ValueError("a bug")])
    kept = WebServers._announce

    async def announce(self: WebServers, stack: Any) -> None:
        for fault in faults:
            raise fault
        await kept(self, stack)

    monkeypatch.setattr(WebServers, "_announce", announce)
    made = Served()
    try:
        with made.page() as page:
            wait_for(lambda: made.web.faults == 2)
            made.publish("good evening")
            assert news(page, "error") == "good evening"
        assert made.get("/?HOST_INFO")[0] == 200
    finally:
        made.web.close()
