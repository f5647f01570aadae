"""Plays a clip in time, in a loop, as pictures. PyAV; runs in the sources' process.

A picture is shown when it is due by the clock. What is late is left out: first its conversion, then, if the machine
decodes slower than the clip plays, everything up to a key frame further on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from livemusviz.errors import UserError
from livemusviz.sources.fitting import FrameFitter, Size
from livemusviz.sources.reader import BREATH, PictureRateLimit, Pictures, Sleep, Time, ffmpeg_reason

LATE = 0.1  # s, after which a picture is left out
FAR_BEHIND = 1.5  # s, after which the decoder jumps ahead
BAD_PACKETS = 200  # in a row, after which a clip counts as unplayable


class Clip:
    """One clip at the size (width, height) of a generated frame."""

    def __init__(self, path: Path, size: Size, clock: Time, sleep: Sleep) -> None:
        self._path, self._fitter = path, FrameFitter(size)
        self._clock, self._sleep = clock, sleep
        self._rate = PictureRateLimit()

    def play(self, resume: float = 0.0) -> Pictures:
        """Yield the pictures from `resume` s after the beginning on, for ever. UserError if not one can be decoded."""
        began = self._clock() - resume  # of the pass that plays, s
        while True:
            length = 0.0
            for item in self._once(began):
                if isinstance(item, float):
                    length = item
                else:
                    yield item
            if length <= 0.0:  # a single picture
                while True:
                    self._sleep(BREATH)
                    yield None
            began += length * max(1, int((self._clock() - began) / length))

    def _once(self, began: float) -> Iterator[np.ndarray | None | float]:
        """Yield the pictures of one pass that began at time `began`, then its length, s."""
        shown, length = 0, 0.0
        try:
            with open_clip(self._path) as file:
                stream = picture_stream(self._path, file)
                aspect = float(stream.sample_aspect_ratio or 1)
                step = float(1 / stream.average_rate) if stream.average_rate else 0.04
                first: float | None = None
                total = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
                for frame in self._frames(file, stream, began, total):
                    if frame is None:
                        yield None
                        continue
                    time = frame.time if frame.time is not None else length
                    first = (stream.start_time or 0) * float(stream.time_base or 0) if first is None else first
                    at = max(0.0, time - first)
                    length = max(length, at + step)
                    yield from self._wait_until(began + at)
                    now = self._clock()
                    if shown == 0 or (now - began - at < LATE and self._rate.passes(now)):
                        shown += 1
                        yield self._fitter.fit(frame, aspect)
        except av.FFmpegError as error:
            raise UserError(f"{self._path}: cannot be played ({ffmpeg_reason(error)})") from None
        if not shown:
            raise UserError(f"{self._path}: not one picture of it can be decoded; convert it to H.264 in MP4")
        yield length if shown > 1 else 0.0
        yield from self._wait_until(began + length)

    def _frames(
        self, file: av.container.InputContainer, stream: av.VideoStream, began: float, total: float
    ) -> Iterator[av.VideoFrame | None]:
        """Yield the frames; None for a packet that cannot be decoded, and after a jump."""
        start = (stream.start_time or 0) * float(stream.time_base or 0)
        bad, again = 0, True
        while again:
            again = False
            for packet in file.demux(stream):
                try:
                    frames = packet.decode()
                    bad = 0
                except av.FFmpegError:
                    bad += 1
                    frames = []
                    yield None
                if bad > BAD_PACKETS:
                    raise UserError(f"{self._path}: its pictures are damaged; convert it to H.264 in MP4")
                for frame in frames:
                    if isinstance(frame, av.VideoFrame):
                        yield frame
                behind = self._clock() - began - (float((packet.pts or 0) * (packet.time_base or 0)) - start)
                due = self._clock() - began
                if packet.pts is not None and behind > FAR_BEHIND and due < total and stream.time_base:
                    file.seek(int((due + start) / float(stream.time_base)), stream=stream)
                    yield None
                    again = True
                    break

    def _wait_until(self, time: float) -> Iterator[None]:
        while (rest := time - self._clock()) > 0.0:
            self._sleep(min(rest, BREATH))
            if rest > BREATH:
                yield None


def open_clip(path: Path) -> av.container.InputContainer:
    """Open a file whatever its name: FFmpeg would take what stands before a colon for a protocol. Nothing that it names
    in turn is fetched from the network."""
    return av.open(f"file:{path}", metadata_errors="ignore", options={"protocol_whitelist": "file"})


def picture_stream(path: Path, file: av.container.InputContainer) -> av.VideoStream:
    """Return the moving pictures of a file, decoded on one thread. UserError if it has none."""
    for stream in file.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if not stream.codec_context:
                raise UserError(f"{path}: its pictures cannot be decoded; convert it to H.264 in MP4")
            stream.codec_context.thread_count = 1  # the other cores are the model's
            return stream
    raise UserError(f"{path}: there are no moving pictures in it; give a clip, or a still picture without 'video:'")
