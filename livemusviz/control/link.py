"""Ableton Link: one tempo and beat among the programs on a network. A thin adapter over aalink; any one thread.

Out: the shared tempo, and the beat at a time. In: a tempo or position the performer asks for. Link runs threads of its
own in C++; nothing here waits. Beats agree between peers up to whole bars of `beats_per_bar`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from typing import Any

from livemusviz.bridge.control import ExternalTempo
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MISSING = "Ableton Link needs the [link] extra: pip install 'livemusviz[link]'"


class LinkPeer:
    """On the network from `__init__` to `close`. UserError where aalink is not installed."""

    def __init__(self, bpm: float, beats_per_bar: int = 4) -> None:
        try:
            import aalink
        except ImportError:
            raise UserError(MISSING) from None
        self._loop = asyncio.new_event_loop()  # aalink binds to one for callbacks, which are not used here
        self._link = self._loop.run_until_complete(_make(aalink, bpm))
        self._link.quantum = float(beats_per_bar)
        self._link.enabled = True
        self._peers = 0

    def read(self, now: float, beats_per_bar: int) -> ExternalTempo:
        """The session as of `now` (s), the present moment."""
        if self._link.quantum != beats_per_bar:
            self._link.quantum = float(beats_per_bar)
        peers = int(self._link.num_peers)
        if peers != self._peers:
            log.info("Link: %d other%s on the network", peers, "" if peers == 1 else "s")
            self._peers = peers
        return ExternalTempo(float(self._link.tempo), float(self._link.beat), now, peers)

    def propose(self, bpm: float | None, beat: float | None) -> None:
        """Change the tempo or move the beat, for everybody. None changes nothing."""
        if bpm is not None:
            self._link.tempo = bpm
        if beat is not None:
            self._link.force_beat(beat)

    def close(self) -> None:
        self._link.enabled = False
        self._loop.close()


def installed() -> bool:
    return importlib.util.find_spec("aalink") is not None


async def _make(aalink: Any, bpm: float) -> Any:
    return aalink.Link(bpm)
