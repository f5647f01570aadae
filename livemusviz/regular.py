"""Opens files that are read whole. A pipe would be waited for and a device has no end, so both are refused. Any thread.

A file that is written may be a pipe, but one that nobody reads is not waited for.
Standard library only.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import IO, BinaryIO

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # Windows has no such pipes


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, binary. OSError for any other, with a `strerror` for a message; never blocks."""
    return open(path, "rb", opener=_open_at_once)


def read_regular(path: Path, most: int) -> bytes:
    """Return a regular file's bytes, but at most `most` + 1: one more tells that there are too many. OSError as above.

    ValueError for a path that no file can have.
    """
    with open_regular(path) as file:
        return file.read(most + 1)


def open_to_write(path: Path, mode: str = "w") -> IO[str]:
    """Open a file for text in UTF-8. OSError if that cannot be, or would wait. mode : "w" or "a"."""
    return open(path, mode, encoding="utf-8", errors="backslashreplace", opener=_write_at_once)


def _write_at_once(path: str, flags: int) -> int:
    """Open without waiting for the reader of a pipe; writing waits for it as always."""
    file = os.open(path, flags | _AT_ONCE, 0o666)
    if sys.platform != "win32":
        os.set_blocking(file, True)
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a pipe, and look at what it is afterwards: nobody can exchange it."""
    file = os.open(path, flags | _AT_ONCE)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return file
