"""Brings pictures of any shape to that of a generated frame: turned upright, cropped so that they cover it. Pure numpy
but for PyAV's own frames.
"""

from __future__ import annotations

import math

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from livemusviz.errors import UserError

Size = tuple[int, int]
MAX_SIDE = 16_384  # pixels


class FrameFitter:
    """Fits decoded frames; each may have another size, format or rotation than the one before.

    Every pixel format that FFmpeg knows is converted, 10 bit and NV12 as well.
    """

    def __init__(self, size: Size) -> None:
        """size : (width, height), pixels."""
        self._size = size
        self._reformatter = VideoReformatter()

    def fit(self, frame: av.VideoFrame, aspect: float = 1.0) -> np.ndarray:
        """Return a frame as uint8 (height, width, 3) RGB. aspect : width over height of its pixels. UserError for one
        that cannot be converted."""
        turns = round(frame.rotation / 90.0) % 4  # anticlockwise, as `np.rot90` turns
        across, down = self._size if turns % 2 == 0 else self._size[::-1]
        if not (0 < frame.width <= MAX_SIDE and 0 < frame.height <= MAX_SIDE):
            raise UserError(f"pictures of {frame.width}x{frame.height}: at most {MAX_SIDE} pixels a side are read")
        scale = max(across / (frame.width * aspect), down / frame.height)
        width = max(across, math.ceil(frame.width * aspect * scale - 1e-6))
        height = max(down, math.ceil(frame.height * scale - 1e-6))
        try:
            small = self._reformatter.reformat(
                frame,
                width,
                height,
                "rgb24",
                interpolation=Interpolation.AREA if scale < 1.0 else Interpolation.BILINEAR,
            )
            pixels = small.to_ndarray()
        except (av.FFmpegError, ValueError) as error:
            raise UserError(f"pictures of the format {frame.format.name}: cannot be converted ({error})") from None
        return np.ascontiguousarray(np.rot90(middle(pixels, (across, down)), turns))


def middle(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Return the middle of an array (H, W, ...), at least as large as `size` (width, height)."""
    left, top = (pixels.shape[1] - size[0]) // 2, (pixels.shape[0] - size[1]) // 2
    return pixels[top : top + size[1], left : left + size[0]]


def fit_array(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Return a picture uint8 (H, W, 3 or 4) RGB(A) as uint8 (height, width, 3), cropped so that it covers `size`."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[..., :3]), format="rgb24")
    return FrameFitter(size).fit(frame)
