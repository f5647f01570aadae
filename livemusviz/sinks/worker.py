"""The show's side of a sink's process: starts, supervises and ends it, and knows its state. Main thread; never waits.

A process that ends, hangs or is stopped is killed and replaced after a pause; the show goes on meanwhile.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from dataclasses import replace

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import OFF, STARTING, WAITING, OutputStatus
from livemusviz.bridge.ring import SharedRing
from livemusviz.bridge.spawned import MessagePipe, SpawnedProcess
from livemusviz.bridge.supervise import LOST, Backoff, Patience, Supervisor
from livemusviz.sinks.protocol import SinkWiring
from livemusviz.sinks.spec import SinkSpec, refusal
from livemusviz.sinks.status import STATUS_BYTES, unpack_output_status

log = logging.getLogger(__name__)

PATIENCE = Patience(stalled=5.0, starting=20.0, healthy=10.0)
ENDING = 2.0  # s that a process gets to end by itself
STATUS_SLOTS = 16
NICENESS = 4  # the display comes first, the engine (7 and more) later

Wire = Callable[[SinkSpec, str, MessagePipe], SinkWiring]
"""Makes the wiring of a process: spec, name of the status ring, its end of the pipe."""


class SinkWorker:
    """Keeps one sink's process going while it is switched on. `poll` it often, `close` it at the end."""

    def __init__(self, spec: SinkSpec, wire: Wire, notices: Notices, patience: Patience = PATIENCE) -> None:
        self.spec, self._wire, self._notices, self._patience = spec, wire, notices, patience
        self._supervisor: Supervisor | None = None
        self._process: SpawnedProcess | None = None
        self._ending: tuple[SpawnedProcess, float] | None = None  # and when its time is over, s
        self._pipe: MessagePipe | None = None
        self._ring = SharedRing.create(STATUS_SLOTS, STATUS_BYTES)
        self._reader = self._ring.reader()
        self._restarts = 0
        self._refused = refusal(spec)
        self._told = ""
        self.status = self._said = OutputStatus(spec.name, spec.kind, spec.target)

    @property
    def pid(self) -> int | None:
        """Return the process's number, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def wants_pictures(self) -> bool:
        """Return True while there is a process to take them."""
        return self._supervisor is not None

    def poll(self, now: float, on: bool) -> None:
        """Look after the process at `now`, s. on : whether it is to run."""
        if on and self._refused:
            self._tell(self._refused, WAITING)
            return
        if on and self._supervisor is None:
            self._begin(now)
        elif not on:
            self._end(now)
        if self._ending is not None and (now > self._ending[1] or not self._ending[0].is_alive()):
            self._ending[0].kill()
            self._ending = None
        if self._supervisor is not None:
            self._look(now, self._supervisor)

    def close(self, now: float, seconds: float) -> None:
        """Ask the process to end, wait at most `seconds`, and let the memory go. May be called twice."""
        self._end(now)
        if self._ending is not None:
            self._ending[0].join(seconds)
            self._ending[0].kill()
            self._ending = None
        self._ring.close()

    def ask_to_end(self, now: float) -> None:
        """Ask the process to end, without waiting."""
        self._end(now)

    def _begin(self, now: float) -> None:
        if self._ending is not None:
            return  # two must never hold one device
        self.status = replace(self.status, state=STARTING, message="")
        self._told = ""
        self._supervisor = Supervisor(self._spawn, Backoff((1.0, 2.0, 5.0, 10.0)), self._patience)
        try:
            self._supervisor.begin(now, self._ring.newest())
        except OSError as error:
            self._supervisor = None
            self._refused = f"no process for it: {error.strerror or error}"

    def _end(self, now: float) -> None:
        if self._supervisor is not None and self._process is not None:
            self._restarts += self._supervisor.restarts
            self._ending = (self._process, now + ENDING)
        self._supervisor = self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        self.status = replace(self.status, state=OFF)

    def _look(self, now: float, supervisor: Supervisor) -> None:
        data = self._reader.latest()
        before = supervisor.state
        state = supervisor.poll(now, self._ring.newest())
        restarts = self._restarts + supervisor.restarts
        if state == LOST:
            if before != LOST:
                log.info("out %s: its process %s", self.spec.name, supervisor.reason)
            self._tell(self._loss(supervisor.reason), WAITING)
        elif data is not None:
            said = self._said = unpack_output_status(data)
            self.status = replace(said, message=said.message or self.status.message)
            self._tell(said.message, said.state)
        self.status = replace(self.status, restarts=restarts)

    def _loss(self, reason: str) -> str:
        """Return why the process was lost. One that hung while it opened the sink waits for the other side."""
        if reason == "stalled" and self._said.state == STARTING and self._said.target:
            return f"{self._said.target} does not answer; trying again"
        return f"its process {reason}; starting another"

    def _tell(self, message: str, state: str) -> None:
        """Keep the state; a message that is new goes to the performer."""
        self.status = replace(self.status, state=state, message=message or self.status.message)
        if message and message != self._told:
            self._notices.error(f"out {self.spec.name}: {message}", "out")
        self._told = message

    def _spawn(self) -> SpawnedProcess:
        if self._pipe is not None:
            self._pipe.close()
        ours, theirs = multiprocessing.Pipe()
        self._pipe = ours
        wiring = self._wire(self.spec, self._ring.name, theirs)
        self._process = SpawnedProcess("livemusviz.sinks.loop", wiring, f"out {self.spec.name}", NICENESS)
        theirs.close()
        return self._process
