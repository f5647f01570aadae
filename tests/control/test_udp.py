"""Batches of datagrams, by either way of reading them."""

import socket
import sys
from collections.abc import Iterator

import pytest

from livemusviz.control.udp import HEAD, SLOTS, BatchInbox, Inbox, PlainInbox, inbox

INBOXES = [PlainInbox] + ([BatchInbox] if sys.platform == "linux" else [])


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as reader, socket.socket(family, socket.SOCK_DGRAM) as writer:
        try:
            reader.bind((request.param, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        reader.setblocking(False)
        writer.connect(reader.getsockname())
        yield reader, writer


@pytest.mark.parametrize("kind", INBOXES)
def test_datagrams_of_every_size_arrive_whole_and_in_order(
    kind: type[Inbox], pair: tuple[socket.socket, socket.socket]
) -> None:
    reader, writer = pair
    box = kind()
    assert box.receive(reader) == 0
    sent = [bytes([n % 251 + 1]) * size for n, size in enumerate((0, 1, HEAD - 1, HEAD, HEAD + 1, 5000, 60_000))]
    for datagram in sent:
        writer.send(datagram)
    assert box.receive(reader) == len(sent)
    assert [box.datagram(i) for i in range(len(sent))] == sent
    assert {box.sender(i) for i in range(len(sent))} == {writer.getsockname()[:2]}


@pytest.mark.parametrize("kind", INBOXES)
def test_the_same_address_is_found_and_nothing_else(
    kind: type[Inbox], pair: tuple[socket.socket, socket.socket]
) -> None:
    reader, writer = pair
    box = kind()
    for datagram in (b"/gain\0\0\0,f\0\0", b"/gain\0\0\0,f\0\0"):  # what an earlier batch has left in the slots ...
        writer.send(datagram)
    assert box.receive(reader) == 2
    for datagram in (b"/gain", b"/g", b"/gain\0\0\0,f\0\0", b"/gains\0\0", b"#bundle\0", b""):  # ... counts for nothing
        writer.send(datagram)
    assert box.receive(reader) == 6
    assert box.same(b"/gain", 6).tolist() == [False, False, True, False, False, False]
    assert not box.same(b"/" + b"x" * HEAD, 6).any()


@pytest.mark.parametrize("kind", INBOXES)
def test_a_batch_is_bounded_and_the_rest_follows(kind: type[Inbox], pair: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = pair
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    box = kind()
    arrived = 0
    for n in range(SLOTS + 20):
        writer.send(b"%08d" % n)
        if n == 200:  # before the kernel's buffer is full
            arrived += box.receive(reader)
    arrived += box.receive(reader) + box.receive(reader)
    assert arrived == SLOTS + 20


def test_a_sender_that_has_gone_is_no_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reader:
        reader.bind(("127.0.0.1", 0))
        reader.setblocking(False)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            address = gone.getsockname()
        box = inbox()
        reader.connect(address)
        reader.send(b"anybody there")  # comes back as an ICMP error, told by the next read
        for _ in range(5):
            assert box.receive(reader) == 0
