"""Joins Ableton Link, which shares tempo and beat among the programs of a network, by aalink. Any one thread.

Out: the shared tempo, and the beat at a time. In: a tempo or position the performer asks for. Link runs threads of its
own in C++; nothing here waits. Beats agree between peers up to whole bars of `beats_per_bar`.

A show does not impose its tempo: it listens first, and joins a session that has existed for a second, at that session's
tempo. A show that leads (`--link-lead`) joins at the start and offers the tempo of the audio.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from typing import Any

from livemusviz.bridge.control import ExternalTempo
from livemusviz.control.linkwire import Listener, Peers
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MISSING = "Ableton Link needs the [link] extra: pip install 'livemusviz[link]'"
KNOWN = 1.0  # s that a session must have existed before we join: Link merges younger ones
FOUND = 5.0  # s after joining in which the others must appear
OFFER_PERIOD = 1.0  # s between two offers of a tempo
SAME_BPM = 0.1  # a tempo this close is not offered again
SAME_BEAT = 0.05  # beats; alone, a position this close is not set again


class LinkPeer:
    """Takes part from `__init__` to `close`. UserError where aalink is not installed."""

    def __init__(self, bpm: float, beats_per_bar: int = 4, lead: bool = False) -> None:
        """bpm : of the session that a leading show begins; other shows do not offer it."""
        try:
            import aalink
        except ImportError:
            raise UserError(MISSING) from None
        self._aalink = aalink
        self._loop = asyncio.new_event_loop()  # aalink binds to one for callbacks, which are not used here
        self._link: Any = None  # while we take part
        self._bpm, self._quantum, self.lead = bpm, float(beats_per_bar), lead
        self._peers = Peers()
        self._listener: Listener | None = None
        self._joined = self._offered = float("-inf")
        self._peer_count = 0
        if lead:
            self._join(bpm, 0.0)
        else:
            self._listen()

    def read(self, now: float, beats_per_bar: int) -> ExternalTempo:
        """Return the session as of `now` (s), the present moment. Without other peers it does not roll."""
        self._quantum = float(beats_per_bar)
        if self._link is None:
            self._wait(now)
        if self._link is None:
            return ExternalTempo(self._bpm, 0.0, now, peers=0, rolling=False)
        if self._link.quantum != self._quantum:
            self._link.quantum = self._quantum
        self._bpm = float(self._link.tempo)
        found = ExternalTempo(self._bpm, float(self._link.beat), now, int(self._link.num_peers))
        if found.peers != self._peer_count:
            log.info("Link: %d other%s on the network", found.peers, "" if found.peers == 1 else "s")
            self._peer_count = found.peers
        if found.peers == 0 and not self.lead and now - self._joined > FOUND:
            self._leave()
        return found

    def propose(self, bpm: float | None, beat: float | None) -> None:
        """Change the tempo or move the beat, for everybody. None changes nothing."""
        if bpm is not None:
            self._bpm = bpm
        if self._link is None:
            return
        if bpm is not None:
            self._link.tempo = bpm
        if beat is not None:
            self._link.force_beat(beat)

    def offer(self, bpm: float, beat: float, now: float) -> None:
        """Offer the tempo of a show that leads, and, without other peers, its beat."""
        if self._link is None or now - self._offered < OFFER_PERIOD:
            return
        self._offered = now
        if abs(self._link.tempo - bpm) > SAME_BPM:
            self._link.tempo = bpm
        off = (self._link.beat - beat + self._quantum / 2) % self._quantum - self._quantum / 2
        if self._link.num_peers == 0 and abs(off) > SAME_BEAT:
            self._link.force_beat(beat)

    def close(self) -> None:
        self._leave(listen=False)
        self._loop.close()

    # --- joining --------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            self._listener = Listener()
        except OSError as error:
            log.warning("Link: cannot listen for peers (%s); this show stays off Link", error.strerror or error)

    def _wait(self, now: float) -> None:
        """Join once a session has been known for long enough."""
        if self._listener is None:
            return
        for announcement in self._listener.announcements():
            self._peers.update(announcement, now)
        session = self._peers.session(now)
        if session is not None and session.age >= KNOWN:
            self._listener.close()
            self._listener = None
            log.info("Link: joining a session at %.1f bpm", session.bpm)
            self._join(session.bpm, now)

    def _join(self, bpm: float, now: float) -> None:
        self._link = self._loop.run_until_complete(_make(self._aalink, bpm))
        self._link.quantum = self._quantum
        self._link.enabled = True
        self._joined = now

    def _leave(self, listen: bool = True) -> None:
        """Leave the session. Alone this show would found one, and the next peer would have to take its tempo."""
        if self._link is not None:
            self._link.enabled = False
            self._link = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._peers = Peers()
        if listen:
            log.info("Link: nobody else is there; listening")
            self._listen()


def link_installed() -> bool:
    return importlib.util.find_spec("aalink") is not None


async def _make(aalink: Any, bpm: float) -> Any:
    return aalink.Link(bpm)
