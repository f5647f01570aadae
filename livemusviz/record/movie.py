"""Writes the file of an offline render: H.264 in independent segments, and the track's own sound. One thread.

In: RGBA pictures in the order of their grid. Out: a hybrid MP4, MOV or Matroska file that plays at any moment up to its
last second. Each segment has an encoder of its own, so a render that was interrupted and goes on at the start of a
segment gives the same pictures as one that ran through.

The track's packets are copied as they are wherever the container takes its codec. Integer PCM becomes FLAC where it
does not (the same samples, losslessly), anything else AAC.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from livemusviz.audio.track import Track, media_name, open_media, stereo_frame
from livemusviz.bridge.sound import CHANNELS
from livemusviz.errors import UserError
from livemusviz.record import h264

log = logging.getLogger(__name__)

SUFFIXES = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
CODECS = ("libx264", "h264_videotoolbox", "h264_nvenc")  # x264 first: the same bits on every run
# x264 without mbtree: with it the last macroblock depends on what lies in memory behind it, so once in some 500
# segments the same pictures made other bits.
OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "17", "mbtree": "0"},
    "h264_videotoolbox": {"q:v": "75"},
    "h264_nvenc": {"preset": "p5", "rc": "vbr", "cq": "18"},
}
_MOV = {  # delay_moov: the edit list that hides a codec's warm-up needs the first packets
    "movflags": "+hybrid_fragmented+frag_keyframe+delay_moov",
    "frag_duration": "1000000",  # microseconds
    "flush_packets": "1",
}
CONTAINERS = {"mp4": _MOV, "mov": _MOV, "matroska": {"cluster_time_limit": "1000", "flush_packets": "1"}}
COPIED = {  # the codecs whose packets go into the container as they are
    "mp4": frozenset({"aac", "mp3", "flac", "alac", "opus", "ac3", "eac3"}),
    "mov": frozenset({"aac", "mp3", "alac", "ac3", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_s16be"}),
    "matroska": frozenset(
        {"aac", "mp3", "flac", "alac", "opus", "vorbis", "ac3", "eac3"}
        | {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}
    ),
}
_FLAC_FORMATS = {"pcm_u8": "s16", "pcm_s16le": "s16", "pcm_s16be": "s16", "pcm_s24le": "s32", "pcm_s24be": "s32"}
AAC_BIT_RATE = 320_000


@dataclass(frozen=True, slots=True)
class MovieSettings:
    """width, height : pixels, even.  fps : of the grid, exact.  codec : one of `CODECS`."""

    width: int
    height: int
    fps: Fraction
    codec: str = CODECS[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


class Movie:
    """Writes `path` (truncated first): `picture` for each picture, `cut` where a segment ends, `close` once.

    OSError if the disk refuses. sound : "copy", "flac" or "aac", the treatment of the track's sound.
    """

    def __init__(self, path: Path, settings: MovieSettings, track: Track, origin: Fraction) -> None:
        """origin : s, the time stamp of the track's first sample, as `TrackReader` found it."""
        self.settings = settings
        kind = container_of(path)
        self.sound = sound_plan(track, kind)
        self._file = av.open(media_name(path), "w", format=kind, options=CONTAINERS[kind])
        # This stream's own encoder only writes the header; each segment has one like it.
        video = self._file.add_stream(settings.codec, rate=settings.fps, options=OPTIONS[settings.codec])
        self._video = cast(av.VideoStream, video)
        _configure(self._video.codec_context, settings)
        self._sound = _SOUNDS[self.sound](self._file, track, origin)
        self._encoder: av.VideoCodecContext | None = None
        self._held = self._sound.packets()
        self._packet = next(self._held, None)
        self._video_dts = Fraction(0)

    def picture(self, pixels: np.ndarray, slot: int) -> None:
        """Encode uint8 (H, W, 4) RGBA, top row first, of the settings' size, as picture `slot` of the grid."""
        if self._encoder is None:
            self._encoder = _open_encoder(self.settings)
        frame = h264.converted(pixels, self.settings.size)
        frame.pts, frame.time_base = slot, 1 / self.settings.fps
        self._mux_video(self._encoder.encode(frame))

    def cut(self) -> None:
        """End the segment: everything so far is encoded, and the next picture does not depend on it."""
        if self._encoder is not None:
            self._mux_video(self._encoder.encode(None))
            self._encoder = None

    def take_over(self, previous: Path, pictures: int) -> bool:
        """Begin with the first `pictures` pictures of a file that the same settings wrote; False if it has fewer.

        Call it before the first `picture`; after False this movie is of no use.
        """
        try:
            return self._take_over(previous, pictures)
        except av.InvalidDataError:  # killed before there was anything to play
            return False

    def _take_over(self, previous: Path, pictures: int) -> bool:
        with open_media(previous) as old:
            stream = old.streams.video[0]
            plain = BitStreamFilterContext("h264_mp4toannexb", stream)  # as the encoder's own packets are
            count, first = 0, None
            for packet in old.demux(stream):
                if packet.pts is None:
                    continue
                time = packet.pts * packet.time_base
                first = time if first is None else first
                slot = round((time - first) * self.settings.fps)
                if slot != count or slot >= pictures:
                    break
                count += 1
                for ready in plain.filter(packet):
                    ready.time_base = 1 / self.settings.fps
                    ready.pts = ready.dts = slot
                    self._mux_video([ready])
            return count == pictures

    def close(self, seconds: float) -> None:
        """Finish: the sound up to `seconds` (s), then an ordinary file. The file is closed even if that fails."""
        try:
            self.cut()
            self._sound_to(Fraction(seconds))
        finally:
            self._file.close()

    def _mux_video(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.stream = self._video
            if packet.dts is not None:
                self._sound_to(Fraction(packet.dts * packet.time_base))
            self._file.mux(packet)

    def _sound_to(self, time: Fraction) -> None:
        while self._packet is not None and (self._packet.dts or 0) * self._packet.time_base < time:
            self._file.mux(self._packet)
            self._packet = next(self._held, None)


class _CopiedSound:
    """Copies the track's packets, moved so that its first sample is at time 0."""

    def __init__(self, file: av.container.OutputContainer, track: Track, origin: Fraction) -> None:
        self._source = open_media(track.path)
        self._from = self._source.streams.audio[0]
        self._stream = file.add_stream_from_template(self._from)
        self._shift = round(origin / Fraction(self._from.time_base or 1))
        # Raw AAC (ADTS) repeats in each packet what a container stores once.
        raw = track.codec == "aac" and not self._from.codec_context.extradata
        self._filter = BitStreamFilterContext("aac_adtstoasc", self._from, self._stream) if raw else None

    def packets(self) -> Iterator[Any]:
        try:
            for packet in self._source.demux(self._from):
                if packet.dts is None or packet.pts is None:
                    continue
                for ready in [packet] if self._filter is None else self._filter.filter(packet):
                    ready.pts, ready.dts = (ready.pts or 0) - self._shift, (ready.dts or 0) - self._shift
                    ready.stream = self._stream
                    yield ready
        except av.FFmpegError as error:
            log.warning("the end of the sound could not be copied: %s", error)
        finally:
            self._source.close()


class _EncodedSound:
    """Decodes the track and encodes it again."""

    def __init__(self, file: av.container.OutputContainer, track: Track, codec: str, format: str, rate: int) -> None:
        layout = "mono" if track.channels == 1 else "stereo"
        self._track, self._format, self._layout, self._rate = track, format, layout, rate
        self._stream = cast(av.AudioStream, file.add_stream(codec, rate=rate, layout=layout))
        if codec == "aac":
            self._stream.codec_context.bit_rate = AAC_BIT_RATE
        self._stream.codec_context.format = format
        self._done = 0

    def packets(self) -> Iterator[Any]:
        convert = av.AudioResampler(format=self._format, layout=self._layout, rate=self._rate)
        with open_media(self._track.path) as source:
            try:
                for frame in source.decode(source.streams.audio[0]):
                    frame.pts = None
                    two = stereo_frame(frame) if self._track.channels > CHANNELS else frame
                    yield from self._encode(convert.resample(two))
            except av.FFmpegError as error:
                log.warning("the end of the sound could not be read: %s", error)
        yield from self._encode(convert.resample(None))
        yield from self._stream.encode(None)

    def _encode(self, frames: list[av.AudioFrame]) -> Iterator[Any]:
        for frame in frames:
            frame.pts, frame.time_base = self._done, Fraction(1, self._rate)
            self._done += frame.samples
            yield from self._stream.encode(frame)


def _flac(file: av.container.OutputContainer, track: Track, origin: Fraction) -> _EncodedSound:
    return _EncodedSound(file, track, "flac", _FLAC_FORMATS[track.codec], track.rate)


def _aac(file: av.container.OutputContainer, track: Track, origin: Fraction) -> _EncodedSound:
    return _EncodedSound(file, track, "aac", "fltp", track.rate if track.rate in (44100, 48000) else 48000)


_SOUNDS: dict[str, Any] = {"copy": _CopiedSound, "flac": _flac, "aac": _aac}


def container_of(path: Path) -> str:
    """Return FFmpeg's name of the container that the suffix asks for. UserError for another suffix."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path}: a video is a {', '.join(SUFFIXES)} file; give one of those suffixes")
    return SUFFIXES[suffix]


def sound_plan(track: Track, container: str) -> str:
    """Return "copy", "flac" (the same samples) or "aac" (not to the bit)."""
    if track.codec in COPIED[container]:
        return "copy"
    flac = container != "mov" and track.codec in _FLAC_FORMATS and track.channels <= 2
    return "flac" if flac else "aac"


def choose_film_codec(settings: MovieSettings, names: tuple[str, ...] = CODECS) -> str:
    """Return the first of `names` that opens at this size. UserError if none does."""
    try:
        return h264.first_that_opens(names, lambda name: _open_encoder(replace(settings, codec=name)), settings.size)
    except OSError as error:
        raise UserError(str(error)) from None


def _open_encoder(settings: MovieSettings) -> av.VideoCodecContext:
    context = h264.new_context(settings.codec)
    _configure(context, settings)
    context.options = OPTIONS[settings.codec]
    context.flags |= av.codec.context.Flags.global_header  # as the file's own stream
    context.open()
    return context


def _configure(context: av.VideoCodecContext, settings: MovieSettings) -> None:
    # One second: a fragment starts with a key frame.
    h264.configure(context, settings.size, settings.fps, group=max(1, round(settings.fps)))
    context.flags |= av.codec.context.Flags.closed_gop
