"""Sends pictures and sound to a server or a player: RTMP(S), RTSP, HLS, MPEG-TS over UDP, WHIP. Loads PyAV.

H.264 and AAC (WHIP: Opus), on one grid of time with the sound, a key frame every 2 s. Runs in a process of its own; a
network that hangs, hangs that process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
from av.container import OutputContainer

from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.record.encoder import ContainerEncoder
from livemusviz.record.settings import EncoderSettings
from livemusviz.record.timed import TimedEncoder
from livemusviz.sinks.protocol import Wiring
from livemusviz.sinks.spec import without_secrets

KEY_PERIOD = 2.0  # s
BITS_A_PIXEL = 0.15  # of a picture, for the usual bit rate
USUAL_RATES = 500, 9000  # kbit/s
UDP_PACKET = 1316  # bytes: seven packets of MPEG-TS

FORMATS = {"rtmp": "flv", "rtmps": "flv", "rtsp": "rtsp", "udp": "mpegts", "http": "whip", "https": "whip"}
OPTIONS: dict[str, dict[str, str]] = {
    "flv": {"flvflags": "no_duration_filesize", "flush_packets": "1"},
    "mpegts": {"flush_packets": "1"},
    "rtsp": {"rtsp_transport": "tcp"},
    "hls": {"hls_time": f"{KEY_PERIOD:g}", "hls_list_size": "6", "hls_flags": "delete_segments+independent_segments"},
    "whip": {},
}


def open_container(url: str, kind: str) -> OutputContainer:
    """Open what FFmpeg writes to; the network follows with the first packet. UserError if this FFmpeg cannot."""
    if kind not in av.formats_available:
        raise UserError(f"this FFmpeg has no {kind}; give another address")
    return av.open(url, "w", format=kind, options=OPTIONS[kind])


class StreamSink:
    """Encodes and sends. encoded : pictures encoded so far."""

    def __init__(self, wiring: Wiring, container: Callable[[str, str], OutputContainer] = open_container) -> None:
        """container : opens the output of an address and a format."""
        self._wiring, self._container = wiring, container
        self._timed: TimedEncoder | None = None
        self._encoder: ContainerEncoder | None = None
        self.encoded = 0

    def open(self, now: float) -> None:
        """Connect. OSError if nobody answers; UserError for an address that cannot be."""
        url, kind = self._address()
        settings = stream_settings(self._wiring)
        container = self._container(url, kind)
        try:
            encoder = ContainerEncoder(container, settings, "libopus" if kind == "whip" else "aac")
            encoder.begin()
        except (OSError, ValueError) as error:
            container.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise OSError(f"{without_secrets(url)}: {reason}") from None
        self._encoder, self._timed = encoder, TimedEncoder(encoder, now, settings.fps, self._wiring.size)

    def send(self, picture: CanvasPicture, now: float) -> None:
        """Encode a picture where it belongs, and send what is due."""
        if self._timed is not None and self._encoder is not None:
            before = self._encoder.frames
            self._timed.picture(picture, now)
            self.encoded += self._encoder.frames - before

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        """Send the sound; where there is none, silence."""
        if self._timed is not None:
            for block in blocks:
                self._timed.block(block, now)
            self._timed.advance(now)

    def close(self) -> None:
        """End the stream in good order, as far as the network lets us."""
        encoder, self._encoder, self._timed = self._encoder, None, None
        if encoder is not None:
            encoder.close()

    def _address(self) -> tuple[str, str]:
        """Return the address as FFmpeg takes it, and the container's format."""
        url = str(self._wiring.spec.options["url"])
        parts = urlsplit(url)
        playlist = parts.path.endswith(".m3u8")
        kind = self._wiring.spec.options.get("format") or ("hls" if playlist else FORMATS[parts.scheme])
        if parts.scheme == "udp" and not parts.query:
            url += f"?pkt_size={UDP_PACKET}"
        if not parts.scheme and not Path(url).absolute().parent.is_dir():
            raise UserError(f"{url}: there is no such folder; make it")
        return url, str(kind)


def stream_settings(wiring: Wiring) -> EncoderSettings:
    """Return the settings of a stream's encoder."""
    options: Any = wiring.spec.options
    (width, height), fps = wiring.size, wiring.spec.fps
    low, high = USUAL_RATES
    usual = min(max(round(width * height * fps * BITS_A_PIXEL / 1000), low), high)
    rate = 1000 * int(options.get("bitrate", usual))
    return EncoderSettings(width, height, fps, effort=wiring.effort, key_period=KEY_PERIOD, bit_rate=rate)
