"""Starts the show again when it dies of what no `except` can catch: a crash in native code, the system out of memory.

The show runs in a child process, which this one watches. Twice a second the show sends the state that a next show
needs. If it dies or hangs, another show starts with the same parameters, and records into a new file. No threads.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType

from livemusviz.bridge.handover import Handover
from livemusviz.bridge.supervise import Backoff
from livemusviz.ending import end_process
from livemusviz.platforms import FORWARDED, leave_terminal_group
from livemusviz.signals import signals

log = logging.getLogger(__name__)

HUNG = 15.0  # s without a message from a show that runs; dragging a window blocks it for some of them
STARTING = 60.0  # s until the first message
GRACE = 1.0  # s more, in case the whole machine was suspended
HEALTHY = 60.0  # s of a show, after which a death does not count as an early one
LOOK = 0.05  # s
Leave = Callable[[Handover], None]
Life = Callable[[Handover, Leave], int]
"""Runs one show: (state of the last one, sends its own state) to exit status. It is pickled: a function of a module."""


def watch(life: Life) -> int:
    """Run shows until one ends by itself, is asked to, or fails to start. Return its exit status. Main thread."""
    return _Watchdog(life).run()


class _Watchdog:
    def __init__(self, life: Life) -> None:
        self._life = life
        self._context = multiprocessing.get_context("spawn")
        self._show: SpawnProcess | None = None
        self._asked = False

    def run(self) -> int:
        left, pauses = Handover(), Backoff()
        with signals(FORWARDED, self._pass_on):
            while True:
                began = time.monotonic()
                left, status = self._one_show(left)
                if self._asked or status == 0 or left.ended or not left.values:
                    return status if status >= 0 else 128 - status
                if time.monotonic() - began > HEALTHY:
                    pauses.reset()
                    left = replace(left, short_lives=0)
                pause = pauses.next()
                left = replace(left, restarts=left.restarts + 1, short_lives=left.short_lives + 1)
                log.error("the show died (%s); starting it again in %g s", _cause(status), pause)
                self._rest(pause)
                if self._asked:
                    return 0

    def _one_show(self, before: Handover) -> tuple[Handover, int]:
        """Run one show. Return its last state, `before` if it sent none, and its exit status, -N after signal N."""
        receiver, sender = self._context.Pipe(duplex=False)
        show = self._context.Process(target=_child, args=(self._life, before, sender), name="show")
        show.start()
        self._show = show
        if self._asked:  # while it was being started
            show.terminate()
        sender.close()
        left, patience = before, STARTING
        with receiver:
            while True:
                if not receiver.poll(patience) and not receiver.poll(GRACE):
                    log.error("the show has hung")
                    show.kill()
                try:
                    left, patience = receiver.recv(), HUNG
                except (EOFError, OSError):
                    break
        show.join()
        self._show = None
        return left, show.exitcode or 0

    def _rest(self, pause: float) -> None:
        end = time.monotonic() + pause
        while not self._asked and time.monotonic() < end:
            time.sleep(LOOK)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._show is not None and self._show.pid is not None and FORWARDED[number]:
            with suppress(ProcessLookupError):
                os.kill(self._show.pid, FORWARDED[number])


def _child(life: Life, before: Handover, sender: Connection) -> None:
    leave_terminal_group()  # a terminal's Ctrl-C goes to the watchdog alone, which passes it on once

    def leave(handover: Handover) -> None:
        try:
            sender.send(handover)
        except OSError:  # the watchdog is gone, and nobody else can end the show: end it in good order
            signal.raise_signal(signal.SIGTERM)

    raise SystemExit(end_process(life(before, leave)))


def _cause(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"
