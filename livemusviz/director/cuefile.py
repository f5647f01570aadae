"""Cue files: TOML text in, checked changes of parameters at times or bars out. Pure; the file is read by the caller.

version = 1
[[cue]]
time = "1:04.5"        # or seconds
prompt = "red lava"
fade = 4.0
[[cue]]
bar = 33               # from 1, where the music's bars are known
preset = "lava"
walk_speed = 0.3       # any parameter by its registry name
"fx/grade/contrast" = 1.2    # any number or switch of a shader that is on
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from livemusviz.documents import read_toml
from livemusviz.errors import UserError, suggest
from livemusviz.params.param import Value
from livemusviz.params.registry import BY_NAME, lookup

MAX_BYTES = 256 * 1024
MAX_CUES = 2000
VERSION = 1
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,6})?)")
SHADER_INPUT = re.compile(r"fx/[\w.+ -]{1,64}/[\w-]{1,64}")
LATEST = 12 * 3600.0  # s

Presets = Callable[[str], Mapping[str, Value]]  # a preset's values by its name; UserError if there is none


@dataclass(frozen=True, slots=True)
class Change:
    """values : parameters by name, checked.  time : s from the start at which they take effect."""

    time: float
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Cue:
    """A change whose place is a time (s) or a bar (>= 1, may be a fraction); the other is None."""

    time: float | None
    bar: float | None
    values: Mapping[str, Value]


def parse_cues(name: str, data: bytes, presets: Presets) -> list[Cue]:
    """Return the cues in `data` (TOML, UTF-8) in the file's order. UserError that names the cue, the key and the
    limit."""
    where = f"cue file '{name}'"
    document = _document(where, data)
    for key in document:
        if key not in ("version", "cue"):
            raise UserError(f"{where}: no key '{key[:64]}'; there are: version, cue")
    if document.get("version") != VERSION:
        raise UserError(f"{where}: version must be {VERSION}, not {str(document.get('version'))[:32]}")
    tables = document.get("cue", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: write each cue as a [[cue]] table")
    if len(tables) > MAX_CUES:
        raise UserError(f"{where}: {len(tables)} cues; at most {MAX_CUES}")
    cues = []
    for number, table in enumerate(tables, 1):
        try:
            cues.append(_cue(table, presets))
        except UserError as error:
            raise UserError(f"{where}, cue {number}: {error}") from None
    return cues


def place_cues(cues: Sequence[Cue], bars: Sequence[float], seconds: float = LATEST) -> list[Change]:
    """Return the cues as changes in the order of time. bars : s, where each bar of the music begins; may be empty.

    seconds : how long the music is.  UserError for a bar or a time that the music does not have.
    """
    for number, cue in enumerate(cues, 1):
        if cue.time is not None and cue.time > seconds:
            raise UserError(f"cue {number}: time {cue.time:g} s: this track has {seconds:.1f} s; give an earlier one")
    changes = [Change(_bar_time(cue.bar, bars) if cue.time is None else cue.time, cue.values) for cue in cues]
    return sorted(changes, key=lambda change: change.time)  # stable: of two at one time the later in the file wins


def _bar_time(bar: float | None, bars: Sequence[float]) -> float:
    if bar is None or not bars:
        raise UserError(f"bar {bar:g}: no beat was found in this track; give the cue a time instead")
    index = int(bar) - 1
    if index >= len(bars):
        raise UserError(f"bar {bar:g}: this track has {len(bars)} bars")
    here = bars[index]
    following = bars[index + 1] if index + 1 < len(bars) else here
    return here + (bar - int(bar)) * (following - here)


def _cue(table: dict[str, object], presets: Presets) -> Cue:
    values = dict(table)
    time, bar = values.pop("time", None), values.pop("bar", None)
    if (time is None) == (bar is None):
        raise UserError("give it either a time or a bar")
    if not values:
        raise UserError("it changes nothing; give it a prompt, a preset or a parameter")
    if bar is not None and (isinstance(bar, bool) or not isinstance(bar, int | float) or not 1 <= bar < 1e6):
        raise UserError(f"bar {str(bar)[:32]}: bars count from 1")
    checked: dict[str, Value] = {}
    if "preset" in values:
        preset = str(BY_NAME["preset"].validate(values.pop("preset")))
        checked.update({**presets(preset), "preset": preset})
    for key, value in values.items():
        if SHADER_INPUT.fullmatch(key) and isinstance(value, bool | int | float):
            checked[key] = value  # checked by the stage, which knows the shaders
            continue
        if key not in BY_NAME:
            raise UserError(f"no parameter '{key[:64]}'; {suggest(key, [*_settable(), 'time', 'bar'])}")
        if key not in _settable():
            raise UserError(f"{key}: is not for cues")
        checked[key] = lookup(key).validate(value)
    return Cue(None if time is None else _seconds(time), None if bar is None else float(bar), checked)


def _settable() -> list[str]:
    return [param.name for param in BY_NAME.values() if param.kind != "action" and param.name != "hud"]


def _seconds(time: object) -> float:
    """Return the seconds of a number, or of "m:ss.s" or "h:mm:ss.s"."""
    if isinstance(time, str) and (match := _CLOCK.fullmatch(time.strip())):
        seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    elif isinstance(time, int | float) and not isinstance(time, bool):
        seconds = float(time)
    else:
        raise UserError(f"time {str(time)[:32]!r}: give seconds, or 'minutes:seconds'")
    if not 0.0 <= seconds <= LATEST:
        raise UserError(f"time {str(time)[:32]}: give 0 to {LATEST:g} s")
    return seconds


def _document(where: str, data: bytes) -> dict[str, object]:
    if len(data) > MAX_BYTES:
        raise UserError(f"{where}: {len(data)} bytes; a cue file has at most {MAX_BYTES}")
    for line in data.splitlines():  # tomllib takes quadratic time on dotted keys
        key = line.split(b"=", 1)[0]
        if len(line) > 4096 or key.count(b".") > 8 or key.count(b"[") > 4:
            raise UserError(f"{where}: a line is too long or has too many dots or brackets; write 'key = value'")
    return read_toml(where, data)
