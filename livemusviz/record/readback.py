"""Reads the pictures of a film back, to check them. PyAV; the caller's thread; one picture in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from livemusviz.audio.track import open_media
from livemusviz.errors import UserError, one_line


def read_pictures(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Yield time, s from the first picture on, and pixels, uint8 (H, W, 3), of every picture in the order of its time.

    UserError if the file is missing, cannot be decoded or holds no pictures.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such film")
    first: float | None = None
    try:
        with open_media(path) as file:
            if not file.streams.video:
                raise UserError(f"{path}: holds no pictures; give a film")
            stream = file.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in file.decode(stream):
                if frame.time is None:
                    continue
                first = frame.time if first is None else first
                yield frame.time - first, frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a film ({one_line(error)})") from None
    if first is None:
        raise UserError(f"{path}: holds no picture that can be decoded")
