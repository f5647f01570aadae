"""Plays the canvas into a virtual camera of Linux: a v4l2loopback node, YUYV, by PyAV's `v4l2` output device.

Runs in a process of its own. On macOS and Windows no library of a fitting licence makes a camera: Syphon or Spout into
OBS does, whose virtual camera takes it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace

from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.sinks.spec import SinkSpec, first_node

MAKE_ONE = "make one with: sudo modprobe v4l2loopback exclusive_caps=1 card_label=livemusviz"


def open_node(path: str) -> OutputContainer:
    """Open a camera to write to. OSError if it is in use or cannot be written."""
    return av.open(path, "w", format="v4l2")


class CameraSink:
    """Holds one virtual camera. encoded : always 0; raw pictures need no encoder."""

    encoded = 0

    def __init__(
        self, spec: SinkSpec, size: tuple[int, int], container: Callable[[str], OutputContainer] = open_node
    ) -> None:
        """size : (width, height) of the canvas, pixels.  container : opens a camera."""
        self._spec, self._container = spec, container
        self._width, self._height = size[0] & ~1, size[1] & ~1
        self._file: OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self._frames = 0

    def open(self, now: float) -> None:
        """Open the camera that was named, or the first virtual one. UserError if there is none."""
        path = self._spec.target or first_node()
        if path is None:
            raise UserError(f"camera: no virtual camera on this machine; {MAKE_ONE}")
        if not Path(path).exists():
            raise UserError(f"camera: there is no {path}; {MAKE_ONE}")
        self._file = self._container(path)
        self._stream = self._file.add_stream("rawvideo", rate=self._spec.fps)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = self._width, self._height, "yuyv422"
        context.time_base = Fraction(1, self._spec.fps)
        self._frames = 0
        try:
            self._file.start_encoding()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"camera: {path} takes no pictures ({reason}); is it a v4l2loopback, and free?") from None

    def send(self, picture: CanvasPicture, now: float) -> None:
        """Show a picture."""
        if self._file is None or self._stream is None:
            return
        frame = yuyv(picture.pixels[: self._height, : self._width])
        frame.pts, frame.time_base = self._frames, Fraction(1, self._spec.fps)
        self._frames += 1
        self._file.mux(self._stream.encode(frame))

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        """Leave the sound out: a camera has none."""

    def close(self) -> None:
        """Let the camera go."""
        file, self._file, self._stream = self._file, None, None
        if file is not None:
            file.close()


def yuyv(pixels: np.ndarray) -> av.VideoFrame:
    """Return uint8 (H, W, 4) RGBA as YUYV, BT.601 limited range: what programs expect of a camera."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgba")
    return frame.reformat(format="yuyv422", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)
