"""Describes what passes between the show and a sources' process. Plain values."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sources import CELLS, SourcePicture
from livemusviz.bridge.spawned import MessagePipe
from livemusviz.sources.spec import PictureSpec

ALIVE, PICTURE, LOST = "alive", "picture", "lost"
"""Messages of the process, as (kind, text): a sign of life; a new picture in the ring; why it ends."""
SLOTS = 3
_TIME = struct.Struct("<d")
_CELL_BYTES = CELLS * CELLS * 3 * 4


@dataclass(frozen=True, slots=True)
class SourceWiring:
    """Holds what a new process needs.

    spec : the source.
    size : (width, height) of its pictures, pixels.
    ring : name of the ring that it writes.
    resume : s into a clip at which to go on.
    pipe : takes its messages.
    ours : names under which this show sends.
    """

    spec: PictureSpec
    size: tuple[int, int]
    ring: str
    resume: float
    pipe: MessagePipe
    ours: tuple[str, ...] = ()


def picture_bytes(size: tuple[int, int]) -> int:
    """Return the bytes of a packed picture of (width, height) pixels."""
    return _TIME.size + _CELL_BYTES + size[0] * size[1] * 3


def pack_picture(pixels: np.ndarray, time: float) -> bytes:
    """Return a picture, uint8 (H, W, 3), taken at `time` (s), for a shared-memory ring."""
    cells = SourcePicture.of(pixels, 0, time).cells
    return b"".join((_TIME.pack(time), cells.tobytes(), pixels.tobytes()))


def unpack_picture(data: bytes, size: tuple[int, int], seq: int) -> SourcePicture:
    """Return the picture that `pack_picture` packed; its pixels are a view of `data`."""
    cells = np.frombuffer(data, np.float32, CELLS * CELLS * 3, _TIME.size).reshape(CELLS, CELLS, 3)
    pixels = np.frombuffer(data, np.uint8, offset=_TIME.size + _CELL_BYTES).reshape(size[1], size[0], 3)
    return SourcePicture(pixels, seq, float(_TIME.unpack_from(data)[0]), cells)
