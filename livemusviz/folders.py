"""Finds a user's own folders; makes none. Any thread. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder() -> Path:
    """Return the folder of a user's own files."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config") / "livemusviz"


def cache_folder() -> Path:
    """Return the folder of files that may be lost."""
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "livemusviz"


def home() -> Path:
    """Return the user's home; for a user who has none, as in a container, a path at which no file can be."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


def expanded(path: Path) -> Path:
    """Return a path with the user's home in the place of "~", as a shell does where it sees it; unknown users' as they
    are."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
