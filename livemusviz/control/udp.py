"""Reads a UDP socket in batches, as cheaply as the system allows. Used on the control thread.

A flood must cost little, so datagrams stay in memory until they are read: on Linux one `recvmmsg` call (man 2
recvmmsg) fetches a whole batch; elsewhere there is a call for each. The beginnings of all datagrams lie close together:
most datagrams are no longer, and addresses are searched there.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from typing import Any

import numpy as np

SLOTS = 1024  # datagrams in a batch
HEAD = 128  # bytes of a datagram that are kept with the others'
TAIL = 65_536  # bytes of the rest; only the pages that are written to exist
MSG_DONTWAIT = 0x40  # Linux's; Python's socket module has it on POSIX only
NAME = 28  # bytes of the longest socket address, IPv6's

Sender = tuple[str, int]


class Inbox:
    """Holds a batch of datagrams, valid until the next `receive`."""

    def __init__(self) -> None:
        self._head_memory = mmap.mmap(-1, HEAD * SLOTS)
        self._tail_memory = mmap.mmap(-1, TAIL * SLOTS)
        self._heads = np.frombuffer(self._head_memory, np.uint8).reshape(SLOTS, HEAD)
        self._sizes = np.zeros(SLOTS, np.uint32)

    def receive(self, udp: socket.socket) -> int:
        """Fetch what has arrived, without waiting; returns how many datagrams that is, at most `SLOTS`."""
        raise NotImplementedError

    def sender(self, i: int) -> Sender:
        raise NotImplementedError

    def datagram(self, i: int) -> bytes:
        size = int(self._sizes[i])
        head = self._head_memory[i * HEAD : i * HEAD + min(size, HEAD)]
        return head if size <= HEAD else head + self._tail_memory[i * TAIL : i * TAIL + size - HEAD]

    def same(self, start: bytes, count: int) -> np.ndarray:
        """Return which of the first `count` datagrams have the address `start`: bool (count,).

        An address over HEAD bytes matches none.
        """
        width = len(start) + 1
        if width > HEAD:
            return np.zeros(count, bool)
        text = np.ascontiguousarray(self._heads[:count, :width]).view(f"S{width}").ravel()
        return (text == start) & (self._sizes[:count] >= width)  # numpy's byte strings end at their last NUL


def inbox() -> Inbox:
    """Return the fastest inbox of this system."""
    return BatchInbox() if sys.platform == "linux" and hasattr(_libc(), "recvmmsg") else PlainInbox()


class PlainInbox(Inbox):
    """Reads one datagram a system call, on every system."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = memoryview(bytearray(HEAD + TAIL))  # one datagram
        self._senders: list[Any] = [None] * SLOTS

    def receive(self, udp: socket.socket) -> int:
        for i in range(SLOTS):
            try:
                size, self._senders[i] = udp.recvfrom_into(self._whole)
            except (BlockingIOError, ConnectionResetError, ConnectionRefusedError):  # nothing left, or a sender went
                return i
            head, tail = min(size, HEAD), max(size - HEAD, 0)
            self._head_memory[i * HEAD : i * HEAD + head] = bytes(self._whole[:head])
            self._tail_memory[i * TAIL : i * TAIL + tail] = bytes(self._whole[HEAD : HEAD + tail])
            self._sizes[i] = size
        return SLOTS

    def sender(self, i: int) -> Sender:
        host, port = self._senders[i][:2]
        return host, port


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_IoVector)),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Received(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint32))


class BatchInbox(Inbox):
    """Reads a batch a system call, by Linux's recvmmsg, which releases the interpreter lock."""

    def __init__(self) -> None:
        super().__init__()
        self._names = (ctypes.c_uint8 * NAME * SLOTS)()
        self._vectors = (_IoVector * 2 * SLOTS)()
        self._received = (_Received * SLOTS)()
        step = ctypes.sizeof(_Received) // 4
        words: np.ndarray = np.frombuffer(memoryview(self._received).cast("B"), np.uint32)
        self._sizes = words[_Received.size.offset // 4 :: step]
        heads, tails = (
            ctypes.addressof(ctypes.c_uint8.from_buffer(memory)) for memory in (self._head_memory, self._tail_memory)
        )
        for i in range(SLOTS):
            head, tail = self._vectors[i]
            head.base, head.length = heads + i * HEAD, HEAD
            tail.base, tail.length = tails + i * TAIL, TAIL
            header = self._received[i].header
            header.name, header.name_length = ctypes.addressof(self._names[i]), NAME
            header.vectors, header.vectors_length = self._vectors[i], 2
        self._call = _libc().recvmmsg

    def receive(self, udp: socket.socket) -> int:
        count = self._call(udp.fileno(), self._received, SLOTS, MSG_DONTWAIT, None)
        if count >= 0:
            return int(count)
        error = ctypes.get_errno()
        if error in (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.ECONNRESET):
            return 0
        raise OSError(error, os.strerror(error))

    def sender(self, i: int) -> Sender:
        name = bytes(self._names[i])
        family = struct.unpack_from("=H", name)[0]
        port = struct.unpack_from(">H", name, 2)[0]
        host = name[8:24] if family == socket.AF_INET6 else name[4:8]
        return socket.inet_ntop(family, host), port


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
