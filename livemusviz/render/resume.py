"""Saves the state that an interrupted render needs to go on, at the end of its last segments, beside the film. One
thread.

`OUT.resume/` holds the render's settings from its first moment on, and a file for each of the last two segment ends,
written whole or not at all; it is removed when the film is finished. Two, because the film itself may lag a second
behind when the process is killed.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.errors import DAMAGED, UserError, one_line
from livemusviz.regular import open_regular, read_regular

KEPT = 2
MAX_SETTINGS = 16 << 20  # bytes
_META = "meta"
_SETTINGS = "settings.json"


class Bookmarks:
    """Keeps the saved states of one film."""

    def __init__(self, output: Path, fingerprint: Mapping[str, str]) -> None:
        """fingerprint : options that must be the same for a state to be used, by name."""
        self._output = output
        self.folder = output.with_name(output.name + ".resume")
        self._fingerprint = dict(fingerprint)

    @property
    def unfinished(self) -> bool:
        """Return True if the film was begun and not finished."""
        return self.folder.is_dir()

    def begin(self) -> None:
        """Begin a film: forget the state of an earlier one. OSError if the disk refuses."""
        self.clear()
        self.folder.mkdir()
        (self.folder / _SETTINGS).write_text(json.dumps(self._fingerprint), encoding="utf-8")

    def check_same(self) -> None:
        """Raise a UserError unless the film was begun and not finished, with these settings."""
        if not self.unfinished:
            raise UserError(f"{self._output}: is finished already; --overwrite renders it again")
        if not self.states():
            try:
                saved = read_regular(self.folder / _SETTINGS, MAX_SETTINGS)
            except OSError:
                saved = b""
            self._compare(_settings(saved))

    def save(self, frame: int, state: Mapping[str, np.ndarray]) -> None:
        """Keep `state`, with which frame number `frame` begins. OSError if the disk refuses."""
        meta = json.dumps(self._fingerprint)
        unfinished = self.folder / "unfinished"
        with unfinished.open("wb") as file:
            arrays: Mapping[str, Any] = {_META: np.frombuffer(meta.encode(), np.uint8), **state}
            np.savez(file, **arrays)
        os.replace(unfinished, self.folder / f"{frame:09d}.npz")
        for path in self._paths()[KEPT:]:
            path.unlink(missing_ok=True)

    def states(self) -> list[tuple[int, Path]]:
        """Return (frame, file) of what is saved, the furthest first. UserError if it is of another render."""
        found = []
        for path in self._paths():
            meta = load_state(path).get(_META)
            self._compare(_settings(b"" if meta is None else meta.tobytes()))
            found.append((int(path.stem), path))
        return found

    def _compare(self, saved: Mapping[str, object]) -> None:
        different = sorted(key for key in self._fingerprint if saved.get(key) != self._fingerprint[key])
        if different:
            raise UserError(
                f"--resume: {self.folder} is of a render with other settings ({', '.join(different)}); "
                "give the same ones, or --overwrite to begin anew"
            )

    def clear(self) -> None:
        """Remove the saved states: the film is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _paths(self) -> list[Path]:
        return sorted((path for path in self.folder.glob("*.npz") if path.stem.isdecimal()), reverse=True)


def _settings(data: bytes) -> Mapping[str, object]:
    """Return the settings of a render; none where the file is damaged: these are other ones."""
    try:
        saved = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return saved if isinstance(saved, dict) else {}


def load_state(path: Path) -> dict[str, np.ndarray]:
    """Return a saved state. UserError if the file cannot be read."""
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (*DAMAGED, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"--resume: {path} cannot be read ({one_line(error)}); --overwrite begins anew") from None
