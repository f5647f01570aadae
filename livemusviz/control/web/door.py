"""Bounds the connections of a web server. On the web thread.

Whoever connects and says nothing holds a file descriptor: only so many may wait at a time, the oldest goes for a new
one, and none may wait for long. Those who have been let in are counted for each server apart.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

MAX_WAITING = 32  # connections that have not said who they are
PATIENCE = 3.0  # s in which they must
BACKLOG = 16  # accepted in one go
MAX_CLIENTS = 16  # of a server


class Door:
    """One for each server. `clients` : how many sessions are open."""

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
            """Is at the door until its request is answered or its session begins."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                door.knock(self)

            def connection_lost(self, exc: Exception | None) -> None:
                door.leave(self)
                super().connection_lost(exc)

        return Watched

    def knock(self, connection: ServerConnection) -> None:
        """Let a new connection wait; the one that has waited longest may have to go for it."""
        self._waiting[connection] = None
        if len(self._waiting) > MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def leave(self, connection: ServerConnection) -> None:
        """Take note that `connection` waits no longer."""
        self._waiting.pop(connection, None)


def options(door: Door) -> dict[str, Any]:
    """Return what `serve` is to be given for it."""
    return {"create_connection": door.connection(), "open_timeout": PATIENCE, "backlog": BACKLOG}
