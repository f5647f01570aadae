"""Clips for the tests of the sources: pictures of plain colours, or with a bright quarter, in any codec and format."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

RED, GREEN, BLUE = (200, 30, 30), (30, 190, 40), (30, 40, 200)
TURNED = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # clockwise, as phones write it


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Return a picture of one colour, uint8 (height, width, 3)."""
    return np.broadcast_to(np.array(colour, np.uint8), (size[1], size[0], 3)).copy()


def quarter(size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Return a dark picture whose upper left quarter is red."""
    picture = plain((20, 20, 20), size)
    picture[: size[1] // 2, : size[0] // 2] = RED
    return picture


def write_clip(
    path: Path, pictures: Iterable[np.ndarray], fps: int = 30, codec: str = "mpeg4", pix_fmt: str = "yuv420p"
) -> Path:
    """Write pictures as a clip; the container follows from the suffix."""
    with av.open(str(path), "w") as file:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = file.add_stream(codec, rate=fps)
                stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], pix_fmt
                stream.bit_rate, stream.gop_size = 8_000_000, 5
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode(None))
    return path


def turn_clip(path: Path, degrees: int) -> Path:
    """Say in an MP4 file that a player must turn its pictures by so much, clockwise."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0 of the box
    a, b, c, d = (value << 16 for value in TURNED[degrees])
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


class SteppedClock:
    """A clock that moves only when somebody sleeps, or by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
