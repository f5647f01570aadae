"""Reads a UDP socket in batches, as cheaply as the system lets us. Used on the control thread.

A flood must cost little, so datagrams stay in one memory map until somebody wants them: on Linux one `recvmmsg` call
(man 2 recvmmsg) fetches a whole batch; elsewhere `recv_into` is called for each.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from typing import Protocol

SLOT = 65_536  # bytes; the largest datagram fits
SLOTS = 256  # of a batch; only the pages that are written to exist
NAME = 28  # bytes of the longest socket address, IPv6's
LONGEST_ADDRESS = 130

Sender = tuple[str, int]


class Inbox(Protocol):
    """A batch of datagrams, valid until the next `receive`."""

    def receive(self, udp: socket.socket) -> int:
        """Fetch what has arrived, without waiting; returns how many datagrams that is, at most `SLOTS`."""

    def start(self, i: int) -> bytes:
        """The OSC address of datagram i: what stands before its first NUL, if it has one early on."""

    def datagram(self, i: int) -> bytes: ...

    def sender(self, i: int) -> Sender: ...


def inbox() -> Inbox:
    """The quickest one there is here."""
    return BatchInbox() if sys.platform == "linux" and hasattr(_libc(), "recvmmsg") else PlainInbox()


class PlainInbox:
    """One system call a datagram."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOT * SLOTS)
        self._view = memoryview(self._memory)
        self._sizes = [0] * SLOTS
        self._senders: list[Sender] = [("", 0)] * SLOTS

    def receive(self, udp: socket.socket) -> int:
        for i in range(SLOTS):
            try:
                size, sender = udp.recvfrom_into(self._view[i * SLOT : (i + 1) * SLOT])
            except (
                BlockingIOError,
                ConnectionResetError,
                ConnectionRefusedError,
            ):  # nothing left; or a sender that went
                return i
            self._sizes[i], self._senders[i] = size, sender[:2]
        return SLOTS

    def start(self, i: int) -> bytes:
        return _start(self._memory, i * SLOT, self._sizes[i])

    def datagram(self, i: int) -> bytes:
        return self._memory[i * SLOT : i * SLOT + self._sizes[i]]

    def sender(self, i: int) -> Sender:
        return self._senders[i]


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.POINTER(_IoVector)),
        ("vector_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Received(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint32))


class BatchInbox:
    """One system call a batch, by Linux's recvmmsg. The interpreter lock is free meanwhile."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOT * SLOTS)
        self._names = (ctypes.c_uint8 * NAME * SLOTS)()
        self._vectors = (_IoVector * SLOTS)()
        self._received = (_Received * SLOTS)()
        base = ctypes.addressof(ctypes.c_uint8.from_buffer(self._memory))
        for i in range(SLOTS):
            self._vectors[i].base, self._vectors[i].length = base + i * SLOT, SLOT
            header = self._received[i].header
            header.name, header.name_length = ctypes.addressof(self._names[i]), NAME
            header.vector, header.vector_length = ctypes.pointer(self._vectors[i]), 1
        self._call = _libc().recvmmsg

    def receive(self, udp: socket.socket) -> int:
        count = self._call(udp.fileno(), self._received, SLOTS, socket.MSG_DONTWAIT, None)
        if count >= 0:
            return int(count)
        error = ctypes.get_errno()
        if error in (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.ECONNRESET):
            return 0
        raise OSError(error, os.strerror(error))

    def start(self, i: int) -> bytes:
        return _start(self._memory, i * SLOT, self._received[i].size)

    def datagram(self, i: int) -> bytes:
        return self._memory[i * SLOT : i * SLOT + self._received[i].size]

    def sender(self, i: int) -> Sender:
        name = bytes(self._names[i])
        family = struct.unpack_from("=H", name)[0]
        port = struct.unpack_from(">H", name, 2)[0]
        host = name[8:24] if family == socket.AF_INET6 else name[4:8]
        return socket.inet_ntop(family, host), port


def _start(memory: mmap.mmap, at: int, size: int) -> bytes:
    end = memory.find(b"\0", at, at + min(size, LONGEST_ADDRESS))
    return memory[at:end] if end > at else b""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
