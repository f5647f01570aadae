"""Shows for the watchdog to watch: what a child process does, by the number of deaths before it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from livemusviz.bridge.handover import Handover

Leave = Callable[[Handover], None]


def twice_dead(folder: Path, before: Handover, leave: Leave) -> int:
    """Aborts, then is killed, then ends well; leaves how often it lived and what it was left."""
    (folder / f"life{before.restarts}").write_text(repr(before.values.get("gain")))
    assert before.short_lives == before.restarts
    leave(replace(before, values={"gain": before.restarts + 1.5}))
    if before.restarts < 2:
        os.kill(os.getpid(), (signal.SIGABRT, signal.SIGKILL)[before.restarts])
    return 0


def never_going(status: int, before: Handover, leave: Leave) -> int:
    return status


def aborts_at_once(before: Handover, leave: Leave) -> int:
    os.abort()


def hangs_once(before: Handover, leave: Leave) -> int:
    leave(replace(before, values={"gain": 1.0}))
    if not before.restarts:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60.0)
    return 0


def has_its_parent_asked(number: int, before: Handover, leave: Leave) -> int:
    """Sends the watchdog a signal, and ends with status 7 when that comes back as SIGTERM."""

    def end(*_: object) -> None:
        raise SystemExit(7)

    signal.signal(signal.SIGTERM, end)
    leave(replace(before, values={"gain": 1.0}))
    os.kill(os.getppid(), number)
    time.sleep(60.0)
    return 0


def kills_its_parent(folder: Path, before: Handover, leave: Leave) -> int:
    """Leaves `ended` when it is asked to end, which nobody is left to do."""

    def end(*_: object) -> None:
        (folder / "ended").touch()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    leave(replace(before, values={"gain": 1.0}))
    os.kill(os.getppid(), signal.SIGKILL)
    while True:
        time.sleep(0.05)
        leave(before)


def watched(folder: Path) -> None:
    """A watchdog that will be killed, in a process of its own."""
    from functools import partial

    from livemusviz.live.watchdog import watch

    watch(partial(kills_its_parent, folder))


def dies_and_has_its_parent_asked(before: Handover, leave: Leave) -> int:
    """Dies just before the watchdog is asked to end."""
    leave(replace(before, values={"gain": 1.0}))
    parent = os.getppid()
    if os.fork() == 0:
        os.closerange(3, 256)  # the pipe: its end tells the watchdog of the death
        time.sleep(0.3)
        os.kill(parent, signal.SIGTERM)
        os._exit(0)
    os.abort()


def ends_and_then_fails(before: Handover, leave: Leave) -> int:
    """Comes to its end, says so, and cannot write its figures."""
    leave(replace(before, values={"gain": 1.0}))
    leave(replace(before, ended=True))
    return 3
