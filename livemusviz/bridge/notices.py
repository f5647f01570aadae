"""Carries what went wrong from any thread to the log, the HUD, OSC and the web remote.

A notice is logged at once, on the thread that puts it, and queued for the show, which shows it to the performer. The
queue is bounded: when it is full the oldest goes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass

MOST = 64  # notices that wait


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the performer. level : of `logging`.  source : the room that gives it, as "engine"."""

    level: int
    text: str
    source: str


class Notices:
    """Takes notices from any thread by `put`; one thread drains them."""

    def __init__(self) -> None:
        self._waiting: deque[Notice] = deque(maxlen=MOST)
        self._lock = threading.Lock()

    def put(self, level: int, text: str, source: str, cause: BaseException | None = None) -> None:
        """Log a line and keep it for the performer. cause : whose traceback the log shows."""
        logging.getLogger(f"livemusviz.{source}").log(level, "%s", text, exc_info=cause)
        with self._lock:
            self._waiting.append(Notice(level, text, source))

    def error(self, text: str, source: str, cause: BaseException | None = None) -> None:
        """`put` at the level of an error."""
        self.put(logging.ERROR, text, source, cause)

    def drain(self) -> list[Notice]:
        """Return what waits, oldest first; nothing is left afterwards."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        return waiting
