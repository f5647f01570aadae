"""The sources' thread: keeps the chosen source going and puts its newest picture into a mailbox.

In: what the performer asks for (`follow`, main thread). Out: `pictures`, of which the newest is kept, and `status`.
Nothing here waits for a source: each is read in a process of its own, which may hang or die.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from livemusviz.bridge.latest import Latest
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.sources import PictureInput, PictureStatus, SourcePicture
from livemusviz.bridge.supervise import LOST, RUNNING
from livemusviz.clock import Clock
from livemusviz.errors import UserError
from livemusviz.sources.spec import NONE, PictureSpec, check_file, parse_picture, within_folder
from livemusviz.sources.worker import SourceWorker

log = logging.getLogger(__name__)

HOLD = 2.0  # s that the last picture of a lost source stays
FADE = 1.5  # s in which it then gives way to none
LOOK = 0.05  # s between looks after the processes
MakeWorker = Callable[..., SourceWorker]  # as `SourceWorker` is made


class Sources:
    """Owns the source of pictures. `start` it, ask it for others by `follow`, `close` it.

    pictures : the newest picture; its `seq` counts on over all sources.
    """

    def __init__(
        self,
        first: str,
        size: tuple[int, int],
        clock: Clock,
        notices: Notices,
        folder: Path | None = None,
        ours: tuple[str, ...] = (),
        make: MakeWorker = SourceWorker,
    ) -> None:
        """first : the source that the show begins with, as `--picture` takes it.  size : (width, height), pixels.

        folder : from which a running show chooses files.
        ours : names under which it sends itself.  UserError for a name that means nothing.
        """
        self._first = parse_picture(first or NONE)
        self._clock, self._notices, self._folder = clock, notices, folder
        self._make = partial(make, size=size, clock=clock, ours=ours)
        self.pictures: Latest[SourcePicture] = Latest()
        self._status = PictureStatus()  # replaced as a whole, by the thread alone
        self._alive = float("-inf")  # s, when the source was last well
        self._asked: Latest[tuple[str, PictureSpec | None]] = Latest()
        self._answers: Latest[tuple[str, str]] = Latest()  # what goes on after a refusal, and why
        self._followed = ""  # of the main thread
        self._current: SourceWorker | None = None
        self._candidate: tuple[str, SourceWorker] | None = None
        self._named = ""  # what was asked for and goes on
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    # --- main thread, and the engine's ----------------------------------------------------------

    @property
    def status(self) -> PictureStatus:
        """Return how the source is. Any thread."""
        return self._status

    def start(self) -> None:
        """Start the thread, and the first source."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and the processes; at most a second."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def look(self, now: float) -> PictureInput:
        """Return the picture to paint by at `now`, s. Any thread; never waits."""
        picture, lost = self.pictures.get(), now - self._alive
        presence = 1.0 - min(max((lost - HOLD) / FADE, 0.0), 1.0)
        return PictureInput(picture, presence) if picture is not None and presence > 0.0 else PictureInput()

    def follow(self, wanted: str) -> tuple[str, str] | None:
        """Ask for another source when `wanted` has changed; "" is the first one. Return (what goes on, why) where it
        cannot be had, which may be known later than it was asked for; None if there is nothing to tell. Main thread."""
        refused = self._answers.take()
        if refused is not None:
            self._followed = refused[0]
            return refused
        if wanted == self._followed:
            return None
        try:
            spec = self._first if not wanted else parse_picture(wanted)
            spec = within_folder(spec, self._folder) if wanted and spec is not None else spec
        except UserError as error:
            return self._followed, str(error)
        self._followed = wanted
        self._asked.put((wanted, spec))
        return None

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._first is not None:
                self._begin(self._first)
            while not self._stop.is_set():
                self._step(self._clock.now())
                self._rest()
        except Exception as error:  # the show goes on without pictures from outside
            self._notices.error(f"picture: {error}", "sources", error)
        finally:
            for worker in self._workers():
                worker.close()

    def _begin(self, spec: PictureSpec) -> None:
        """Start the source that the show begins with. What cannot be is told, and the show begins without it."""
        try:
            check_file(spec)
        except UserError as error:
            self._notices.error(str(error), "sources")
        else:
            self._current = self._make(spec)

    def _step(self, now: float) -> None:
        self._take_request()
        for worker in self._workers():
            worker.poll(now)
        if self._candidate is not None:
            self._judge(*self._candidate, now)
        current = self._current
        if current is not None:
            self._take_picture(current)
            if current.alive is not None and not current.message:
                self._alive = current.alive
            elif current.state == LOST and current.alive is None and current.spec.is_file:
                self._give_up(current)  # opening it again would change nothing
                return
        self._report(current)

    def _give_up(self, worker: SourceWorker) -> None:
        self._notices.error(f"{worker.reason}; the show goes on without it", "sources")
        self._replace(self._named, None)
        self._report(None)

    def _rest(self) -> None:
        pipes = [worker.pipe for worker in self._workers() if worker.pipe is not None]
        if pipes:
            wait(pipes, LOOK)
        else:
            self._stop.wait(LOOK)

    def _workers(self) -> list[SourceWorker]:
        both = [self._current, self._candidate[1] if self._candidate is not None else None]
        return [worker for worker in both if worker is not None]

    def _take_request(self) -> None:
        asked = self._asked.take()
        if asked is None:
            return
        name, spec = asked
        if self._candidate is not None:
            self._candidate[1].close()
            self._candidate = None
        if spec is None:
            self._replace(name, None)
            self._alive = min(self._alive, self._clock.now() - HOLD)  # fades out at once
        elif self._current is None or spec != self._current.spec:
            self._candidate = (name, self._make(spec))
        else:
            self._named = name

    def _judge(self, name: str, worker: SourceWorker, now: float) -> None:
        """Let a new source take over once it has a picture. One that fails is dropped, and the old one goes on."""
        picture = worker.take(self._next_seq())
        if picture is not None:
            self._candidate = None
            self._replace(name, worker)
            self._put(picture)
            self._alive = now
        elif worker.state == LOST:
            reason = worker.reason
            worker.close()
            self._candidate = None
            self._answers.put((self._named, reason))

    def _replace(self, name: str, worker: SourceWorker | None) -> None:
        if self._current is not None:
            self._current.close()
        self._current, self._named = worker, name

    def _take_picture(self, worker: SourceWorker) -> None:
        picture = worker.take(self._next_seq())
        if picture is not None:
            self._put(picture)

    def _next_seq(self) -> int:
        return self._status.pictures + 1

    def _put(self, picture: SourcePicture) -> None:
        self.pictures.put(picture)
        self._status = replace(self._status, pictures=picture.seq)

    def _report(self, worker: SourceWorker | None) -> None:
        before = self._status
        if worker is None:
            self._status = PictureStatus(pictures=before.pictures)
            return
        message = worker.reason
        self._status = PictureStatus(worker.state, worker.spec.text, message, before.pictures, worker.restarts)
        doomed = worker.spec.is_file and worker.alive is None  # `_give_up` tells
        if message and message != before.message and not doomed:
            self._notices.put(logging.WARNING, message, "sources")
        elif before.message and not message and worker.state == RUNNING:
            log.info("picture %s is back", worker.spec.text)
