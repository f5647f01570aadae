"""Sends pictures and sound to a server or a player: RTMP(S), RTSP, HLS, MPEG-TS over UDP, WHIP. Loads PyAV.

H.264 and AAC (WHIP: Opus), on one grid of time with the sound, a key frame every 2 s. Runs in a process of its own; a
network that hangs, hangs that process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import av
from av.container import OutputContainer

from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.record.encoder import ContainerEncoder
from livemusviz.record.settings import EncoderSettings
from livemusviz.record.timed import TimedEncoder
from livemusviz.sinks.protocol import SinkWiring
from livemusviz.sinks.relay import Relay
from livemusviz.sinks.spec import bit_rate, without_secrets

KEY_PERIOD = 2.0  # s
WAITING = 24  # pictures, while it is open who encodes them
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
    """Encodes and sends, or sends what the recorder has encoded. encoded : pictures that it encoded itself."""

    def __init__(self, wiring: SinkWiring, container: Callable[[str, str], OutputContainer] = open_container) -> None:
        """container : opens the output of an address and a format."""
        self._wiring, self._container = wiring, container
        self._settings = stream_settings(wiring)
        self._timed: TimedEncoder | None = None
        self._encoder: ContainerEncoder | None = None
        self._relay = Relay(wiring.packets, self._settings.bit_rate or 0) if wiring.packets else None
        self._waiting: deque[CanvasPicture] = deque(maxlen=WAITING)
        self._start = 0.0  # s
        self.encoded = 0

    def open(self, now: float) -> None:
        """Connect. OSError if nobody answers; UserError for an address that cannot be."""
        url, kind = self._address()
        container = self._container(url, kind)
        try:
            encoder = ContainerEncoder(container, self._settings, "libopus" if kind == "whip" else "aac")
            encoder.begin()
        except (av.FFmpegError, OSError, ValueError) as error:
            container.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise OSError(f"{without_secrets(url)}: {reason}") from None
        self._encoder, self._timed = encoder, TimedEncoder(encoder, now, self._settings.fps, self._wiring.size)
        self._start = now

    def send(self, picture: CanvasPicture, now: float) -> None:
        """Encode a picture where it belongs, and send what is due."""
        self._waiting.append(picture)
        self._encode(now if self._relay is None else self._relay.encode_until(now), now)

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        """Send the sound; where there is none, silence. Send what the recorder has encoded."""
        if self._timed is None:
            return
        for block in blocks:
            self._timed.block(block, now)
        self._timed.advance(now)
        if self._relay is not None:
            self._send_relayed(self._relay, self._timed, now)

    def close(self) -> None:
        """End the stream in good order, as far as the network lets us."""
        encoder, self._encoder, self._timed = self._encoder, None, None
        self._waiting.clear()
        if self._relay is not None:
            self._relay.close()
            self._relay = None
        if encoder is not None:
            encoder.close()

    def _encode(self, until: float, now: float) -> None:
        """Encode the pictures that wait, up to the time `until`."""
        if self._timed is None or self._encoder is None:
            return
        before = self._encoder.frames
        while self._waiting and self._waiting[0].time <= until:
            self._timed.picture(self._waiting.popleft(), now)
        self.encoded += self._encoder.frames - before

    def _send_relayed(self, relay: Relay, timed: TimedEncoder, now: float) -> None:
        """Send the recorder's pictures from the first key frame on that follows our own; ours again when they end."""
        encoder = self._encoder
        if encoder is None:
            return
        half = 0.5 / self._settings.fps
        for picture in relay.read(now, encoder.header):
            if not relay.active and picture.key and picture.time >= timed.pictures_end - half:
                self._encode(picture.time - half, now)
                timed.leave(picture.time)
                relay.active = True
            if relay.active:
                encoder.relay(picture, picture.time - self._start)
                relay.sent = picture.time
        while relay.active and self._waiting and self._waiting[0].time < relay.sent + half:
            self._waiting.popleft()
        if relay.active and relay.is_over(now):
            relay.active = False
            timed.leave(relay.sent + 2 * half)
            encoder.key_next = True
            self._encode(now, now)

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


def stream_settings(wiring: SinkWiring) -> EncoderSettings:
    """Return the settings of a stream's encoder."""
    width, height = wiring.size
    rate = bit_rate(wiring.spec, wiring.size)
    return EncoderSettings(width, height, wiring.spec.fps, effort=wiring.effort, key_period=KEY_PERIOD, bit_rate=rate)
