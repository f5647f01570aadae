"""Finds the top-level `shaders/` and `presets/` folders, in the source tree and in an installed wheel. Any thread.

A wheel carries them as package data under `_data/`; an editable install does not have that copy, so the folder next
to the package is the second place looked in.
"""

from __future__ import annotations

from pathlib import Path

from livemusviz.errors import UserError

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_data", _PACKAGE.parent)


def folder(kind: str) -> Path:
    """Return the folder "shaders" or "presets". UserError if neither place has it (a broken installation)."""
    for place in _PLACES:
        if (place / kind).is_dir():
            return place / kind
    tried = " and ".join(str(place / kind) for place in _PLACES)
    raise UserError(f"{kind}: no such folder in {tried}; install livemusviz again")


def our_shaders() -> dict[str, Path]:
    """Return the ISF files that come with the program, by name."""
    return {path.stem: path for path in sorted(folder("shaders").glob("*.fs"))}


def shader(name: str) -> Path:
    """Return the shader file of that name, e.g. "idle.frag". UserError if there is none."""
    path = folder("shaders") / name
    if not path.is_file():
        raise UserError(f"{path}: no such shader")
    return path
