"""Features held back until their sound is heard, where it comes out later than it came in. Main thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from livemusviz.bridge.features import AudioFeatures

MOST = 2048  # features kept; older ones are let go of at once


class FeatureDelay:
    """What comes in waits until it is due."""

    def __init__(self) -> None:
        self._waiting: deque[AudioFeatures] = deque()

    def step(self, arrived: Iterable[AudioFeatures], until: float) -> list[AudioFeatures]:
        """Take what has `arrived`; give back what was heard before `until`, s, oldest first."""
        self._waiting.extend(arrived)
        due = []
        while self._waiting and (self._waiting[0].time <= until or len(self._waiting) > MOST):
            due.append(self._waiting.popleft())
        return due
