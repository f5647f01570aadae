"""Sends pictures and sound over the network by NDI, with ndi-python. Runs in a process of its own.

Pictures go out as RGBA with straight alpha, sound as float planes; both carry the time of the show's audio clock, as
wall-clock time in units of 100 ns. ndi-python rather than cyndilib: both wrap NewTek's runtime under the MIT licence,
with wheels for every system, but only ndi-python lets a sender set a picture's timecode.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import NDIlib as ndi
import numpy as np

from livemusviz.bridge.sound import SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.record.timed import LATE
from livemusviz.record.timeline import AudioTimeline
from livemusviz.sinks.spec import SinkSpec

TICKS = 10_000_000  # of NDI's clock, a second


class NdiSink:
    """Holds one NDI sender. encoded : always 0; the runtime encodes."""

    encoded = 0

    def __init__(self, spec: SinkSpec, size: tuple[int, int]) -> None:
        """size : (width, height) of the canvas, pixels."""
        self._spec, self._size = spec, size
        self._keyed = spec.options.get("alpha") == "luma"
        self._sender: object | None = None
        self._video: Any = None
        self._audio: Any = None
        self._start = self._wall = 0.0  # s: of the sound's timeline; wall clock minus the show's
        self._sound = AudioTimeline(0.0)

    def open(self, now: float) -> None:
        """Announce the sender. UserError if the runtime does not start or the name is taken."""
        if not ndi.initialize():
            raise UserError("ndi: its runtime does not start on this processor")
        wanted = ndi.SendCreate()
        wanted.ndi_name, wanted.clock_video, wanted.clock_audio = self._spec.sender, False, False
        self._sender = ndi.send_create(wanted)
        if self._sender is None:
            raise UserError(f"ndi: no sender '{self._spec.sender}'; the name may be taken, give another as name=second")
        self._wall = time.time() - time.perf_counter()
        self._start, self._sound = now, AudioTimeline(now)
        self._video = ndi.VideoFrameV2()
        self._video.frame_rate_N, self._video.frame_rate_D = self._spec.fps, 1
        self._video.FourCC = ndi.FOURCC_VIDEO_TYPE_RGBA if self._keyed else ndi.FOURCC_VIDEO_TYPE_RGBX
        self._audio = ndi.AudioFrameV3()
        self._audio.sample_rate = SAMPLE_RATE

    def send(self, picture: CanvasPicture, now: float) -> None:
        """Send a picture; the runtime copies it."""
        if self._video is not None:
            self._video.data = keyed(picture.pixels) if self._keyed else picture.pixels
            self._video.timecode = self._timecode(picture.time)
            ndi.send_send_video_v2(self._sender, self._video)

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        """Send the sound without a gap; silence where there is none."""
        if self._audio is None:
            return
        begun = self._sound.position
        pieces = [self._sound.place(block) for block in blocks if block.time <= now]
        pieces.append(self._sound.fill(now - LATE))
        samples = np.concatenate(pieces)
        if len(samples):
            self._audio.data = np.ascontiguousarray(samples.T)
            self._audio.timecode = self._timecode(self._start + begun / SAMPLE_RATE)
            ndi.send_send_audio_v3(self._sender, self._audio)

    def close(self) -> None:
        """Take the sender off the network."""
        sender, self._sender, self._video, self._audio = self._sender, None, None, None
        if sender is not None:
            ndi.send_destroy(sender)

    def _timecode(self, at: float) -> int:
        """Return the wall-clock time of `at` (s on the show's clock), in ticks."""
        return round((self._wall + at) * TICKS)


def keyed(pixels: np.ndarray) -> np.ndarray:
    """Return a picture keyed by its light: black is clear. uint8 (H, W, 4) RGBA with straight alpha.

    Over black it looks as before: alpha is the brightest channel, by which the colours are divided.
    """
    alpha = pixels[..., :3].max(axis=2)
    colours = pixels[..., :3].astype(np.uint16) * 255 // np.maximum(alpha, 1)[..., None]
    return np.concatenate([colours.astype(np.uint8), alpha[..., None]], axis=2)
