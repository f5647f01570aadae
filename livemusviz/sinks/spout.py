"""Shares the canvas's texture with other programs of a Windows machine by Spout, with SpoutGL. On the display's thread.

No pixel is read back. Written after the documentation of SpoutGL and of the Spout SDK; not yet run, see
docs/WINDOWS.md.
"""

from __future__ import annotations

from typing import Any

import SpoutGL

from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.sinks.spec import SinkSpec

TEXTURE_2D = 0x0DE1  # GL_TEXTURE_2D


class SpoutSink:
    """Holds one Spout sender."""

    def __init__(self, spec: SinkSpec) -> None:
        self._spec = spec
        self._sender: Any = None

    def open(self, now: float) -> None:
        """Make the sender; it appears to others with its first canvas."""
        self._sender = SpoutGL.SpoutSender()
        self._sender.setSenderName(self._spec.sender)

    def send(self, canvas: CanvasTexture, now: float) -> None:
        """Send a canvas, upside up: OpenGL's rows begin at the bottom. OSError if Spout refuses it."""
        if not self._sender.sendTexture(canvas.glo, TEXTURE_2D, canvas.width, canvas.height, True, 0):
            raise OSError("Spout takes no texture; does the display run on another GPU than the receiver?")

    def close(self) -> None:
        """Take the sender away."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.releaseSender()
