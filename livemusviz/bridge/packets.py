"""Carries pictures that are encoded already, from the recorder's thread to the processes of streams. Neither side
waits.

A packet is cut into chunks, each one slot of a `SharedRing`. A reader that has missed one goes on at the next key
frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from livemusviz.bridge.ring import RingReader, SharedRing

CHUNK = 16 << 10  # bytes
SLOTS = 512  # 8 MB: a second and more of any stream
_HEAD = struct.Struct("<QHHIHI?d")  # packet, chunk, chunks, bytes, bytes of the header, limit, key frame, time
_PAYLOAD = _HEAD.size + CHUNK


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """Holds one H.264 picture, or, without data, the end of the pictures.

    data : Annex B.
    header : SPS and PPS, Annex B.
    key : True if it can be decoded without any other picture.
    time : s, capture time of the sound that it answers.
    limit : bits/s, the most that its encoder writes; 0 without a limit.
    """

    data: bytes
    header: bytes
    key: bool
    time: float
    limit: int = 0


class PacketRing:
    """Writes packets. Create it in one process; others make a `PacketReader` of its name."""

    def __init__(self) -> None:
        self._ring = SharedRing.create(SLOTS, _PAYLOAD)
        self.name = self._ring.name
        self._packets = 0

    def write(self, picture: EncodedPicture) -> None:
        """Publish a picture; one too large for the ring is left out, and readers see a gap."""
        self._packets += 1
        body = picture.header + picture.data
        chunks = max(1, -(-len(body) // CHUNK))
        if chunks >= SLOTS // 2:
            return
        for index in range(chunks):
            piece = body[index * CHUNK : (index + 1) * CHUNK]
            head = _HEAD.pack(
                self._packets, index, chunks, len(body), len(picture.header), picture.limit, picture.key, picture.time
            )
            self._ring.write(head + piece.ljust(CHUNK, b"\0"))

    def close(self) -> None:
        """Let the memory go. May be called twice."""
        self._ring.close()


class PacketReader:
    """Reads the packets written since it was made.

    gap : True from a missed packet until `read` has returned a key frame.
    """

    def __init__(self, name: str) -> None:
        self._ring = SharedRing.attach(name)
        self._reader: RingReader = self._ring.reader()
        self._pieces: list[bytes] = []
        self._last = 0  # packet that was read whole
        self.gap = True

    def read(self) -> list[EncodedPicture]:
        """Return new pictures, oldest first: after a gap from a key frame on."""
        found = []
        while (data := self._reader.read()) is not None:
            picture = self._add(data)
            if picture is not None and (picture.key or not self.gap):
                self.gap = False
                found.append(picture)
        return found

    def close(self) -> None:
        """Let the memory go. May be called twice."""
        self._ring.close()

    def _add(self, data: bytes) -> EncodedPicture | None:
        """Take a chunk; return the picture that it completes."""
        packet, index, chunks, size, header, limit, key, time = _HEAD.unpack_from(data)
        if index == 0:
            self._pieces = []
            if packet != self._last + 1:
                self.gap = True
            self._last = packet
        if packet != self._last or index != len(self._pieces):
            self.gap = True
            return None
        self._pieces.append(data[_HEAD.size :])
        if len(self._pieces) < chunks:
            return None
        body = b"".join(self._pieces)[:size]
        return EncodedPicture(body[header:], body[:header], key, time, limit)
