"""Decodes any sound file at the show's rate, for shows and films. PyAV; the caller's thread; constant memory.

In: a path. Out: float32 (n, CHANNELS) blocks at SAMPLE_RATE without gaps. Time 0 is the first sample that a player
plays: the samples that a codec adds in front to warm up are left out. A damaged stretch becomes silence of the same
length, so that the sound after it stays in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from livemusviz.audio.channel_layout import floats, mix
from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE
from livemusviz.errors import UserError

HOURS_MAX = 12.0
GIVE = "give WAV, FLAC, MP3, Ogg or M4A"
RATES = (1000, 768_000)  # Hz
LEAST_BYTES = 100  # a second of the sparest codec; a header that promises more sound than that lies
JITTER = 0.04  # s that a frame's time stamp may be off before it counts as a gap
GAP_MAX = 60.0  # s of silence for one gap; time stamps beyond that are not believed


@dataclass(frozen=True, slots=True)
class Track:
    """Holds what a file declares of its sound.

    path : the file.
    codec : FFmpeg's name.
    rate : Hz.
    channels : number of channels.
    seconds : its length; 0 if the file does not tell.
    video : True if it has moving pictures.
    """

    path: Path
    codec: str
    rate: int
    channels: int
    seconds: float
    video: bool


def probe(path: Path) -> Track:
    """Return what the file declares. UserError if it is missing, empty, too long, or has no sound that can be read."""
    if not path.is_file():
        raise UserError(f"{path}: no such sound file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty (0 bytes)")
    try:
        with open_media(path) as file:
            return _describe(path, file)
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"{path}: not a sound file that can be read ({_reason(error)}); {GIVE}") from None


def open_media(path: Path) -> av.container.InputContainer:
    """Open a file to be read, whatever its name: FFmpeg would read the text before a colon as a protocol. Files that it
    refers to are not fetched from the network."""
    return av.open(media_name(path), metadata_errors="ignore", options={"protocol_whitelist": "file"})


def media_name(path: Path) -> str:
    """Return a path as FFmpeg's name of a plain file."""
    return f"file:{path}"


def _describe(path: Path, file: av.container.InputContainer) -> Track:
    video = any(not stream.disposition & av.stream.Disposition.attached_pic for stream in file.streams.video)
    if not file.streams.audio:
        raise UserError(f"{path}: {'a video without sound' if video else 'there is no sound in it'}; {GIVE}")
    stream = file.streams.audio[0]
    if not stream.codec_context:
        raise UserError(f"{path}: its sound is of a kind that cannot be decoded; convert it to WAV or FLAC first")
    if not stream.rate or not stream.channels:
        raise UserError(f"{path}: its sound has no rate or no channels; convert it to WAV or FLAC first")
    if not RATES[0] <= stream.rate <= RATES[1]:
        raise UserError(f"{path}: its sound has {stream.rate} samples a second; {RATES[0]} to {RATES[1]} are read")
    if not any(frame is not None for frame in _decoded(file, stream)):
        raise UserError(f"{path}: there is no sound in it that can be decoded; {GIVE}")
    seconds = _seconds(path, file, stream)
    if seconds > HOURS_MAX * 3600:
        raise UserError(f"{path}: {seconds / 3600:.1f} hours long; the limit is {HOURS_MAX:g}")
    return Track(path, stream.codec_context.codec.canonical_name, stream.rate, stream.channels, seconds, video)


def _decoded(file: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame | None]:
    """Yield the frames of a file; None for a packet that cannot be decoded."""
    packets = file.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet is not None else []
        except av.FFmpegError:
            yield None
            continue
        if packet is None:
            return
        yield from (frame for frame in frames if isinstance(frame, av.AudioFrame) and frame.samples)


def _seconds(path: Path, file: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Return the length of the sound by its header; 0 if there is none or it cannot be true.

    Some headers are written before the end is known, or by a program that was killed.
    """
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif file.duration:
        seconds = file.duration / av.time_base
    return seconds if 0.0 <= seconds * LEAST_BYTES <= path.stat().st_size else 0.0


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
        """Yield float32 (n, CHANNELS) at SAMPLE_RATE. UserError if not one sample can be decoded."""
        resample, rate = _Resampler(), 0
        for frame in self._frames():
            silence = self._gap(frame)
            if silence > 0 or (rate and frame.sample_rate != rate):
                # a gap, or a chained stream: what is held back belongs before it
                yield from resample.rest()
                resample = _Resampler()
                yield np.zeros((round(silence * SAMPLE_RATE), CHANNELS), np.float32)
            rate = frame.sample_rate
            self._samples += frame.samples + round(silence * rate)
            yield from resample(stereo(frame), rate)
        if not self._samples:
            raise UserError(f"{self.track.path}: not one sample of its sound can be decoded; the file is damaged")
        yield from resample.rest()

    def _frames(self) -> Iterator[av.AudioFrame]:
        with open_media(self.track.path) as file:
            stream = file.streams.audio[0]
            for frame in _decoded(file, stream):
                if frame is not None:
                    yield frame
                    continue
                self.damage += 1
                if self.damaged_at is None:
                    self.damaged_at = self._samples / (stream.rate or SAMPLE_RATE)

    def _gap(self, frame: av.AudioFrame) -> float:
        """Return the seconds missing before `frame`."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        time = Fraction(frame.pts * frame.time_base)
        if not self._samples:
            self.origin = time
        gap = float(time - self.origin) - self._samples / frame.sample_rate
        return gap if JITTER < gap <= GAP_MAX else 0.0


def stereo(frame: av.AudioFrame) -> np.ndarray:
    """Return a decoded frame, mixed down: float32 (n, CHANNELS) at the frame's own rate."""
    names = [channel.name for channel in frame.layout.channels]
    samples = frame.to_ndarray()
    apart = samples.T if frame.format.is_planar else samples.reshape(-1, len(names))
    return np.ascontiguousarray(mix(floats(apart), names))


def stereo_frame(frame: av.AudioFrame) -> av.AudioFrame:
    """Return the same as a frame of two channels of float32."""
    return _frame(stereo(frame), frame.sample_rate)


def _frame(sound: np.ndarray, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate = rate
    return frame


class _Resampler:
    """Resamples sound of one rate to the show's; `rest` returns the samples that it holds back."""

    def __init__(self) -> None:
        self._inner = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)

    def __call__(self, sound: np.ndarray, rate: int) -> Iterator[np.ndarray]:
        """sound : float32 (n, CHANNELS) at `rate`, Hz."""
        yield from self._samples(self._inner.resample(_frame(sound, rate)))

    def rest(self) -> Iterator[np.ndarray]:
        yield from self._samples(self._inner.resample(None))

    def _samples(self, frames: list[av.AudioFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            if frame.samples:
                yield frame.to_ndarray().reshape(-1, CHANNELS)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0][:80]
