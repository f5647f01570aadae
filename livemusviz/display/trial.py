"""Remembers which shader was being tried when the program ended without a word: a GPU that hangs cannot be asked.

Before the first draws of a shader that is not ours its path is written to a file, and taken out afterwards. Whatever is
in the file when a show begins hung or crashed the one before; it is refused until it is edited. Drawing thread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livemusviz.display.source import change_time
from livemusviz.errors import UserError
from livemusviz.regular import read_regular

log = logging.getLogger(__name__)

MAX_SUSPECTS = 100
MAX_BYTES = 1 << 20


class TrialMarker:
    """file : where it is remembered; None remembers nothing.  trusted : a folder whose shaders are not watched."""

    def __init__(self, file: Path | None, trusted: Path | None = None) -> None:
        self._file, self._trusted = file, trusted
        self._suspects = self._read()

    def trusts(self, shader: Path) -> bool:
        """Return True for a shader that is not watched."""
        return self._trusted is not None and shader.is_relative_to(self._trusted)

    @contextmanager
    def trying(self, shader: Path) -> Iterator[None]:
        """Around the first draws of `shader`. UserError if it was the last thing that an earlier show did."""
        if self._file is None or self.trusts(shader):
            yield
            return
        key = f"{shader.resolve()} {change_time(shader)}"
        if key in self._suspects:
            raise UserError(f"{shader}: an earlier show hung or crashed on it; edit it, or delete {self._file}")
        self._write([*self._suspects, key])
        try:
            yield
        finally:
            self._write(self._suspects)

    def _read(self) -> list[str]:
        try:
            found = json.loads(read_regular(self._file, MAX_BYTES)) if self._file is not None else []
        except (OSError, ValueError, RecursionError):
            return []
        return [str(each) for each in found][-MAX_SUSPECTS:] if isinstance(found, list) else []

    def _write(self, suspects: list[str]) -> None:
        if self._file is None:
            return
        try:
            if suspects:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(json.dumps(suspects), encoding="utf-8")
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            log.info("%s: %s", self._file, error.strerror or error)
