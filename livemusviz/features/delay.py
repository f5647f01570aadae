"""Delays features where the sound comes out later than it came in (PA, broadcast). Main thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from livemusviz.bridge.features import AudioFeatures

MOST = 2048  # features kept; more are returned at once


class FeatureDelay:
    """Keeps features until their time."""

    def __init__(self) -> None:
        self._waiting: deque[AudioFeatures] = deque()

    def step(self, arrived: Iterable[AudioFeatures], until: float) -> list[AudioFeatures]:
        """Add the features that have `arrived` and return those whose time is at most `until` (s), oldest first."""
        self._waiting.extend(arrived)
        due = []
        while self._waiting and (self._waiting[0].time <= until or len(self._waiting) > MOST):
            due.append(self._waiting.popleft())
        return due
