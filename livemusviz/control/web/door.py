"""Bounds the connections of a web server. On the web thread.

A connection without a request holds a file descriptor. So few may wait at a time, a new one replaces the oldest, and
none may wait for long. Clients that are served are counted for each server.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

MAX_WAITING = 32  # connections without a request
PATIENCE = 3.0  # s for which they may wait
BACKLOG = 16  # accepted in one go
MAX_CLIENTS = 16  # of a server


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
                super().connection_made(transport)
                door.knock(self)

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
