"""Bounds the connections of a web server. On the web thread.

A connection without a request holds a file descriptor. So few may wait at a time, a new one replaces the oldest, and
none may wait for long. Clients that are served are counted for each server. One that sends more than any controller
does is cut off: each of its frames costs the interpreter time, pings and fragments of a message too.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

from livemusviz.control.feedback import RateLimit

MAX_WAITING = 32  # connections without a request
PATIENCE = 3.0  # s for which they may wait
BACKLOG = 16  # accepted in one go
MAX_CLIENTS = 16  # of a server
BYTES_A_SECOND = 131_072.0  # from a client: four times as much as its 500 requests, or two of the longest messages


class Door:
    """Bounds the connections of one server. `clients` : number of open sessions."""

    def __init__(self) -> None:
        self._waiting: dict[ServerConnection, None] = {}  # oldest first
        self.clients = 0

    @property
    def waiting(self) -> int:
        """Return the number of connections that have not identified themselves."""
        return len(self._waiting)

    def connection(self) -> type[ServerConnection]:
        """Return the class of this server's connections, for `serve`."""
        door = self

        class Watched(ServerConnection):
            """Waits until its request is answered or its session begins."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self._limit = RateLimit(BYTES_A_SECOND)
                super().connection_made(transport)
                door.knock(self)

            def data_received(self, data: bytes) -> None:
                if self._limit.allow(self.loop.time()):
                    self._limit.spend(len(data) - 1)
                    super().data_received(data)
                else:
                    self.loop.call_exception_handler({"message": "a client sent too much and was cut off"})
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                door.leave(self)
                super().connection_lost(exc)

        return Watched

    def knock(self, connection: ServerConnection) -> None:
        """Let a new connection wait; close the oldest if too many wait."""
        self._waiting[connection] = None
        if len(self._waiting) > MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def leave(self, connection: ServerConnection) -> None:
        """Note that `connection` waits no longer."""
        self._waiting.pop(connection, None)


def options(door: Door) -> dict[str, Any]:
    """Return the arguments of `serve` for it."""
    return {"create_connection": door.connection(), "open_timeout": PATIENCE, "backlog": BACKLOG}
