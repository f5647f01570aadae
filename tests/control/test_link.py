"""Two programs on Ableton Link agree."""

import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livemusviz.bridge.control import ExternalTempo
from livemusviz.clock import SystemClock
from livemusviz.control.link import MISSING, LinkPeer
from livemusviz.control.linkwire import (
    ALIVE,
    BYE,
    ENTRY,
    HEADER,
    PROTOCOL,
    TIMELINE,
    LinkSession,
    Listener,
    PeerAnnouncement,
    Peers,
    parse_announcement,
)
from livemusviz.errors import UserError


@pytest.fixture
def peers() -> Iterator[list[LinkPeer]]:
    """Peers that are closed after the test; skipped where somebody else plays on Link."""
    pytest.importorskip("aalink")
    clock, peers, listener = SystemClock(), Peers(), Listener()
    end = time.monotonic() + 0.4  # a peer speaks each quarter of a second
    while time.monotonic() < end:
        for word in listener.announcements():
            peers.update(word, clock.now())
        time.sleep(0.05)
    listener.close()
    if peers.session(clock.now()) is not None:
        pytest.skip("somebody else is on Link here")
    made: list[LinkPeer] = []
    yield made
    for peer in made:
        peer.close()


def meet(peers: list[LinkPeer], seconds: float = 8.0) -> None:
    """Wait until every peer knows of another."""
    clock, end = SystemClock(), time.monotonic() + seconds
    while not all([peer.read(clock.now(), 4).peers for peer in peers]):
        if time.monotonic() > end:
            pytest.skip("Link's multicast does not pass here")
        time.sleep(0.05)


def read_for(peer: LinkPeer, seconds: float) -> list[ExternalTempo]:
    end, found = time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(peer.read(SystemClock().now(), 4))
        time.sleep(0.02)
    return found


def test_two_peers_agree_on_tempo_and_beat(peers: list[LinkPeer]) -> None:
    clock = SystemClock()
    peers += [LinkPeer(97.0, lead=True), LinkPeer(120.0)]
    theirs, ours = peers
    meet(peers)
    time.sleep(0.5)
    ours.propose(133.0, None)
    time.sleep(0.3)
    for _ in range(20):
        a, b = ours.read(clock.now(), 4), theirs.read(clock.now(), 4)
        late = (b.time - a.time) * a.bpm / 60  # beats between the two looks
        apart = (b.beat - a.beat - late + 2.0) % 4.0 - 2.0  # within a bar of four
        assert a.bpm == pytest.approx(133.0, abs=0.01) == b.bpm
        assert abs(apart) * 60 / a.bpm < 0.005
        time.sleep(0.02)
    theirs.propose(None, 0.0)  # "the bar begins now", for both
    time.sleep(0.2)
    moment = ours.read(clock.now(), 4).beat % 4.0
    assert moment == pytest.approx(0.2 * 133 / 60, abs=0.35)


def test_a_show_that_joins_right_after_another_has_left_brings_no_tempo(peers: list[LinkPeer]) -> None:
    """Link founds a session anew when the last other peer leaves, and takes two born within half a second for equal."""
    band = LinkPeer(97.0, lead=True)
    peers.append(band)
    for _ in range(4):
        show = LinkPeer(120.0)
        try:
            meet([band, show])
            assert show.read(SystemClock().now(), 4).bpm == pytest.approx(97.0, abs=0.01)
            time.sleep(0.3)
            assert band.read(SystemClock().now(), 4).bpm == pytest.approx(97.0, abs=0.01)
        finally:
            show.close()


def test_a_band_that_comes_later_keeps_its_tempo(peers: list[LinkPeer]) -> None:
    show = LinkPeer(120.0)
    peers.append(show)
    assert not any(found.peers or found.rolling for found in read_for(show, 0.3))
    band = LinkPeer(88.0, lead=True)
    peers.append(band)
    meet(peers)
    time.sleep(0.3)
    for peer in peers:
        assert peer.read(SystemClock().now(), 4).bpm == pytest.approx(88.0, abs=0.01)


def test_a_leading_show_offers_its_tempo_and_alone_its_beat(peers: list[LinkPeer]) -> None:
    leader = LinkPeer(120.0, lead=True)
    peers.append(leader)
    now = offer_until_taken(leader, 101.0, 2.5, 10.0)
    begun = time.monotonic()
    now += 1.5
    leader.offer(101.0, 2.5, now)
    beats = leader.read(SystemClock().now(), 4).beat - 2.5 + 0.1  # since the offer
    assert beats % 4 < (time.monotonic() - begun) * 101 / 60 + 0.2
    leader.offer(150.0, 0.0, now + 0.5)  # too soon
    assert leader.read(SystemClock().now(), 4).bpm == pytest.approx(101.0)
    offer_until_taken(leader, 150.0, 0.0, now + 1.5)


def offer_until_taken(leader: LinkPeer, bpm: float, beat: float, now: float) -> float:
    """Offer as a show does, once a second, until the session has it; the `now` of the offer that it took.

    Link begins its session on a thread of its own, and drops an offer that came before.
    """
    for _ in range(20):
        leader.offer(bpm, beat, now)
        if leader.read(SystemClock().now(), 4).bpm == pytest.approx(bpm):
            return now
        now += 1.5
        time.sleep(0.05)
    raise AssertionError(f"never at {bpm} bpm")


def alive(peer: bytes, session: bytes, bpm: float, kind: int = ALIVE) -> bytes:
    """As a peer multicasts it."""
    timeline = TIMELINE.pack(round(60e6 / bpm), 0, 0)
    entries = ((b"tmln", timeline), (b"sess", session), (b"mep4", b"\x7f\0\0\1\x10\0"))
    return HEADER.pack(PROTOCOL, kind, 5, 0, peer) + b"".join(
        ENTRY.pack(key, len(value)) + value for key, value in entries
    )


A, B = b"peer-aaa", b"peer-bbb"


def test_words_of_peers_are_read() -> None:
    word = parse_announcement(alive(A, b"session1", 97.0))
    assert word is not None and word.session == b"session1" and word.bpm == pytest.approx(97.0, abs=1e-4)
    assert parse_announcement(alive(A, b"session1", 97.0, kind=BYE)) == PeerAnnouncement(A, None, None)


@given(st.binary(max_size=200), st.integers(0, 90), st.integers(0, 255))
def test_whatever_comes_is_read_or_ignored(noise: bytes, at: int, byte: int) -> None:
    changed = bytearray(alive(A, b"session1", 97.0))
    changed[at % len(changed)] = byte
    for datagram in (noise, bytes(changed), bytes(changed)[:at], PROTOCOL + noise):
        word = parse_announcement(datagram)
        assert word is None or word.bpm is None or word.bpm > 0.0


def test_a_session_is_as_old_as_what_was_heard_of_it() -> None:
    peers = Peers()
    assert peers.session(0.0) is None
    for n in range(8):
        peers.update(PeerAnnouncement(A, b"old", 97.0), n / 4)
    peers.update(PeerAnnouncement(B, b"new", 140.0), 1.6)
    assert peers.session(1.75) == LinkSession(97.0, 1.75)
    peers.update(PeerAnnouncement(A, b"newer", 97.0), 2.0)  # founded anew
    peers.update(PeerAnnouncement(B, None, None), 2.0)
    assert peers.session(2.5) == LinkSession(97.0, 0.5)
    assert peers.session(5.0) is None


def test_without_the_extra_the_message_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(UserError) as caught:
        LinkPeer(120.0)
    assert str(caught.value) == MISSING and "livemusviz[link]" in MISSING
