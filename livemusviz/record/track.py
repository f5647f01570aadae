"""Any sound file as samples at the show's rate, for the offline render. PyAV; the caller's thread; constant memory.

In: a path. Out: float32 (n, CHANNELS) blocks at SAMPLE_RATE that follow on without a gap. Time 0 is the first sample a
player would let you hear: what a codec puts in front to warm up is left out. A damaged stretch becomes silence of the
same length, so that what follows it stays in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE
from livemusviz.errors import UserError

HOURS_MAX = 12.0
JITTER = 0.04  # s that a frame's time stamp may be off before it counts as a gap
GAP_MAX = 60.0  # s of silence for one gap; time stamps beyond that are not believed


@dataclass(frozen=True, slots=True)
class Track:
    """What a file says of its sound. seconds : 0 if it does not say.  rate : Hz.  video : it has pictures that move."""

    path: Path
    codec: str
    rate: int
    channels: int
    seconds: float
    video: bool


def probe(path: Path) -> Track:
    """What is in the file. UserError if it is missing, empty, too long, or holds no sound that can be read."""
    if not path.is_file():
        raise UserError(f"{path}: no such sound file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty (0 bytes)")
    try:
        with av.open(str(path), metadata_errors="ignore") as file:
            return _describe(path, file)
    except (av.FFmpegError, ValueError) as error:
        raise UserError(
            f"{path}: not a sound file that can be read ({_reason(error)}); give WAV, FLAC, MP3, Ogg or M4A"
        ) from None


def _describe(path: Path, file: av.container.InputContainer) -> Track:
    video = any(not stream.disposition & av.stream.Disposition.attached_pic for stream in file.streams.video)
    if not file.streams.audio:
        raise UserError(f"{path}: {'a video without sound' if video else 'there is no sound in it'}; give a sound file")
    stream = file.streams.audio[0]
    if not stream.codec_context:
        raise UserError(f"{path}: its sound is of a kind that cannot be decoded; convert it to WAV or FLAC first")
    if not stream.rate or not stream.channels:
        raise UserError(f"{path}: its sound has no rate or no channels; convert it to WAV or FLAC first")
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif file.duration:
        seconds = file.duration / av.time_base
    if seconds > HOURS_MAX * 3600:
        raise UserError(f"{path}: {seconds / 3600:.1f} hours long; the limit is {HOURS_MAX:g}")
    return Track(path, stream.codec_context.codec.canonical_name, stream.rate, stream.channels, seconds, video)


class TrackReader:
    """Reads a track once through `blocks`.

    origin : s, the time stamp of the first sample in the file; known after the first block.
    damage : packets that could not be decoded.  damaged_at : s, where the first of them was, or None.
    """

    def __init__(self, track: Track) -> None:
        self.track = track
        self.origin = Fraction(0)
        self.damage = 0
        self.damaged_at: float | None = None
        self._samples = 0  # decoded so far, at the track's own rate

    def blocks(self) -> Iterator[np.ndarray]:
        """float32 (n, CHANNELS) at SAMPLE_RATE. UserError if not one sample can be decoded."""
        resample, rate = _resampler(), 0
        for frame in self._frames():
            if rate and frame.sample_rate != rate:  # a chained stream: what is held back belongs to the old rate
                yield from _samples(resample.resample(None))
                resample = _resampler()
            rate = frame.sample_rate
            silence = self._gap(frame)
            if silence > 0:
                yield from _samples(resample.resample(None))
                resample = _resampler()
                yield np.zeros((round(silence * SAMPLE_RATE), CHANNELS), np.float32)
            self._samples += frame.samples + round(silence * rate)
            frame.pts = None
            yield from _samples(resample.resample(frame))
        if not self._samples:
            raise UserError(f"{self.track.path}: not one sample of its sound can be decoded; the file is damaged")
        yield from _samples(resample.resample(None))

    def _frames(self) -> Iterator[av.AudioFrame]:
        with av.open(str(self.track.path), metadata_errors="ignore") as file:
            stream = file.streams.audio[0]
            packets = file.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                    frames = packet.decode() if packet is not None else []
                except av.FFmpegError:
                    self.damage += 1
                    if self.damaged_at is None:
                        self.damaged_at = self._samples / (stream.rate or SAMPLE_RATE)
                    continue
                if packet is None:
                    return
                for frame in frames:
                    if isinstance(frame, av.AudioFrame) and frame.samples:
                        yield frame

    def _gap(self, frame: av.AudioFrame) -> float:
        """Seconds missing before `frame`."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        time = Fraction(frame.pts * frame.time_base)
        if not self._samples:
            self.origin = time
        gap = float(time - self.origin) - self._samples / frame.sample_rate
        return gap if JITTER < gap <= GAP_MAX else 0.0


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)


def _samples(frames: list[av.AudioFrame]) -> Iterator[np.ndarray]:
    for frame in frames:
        if frame.samples:
            yield frame.to_ndarray().reshape(-1, CHANNELS)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0][:80]
