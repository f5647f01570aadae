"""Describes what reads a source, inside the sources' process, and the little that all readers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from livemusviz.errors import one_line

Pictures = Iterator[np.ndarray | None]
"""Pictures, uint8 (height, width, 3) RGB of the wanted size, each as soon as it is to be seen; None says now and then
that there is no new one. UserError when the source cannot be opened, or is lost."""
Time = Callable[[], float]
Sleep = Callable[[float], None]
MOST_FPS = 60.0  # pictures a second that are converted; what comes faster is left out
BREATH = 0.2  # s, the longest time without a sign of life of a reader that waits


def ffmpeg_reason(error: Exception) -> str:
    """Return what FFmpeg, or the system, says of an error, without its number and the file's name."""
    return one_line(getattr(error, "strerror", None) or error, 100)


class PictureRateLimit:
    """Leaves out pictures that come faster than anyone draws them."""

    def __init__(self, fps: float = MOST_FPS) -> None:
        self._period, self._last = 0.9 / fps, float("-inf")

    def passes(self, now: float) -> bool:
        """Return True for a picture that is wanted at `now`, s."""
        if now - self._last < self._period:
            return False
        self._last = now
        return True
