"""Reads a recorded show for a render: sound, parameters over time, angles of the walk. Pure but for reading the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.director.cuefile import SHADER_INPUT, Change
from livemusviz.errors import UserError, printable
from livemusviz.params.param import Value
from livemusviz.params.registry import BY_NAME
from livemusviz.record.showlog import read_log

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """Holds a recorded show to be rendered.

    track : its sound.
    flags : flags of the show's model as they were given; unchecked.
    canvas : (width, height), pixels.
    latents : (h, w) of the live model, or None.
    values : parameters at the start.
    changes : in the order of time.
    walk : angles of the latent walk over time.
    """

    track: Path
    flags: Mapping[str, Any]
    canvas: tuple[int, int]
    latents: tuple[int, int] | None
    values: Mapping[str, Value]
    changes: tuple[Change, ...]
    walk: Walk


class Walk:
    """Holds the angles of the live show's latent walk at any time."""

    def __init__(self, places: Sequence[tuple[float, tuple[float, ...]]]) -> None:
        """places : (s, coordinates), in the order of time; those of another length than the first are left out."""
        length = len(places[0][1]) if places else 0
        kept = [(time, place) for time, place in places if len(place) == length]
        self._times = np.array([time for time, _ in kept])
        self._places = np.array([place for _, place in kept]).reshape(len(kept), length)

    def __bool__(self) -> bool:
        return len(self._times) > 0

    def at(self, time: float) -> tuple[float, ...]:
        """Return the coordinates at `time` (s), on a straight line between those of two slots."""
        return tuple(float(np.interp(time, self._times, angles)) for angles in self._places.T)


def load_replay(path: Path, track: Path | None) -> Replay:
    """Return the show in a log. track : its sound, if it is not the recording beside the log. UserError if one is
    missing."""
    show = read_log(path)
    sound = track or show.recording
    if not sound.is_file():
        raise UserError(f"{path}: its recording {sound} is not there; give the sound as TRACK")
    unknown: set[str] = set()
    values = _checked(path, show.values, unknown)
    changes = tuple(Change(time, _checked(path, changed, unknown)) for time, changed in show.changes)
    inputs = {name: values.pop(name) for name in list(values) if name.startswith("fx/")}
    by_hand = (Change(0.0, inputs),) if inputs else ()
    if unknown:
        log.warning("%s: this version has no %s; left out", path, ", ".join(sorted(unknown)))
    about = show.about
    return Replay(
        track=sound,
        flags=flags if isinstance(flags := about.get("flags"), dict) else {},
        canvas=_pair(path, about, "canvas"),
        latents=(show.latents[0], show.latents[1]) if show.latents else None,
        values=values,
        changes=(*by_hand, *(change for change in changes if change.values)),
        walk=Walk(show.walk),
    )


def _checked(path: Path, values: Mapping[str, Any], unknown: set[str]) -> dict[str, Value]:
    checked: dict[str, Value] = {}
    for name, value in values.items():
        if SHADER_INPUT.fullmatch(name):
            checked[name] = True if value in ("", None) else value  # the stage checks them
            continue
        param = BY_NAME.get(name)
        if param is None:
            unknown.add(printable(name[:64]))
        elif param.kind != "action" and name != "hud":
            try:
                checked[name] = param.validate(value)
            except UserError as error:
                raise UserError(f"{path}: {error}") from None
    return checked


def _pair(path: Path, about: Mapping[str, Any], name: str) -> tuple[int, int]:
    pair = about.get(name)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(side, int) and side > 0 for side in pair):
        raise UserError(f"{path}: its first line has no {name}; the log is damaged")
    return pair[0], pair[1]
