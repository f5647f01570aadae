"""A one-slot mailbox: the newest value wins. Any number of threads; neither side waits for the other."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds one value. `get` reads it, `take` reads it only if it is new to the taker."""

    def __init__(self, value: T | None = None) -> None:
        self._slot: tuple[int, T | None] = (0 if value is None else 1, value)
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def version(self) -> int:
        """Return the number of values put so far."""
        return self._slot[0]

    def put(self, value: T) -> None:
        with self._lock:
            self._slot = (self._slot[0] + 1, value)

    def get(self) -> T | None:
        """Return the newest value, or None if there never was one."""
        return self._slot[1]

    def take(self) -> T | None:
        """Return the newest value if it was put since the last `take`, else None. For one taker."""
        version, value = self._slot
        if version == self._taken:
            return None
        self._taken = version
        return value
