"""The show's side of one source: its process, supervised, its ring and its messages. Runs on the sources' thread."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from typing import Any

from livemusviz.bridge.ring import SharedRing
from livemusviz.bridge.sources import SourcePicture
from livemusviz.bridge.spawned import SpawnedProcess
from livemusviz.bridge.supervise import Backoff, Patience, Supervisor
from livemusviz.clock import Clock
from livemusviz.sources.protocol import LOST, PICTURE, SLOTS, SourceWiring, picture_bytes, unpack_picture
from livemusviz.sources.spec import PictureSpec

PATIENCE = Patience(stalled=4.0, starting=15.0, healthy=5.0)
END_PATIENCE = 0.5  # s
NICENESS = 5  # the picture may come a little later; the sound and the display may not


class SourceWorker:
    """Keeps one source going. `poll` it often, `take` its newest picture, `close` it.

    message : why its process ended last, or "".  alive : s, when it last gave a sign of life; None is never.
    """

    def __init__(
        self,
        spec: PictureSpec,
        size: tuple[int, int],
        clock: Clock,
        ours: tuple[str, ...] = (),
        patience: Patience = PATIENCE,
    ) -> None:
        """size : (width, height) of the pictures, pixels.  ours : names under which this show sends."""
        self.spec, self._size, self._clock, self._ours = spec, size, clock, ours
        self._ring = SharedRing.create(SLOTS, picture_bytes(size))
        self._reader = self._ring.reader()
        self._supervisor = Supervisor(self._spawn, Backoff(), patience)
        self._process: SpawnedProcess | None = None
        self._pipe: Any = None
        self._signs = 0
        self._began = clock.now()
        self.alive: float | None = None
        self.message = ""
        self._supervisor.begin(self._began)

    @property
    def state(self) -> str:
        """Return "starting", "running" or "lost"."""
        return self._supervisor.state

    @property
    def restarts(self) -> int:
        """Return the number of processes after the first."""
        return self._supervisor.restarts

    @property
    def reason(self) -> str:
        """Return what is wrong with it, or ""."""
        if self.message or not self._supervisor.reason or self.state == "running":
            return self.message
        return f"picture {self.spec.text}: its process {self._supervisor.reason}; starting it again"

    @property
    def pipe(self) -> Any:
        """Return what to wait on for news; None while there is no process."""
        return self._pipe

    def poll(self, now: float) -> None:
        """Take in what the process says, and look after it."""
        try:
            while self._pipe is not None and self._pipe.poll():
                kind, text = self._pipe.recv()
                self._signs += 1
                self.alive = self.alive if kind == LOST else now
                self.message = text if kind == LOST else "" if kind == PICTURE else self.message
        except (EOFError, OSError):
            self._drop_pipe()
        self._supervisor.poll(now, self._signs)

    def take(self, seq: int) -> SourcePicture | None:
        """Return the newest picture, as number `seq`, if there is a new one."""
        data = self._reader.latest()
        return None if data is None else unpack_picture(data, self._size, seq)

    def close(self) -> None:
        """End the process and let the ring go; at most half a second."""
        self._supervisor.stop()
        if self._process is not None:
            self._process.join(END_PATIENCE)
        self._drop_pipe()
        self._ring.close()

    def _spawn(self) -> SpawnedProcess:
        self._drop_pipe()
        ours, theirs = multiprocessing.Pipe(duplex=False)
        resume = self._clock.now() - self._began if self.spec.kind == "video" else 0.0
        try:
            wiring = SourceWiring(self.spec, self._size, self._ring.name, resume, theirs, self._ours)
            self._process = SpawnedProcess("livemusviz.sources.process", wiring, "picture", NICENESS)
        finally:
            theirs.close()
        self._pipe = ours
        return self._process

    def _drop_pipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
