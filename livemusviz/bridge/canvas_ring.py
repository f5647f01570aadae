"""A ring of canvases in shared memory: one writer, any number of readers in other processes. Neither side waits.

A slot is a head (sequence number, time, sequence number again) and the pixels. The writer sets the first number,
copies the pixels, then sets the second; a reader copies them and looks at both again. A picture that was overwritten
meanwhile is left out, for a newer one is there. Between pixels and numbers a lock is taken and released, which orders
memory on every processor.
"""

from __future__ import annotations

import os
import shutil
import struct
import threading
from multiprocessing import shared_memory

import numpy as np

from livemusviz.bridge.view import CanvasPicture

SLOTS = 4
_HEADER = struct.Struct("<QII")  # newest sequence number, width, height
_BEGIN, _END = struct.Struct("<Q"), struct.Struct("<dQ")
_HEAD = 32  # bytes before a slot's pixels
_FOLDER = "/dev/shm"  # noqa: S108  shared memory of Linux, often limited in containers


class CanvasRing:
    """Create it in one process, `attach` by name in others. Only the creator writes.

    newest : sequence number of the newest picture, from 1; 0 before the first.
    """

    def __init__(self, memory: shared_memory.SharedMemory, owner: bool) -> None:
        if memory.buf is None:
            raise ValueError(f"shared memory {memory.name} is closed")
        self._memory, self._owner, self.name = memory, owner, memory.name
        self._buffer: memoryview = memory.buf
        self._sequence, width, height = _HEADER.unpack_from(self._buffer, 0)
        self._shape = (height, width, 4)
        self._bytes = width * height * 4
        starts = [_HEADER.size + slot * (_HEAD + self._bytes) for slot in range(SLOTS)]
        self._starts = starts
        self._pixels = [
            np.frombuffer(self._buffer, np.uint8, self._bytes, start + _HEAD).reshape(self._shape) for start in starts
        ]
        self._lock = threading.Lock()

    @classmethod
    def create(cls, size: tuple[int, int]) -> CanvasRing:
        """Make a ring for pictures of `size` (width, height). OSError if there is too little shared memory."""
        width, height = size
        needed = _HEADER.size + SLOTS * (_HEAD + width * height * 4)
        if os.path.isdir(_FOLDER) and shutil.disk_usage(_FOLDER).free < needed:
            # A write beyond what is there would end the process (SIGBUS), long after this.
            raise OSError(f"{needed >> 20} MB of shared memory are needed, and {_FOLDER} has less")
        memory = shared_memory.SharedMemory(create=True, size=needed)
        if memory.buf is None:
            raise MemoryError("no shared memory for pictures")
        _HEADER.pack_into(memory.buf, 0, 0, width, height)
        return cls(memory, owner=True)

    @classmethod
    def attach(cls, name: str) -> CanvasRing:
        """Return the ring `name` of another process. FileNotFoundError if it is gone."""
        return cls(shared_memory.SharedMemory(name=name), owner=False)

    @property
    def newest(self) -> int:
        return int(_BEGIN.unpack_from(self._buffer, 0)[0])

    def write(self, picture: CanvasPicture) -> None:
        """Publish a picture. ValueError unless it is uint8 (H, W, 4) of the ring's size."""
        if picture.pixels.shape != self._shape or picture.pixels.dtype != np.uint8:
            raise ValueError(f"picture of {picture.pixels.shape} in a ring of {self._shape}")
        sequence = self._sequence + 1
        slot = sequence % SLOTS
        start = self._starts[slot]
        _BEGIN.pack_into(self._buffer, start, sequence)
        with self._lock:
            self._pixels[slot][:] = picture.pixels
        _END.pack_into(self._buffer, start + _BEGIN.size, picture.time, sequence)
        with self._lock:
            _BEGIN.pack_into(self._buffer, 0, sequence)
        self._sequence = sequence

    def read(self, sequence: int) -> CanvasPicture | None:
        """Return a copy of picture `sequence`, or None if it is not there any more."""
        slot = sequence % SLOTS
        start = self._starts[slot]
        time, ended = _END.unpack_from(self._buffer, start + _BEGIN.size)
        if ended != sequence:
            return None
        with self._lock:
            pixels = self._pixels[slot].copy()
        with self._lock:
            begun = int(_BEGIN.unpack_from(self._buffer, start)[0])
        return CanvasPicture(pixels, time) if begun == sequence else None

    def close(self) -> None:
        """Let the memory go; the creator also removes its name. May be called twice."""
        self._pixels.clear()
        self._buffer.release()
        self._memory.close()
        if self._owner:
            self._owner = False
            self._memory.unlink()


class CanvasReader:
    """Hands over the newest picture, each at most once. dropped : pictures that were never handed over."""

    def __init__(self, ring: CanvasRing) -> None:
        self._ring, self._last, self.dropped = ring, ring.newest, 0

    def newest(self) -> CanvasPicture | None:
        """Return the newest picture, or None if it was handed over before."""
        newest = self._ring.newest
        if newest == self._last:
            return None
        picture = self._ring.read(newest)
        if picture is None:
            return None  # overwritten while it was read; the next call finds a newer one
        self.dropped += newest - self._last - 1
        self._last = newest
        return picture
