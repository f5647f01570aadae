"""Sets up what every H.264 stream has in common: colours as BT.709, limited range, 4:2:0, no B frames. Loads PyAV.

Used by the live recording (`encoder.py`) and by the film (`movie.py`), each on its own thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

log = logging.getLogger(__name__)

PIXEL_FORMAT = "yuv420p"
BT709 = 1  # the number of BT.709 as matrix, primaries and transfer in ITU-T H.273


def new_context(codec: str) -> av.VideoCodecContext:
    """Return an encoder that is not open yet. ValueError or FFmpegError if this machine's FFmpeg has none of it."""
    return cast(av.VideoCodecContext, av.codec.CodecContext.create(codec, "w"))


def configure(context: av.VideoCodecContext, size: tuple[int, int], fps: Fraction, group: int) -> None:
    """Set up an encoder. size : (width, height), even.  group : pictures from one key frame to the next, at least 1."""
    context.width, context.height = size
    context.pix_fmt = PIXEL_FORMAT
    context.time_base, context.framerate = 1 / fps, fps
    context.gop_size = group
    context.max_b_frames = 0  # packets leave in the order of their pictures
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = ColorRange.MPEG


def converted(pixels: np.ndarray, size: tuple[int, int]) -> av.VideoFrame:
    """Return uint8 (H, W, 4) RGBA, top row first, as a frame of `size` (width, height); another size is scaled."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgba")
    return frame.reformat(
        width=size[0],
        height=size[1],
        format=PIXEL_FORMAT,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def first_that_opens(codecs: Sequence[str], open_encoder: Callable[[str], object], size: tuple[int, int]) -> str:
    """Return the first codec that `open_encoder` opens: FFmpeg lists encoders whose hardware is missing.

    size : (width, height), for the message. OSError if none opens.
    """
    for codec in codecs:
        try:
            open_encoder(codec)
        except (av.FFmpegError, ValueError) as error:
            log.debug("%s does not open: %s", codec, error)
            continue
        return codec
    raise OSError(f"no H.264 encoder opens at {size[0]}x{size[1]}; tried {', '.join(codecs)}")
