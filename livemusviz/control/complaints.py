"""Limits how often a sender gets an error for a message. Pure; used on the control thread."""

from __future__ import annotations

from livemusviz.control.feedback import RateLimit
from livemusviz.control.udp import Sender


class Complaints:
    """Allows the same complaint to a sender once in a while, and `rate` complaints a second in all."""

    def __init__(self, rate: float, most: int) -> None:
        """most : complaints remembered; the oldest is forgotten first."""
        self._limit, self._most = RateLimit(rate), most
        self._made: dict[tuple[Sender, str], float] = {}  # s, when each was last made, oldest first

    def allow(self, sender: Sender, what: str, now: float, every: float) -> bool:
        """Return True, and remember it, if `sender` may get the error `what` at `now`: the same once in `every`
        seconds."""
        told = self._made.get((sender, what), float("-inf"))
        if now - told < every or not self._limit.allow(now):
            return False
        self._made.pop((sender, what), None)
        self._made[sender, what] = now
        if len(self._made) > self._most:
            del self._made[next(iter(self._made))]
        return True
