"""Faults of control: floods, damaged datagrams and taken ports (F19, F20, F25)."""

from __future__ import annotations

import logging
import random
import socket
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from livemusviz.bridge.events import CoalescedEvents
from livemusviz.cli import main
from livemusviz.clock import SystemClock
from livemusviz.control.feedback import encode
from livemusviz.control.loop import READ_A_SECOND, OscControl
from livemusviz.control.osc import OscTable
from livemusviz.control.osc_guard import OscRejected, validate
from livemusviz.errors import UserError
from livemusviz.params.registry import ACTIONS, PARAMS
from tests.control import test_loop
from tests.control.test_loop import FLOOD, cpu_seconds, events, wait_until
from tests.control.test_osc_guard import BAD, GOOD, message
from tests.system import test_control
from tests.system.shows import LiveShow
from tests.system.test_control import FLOOD as SHOW_FLOOD
from tests.system.test_control import ask

control = test_loop.control
client = test_loop.client
shows = test_control.shows


def test_F19_osc_flood_costs_little_and_the_newest_value_wins(control: OscControl) -> None:
    native = control._thread.native_id if control._thread is not None else 0
    before = cpu_seconds(native)
    child = subprocess.Popen([sys.executable, "-c", FLOOD, str(control.port)], stdout=subprocess.PIPE, text=True)
    newest: dict[str, object] = {}
    sizes = []
    while child.poll() is None:
        drained = events(control)
        sizes.append(len(drained))
        newest.update({event.name: event.value for event in drained})
        time.sleep(1 / 60)
    time.sleep(0.05)
    newest.update({event.name: event.value for event in events(control)})
    assert child.stdout is not None
    sent = int(child.stdout.read())
    child.stdout.close()
    assert newest == {"gain": 7.5, "fade": 3.5, "walk_speed": 1.5, "ssf": 0.25}
    assert max(sizes) <= 4
    assert control.counts.messages > sent / 2 and control.counts.rejected == 0
    if before is not None:
        spent = (cpu_seconds(native) or 0.0) - before
        logging.getLogger(__name__).info("flood: %d messages, %.3f s of CPU", control.counts.messages, spent)
        assert spent / 2.0 < 0.25  # 0.05-0.1 of a core on a quiet machine


@pytest.mark.system
@pytest.mark.slow
def test_F19_osc_flood_leaves_the_display_alone(tmp_path: Path, shows: list[LiveShow]) -> None:
    """20,000 messages a second for 5 s, and then the newest of each; against the same seconds of peace."""
    figures = {}
    for name in ("peace", "flood"):
        (tmp_path / name).mkdir()
        show = LiveShow(tmp_path / name, "--engine-fps", "8", "--duration", "9")
        shows.append(show)
        show.wait_until_drawing()
        time.sleep(1.0)
        if name == "flood":
            root = str(Path(__file__).parents[2])
            sender = [sys.executable, "-c", SHOW_FLOOD, str(show.port), root]
            sent = int(subprocess.run(sender, check=True, capture_output=True, timeout=20).stdout)
            time.sleep(0.1)
            newest = {address: ask(show, address)[0] for address in ("/gain", "/fade", "/walk_kick", "/ssf")}
            assert newest == {"/gain": 1.5, "/fade": 3.5, "/walk_kick": 0.25, "/ssf": 0.75}
        show.gone(time.monotonic())
        figures[name] = show.stats()
    print({name: figures[name]["frame_ms"] for name in figures}, figures["flood"]["osc_messages"], "of", sent)
    assert figures["flood"]["osc_messages"] > 0.95 * sent
    assert figures["flood"]["frame_ms"]["p99"] < 1.2 * figures["peace"]["frame_ms"]["p99"]


