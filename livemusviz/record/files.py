"""Chooses names for recordings and checks that they can be written: labels, paths, free space.

Any thread. A label may come from the network and becomes only part of a file's name; a path comes only from the
command line.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path

from livemusviz.errors import UserError
from livemusviz.record.showlog import log_path

SUFFIXES = (".mp4", ".mkv")
START_FREE = 500_000_000  # bytes that must be free to start
STOP_FREE = 50_000_000  # bytes at which a recording ends, while there is room to finish it
_SAME_NAME = 100


def slug(label: str) -> str:
    """Return `label` as 1 to 64 characters of A-Z a-z 0-9 _ -; "set" if nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")[:64] or "set"


def create_labelled(folder: Path, label: str, now: datetime, suffix: str = SUFFIXES[0]) -> Path:
    """Create a new empty file `<folder>/<date>_<label><suffix>` and return its path. UserError without a folder."""
    stem = f"{now:%Y-%m-%d_%H-%M-%S}_{slug(label)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder} for recordings: {error.strerror}") from None
    for number in range(1, _SAME_NAME):
        path = folder / f"{stem}{f'_{number}' if number > 1 else ''}{suffix}"
        try:
            free = not path.exists() and not log_path(path).is_file()
        except OSError as error:
            raise UserError(f"cannot look into {folder}: {error.strerror}") from None
        if free:
            return create_exact(path)
    raise UserError(f"{folder} already has {_SAME_NAME} recordings called {stem}; use another label")


def next_part(path: Path) -> Path:
    """Return the first free name to continue a broken recording: set.mp4, set_2.mp4, set_3.mp4 and so on."""
    found = re.fullmatch(r"(.+)_(\d{1,3})", path.stem)
    stem, number = (found[1], int(found[2])) if found else (path.stem, 1)
    while path.exists() or log_path(path).is_file():
        number += 1
        path = path.with_stem(f"{stem}_{number}")
    return path


def create_exact(path: Path, overwrite: bool = False) -> Path:
    """Return `path` as a new empty file. UserError if it is taken (unless `overwrite`) or cannot be written."""
    check_exact(path, overwrite)
    try:
        with path.open("wb" if overwrite else "xb"):
            return path
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def check_exact(path: Path, overwrite: bool = False) -> None:
    """Raise a UserError if a recording cannot be written to `path`. Changes nothing: for a check before a show."""
    if path.suffix.lower() not in SUFFIXES:
        kinds, name = " or ".join(SUFFIXES), f"{path.stem or 'set'}{SUFFIXES[0]}"
        raise UserError(f"{path}: recordings are {kinds} files; call it {name}")
    try:
        taken, folder, log = path.exists(), path.parent.is_dir(), log_path(path)
        log_taken = log.is_file()
    except OSError as error:
        raise UserError(f"cannot look at {path}: {error.strerror}") from None
    if (taken or log_taken) and not overwrite:
        what = path if taken else f"{log}, the show log of another recording,"
        raise UserError(f"{what} exists and would be lost; move it away or choose another name")
    if not folder:
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")


def free_bytes(folder: Path) -> int:
    """Return the bytes free where `folder` is; a large number if the system does not tell."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def disk_trouble(path: Path, file: int) -> str:
    """Return why nothing more should be written to `path`, open as `file`; "" if it may.

    The reasons are a disk that is nearly full and a file that was removed. A file that was only moved is fine.
    """
    if os.fstat(file).st_nlink == 0:
        return "somebody removed the file" if path.parent.is_dir() else f"the folder {path.parent} is gone"
    return "the disk is nearly full" if path.parent.is_dir() and free_bytes(path.parent) < STOP_FREE else ""


def check_room(folder: Path) -> None:
    """Raise a UserError unless `START_FREE` bytes are free for a recording in `folder`, which need not exist yet."""
    try:
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    except OSError as error:
        raise UserError(f"cannot look at {folder}: {error.strerror}") from None
    free = free_bytes(there)
    if free < START_FREE:
        raise UserError(
            f"{folder}: {free / 1e6:.0f} MB free, a recording needs {START_FREE / 1e6:.0f} MB to start; make room"
        )
