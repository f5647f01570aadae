"""Writes and reads the show log: changes by the performer, in time with a recording's sound. A JSON object a line.

    {"livemusviz": 1, "recording": "set.mp4", "rate": 48000, "seed": 1, "model": "embedded", ..., "values": {...}}
    {"sample": 96000, "values": {"prompt": "red lava"}}      parameters that took new values
    {"sample": 34000, "latents": [16, 16]}                   of the model, once it is loaded
    {"sample": 96512, "walk": [1.234]}                       where the latent walk was in a slot of the engine
    {"sample": 99000, "problem": "striped pattern: ..."}     what the performer was warned of; a film does without it
    {"sample": 480000, "end": true}

`sample` counts from the first sample of the recording. A log that was cut off is read as far as it goes. The writer
runs on the recorder thread; the reader anywhere. Standard library and numpy only.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.documents import check_numbers, read_json
from livemusviz.errors import UserError, one_line
from livemusviz.regular import open_regular, read_regular

log = logging.getLogger(__name__)

VERSION = 1
SUFFIX = ".jsonl"
OPENING = b'{"livemusviz":'  # of its first line
MAX_BYTES = 256 << 20  # of a log; a line each slot makes 6 MB an hour
MAX_LINE = 1 << 20
FLUSH = 32  # lines
MAX_LATENT = 512  # a side
MAX_NAME = 255  # bytes of a file's name
MAX_PLACE = 64  # coordinates of a walk
MAX_ANGLE = 1e9  # turns


def log_path(recording: Path) -> Path:
    """Return the path of the log of a recording."""
    return recording.with_suffix(SUFFIX) if recording.name else recording / SUFFIX  # of "/", which is refused elsewhere


def is_show_log(path: Path) -> bool:
    """Return True if the file at `path` begins as a show log does."""
    try:
        return read_regular(path, len(OPENING)).startswith(OPENING)
    except (OSError, ValueError):
        return False


class ShowLog:
    """Writes a log. OSError if the disk refuses, or if the file exists: it belongs to another recording.

    A value that has no JSON is left out with a warning. Text that is no UTF-8, as a file's name may be, is escaped.
    """

    def __init__(self, recording: Path, start: float, about: Mapping[str, Any]) -> None:
        """start : s, the time of the recording's first sample.  about : what else the first line is to hold."""
        self._start = start
        self._file: TextIO = log_path(recording).open("x", encoding="utf-8", errors="backslashreplace")
        self._waiting = 0
        self._write({"livemusviz": VERSION, "recording": recording.name, "rate": SAMPLE_RATE, **about})
        self._file.flush()

    def line(self, time: float, what: Mapping[str, Any]) -> None:
        """Note `what` happened at `time` (s). A time before the first sample counts as the first sample."""
        self._write({"sample": self._sample(time), **what})
        self._waiting += 1
        if "values" in what or self._waiting >= FLUSH:
            self._file.flush()
            self._waiting = 0

    def close(self, end: float) -> None:
        try:
            self.line(end, {"end": True})
        finally:
            self._file.close()

    def _sample(self, time: float) -> int:
        return max(0, round((time - self._start) * SAMPLE_RATE))

    def _write(self, what: Mapping[str, Any]) -> None:
        try:
            line = json.dumps(what, ensure_ascii=False, separators=(",", ":"), default=str)
        except (TypeError, ValueError, RecursionError) as error:
            log.error("show log: a line is left out: %s", one_line(error))
            return
        self._file.write(line + "\n")


@dataclass(frozen=True, slots=True)
class LoggedShow:
    """Holds a show as its log tells it.

    about : the first line.
    recording : the file with the sound.
    values : parameters at the start.
    changes : (s, parameters that took new values).
    walk : (s, angles of the latent walk).
    latents : (h, w) of the model, or empty.
    seconds : duration, s.
    """

    about: Mapping[str, Any]
    recording: Path
    values: Mapping[str, Any]
    changes: tuple[tuple[float, Mapping[str, Any]], ...]
    walk: tuple[tuple[float, tuple[float, ...]], ...]
    latents: tuple[int, ...]
    seconds: float


def read_log(path: Path) -> LoggedShow:
    """Return the show of a log. UserError if it is none; unreadable lines are left out with a warning."""
    lines = _lines(path)
    about = next(lines, None)
    if about is None or not isinstance(about.get("livemusviz"), int):
        raise UserError(f"{path}: not a show log; `livemusviz live --record set.mp4` writes one beside the recording")
    if about["livemusviz"] != VERSION or about.get("rate") != SAMPLE_RATE:
        raise UserError(f"{path}: a show log of another version ({about['livemusviz']}); this program reads {VERSION}")
    name, values = about.get("recording"), about.get("values")
    named = (
        isinstance(name, str) and name == os.path.basename(name) and 0 < len(name.encode(errors="replace")) <= MAX_NAME
    )
    if not isinstance(name, str) or not named or not isinstance(values, dict):
        raise UserError(f"{path}: its first line names no recording or no values; the log is damaged")
    changes, walk, latents, last = [], [], _whole(about.get("latents")), 0
    for line in sorted(lines, key=lambda line: line["sample"]):  # two threads note, now and then out of turn
        last = max(last, line["sample"])
        seconds = line["sample"] / SAMPLE_RATE
        if isinstance(line.get("values"), dict):
            changes.append((seconds, line["values"]))
        latents = _whole(line.get("latents")) or latents
        place = line.get("walk")
        if isinstance(place, list) and 0 < len(place) <= MAX_PLACE and all(map(_is_angle, place)):
            walk.append((seconds, tuple(float(angle) for angle in place)))
    return LoggedShow(about, _recording(path, name), values, tuple(changes), tuple(walk), latents, last / SAMPLE_RATE)


def _recording(path: Path, name: str) -> Path:
    """Return the film that a log belongs to: one renamed together with it, else the one it was written for."""
    renamed = path.with_suffix(Path(name).suffix)
    return renamed if renamed.is_file() else path.with_name(name)


def _whole(value: object) -> tuple[int, ...]:
    """Two whole numbers of 1 to `MAX_LATENT`, or nothing."""
    pair = value if isinstance(value, list) and len(value) == 2 else []
    return tuple(pair) if all(type(side) is int and 0 < side <= MAX_LATENT for side in pair) else ()


def _is_angle(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_ANGLE


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the first object, then those with a sample index."""
    lost, first = 0, True
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: {path.stat().st_size >> 20} MB; a show log has at most {MAX_BYTES >> 20}")
        with open_regular(path) as file:
            while data := file.readline(MAX_LINE):
                line = _object(data)
                if first:
                    yield line or {}
                    first = False
                elif line is None or type(line.get("sample")) is not int or not 0 <= line["sample"] < 1 << 40:
                    lost += 1
                else:
                    yield line
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if lost:
        log.warning("%s: %d lines cannot be read and are left out", path, lost)


def _object(data: bytes) -> dict[str, Any] | None:
    """Return the object in a line; None if there is none, or a number in it that no show has."""
    try:
        line = read_json(data.decode("utf-8-sig"), parse_float=_finite, parse_constant=_finite)
        check_numbers("", line)
    except (ValueError, RecursionError, UserError):
        return None
    return line if isinstance(line, dict) else None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
