"""Runs the control thread: OSC in from one UDP socket, feedback out through the same one.

In: datagrams. Out: `ControlEvent`s (seconds on the show's clock) into an event queue, and OSC feedback to recent
senders. The thread empties the socket in batches. Of several datagrams for one value it reads the newest good one,
so that a flood costs little and never reaches the show; steps ("+" 0.1) all count. Messages of a bundle with a time
tag in the near future wait here. Failures are counted, and the thread goes on.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.control import ControlEvent, ShowState
from livemusviz.bridge.events import EventSink
from livemusviz.clock import Clock
from livemusviz.control.complaints import Complaints
from livemusviz.control.feedback import Feedback, RateLimit, encode
from livemusviz.control.held import HeldEvents
from livemusviz.control.osc import OscTable, Question, UnknownAddress
from livemusviz.control.osc_guard import Message, OscRejected, Packet, read_packet
from livemusviz.control.udp import SLOTS, Sender, inbox
from livemusviz.errors import UserError
from livemusviz.params.registry import REGISTRY, Registry

log = logging.getLogger(__name__)

DEFAULT_PORT = 7000
PORTS_TRIED = 11  # the port asked for and ten more
GATHER = 0.002  # s to let the kernel collect a batch
FLOOD = range(32, SLOTS * 3 // 4)  # datagrams in a batch that make it a flood, ...
FLOOD_GATHER = 0.020  # s ... for which batches are collected for longer, ...
TIGHT_GATHER = 0.006  # s ... or less where the kernel's buffer would soon be full
TICK = 0.02  # s between looks at what is to be sent
RECEIVE_BUFFER = 4 << 20  # bytes asked of the kernel, which may give less
ROOMY = 2 << 20  # bytes that hold a tenth of a second of a flood
SO_RCVBUFFORCE = 33  # Linux (man 7 socket): beyond rmem_max, for the privileged
BACK_OFF = (0.5, 1.0, 2.0, 5.0)  # s to wait after a fault, the last one for good
REPLIES_A_SECOND = 10.0
UNKNOWN_EVERY = 60.0  # s between two complaints to a sender about an address that there is not
REFUSED_EVERY = 1.0  # s between two complaints of one text to a sender
MAX_COMPLAINTS = 256  # remembered
LONGEST_COMPLAINT = 200  # characters
AHEAD = 3.0  # s into the future that a time tag is waited for; a later one means a wrong clock and is due at once
MAX_HELD = 1024  # messages that wait for their time
READ_A_SECOND = 4000.0  # datagrams that are parsed, and as many at once; overtaken ones are not parsed


@dataclass(frozen=True, slots=True)
class OscCounts:
    """Counts messages. messages : all that arrived, those overtaken in a flood included.  rejected : refused, messages
    or datagrams.

    faults : times the thread had to recover.
    """

    messages: int
    rejected: int
    faults: int


class OscControl:
    """Listens on `host`:`port` (UDP) from `start` to `close`. `port` is the one that it got.

    outs : recipients of feedback, besides the senders of the last minute.
    """

    def __init__(
        self,
        clock: Clock,
        events: EventSink,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        outs: Sequence[Sender] = (),
        registry: Registry = REGISTRY,
    ) -> None:
        self.host, self.port = host, port
        self._clock, self._events = clock, events
        self._wall: Callable[[], float] = time.time  # s since 1970, as time tags count
        self._table = OscTable(registry)
        self._feedback = Feedback(outs, registry)
        self._reads, self._complaints = RateLimit(READ_A_SECOND), Complaints(REPLIES_A_SECOND, MAX_COMPLAINTS)
        self._held = HeldEvents(MAX_HELD)
        self._outbox: deque[bytes] = deque(maxlen=64)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._inbox = inbox()
        self._gather = TIGHT_GATHER
        self._tally: Counter[str] = Counter()  # messages, rejected, faults

    def start(self) -> None:
        """Bind the first free port from the one asked for and listen. UserError if there is none."""
        self._socket, self.port = _bind(self.host, self.port)
        room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._gather = FLOOD_GATHER if room >= ROOMY else TIGHT_GATHER
        self._thread = threading.Thread(target=self._run, args=(self._socket,), name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and free the port. Safe to call twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
        if self._socket is not None:
            self._socket.close()

    @property
    def counts(self) -> OscCounts:
        return OscCounts(self._tally["messages"], self._tally["rejected"], self._tally["faults"])

    def publish(self, state: ShowState) -> None:
        """Set the state that controllers get from now on."""
        self._feedback.publish(state)

    def send(self, address: str, *arguments: float | int | str) -> None:
        """Queue one message for all recipients of feedback; without any it is dropped."""
        self._outbox.append(encode(address, *arguments))

    def error(self, text: str) -> None:
        """Send an error to the performer's controllers, by `/error`."""
        self.send("/error", text)

    def _run(self, udp: socket.socket) -> None:
        in_a_row = 0
        while not self._stopping.is_set():
            try:
                self._turn(udp)
                in_a_row = 0
            except Exception:
                self._tally["faults"] += 1
                if in_a_row == 0:
                    log.exception("control: a fault on port %d; the show goes on", self.port)
                self._stopping.wait(BACK_OFF[min(in_a_row, len(BACK_OFF) - 1)])
                in_a_row += 1

    def _turn(self, udp: socket.socket) -> None:
        if select.select([udp], [], [], self._patience())[0]:
            count = self._inbox.receive(udp)
            self._handle(udp, count)
            if count < SLOTS:  # else there may be more, and nothing to wait for
                self._stopping.wait(self._gather if count in FLOOD else GATHER)
        now = self._clock.now()
        for event in self._held.due(now):
            self._events.put(event)
        news = [self._outbox.popleft() for _ in range(len(self._outbox))]
        outgoing = [*self._feedback.due(now), *((each, to) for to in self._feedback.targets(now) for each in news)]
        for datagram, reader in (*outgoing, *self._feedback.answers(now)):
            _send(udp, datagram, reader)

    def _patience(self) -> float:
        """Return the seconds to wait for datagrams before something else is due."""
        return self._held.wait(self._clock.now(), TICK)

    def _handle(self, udp: socket.socket, count: int) -> None:
        """Turn a batch into events, from the newest back, so that overtaken datagrams need not be parsed."""
        now, box = self._clock.now(), self._inbox
        waiting = np.ones(count, bool)
        events: list[tuple[ControlEvent, Sender, float]] = []
        speakers: dict[Sender, None] = {}
        i = count
        while (left := np.flatnonzero(waiting[:i])).size:
            i = int(left[-1])
            if not self._reads.allow(now):  # more than hands can send: the older ones are dropped
                self._tally["rejected"] += 1
                continue
            try:
                packet = read_packet(box.datagram(i))
            except OscRejected:
                self._tally["rejected"] += 1  # and no reply: the sender's address may be forged
                continue
            self._reads.spend(len(packet.messages) - 1)
            sender = box.sender(i)
            if packet.messages:
                speakers[sender] = None
            found = self._found(udp, packet, sender, now)
            events.extend(reversed(found))
            start = packet.messages[0][0].encode("ascii") if len(packet.messages) == 1 else b""
            if start in self._table.values and found and not found[0][0].relative and found[0][2] <= now:
                overtaken = box.same(start, i) & waiting[:i]
                waiting[:i] &= ~overtaken
                self._tally["messages"] += int(overtaken.sum())
        for sender in speakers:
            self._feedback.add_sender(sender, now)
        for event, sender, due in reversed(events):
            self._put(event, sender, due, now)

    def _found(
        self, udp: socket.socket, packet: Packet, sender: Sender, now: float
    ) -> list[tuple[ControlEvent, Sender, float]]:
        """Return the events of one datagram, with sender and due time (s).

        The sender gets an error for each rejected one.
        """
        found, wall = [], self._wall()
        for message, tag in zip(packet.messages, packet.due, strict=True):
            ahead = tag - wall
            due = now + ahead if 0.0 < ahead <= AHEAD else now
            event = self._checked(udp, message, sender, due, now)
            if event is not None:
                found.append((event, sender, due))
        for address, reason in packet.refused:
            self._tally["rejected"] += 1
            if address:
                self._complain(udp, sender, f"{address}: {reason}", now, f"{address}: {reason}", REFUSED_EVERY)
        for address in packet.foreign:
            error = UnknownAddress(address, self._table.addresses)
            self._complain(udp, sender, str(error), now, error, UNKNOWN_EVERY)
        return found

    def _put(self, event: ControlEvent, sender: Sender, due: float, now: float) -> None:
        """Hand an event on, or hold it until it is due."""
        if self._held.hold(event, due, now):
            return
        self._events.put(event)
        if not event.relative:
            self._feedback.knows(sender, event.name, event.value)

    def _checked(
        self, udp: socket.socket, message: Message, sender: Sender, due: float, now: float
    ) -> ControlEvent | None:
        self._tally["messages"] += 1
        address, arguments = message
        try:
            request = self._table.request(address, arguments, due)
        except UnknownAddress as error:
            self._tally["rejected"] += 1
            if address != "/error":  # two shows must not send errors to each other without end
                self._complain(udp, sender, str(error), now, error, UNKNOWN_EVERY)
            return None
        except UserError as error:
            self._tally["rejected"] += 1
            self._complain(udp, sender, str(error), now, error, REFUSED_EVERY)
            return None
        if isinstance(request, Question):
            self._feedback.ask(request.param, sender, now)
            return None
        return request

    def _complain(
        self, udp: socket.socket, sender: Sender, what: str, now: float, error: UserError | str, every: float
    ) -> None:
        """Send an error to `sender`: the same at most once in `every` seconds, and at most ten a second."""
        if not self._complaints.allow(sender, what, now, every):
            return
        text = error.explain() if isinstance(error, UnknownAddress) else str(error)
        for reader in self._feedback.repliers(sender):
            _send(udp, encode("/error", text[:LONGEST_COMPLAINT]), reader)


