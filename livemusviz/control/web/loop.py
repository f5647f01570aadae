"""Runs the web thread: two small HTTP and WebSocket servers, OSCQuery's and the phone page's, in one asyncio loop.

In: the show's state and canvas, one-slot mailboxes; clients' requests. Out: checked `ControlEvent`s into an event
queue; the OSCQuery tree, the page, and JPEG previews. The show never waits for a server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.supervise import Backoff
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import Clock
from livemusviz.control import oscquery
from livemusviz.control.osc import OscTable
from livemusviz.control.oscquery import Where
from livemusviz.control.web.announce import Announcement
from livemusviz.control.web.answers import page_file, refuse_request, response
from livemusviz.control.web.door import MAX_CLIENTS, Door, options
from livemusviz.control.web.gate import token_allowed
from livemusviz.control.web.pictures import qr_code
from livemusviz.control.web.ports import bind_port, literal, reachable
from livemusviz.control.web.previews import Previews
from livemusviz.control.web.sessions import EventSink, ListenerSession, Out, PageSession, Requests
from livemusviz.errors import UserError
from livemusviz.params.registry import REGISTRY, Registry

log = logging.getLogger(__name__)

NEWS_PERIOD = 0.05  # s between looks for changes
TELL_ADDRESS = "the address needs its token: key H on the show's window shows the whole address and a QR code\n"
TELL_EVERY = 60.0  # s between two lines on one trouble
MAX_MESSAGE = 65_507  # bytes from a client


@dataclass(frozen=True, slots=True)
class WebOptions:
    """oscquery, page : host and port to bind to, or None for no such server.  osc_port : the UDP port of the show.

    token : of the page's address; "" makes one.
    """

    oscquery: tuple[str, int] | None
    page: tuple[str, int] | None
    osc_port: int
    token: str = ""


class WebServers:
    """Runs both servers from `start` to `close`. `url` is the page's address with its token, "" without a page."""

    def __init__(self, options: WebOptions, clock: Clock, events: EventSink, registry: Registry = REGISTRY) -> None:
        self._options, self._clock, self._events, self._registry = options, clock, events, registry
        self._table = OscTable(registry)
        self._state: Latest[ShowState] = Latest()
        self._previews = Previews()
        self.doors = {"oscquery": Door(), "page": Door()}
        self._short = float("-inf")  # s, when a lack of file descriptors was last logged
        self.token = options.token or secrets.token_urlsafe(12)
        self.url = ""
        self.code: tuple[str, ...] = ()  # rows of a QR code of it, "1" is dark
        self.oscquery_port = 0
        self.faults = 0
        self._sockets: dict[str, list[socket.socket]] = {}  # of each server, the bound one and copies of it
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Bind the ports and serve. UserError if no port is free."""
        try:
            if self._options.oscquery is not None:
                bound = bind_port(*self._options.oscquery, "OSCQuery", "--oscquery-port")
                self._sockets["oscquery"] = [bound, bound.dup()]
                self.oscquery_port = bound.getsockname()[1]
            if self._options.page is not None:
                bound = bind_port(*self._options.page, "web remote", "--web HOST:PORT")
                self._sockets["page"] = [bound, bound.dup()]
                host, port = bound.getsockname()[:2]
                self.url = f"http://{literal(reachable(host))}:{port}/?token={self.token}"
                self.code = qr_code(self.url)
                log.info("web remote at %s", self.url)
                if not host.startswith("127.") and host != "::1":
                    log.warning("web remote: whoever in the network has this address can play the show")
        except UserError:
            self._close_sockets()
            raise
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the ports. Safe to call twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout=2.0)
        self._close_sockets()

    def publish(self, state: ShowState) -> None:
        self._state.put(state)

    def wants_pictures(self) -> bool:
        """Return True if a client watches and the last picture is old enough."""
        return self._previews.wanted(self._clock.now())

    def put_picture(self, picture: CanvasPicture) -> None:
        """Show this canvas to the clients that watch."""
        self._previews.put(picture, self._clock.now())

    # --- the web thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:
            self.faults += 1
            log.exception("web: the servers stopped; the show goes on")
        finally:
            self._loop.close()

    def _trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log in one line what asyncio would print as a traceback: no descriptors left, a client that went."""
        now, error = self._clock.now(), context.get("exception")
        if now - self._short >= TELL_EVERY:
            self._short = now
            reason = "" if error is None else f" ({error})"
            log.warning("web: %s%s; the show goes on", context.get("message", "trouble"), reason)

    async def _serve(self) -> None:
        self._loop.set_exception_handler(self._trouble)
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of every write to a client that has gone
        serving = [asyncio.create_task(self._keep_serving(name)) for name in self._sockets]
        await self._stop.wait()
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _keep_serving(self, name: str) -> None:
        """Serve "oscquery" or "page" until cancelled. A fault ends that server alone, and for a pause."""
        pauses = Backoff()
        while True:
            try:
                async with AsyncExitStack() as stack:
                    sockets = self._sockets[name]
                    copy = sockets.pop() if len(sockets) > 1 else sockets[0].dup()
                    stack.callback(copy.close)  # a server that is cancelled while it starts leaves it open
                    await stack.enter_async_context(self._server(name, copy))
                    if name == "oscquery":
                        await self._announce(stack)
                    await asyncio.Event().wait()  # until cancelled
            except Exception:
                self.faults += 1
                pause = pauses.next()
                log.exception("web: the %s server failed; it starts again in %g s", name, pause)
                await asyncio.sleep(pause)

    def _server(self, name: str, copy: socket.socket) -> AbstractAsyncContextManager[object]:
        """Return a server on a copy of its socket: a server closes its socket, and another may have to follow."""
        door = self.doors[name]
        page = name == "page"
        answer, session = (self._page_request, self._page) if page else (self._oscquery_request, self._listener)
        return serve(
            self._guarded(session, door), sock=copy, process_request=answer, max_size=MAX_MESSAGE,
            compression=None, server_header=None, close_timeout=0.5, logger=_quiet_logger(), **options(door),
        )  # fmt: skip

    async def _announce(self, stack: AsyncExitStack) -> None:
        host = self._sockets["oscquery"][0].getsockname()[0]
        if host.startswith("127.") or ":" in host:
            return
        try:
            announcement = Announcement(self._where(reachable(host)), host)
            await announcement.start()
            stack.push_async_callback(announcement.close)
        except Exception as error:  # no multicast here: the tree can still be reached by its address
            log.warning("web: not announced on the network: %s", error)

    def _guarded(
        self, session: Callable[[ServerConnection], Awaitable[None]], door: Door
    ) -> Callable[[ServerConnection], Awaitable[None]]:
        """Return `session` for at most `MAX_CLIENTS` of a server at a time, its faults counted."""

        async def run(connection: ServerConnection) -> None:
            door.leave(connection)
            if door.clients >= MAX_CLIENTS:
                await connection.close(1013, "too many clients")
                return
            door.clients += 1
            try:
                await session(connection)
            except ConnectionClosed:
                pass
            except Exception:
                self.faults += 1
                log.exception("web: a client's session failed")
            finally:
                door.clients -= 1

        return run

    # --- OSCQuery -------------------------------------------------------------------------------

    def _where(self, host: str) -> Where:
        return Where("livemusviz", host, self._options.osc_port, self.oscquery_port)

    def _oscquery_request(self, connection: ServerConnection, request: Request) -> Response | None:
        refused = refuse_request(request)
        if refused is not None or "Upgrade" in request.headers:
            return refused
        where = self._where(connection.local_address[0])
        status, body = oscquery.answer(request.path, self._registry, self._state.get(), where)
        return response(status, "application/json", json.dumps(body) if body is not None else "")

    async def _listener(self, connection: ServerConnection) -> None:
        session = ListenerSession(Requests(self._table, self._events, self._clock.now))
        await self._converse(connection, session.receive, session.news)

    # --- the page -------------------------------------------------------------------------------

    def _page_request(self, connection: ServerConnection, request: Request) -> Response | None:
        refused = refuse_request(request)
        if refused is not None:
            return refused
        if not token_allowed(request.path, self.token):
            return response(403, "text/plain", TELL_ADDRESS)
        path = urlsplit(request.path).path
        if "Upgrade" in request.headers:
            return None if path == "/ws" else response(404, "text/plain", "")
        return page_file(path, self.token)

    async def _page(self, connection: ServerConnection) -> None:
        session = PageSession(Requests(self._table, self._events, self._clock.now))
        for message in session.hello():
            await connection.send(message)
        sent = -1
        watching = False

        def news(state: ShowState | None) -> list[Out]:
            nonlocal sent, watching
            if session.preview != watching:
                self._previews.watchers += 1 if session.preview else -1
                watching = session.preview
            out = session.news(state)
            newer = self._previews.newer(than=sent) if watching else None
            if newer is not None:
                sent = newer[0]
                out.append(newer[1])
            return out

        try:
            await self._converse(connection, session.receive, news)
        finally:
            self._previews.watchers -= watching

    async def _converse(
        self,
        connection: ServerConnection,
        receive: Callable[[str | bytes, ShowState | None], list[Out]],
        news: Callable[[ShowState | None], list[Out]],
    ) -> None:
        """Answer a client's messages and send it the news in between. A slow client misses some."""

        async def send_news() -> None:
            while True:
                for message in news(self._state.get()):
                    await connection.send(message)
                await asyncio.sleep(NEWS_PERIOD)

        sending = asyncio.create_task(send_news())
        try:
            async for message in connection:
                for reply in receive(message, self._state.get()):
                    await connection.send(reply)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _close_sockets(self) -> None:
        for each in itertools.chain(*self._sockets.values()):
            each.close()


def _quiet_logger() -> logging.Logger:
    """Return a logger without the line that websockets logs for each bad handshake."""
    logger = logging.getLogger("livemusviz.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger
