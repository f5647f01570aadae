"""Refuses to write over a file that is also read, or written by another flag, or holds a recorded show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from livemusviz.errors import UserError
from livemusviz.record.showlog import is_show_log, log_path


def check_live(written: Mapping[str, Path | None], read: Mapping[str, str | Path | None]) -> None:
    """Check a show's files, by their flags; a recording has a show log beside it. UserError for one used twice."""
    recording = written.get("--record")
    logged = {} if recording is None else {"the show log of --record": log_path(recording)}
    check_files({**logged, **written}, read)


def check_files(written: Mapping[str, Path | None], read: Mapping[str, str | Path | None]) -> None:
    """Check files by the flags that name them. UserError for one that is written and used for something else too, and
    for the show log of another recording. A device or a pipe may be used twice.
    """
    used = {name: Path(path) for name, path in read.items() if path and "\0" not in str(path)}
    for name, path in written.items():
        if path is None:
            continue
        twin = next((other for other, taken in used.items() if _same(path, taken)), None)
        if twin is not None:
            raise UserError(f"{name} {path}: the same file as {twin}; choose another name")
        if name.startswith("--") and name != "--record" and is_show_log(path):
            raise UserError(f"{name} {path}: the show log of a recording would be lost; choose another name")
        used[name] = path


def _same(path: Path, other: Path) -> bool:
    try:
        if path.exists() and other.exists():
            return path.is_file() and path.samefile(other)
        return path.resolve() == other.resolve()
    except (OSError, RuntimeError):  # names too long, links in a circle: whoever opens them tells
        return False
