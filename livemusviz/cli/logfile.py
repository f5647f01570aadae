"""The log of a show in a file too (`--log`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from livemusviz.errors import UserError
from livemusviz.regular import open_to_write

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFile(logging.FileHandler):
    """Writes the log to a file, and stops silently when the disk is full: the show goes on."""

    def _open(self) -> Any:
        return open_to_write(Path(self.baseFilename), self.mode)

    def handleError(self, record: logging.LogRecord) -> None:
        logging.getLogger().removeHandler(self)


@contextmanager
def logged_to(path: Path | None) -> Iterator[None]:
    """Log to the file at `path` as well, behind what is in it; None does nothing. UserError if it cannot be opened.

    What ends the program with an error is its last line.
    """
    if path is None:
        yield
        return
    try:
        handler = LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserError(f"--log {path}: {error.strerror or error}") from None
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.getLogger().addHandler(handler)
    try:
        yield
    except UserError as error:
        handler.handle(logging.makeLogRecord({"name": "livemusviz", "levelname": "ERROR", "msg": str(error)}))
        raise
    finally:
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):  # its last bytes
            handler.close()