def test_F20_osc_malformed_is_counted_and_nothing_else(
    control: OscControl, client: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    datagrams = [datagram for datagram, _ in BAD.values() if len(datagram) <= 65_507]
    for datagram in datagrams:
        client.send(datagram)
        time.sleep(0.002)
    wait_until(lambda: control.counts.rejected == len(datagrams))
    client.send(encode("/seed", 5))
    wait_until(lambda: control.counts.messages == 1)
    time.sleep(0.02)
    assert [event.value for event in events(control)] == [5]
    assert control.counts.faults == 0 and caplog.records == []


def test_F20_osc_malformed_flood_ends_and_the_last_good_value_wins(
    control: OscControl, client: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    rng = random.Random(7)
    began = time.monotonic()
    for n in range(20_000):
        client.send(rng.randbytes(rng.randrange(100)) if n % 2 else encode("/tap"))
        if n % 200 == 0:
            time.sleep(0.002)
    client.send(encode("/gain", 3.0))
    wait_until(lambda: control.counts.messages + control.counts.rejected >= 20_001)
    time.sleep(0.02)
    limit = READ_A_SECOND * (1.5 + time.monotonic() - began)
    assert control.counts.messages < limit
    assert events(control)[-1].value == 3.0
    assert control.counts.faults == 0 and caplog.records == []


def test_F20_osc_malformed_two_hundred_thousand_times_costs_no_stall_and_no_memory() -> None:
    """100,000 random datagrams and as many bit-flips of valid ones, through the guard and the table behind it."""
    rng = np.random.default_rng(20)
    table = OscTable()
    valid = [datagram for datagram, _ in GOOD.values()] + [message(p.address, (1.0, "f")) for p in PARAMS]
    lengths = rng.integers(0, 300, 100_000)
    noise = rng.integers(0, 256, int(lengths.max()) + 100_000, dtype=np.uint8).tobytes()
    accepted = 0

    def one(datagram: bytes) -> float:
        """Return what it took, s of this thread."""
        nonlocal accepted
        began = time.thread_time()
        try:
            for address, arguments in validate(datagram):
                try:
                    table.request(address, arguments, 0.0)
                    accepted += 1
                except UserError:
                    pass
        except OscRejected:
            pass
        return time.thread_time() - began

    def stalls(datagram: bytes) -> bool:
        """Return True if it is slow each time: a collection of garbage, or the machine, is slow once."""
        return all(one(datagram) > 0.005 for _ in range(4))

    def flipped(i: int) -> bytes:
        changed = bytearray(valid[i % len(valid)])
        for bit in rng.integers(0, len(changed) * 8, 1 + i % 3):
            changed[bit >> 3] ^= 1 << (bit & 7)
        return bytes(changed)

    for i in range(2000):  # whatever is made once is made now
        one(flipped(i))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(1000):
        one(flipped(i))
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert kept < 20_000, kept
    for i in range(100_000):
        for datagram in (noise[i : i + lengths[i]], flipped(i)):
            assert not stalls(datagram), datagram.hex()
    assert accepted > 1000  # many flips leave a valid message, or the table was never reached


def test_F25_network_away_a_busy_port_is_stepped_over_and_said(
    control: OscControl, caplog: pytest.LogCaptureFixture
) -> None:
    second = OscControl(SystemClock(), CoalescedEvents(ACTIONS), port=control.port)
    second.start()
    try:
        assert control.port < second.port <= control.port + 10
        assert f"listening on {second.port} instead" in caplog.text
    finally:
        second.close()


def test_F25_network_away_is_never_noticed_by_live(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """I7: a model that is not on this machine is refused without a word to the network."""

    def unreachable(*given: object) -> None:
        raise AssertionError(f"the network was asked: {given}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, unreachable)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert main(["live", "--headless", "--model", "nobody/nothing"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "nobody/nothing" in lines[0]


def test_F26_double_start_takes_the_next_port(control: OscControl) -> None:
    second = OscControl(SystemClock(), CoalescedEvents(ACTIONS), port=control.port)
    second.start()
    try:
        assert second.port == control.port + 1
    finally:
        second.close()
