"""Encodes pictures and sound into a container: H.264 and AAC, in a file or a stream. One thread at a time; loads PyAV.

In: RGBA pictures with their place on a constant-rate grid, float32 samples that follow on. Out: the file of a live
recording (hybrid MP4 or Matroska, readable up to its last second at any moment), or any container that is given.
Colours are converted to and tagged as BT.709, limited range. Errors of the disk are `OSError`s; PyAV's own derive from
it or from `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType

from livemusviz.audio.track import media_name
from livemusviz.bridge.packets import EncodedPicture
from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE
from livemusviz.record import h264
from livemusviz.record.settings import EncoderSettings

OPTIONS: dict[str, dict[str, str]] = {
    "h264_videotoolbox": {"realtime": "1", "q:v": "65"},
    "h264_nvenc": {"preset": "p4", "tune": "ll", "rc": "vbr", "cq": "20"},
    # zerolatency: no look-ahead and no B frames, so that nothing is held back when the process is killed
    "libx264": {"crf": "20", "tune": "zerolatency"},
}
CONTAINERS = {  # by suffix: FFmpeg's name and its options
    ".mp4": (
        "mp4",
        {
            "movflags": "+hybrid_fragmented+frag_keyframe",
            "frag_duration": "500000",  # microseconds
            "flush_packets": "1",
        },
    ),
    ".mkv": ("matroska", {"cluster_time_limit": "500", "flush_packets": "1"}),  # milliseconds
}
AUDIO_BIT_RATE = 192_000
AUDIO_FRAMES = {"aac": 1024, "libopus": 960}  # samples of a packet
TICK = Fraction(1, 90_000)  # s, of pictures that are relayed


class ContainerEncoder:
    """Writes into an open container until `close`. OSError if no encoder works.

    frames : pictures encoded so far.  on_packet : gets every encoded picture, its time counted from slot 0.
    key_next : True makes the next picture a key frame.
    """

    def __init__(self, file: OutputContainer, settings: EncoderSettings, audio: str = "aac") -> None:
        """audio : "aac" or "libopus"."""
        self._size = _even_size(settings)
        self.codec = choose_codec(settings)
        self.frames, self.key_next = 0, False
        self.on_packet: Callable[[EncodedPicture], object] | None = None
        self._limit = settings.bit_rate or 0
        self._samples = np.zeros((0, CHANNELS), np.float32)
        self._written = 0  # samples given to the audio encoder
        self._last: tuple[np.ndarray | None, av.VideoFrame | None] = (None, None)
        self._file = file
        video = file.add_stream(self.codec, rate=settings.fps, options=_options(self.codec, settings))
        self._video = cast(av.VideoStream, video)
        _configure(self._video.codec_context, settings)
        sound = file.add_stream(audio, rate=SAMPLE_RATE, layout="stereo", bit_rate=AUDIO_BIT_RATE)
        self._audio = cast(av.AudioStream, sound)
        self._audio_frame = AUDIO_FRAMES[audio]
        self._video_base, self._audio_base = Fraction(1, settings.fps), Fraction(1, SAMPLE_RATE)

    def begin(self) -> None:
        """Open the encoders, connect and write the container's head; otherwise the first packet does."""
        self._file.start_encoding()

    def video(self, pixels: np.ndarray, slot: int) -> None:
        """Encode uint8 (H, W, 4) RGBA, top row first, as picture `slot` of the grid; another size is scaled."""
        previous, frame = self._last
        if frame is None or pixels is not previous:
            height, width = pixels.shape[0] & ~1, pixels.shape[1] & ~1
            frame = h264.converted(pixels[:height, :width], self._size)
            self._last = (pixels, frame)
        frame.pts, frame.time_base = slot, self._video_base
        frame.pict_type = PictureType.I if self.key_next else PictureType.NONE
        self.key_next = False
        self._mux_video(self._video.encode(frame))
        self.frames += 1

    @property
    def header(self) -> bytes:
        """Return SPS and PPS, where the container holds them once; b"" where each key frame has them."""
        return bytes(self._video.codec_context.extradata or b"")

    def relay(self, picture: EncodedPicture, at: float) -> None:
        """Write a picture that another encoder has made, `at` s after slot 0."""
        packet = av.Packet(picture.header + picture.data if picture.key else picture.data)
        packet.stream, packet.time_base = self._video, TICK
        packet.pts = packet.dts = round(at / TICK)
        packet.duration = round(self._video_base / TICK)
        packet.is_keyframe = picture.key
        self._file.mux(packet)

    def _mux_video(self, packets: list[av.Packet]) -> None:
        """Write encoded pictures. `on_packet` has them first: the container takes their bytes."""
        if self.on_packet is not None:
            for packet in packets:
                time = float((packet.pts or 0) * self._video.codec_context.time_base)
                header = self.header
                self.on_packet(EncodedPicture(bytes(packet), header, packet.is_keyframe, time, self._limit))
        self._file.mux(packets)

    def audio(self, samples: np.ndarray) -> None:
        """Append float32 (n, CHANNELS) in [-1, 1]; what is outside or not a number is brought inside."""
        self._samples = np.concatenate([self._samples, np.clip(np.nan_to_num(samples), -1.0, 1.0)])
        whole = len(self._samples) - len(self._samples) % self._audio_frame
        for begin in range(0, whole, self._audio_frame):
            self._encode_audio(self._samples[begin : begin + self._audio_frame])
        self._samples = self._samples[whole:]

    def close(self) -> None:
        """Write what is held back and finish the container. It is closed even if that fails."""
        try:
            if len(self._samples):
                self._encode_audio(self._samples)
                self._samples = self._samples[:0]
            self._mux_audio(None)
            self._mux_video(self._video.encode(None))
        finally:
            self._file.close()

    def _encode_audio(self, samples: np.ndarray) -> None:
        planes = np.ascontiguousarray(samples.T, np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self._written, self._audio_base
        self._written += len(samples)
        self._mux_audio(frame)

    def _mux_audio(self, frame: av.AudioFrame | None) -> None:
        """AAC's first packet lies before time 0 and only warms the decoder up. Left in, it would make the muxer move
        both streams by its 21 ms, and the pictures off their grid."""
        self._file.mux([packet for packet in self._audio.encode(frame) if packet.pts is None or packet.pts >= 0])


class LiveEncoder(ContainerEncoder):
    """Writes the file `path` (truncated first), an ordinary one once closed. OSError if it cannot be opened."""

    def __init__(self, path: Path, settings: EncoderSettings) -> None:
        kind, container = CONTAINERS[path.suffix.lower()]
        super().__init__(av.open(media_name(path), "w", format=kind, options=container), settings)


def choose_codec(settings: EncoderSettings) -> str:
    """Return the first of `settings.codecs` that opens at this size. OSError if none does."""

    def open_encoder(codec: str) -> None:
        context = h264.new_context(codec)
        _configure(context, settings)
        context.options = _options(codec, settings)
        context.open()

    return h264.first_that_opens(settings.codecs, open_encoder, _even_size(settings))


def _options(codec: str, settings: EncoderSettings) -> dict[str, str]:
    """Return the options of one encoder; only x264 takes the effort's preset, the others have hardware of their own."""
    options = dict(OPTIONS.get(codec, {}))
    if codec == "libx264":
        options["preset"] = settings.effort.preset
    if settings.bit_rate is not None:
        options["maxrate"], options["bufsize"] = str(settings.bit_rate), str(settings.bit_rate)
    return options


def _configure(context: av.VideoCodecContext, settings: EncoderSettings) -> None:
    group = max(1, round(settings.key_period * settings.fps))
    h264.configure(context, _even_size(settings), Fraction(settings.fps), group)
    context.thread_count = settings.effort.threads


def _even_size(settings: EncoderSettings) -> tuple[int, int]:
    """Return (width, height) as 4:2:0 needs them: an odd last row or column is left out."""
    return settings.width & ~1, settings.height & ~1
