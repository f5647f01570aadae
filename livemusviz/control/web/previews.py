"""Encodes previews of the canvas for phones, each once. The main thread puts, the web thread reads."""

from __future__ import annotations

from livemusviz.bridge.latest import Latest
from livemusviz.bridge.view import CanvasPicture
from livemusviz.control.web.pictures import jpeg

PREVIEW_PERIOD = 0.1  # s


class Previews:
    """Holds the newest canvas. watchers : how many clients watch; the web thread counts them."""

    def __init__(self) -> None:
        self.watchers = 0
        self._picture: Latest[CanvasPicture] = Latest()
        self._put_at = float("-inf")  # s
        self._jpeg = (-1, b"")  # of which picture, and its bytes

    def wanted(self, now: float) -> bool:
        """Return True if a client watches and the last picture is old enough."""
        return self.watchers > 0 and now - self._put_at >= PREVIEW_PERIOD

    def put(self, picture: CanvasPicture, now: float) -> None:
        """Take over the canvas of `now`, s."""
        self._put_at = now
        self._picture.put(picture)

    def newer(self, than: int) -> tuple[int, bytes] | None:
        """Return the number of the newest picture and its JPEG; None if it is number `than`, or there is none."""
        picture, version = self._picture.get(), self._picture.version
        if picture is None or version == than:
            return None
        if self._jpeg[0] != version:
            self._jpeg = (version, jpeg(picture))
        return version, self._jpeg[1]
