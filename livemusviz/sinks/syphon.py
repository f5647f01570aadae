"""Shares the canvas's texture with other programs of a Mac by Syphon, with syphon-python. On the display's thread.

No pixel is read back. Written after the library's sources; not yet run on a Mac, see docs/MAC.md.
"""

from __future__ import annotations

from typing import Any

import objc
import syphon

from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.errors import one_line
from livemusviz.sinks.spec import SinkSpec


class SyphonSink:
    """Holds one Syphon server. Its context is the one that is current at `open`."""

    def __init__(self, spec: SinkSpec) -> None:
        self._spec = spec
        self._server: Any = None

    def open(self, now: float) -> None:
        """Announce the server. RuntimeError if there is no context, or no PyOpenGL."""
        try:
            self._server = syphon.SyphonOpenGLServer(self._spec.sender)
        except objc.error as error:
            raise OSError(one_line(error)) from None

    def send(self, canvas: CanvasTexture, now: float) -> None:
        """Publish a canvas. OpenGL's rows begin at the bottom, as Syphon's do."""
        size = (canvas.width, canvas.height)
        try:
            self._server.publish_frame_texture(canvas.glo, region=(0, 0, *size), size=size, is_flipped=False)
        except objc.error as error:
            raise OSError(one_line(error)) from None

    def close(self) -> None:
        """Take the server away."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
