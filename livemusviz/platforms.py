"""Hide what differs between Linux, macOS and Windows below Python: signals, priorities, memory figures, file owners.

Standard library only; on Windows psutil. Any thread. The Windows forms follow the documentation of Python and psutil;
docs/WINDOWS.md says which of them nobody has run yet.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import psutil
else:
    import resource

END_SIGNALS: tuple[int, ...]
"""Signals that ask a program to end in good order. On Windows SIGBREAK is a console window that closes."""

IMPATIENT = (signal.SIGINT, signal.SIGTERM)
"""Those of them that ask for the end at once when they come again. A terminal that closes sends more than one."""

FORWARDED: dict[int, int]
"""Signals that a parent process takes, each with the one it sends to its child; 0 sends none.

A Windows console sends Ctrl-C and Ctrl-Break to every process it holds, so the child has them already; and `os.kill`
with any other signal would end the child at once there.
"""

if sys.platform == "win32":
    END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    FORWARDED = dict.fromkeys(END_SIGNALS, 0)
else:
    END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    FORWARDED = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}


def leave_terminal_group() -> None:
    """Keep a terminal's Ctrl-C from this process: its parent forwards it. Does nothing on Windows, see FORWARDED."""
    if sys.platform != "win32":
        os.setpgrp()


def peak_memory() -> int:
    """Return the most memory this process ever held, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def free_memory() -> int:
    """Return the bytes of memory that programs may still take. macOS does not say: half of what the machine has."""
    if sys.platform == "win32":
        return int(psutil.virtual_memory().available)
    elif sys.platform == "darwin":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    else:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024


MAPPED = 512 << 10
"""Bytes from which on a block of memory is mapped by itself: a picture of a canvas of 640x360 is 900 KiB."""


def map_large_blocks() -> None:
    """Keep large blocks of memory out of glibc's heap, where holes stay between them; elsewhere nothing is done.

    By itself glibc raises its own limit up to 32 MiB as large blocks come and go (mallopt(3), M_MMAP_THRESHOLD).
    """
    mallopt = glibc_function("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED)


_M_MMAP_THRESHOLD = -3  # in malloc.h


def glibc_function(name: str) -> Callable[..., int] | None:
    """Return a function of the C library on Linux; None where it has none of that name, and on other systems."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def trim_memory() -> None:
    """Give the free memory between what is in use back to the system. glibc alone keeps it; elsewhere nothing is done.

    Takes a few milliseconds, without the GIL.
    """
    trim = glibc_function("malloc_trim")
    if trim is not None:
        trim(0)


def raise_process_priority(niceness: int) -> None:
    """Ask for a higher priority of this process. Does nothing where the user has no right to it.

    niceness : -20..-1 on POSIX. Windows knows classes instead: the process gets HIGH_PRIORITY_CLASS.
    """
    if sys.platform == "win32":
        with suppress(psutil.AccessDenied):
            psutil.Process().nice(psutil.HIGH_PRIORITY_CLASS)
    else:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def lower_process_priority(niceness: int) -> None:
    """Lower the priority of this process and of the threads it starts from now on.

    niceness : 1..19; a process that is as nice already stays as it is. On Windows: BELOW_NORMAL_PRIORITY_CLASS.
    """
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif os.getpriority(os.PRIO_PROCESS, 0) < niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


def lower_thread_priority(niceness: int) -> None:
    """Lower the priority of the calling thread and of the threads it starts from now on. Linux only.

    niceness : 0..19; a thread that is as nice already stays as it is: going back takes a right that few users have.
    On macOS and Windows nothing is done: a thread has no niceness of its own there.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


@contextmanager
def raised_thread_priority(niceness: int) -> Iterator[None]:
    """Ask for a higher priority of the calling thread, and of the threads it starts meanwhile. Linux only.

    niceness : -20..-1. Does nothing where the user has no right to it, see docs/STAGE.md.
    """
    with _thread_priority(lambda before: min(before, niceness)):
        yield


@contextmanager
def usual_thread_priority() -> Iterator[None]:
    """Take a raised priority from the calling thread for a while: the processes it starts would inherit it.

    Linux only. A thread that is nicer than usual stays so.
    """
    with _thread_priority(lambda before: max(before, 0)):
        yield


@contextmanager
def _thread_priority(choose: Callable[[int], int]) -> Iterator[None]:
    """Give the calling thread another niceness for a while. choose : returns it, given that of before."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        before = os.getpriority(os.PRIO_PROCESS, thread)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, choose(before))
        try:
            yield
        finally:
            with suppress(OSError):  # a thread that was raised may have lost the right to it
                os.setpriority(os.PRIO_PROCESS, thread, before)
    else:
        yield


def library_loaded(word: str) -> bool:
    """Return True if a shared library whose path contains `word` is in this process. Always False on macOS."""
    if sys.platform == "win32":
        return any(word in entry.path.lower() for entry in psutil.Process().memory_maps())
    else:
        try:
            return word in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False


def only_user_writes(folder: Path) -> bool:
    """Return True if `folder` belongs to this user and nobody else may enter it.

    On Windows the folders of a user's profile are private by their access lists, which Python does not read: True.
    Raises OSError if there is no such folder.
    """
    info = folder.stat()
    if sys.platform == "win32":
        return True
    else:
        return info.st_uid == os.getuid() and not stat.S_IMODE(info.st_mode) & 0o077


def rename_folder(made: Path, target: Path) -> None:
    """Rename the folder `made` to `target`. Raises FileExistsError if there is anything called `target`.

    POSIX lets a folder take the place of an empty one, so `target` is made first; Windows refuses by itself.
    """
    if sys.platform != "win32":
        target.mkdir()
    made.rename(target)


def allow_rebind(listener: socket.socket) -> None:
    """Let `listener` take a port that a program has only just left.

    On Windows a port is free at once, and SO_REUSEADDR would take it from a running program: the port is made
    exclusive instead.
    """
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
