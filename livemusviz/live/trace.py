"""Writes a line of JSON for each slot of the engine, for `--trace`. Runs on the engine thread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.notices import Notices
from livemusviz.clock import Clock
from livemusviz.errors import UserError
from livemusviz.regular import open_to_write


class Trace:
    """Writes until the disk refuses; then the show goes on without it."""

    def __init__(self, path: Path, clock: Clock, epoch: float, notices: Notices) -> None:
        """epoch : s on the clock, time of sample 0. UserError if the file cannot be written."""
        self._path, self._clock, self._epoch, self._notices = path, clock, epoch, notices
        try:
            self._file: IO[str] | None = open_to_write(path)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None

    def slot(self, controls: Controls, features: AudioFeatures) -> None:
        """Write what was decided in a slot, and by which features."""
        line = {
            "time": round(self._clock.now() - self._epoch, 4),
            "sound_time": round(controls.time - self._epoch, 4),
            "computed": controls.compute,
            "reuse": int(controls.reuse),
            "onsets": features.onsets,
            "energy": round(features.energy, 3),
            "fade": round(controls.fade, 3),
        }
        try:
            if self._file is not None:
                self._file.write(json.dumps(line) + "\n")
        except OSError as error:
            self._notices.error(f"{self._path}: the trace ended: {error.strerror or error}", "trace")
            self.close()

    def close(self) -> None:
        """Close the file. Lines that the disk refuses are lost. Safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._notices.error(f"{self._path}: the trace is not whole: {error.strerror or error}", "trace")
