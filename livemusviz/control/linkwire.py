"""Listens for peers of Ableton Link without taking part: every peer multicasts an announcement some times a second.

A peer that joins within half a second of the birth of a session may win it and bring its own tempo. So a show first
listens, and takes part only in a session that is known and older. Any one thread; nothing here waits.
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import struct
import sys
from dataclasses import dataclass

log = logging.getLogger(__name__)

GROUP, PORT = "224.76.78.75", 20808
HEADER = struct.Struct(">8sBBH8s")  # protocol, kind, seconds to live, group, peer
PROTOCOL = b"_asdp_v\x01"
ALIVE, RESPONSE, BYE = 1, 2, 3
ENTRY = struct.Struct(">4sI")  # key and size of an entry of the payload
TIMELINE = struct.Struct(">qqq")  # microseconds a beat, beat origin, time origin
SILENT = 2.0  # s without an announcement after which a peer has gone; they come four times a second
MAX_PEERS = 64
A_LOOK = 64  # datagrams read in one go


@dataclass(frozen=True, slots=True)
class PeerAnnouncement:
    """Holds the announcement of one peer. session, bpm : None as it leaves."""

    peer: bytes
    session: bytes | None
    bpm: float | None


@dataclass(frozen=True, slots=True)
class LinkSession:
    """Describes a session on the network. bpm : its tempo.  age : s since its first announcement."""

    bpm: float
    age: float


def parse_announcement(datagram: bytes) -> PeerAnnouncement | None:
    """Return the announcement in a datagram, or None if it is none of Link's."""
    if len(datagram) < HEADER.size:
        return None
    protocol, kind, _, _, peer = HEADER.unpack_from(datagram)
    if protocol != PROTOCOL or kind not in (ALIVE, RESPONSE, BYE):
        return None
    if kind == BYE:
        return PeerAnnouncement(peer, None, None)
    session: bytes | None = None
    bpm: float | None = None
    at = HEADER.size
    while at + ENTRY.size <= len(datagram):
        key, size = ENTRY.unpack_from(datagram, at)
        at += ENTRY.size
        if at + size > len(datagram):
            return None
        if key == b"sess" and size == 8:
            session = datagram[at : at + 8]
        elif key == b"tmln" and size == TIMELINE.size:
            microseconds = TIMELINE.unpack_from(datagram, at)[0]
            bpm = 60e6 / microseconds if microseconds > 0 else None
        at += size
    return (
        PeerAnnouncement(peer, session, bpm) if session is not None and bpm is not None and math.isfinite(bpm) else None
    )


class Peers:
    """Keeps the peers and sessions that announcements name. Pure; times in seconds are passed in."""

    def __init__(self) -> None:
        self._peers: dict[bytes, tuple[bytes, float]] = {}  # session, and time of the last announcement
        self._sessions: dict[bytes, tuple[float, float]] = {}  # tempo, and time of the first announcement

    def update(self, announcement: PeerAnnouncement, now: float) -> None:
        if announcement.session is None or announcement.bpm is None:
            self._peers.pop(announcement.peer, None)
        elif announcement.peer in self._peers or len(self._peers) < MAX_PEERS:
            self._peers[announcement.peer] = announcement.session, now
            first = self._sessions.get(announcement.session, (0.0, now))[1]
            self._sessions[announcement.session] = announcement.bpm, first
        self._forget(now)

    def session(self, now: float) -> LinkSession | None:
        """Return the oldest session with a peer that still announces it; None without any."""
        self._forget(now)
        if not self._sessions:
            return None
        bpm, first = min(self._sessions.values(), key=lambda known: known[1])
        return LinkSession(bpm, now - first)

    def _forget(self, now: float) -> None:
        self._peers = {peer: known for peer, known in self._peers.items() if now - known[1] <= SILENT}
        there = {session for session, _ in self._peers.values()}
        self._sessions = {session: known for session, known in self._sessions.items() if session in there}


class Listener:
    """Holds a socket in Link's multicast group, from `__init__` to `close`. OSError if it cannot be opened."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform == "darwin":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind(("", PORT))
            self._socket.setblocking(False)
            if not any([self._join(address) for address in _addresses()]):
                raise OSError("no network interface takes part in multicast")
        except OSError:
            self._socket.close()
            raise

    def announcements(self) -> list[PeerAnnouncement]:
        """Return the announcements since the last call."""
        found = []
        for _ in range(A_LOOK):
            try:
                announcement = parse_announcement(self._socket.recv(2048))
            except (BlockingIOError, ConnectionError):
                break
            found += [announcement] if announcement is not None else []
        return found

    def close(self) -> None:
        self._socket.close()

    def _join(self, address: str) -> bool:
        member = socket.inet_aton(GROUP) + socket.inet_aton(address)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            return True
        return False


def _addresses() -> list[str]:
    """Return the IPv4 addresses of this machine; Link uses each."""
    import ifaddr

    return [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