def _send(udp: socket.socket, datagram: bytes, target: Sender) -> None:
    """Send a datagram, or drop it if the network does not take it now: newer feedback follows."""
    try:
        udp.sendto(datagram, target)
    except OSError as error:
        log.debug("control: nothing sent to %s:%d: %s", *target, error)


def _enlarge(udp: socket.socket) -> None:
    """Make the receive buffer as large as the system allows: datagrams that do not fit are lost."""
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if sys.platform == "linux" and udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < RECEIVE_BUFFER:
        with contextlib.suppress(OSError):  # not privileged
            udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)


def _bind(host: str, port: int) -> tuple[socket.socket, int]:
    if not 0 <= port <= 65_535:
        raise UserError(f"OSC port {port} is outside 0..65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise UserError(f"OSC host '{host}' is not an address of this machine ({error}); try 127.0.0.1") from None
    last = 65_535 if port == 0 else min(port + PORTS_TRIED - 1, 65_535)
    for candidate in [0] if port == 0 else range(port, last + 1):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((address[0], candidate, *address[2:]))
        except OSError as error:
            udp.close()
            log.info("control: port %d on %s is not free (%s)", candidate, host, error.strerror)
            continue
        udp.setblocking(False)
        _enlarge(udp)
        bound = int(udp.getsockname()[1])
        if port not in (0, bound):
            log.warning("control: OSC port %d is taken; listening on %d instead", port, bound)
        if not str(address[0]).startswith("127.") and address[0] != "::1":
            log.warning("control: OSC on %s:%d accepts packets from the whole network, unchecked by whom", host, bound)
        return udp, bound
    raise UserError(f"no free OSC port on {host} from {port} to {last}; close the other program or use --osc-port")
