"""A lock-free ring in shared memory: one writer, any number of readers, in one process or in several.

A slot is `u64 sequence | payload | u32 crc32(sequence + payload)`, written with one copy. The header holds the sequence
number of the newest slot. A wrong sequence number or checksum means that the writer was in that slot: the reader counts
a torn read and tries again. The checksum makes this right on weakly ordered processors, where a slot's bytes may become
visible in any order. The writer never waits and overwrites the oldest slot; readers count what they missed.
"""

from __future__ import annotations

import struct
import zlib
from multiprocessing import shared_memory

_HEADER = struct.Struct("<QQQ")  # newest sequence number, slots, payload bytes
_SEQUENCE = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_SPINS = 64


class SharedRing:
    """Create it in one process, `attach` by name in another. Exactly one of them writes."""

    def __init__(self, memory: shared_memory.SharedMemory, owner: bool) -> None:
        if memory.buf is None:
            raise ValueError(f"shared memory {memory.name} is closed")
        self._memory, self._owner = memory, owner
        self._buffer: memoryview = memory.buf
        self.name = memory.name
        self._sequence, self.slots, self.payload_bytes = _HEADER.unpack_from(self._buffer, 0)
        self._stride = _SEQUENCE.size + self.payload_bytes + _CHECKSUM.size

    @classmethod
    def create(cls, slots: int, payload_bytes: int) -> SharedRing:
        """Return a new ring of `slots` payloads of exactly `payload_bytes` bytes each."""
        if slots < 2 or payload_bytes < 1:
            raise ValueError(f"a ring needs at least 2 slots of at least 1 byte, not {slots} of {payload_bytes}")
        stride = _SEQUENCE.size + payload_bytes + _CHECKSUM.size
        memory = shared_memory.SharedMemory(create=True, size=_HEADER.size + slots * stride)
        if memory.buf is None:
            raise MemoryError(f"no shared memory for a ring of {slots} slots")
        _HEADER.pack_into(memory.buf, 0, 0, slots, payload_bytes)
        return cls(memory, owner=True)

    @classmethod
    def attach(cls, name: str) -> SharedRing:
        """Return the ring `name` that another process made. FileNotFoundError if it is gone."""
        memory = shared_memory.SharedMemory(name=name)
        return cls(memory, owner=False)

    def write(self, payload: bytes | bytearray | memoryview) -> None:
        """Publish one payload; ValueError unless it is exactly `payload_bytes` long."""
        if len(payload) != self.payload_bytes:
            raise ValueError(f"payload of {len(payload)} bytes in a ring of {self.payload_bytes}")
        sequence = self._sequence + 1
        body = _SEQUENCE.pack(sequence) + payload
        start = self._offset(sequence)
        self._buffer[start : start + self._stride] = body + _CHECKSUM.pack(zlib.crc32(body))
        _SEQUENCE.pack_into(self._buffer, 0, sequence)
        self._sequence = sequence

    def reader(self) -> RingReader:
        """Return a reader of what is written from now on."""
        return RingReader(self)

    def newest(self) -> int:
        """Return the sequence number of the newest slot; 0 before the first write."""
        return int(_SEQUENCE.unpack_from(self._buffer, 0)[0])

    def slot(self, sequence: int) -> bytes | None:
        """Return the payload of that sequence number, or None if the slot holds another or is being written."""
        start = self._offset(sequence)
        raw = bytes(self._buffer[start : start + self._stride])
        body, checksum = raw[: -_CHECKSUM.size], raw[-_CHECKSUM.size :]
        if _SEQUENCE.unpack_from(body, 0)[0] != sequence or _CHECKSUM.unpack(checksum)[0] != zlib.crc32(body):
            return None
        return body[_SEQUENCE.size :]

    def close(self) -> None:
        """Release the memory; the owner also removes its name.

        Windows has no names to remove: there the memory goes with its last user, and `unlink` does nothing.
        """
        self._buffer.release()
        self._memory.close()
        if self._owner:
            self._memory.unlink()
            self._owner = False

    def _offset(self, sequence: int) -> int:
        return _HEADER.size + (sequence % self.slots) * self._stride


class RingReader:
    """One reader's place in a ring.

    dropped : payloads overwritten before they were read.  torn : reads that met the writer and were tried again.
    """

    def __init__(self, ring: SharedRing) -> None:
        self._ring = ring
        self._next = ring.newest() + 1
        self.dropped = 0
        self.torn = 0

    def read(self) -> bytes | None:
        """Return the next payload in order, or None when there is no new one."""
        while True:
            newest = self._ring.newest()
            if newest < self._next:
                return None
            oldest = max(1, newest - self._ring.slots + 2)  # the slot after the newest may be being written
            if self._next < oldest:
                self.dropped += oldest - self._next
                self._next = oldest
            for _ in range(_SPINS):
                payload = self._ring.slot(self._next)
                if payload is not None:
                    self._next += 1
                    return payload
                self.torn += 1
            if self._ring.newest() == newest:  # damaged for good: skip it
                self.dropped += 1
                self._next += 1

    def latest(self) -> bytes | None:
        """Return the newest payload if it is new, skipping those in between without counting them as dropped."""
        newest = self._ring.newest()
        if newest < self._next:
            return None
        self._next = newest
        return self.read()
