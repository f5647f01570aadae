"""Reads a camera or a screen, the newest picture first. PyAV; runs in the sources' process.

A driver that hangs holds this process alone; the show's side ends it and starts another.
"""

from __future__ import annotations

from collections.abc import Callable

import av

from livemusviz.errors import UserError
from livemusviz.sources.devices import Device
from livemusviz.sources.fitting import FrameFitter, Size
from livemusviz.sources.reader import PictureRateLimit, Pictures, Sleep, Time, ffmpeg_reason

Open = Callable[[Device], av.container.InputContainer]
LAG = 0.15  # s that pictures may lie in the driver's queue before they are left out
SETTLED = 0.1  # s a second, by which the estimate of an empty queue forgets
WAIT = 0.004  # s, where a driver has nothing yet
BAD_PICTURES = 100  # in a row, after which a camera counts as lost
INTRA = frozenset(("rawvideo", "mjpeg", "v210", "bitpacked"))  # codecs of which any picture may be left out


def open_device(device: Device) -> av.container.InputContainer:
    """Open a device. av.FFmpegError if the system refuses."""
    return av.open(device.url, format=device.format, options=dict(device.options))


class PictureCapture:
    """One device at the size (width, height) of a generated frame."""

    def __init__(self, device: Device, size: Size, clock: Time, sleep: Sleep, open_with: Open = open_device) -> None:
        self._device, self._clock, self._sleep, self._open = device, clock, sleep, open_with
        self._fitter, self._rate = FrameFitter(size), PictureRateLimit()
        self._queue = QueueLag()

    def read(self) -> Pictures:
        """Yield the pictures. UserError when the device cannot be opened, or has gone."""
        where = f"{self._device.kind} '{self._device.name}'"
        try:
            container = self._open(self._device)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"{where}: {_refused(error)}") from None
        with container:
            if not container.streams.video:
                raise UserError(f"{where}: delivers no pictures; choose another")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # the other cores are the model's
            intra = stream.codec_context.codec.name in INTRA
            yield None
            try:
                yield from self._pictures(container, stream, intra)
            except (av.FFmpegError, OSError) as error:
                raise UserError(f"{where}: is gone ({ffmpeg_reason(error)}); looking for it") from None
        raise UserError(f"{where}: is gone; looking for it")

    def _pictures(self, container: av.container.InputContainer, stream: av.VideoStream, intra: bool) -> Pictures:
        packets, bad = container.demux(stream), 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.BlockingIOError:  # AVFoundation: nothing yet
                self._sleep(WAIT)
                packets = container.demux(stream)
                yield None
                continue
            stamp = None if packet.pts is None or packet.time_base is None else float(packet.pts * packet.time_base)
            if intra and self._queue.is_late(self._clock(), stamp):
                yield None
                continue
            try:
                frames = [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
            except av.FFmpegError:
                frames = []
            bad = 0 if frames else bad + 1
            if bad > BAD_PICTURES:
                raise UserError(f"{self._device.kind} '{self._device.name}': its pictures cannot be decoded")
            if frames and self._rate.passes(self._clock()):
                yield self._fitter.fit(frames[-1], float(stream.sample_aspect_ratio or 1))
            else:
                yield None


class QueueLag:
    """Notices pictures that have waited in a driver's queue, by how much later they come than the promptest one."""

    def __init__(self) -> None:
        self._least: float | None = None  # s, clock minus time stamp
        self._last = 0.0

    def is_late(self, now: float, stamp: float | None) -> bool:
        """Return True for a picture that is too old to be shown. now : s.  stamp : the driver's time stamp, s."""
        if stamp is None:
            return False
        lag = now - stamp
        if self._least is None or lag < self._least:
            self._least = lag
        else:
            self._least = min(lag, self._least + SETTLED * max(0.0, now - self._last))  # the two clocks may drift
        self._last = now
        return lag - self._least > LAG


def _refused(error: Exception) -> str:
    if isinstance(error, BlockingIOError | av.BlockingIOError) or getattr(error, "errno", 0) == 16:
        return "is in use by another program; close that one, or choose another"
    if isinstance(error, PermissionError):
        return "may not be opened; allow this program the camera (Linux: the group 'video')"
    return f"cannot be opened ({ffmpeg_reason(error)}); choose another"
