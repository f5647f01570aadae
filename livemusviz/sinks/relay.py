"""Takes the recorder's encoded pictures for a stream, where they can follow on the stream's own: one encoder, not two.

They can where both encoders have one header and the recorder keeps to the stream's bit rate. Times in s.
"""

from __future__ import annotations

from livemusviz.bridge.packets import EncodedPicture, PacketReader

FLOWING = 1.0  # s after a picture in which more are expected
JOIN = 0.2  # s by which the stream's own pictures wait while the recorder's flow: its key frames come that late
LOST = 0.6  # s without a picture after which the stream encodes again
ANNEX_B = b"\0\0\0\1"  # begins the header that can be written before a picture


class Relay:
    """Reads the recorder's pictures. active : True while the stream sends them.  sent : s, time of the last one."""

    def __init__(self, packets: str, limit: int) -> None:
        """packets : the name of their ring.  limit : bits/s that they must keep to."""
        self._reader, self._limit = PacketReader(packets), limit
        self._heard = float("-inf")
        self.active, self._ended, self.sent = False, False, 0.0

    def read(self, now: float, header: bytes) -> list[EncodedPicture]:
        """Return new pictures that can be sent. header : of the stream, b"" where each key frame has one."""
        usable = []
        for picture in self._reader.read():
            self._ended = not picture.data
            if self._fits(picture, header):
                usable.append(picture)
                self._heard = now
        return usable

    def encode_until(self, now: float) -> float:
        """Return up to which time the stream is to encode its own pictures."""
        if self.active:
            return float("-inf")
        return now - JOIN if now - self._heard < FLOWING else now

    def is_over(self, now: float) -> bool:
        """Return True if the recorder's pictures have ended, or one was missed."""
        return self._ended or self._reader.gap or now - self._heard > LOST

    def close(self) -> None:
        """Let the memory go."""
        self._reader.close()

    def _fits(self, picture: EncodedPicture, header: bytes) -> bool:
        same = picture.header.startswith(ANNEX_B) and header in (b"", picture.header)
        return same and 0 < picture.limit <= self._limit
