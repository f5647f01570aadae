"""Keeps one worker going: notices that it died or hangs, ends it, starts another after a pause. Any thread, one owner.

In: the time in seconds and a number that grows while the worker makes progress. Out: "starting", "running" or "lost".
Nothing here waits: `poll` is cheap enough for every display frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

STARTING, RUNNING, LOST = "starting", "running", "lost"


class Backoff:
    """Pauses in seconds between attempts: each of `delays` once, then the last one again and again, until `reset`."""

    def __init__(self, delays: Sequence[float] = (0.5, 1.0, 2.0, 5.0)) -> None:
        if not delays:
            raise ValueError("a back-off needs at least one delay")
        self._delays = tuple(delays)
        self._tries = 0

    def next(self) -> float:
        delay = self._delays[min(self._tries, len(self._delays) - 1)]
        self._tries += 1
        return delay

    def reset(self) -> None:
        self._tries = 0


class Worker(Protocol):
    """Is supervised: a process, or a test's stand-in. Neither call may wait."""

    def is_alive(self) -> bool: ...

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. stalled : without progress once there was some.  starting : until the first progress.

    healthy : of progress, after which the back-off begins anew.
    """

    stalled: float = 0.5
    starting: float = 10.0
    healthy: float = 5.0


class Supervisor:
    """Owns the worker that `start` makes. `restarts` counts workers after the first; `reason` says why one was lost."""

    def __init__(
        self, start: Callable[[], Worker], backoff: Backoff | None = None, patience: Patience | None = None
    ) -> None:
        self._start = start
        self._backoff = backoff or Backoff()
        self._patience = patience or Patience()
        self._worker: Worker | None = None
        self._dying: Worker | None = None
        self._progress = 0
        self._began = self._moved = 0.0  # s: when this worker was started, when it last made progress
        self._first_moved: float | None = None
        self._not_before: float | None = None
        self._started = 0
        self.state = STARTING
        self.reason = ""

    @property
    def restarts(self) -> int:
        return max(0, self._started - 1)

    def begin(self, now: float, progress: int = 0) -> None:
        """Start the first worker."""
        self._progress = progress
        self._launch(now)

    def poll(self, now: float, progress: int) -> str:
        """Look after the worker at time `now`; returns the state."""
        if self._worker is None:
            self._relaunch(now)
        elif progress != self._progress:
            self._progress, self._moved, self.state = progress, now, RUNNING
            self._first_moved = now if self._first_moved is None else self._first_moved
            if now - self._first_moved >= self._patience.healthy:
                self._backoff.reset()
        elif not self._worker.is_alive():
            self._lose(now, "ended")
        elif self._first_moved is not None and now - self._moved > self._patience.stalled:
            self._lose(now, "stalled")
        elif self._first_moved is None and now - self._began > self._patience.starting:
            self._lose(now, "did not start")
        return self.state

    def hurry(self) -> None:
        """End the pause before the next worker, if there is one."""
        if self._not_before is not None:
            self._not_before = float("-inf")

    def stop(self) -> None:
        """End the worker, and start no other."""
        if self._worker is not None:
            self._worker.kill()
        self._worker, self._not_before = None, None

    def _launch(self, now: float) -> None:
        self._worker = self._start()
        self._started += 1
        self._began, self._first_moved, self._not_before = now, None, None

    def _lose(self, now: float, reason: str) -> None:
        if self._worker is not None:
            self._worker.kill()
        self._dying, self._worker = self._worker, None
        self.state, self.reason = LOST, reason
        self._not_before = now + self._backoff.next()

    def _relaunch(self, now: float) -> None:
        """Start a new worker once the pause is over and the old one has ended: two must never write to one ring."""
        if self._not_before is None or now < self._not_before:
            return
        if self._dying is not None and self._dying.is_alive():
            return
        self._dying = None
        try:
            self._launch(now)
        except OSError as error:  # no descriptors or no memory for a process: later, perhaps
            self._lose(now, f"cannot be started: {error.strerror or error}")
