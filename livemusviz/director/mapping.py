"""Computes driven values: a feature or an LFO, shaped, moves a shader's input or an engine parameter. Pure.

A drive is a table in a preset, or the key DRIVE of an input in a shader's header:

    {source = "bass", gain = 0.5, low = 0.0, high = 1.0, attack = 0.02, release = 0.2, curve = "square"}
    {lfo = "sine", beats = 4, phase = 0.25, low = 0.2, high = 0.8}

A source is multiplied by `gain`, smoothed (`attack`, `release`, s), limited to 0..1, shaped by `curve` and scaled
to `low`..`high`. With `accumulate` the result is a speed, in units a second: the value runs on between the input's
limits, and wraps from the upper one to the lower one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from livemusviz.bridge.features import AudioFeatures
from livemusviz.curves import phase_error, smoothstep
from livemusviz.errors import UserError, suggest

MAX_DT = 0.1  # s; a longer gap (a laptop that slept) counts as this much
FREE_BPM = 120.0  # tempo of the LFOs until one is known
NOTES = ("c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b")

CURVES: Mapping[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "square": lambda x: x * x,
    "root": math.sqrt,
    "smooth": smoothstep,
    "step": lambda x: float(x >= 0.5),
}
# Shapes over one turn, x in [0, 1): all begin at their lowest but the last two, which strike on the beat.
SHAPES: Mapping[str, Callable[[float], float]] = {
    "sine": lambda x: 0.5 - 0.5 * math.cos(2.0 * math.pi * x),
    "triangle": lambda x: 1.0 - abs(2.0 * x - 1.0),
    "saw": lambda x: x,
    "square": lambda x: float(x < 0.5),
    "decay": lambda x: math.exp(-4.0 * x),
}
MIN_BEATS, MAX_BEATS = 0.5, 16.0  # half a beat to four bars of four
_ALIASES = {"onset": "onset_strength", "beat": "beat_phase", "bar": "bar_phase"}
_KEYS = ("source", "lfo", "beats", "phase", "gain", "low", "high", "attack", "release", "curve", "accumulate")


def _readers() -> dict[str, Callable[[AudioFeatures], float]]:
    """Return every feature by the name that a preset calls it."""

    def field(name: str) -> Callable[[AudioFeatures], float]:
        return lambda features: float(getattr(features, name))

    def part(name: str, i: int) -> Callable[[AudioFeatures], float]:
        return lambda features: float(getattr(features, name)[i])

    found: dict[str, Callable[[AudioFeatures], float]] = {"one": lambda features: 1.0}
    rest = AudioFeatures.rest(0.0)
    for each in fields(AudioFeatures):
        value = getattr(rest, each.name)
        if each.name == "chroma":
            found.update({f"chroma.{note}": part("chroma", i) for i, note in enumerate(NOTES)})
        elif each.name not in ("time", "sample", "onset") and isinstance(value, int | float):
            found[each.name] = field(each.name)
    return found | {alias: found[name] for alias, name in _ALIASES.items() if name in found}


SOURCES: Mapping[str, Callable[[AudioFeatures], float]] = _readers()


@dataclass(frozen=True, slots=True)
class Drive:
    """Describes how a feature or an LFO moves one value. Checked.

    source : one of `SOURCES`; "" where an LFO drives.
    lfo : one of `SHAPES`; "" where a feature drives.
    beats : length of a turn of the LFO.
    phase : 0..1, place in the turn at which the LFO begins.
    gain : factor on the source.
    low, high : values that 0 and 1 become.
    attack, release : s, time constants of a rise and a fall.
    curve : one of `CURVES`.
    accumulate : True takes the result for a speed, in units a second.
    minimum, maximum : limits of the value, between which an accumulating one wraps.
    """

    source: str = ""
    lfo: str = ""
    beats: float = 1.0
    phase: float = 0.0
    gain: float = 1.0
    low: float = 0.0
    high: float = 1.0
    attack: float = 0.0
    release: float = 0.0
    curve: str = "linear"
    accumulate: bool = False
    minimum: float = 0.0
    maximum: float = 1.0


def parse_drive(where: str, raw: Mapping[str, object], minimum: float, maximum: float) -> Drive:
    """Return the drive that `raw` describes, for a value within minimum..maximum. UserError that begins with
    `where`."""
    for key in raw:
        if key not in _KEYS:
            raise UserError(f"{where}: no key '{str(key)[:40]}'; {suggest(str(key), _KEYS)}")
    source, lfo = raw.get("source", ""), raw.get("lfo", "")
    if (source == "") == (lfo == ""):
        raise UserError(f"{where}: give either 'source' or 'lfo'")
    _one_of(where, "source", source, SOURCES)
    _one_of(where, "lfo", lfo, SHAPES)
    accumulate = raw.get("accumulate", False)
    if not isinstance(accumulate, bool):
        raise UserError(f"{where}: accumulate must be true or false")
    curve = raw.get("curve", "linear")
    _one_of(where, "curve", curve, CURVES)
    limit = (-1e6, 1e6) if accumulate else (minimum, maximum)
    return Drive(
        source=str(source),
        lfo=str(lfo),
        beats=_number(where, raw, "beats", 1.0, MIN_BEATS, MAX_BEATS),
        phase=_number(where, raw, "phase", 0.0, 0.0, 1.0),
        gain=_number(where, raw, "gain", 1.0, -1000.0, 1000.0),
        low=_number(where, raw, "low", minimum, *limit),
        high=_number(where, raw, "high", maximum, *limit),
        attack=_number(where, raw, "attack", 0.0, 0.0, 60.0),
        release=_number(where, raw, "release", 0.0, 0.0, 60.0),
        curve=str(curve),
        accumulate=accumulate,
        minimum=minimum,
        maximum=maximum,
    )


class Driver:
    """Computes the values of one drive. One `step` a display frame."""

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self._followed = 0.0
        self._sum = min(max(0.0, drive.minimum), drive.maximum)

    def step(self, dt: float, features: AudioFeatures, beats: float) -> float:
        """Return the value after `dt` s. beats : beats since the start, fractions and all."""
        drive = self.drive
        dt = min(max(dt, 0.0), MAX_DT)
        if drive.lfo:
            x = SHAPES[drive.lfo]((beats / drive.beats + drive.phase) % 1.0)
        else:
            target = SOURCES[drive.source](features) * drive.gain
            self._followed = attack_release(self._followed, unit(target), dt, drive.attack, drive.release)
            x = self._followed
        value = drive.low + (drive.high - drive.low) * CURVES[drive.curve](unit(x))
        if not drive.accumulate:
            return value
        span = drive.maximum - drive.minimum
        if span > 0.0:
            self._sum = drive.minimum + (self._sum - drive.minimum + value * dt) % span
        return self._sum


class BeatClock:
    """Counts beats from a phase that wraps. While no tempo is known it runs at the last one, or at `FREE_BPM`."""

    def __init__(self) -> None:
        self.beats = 0.0
        self._bpm = FREE_BPM

    def step(self, dt: float, features: AudioFeatures) -> float:
        """Advance by `dt` s at the tempo, pulled towards the phase of the audio; it never jumps back."""
        dt = min(max(dt, 0.0), MAX_DT)
        self._bpm = features.bpm if features.bpm > 0.0 else self._bpm
        step = self._bpm / 60.0 * dt
        if features.bpm > 0.0:
            error = phase_error(features.beat_phase - (self.beats + step))
            step = max(step + error * (1.0 - math.exp(-dt / 0.1)), 0.0)
        self.beats += step
        return self.beats


def attack_release(value: float, target: float, dt: float, attack: float, release: float) -> float:
    """Return `value` moved towards `target` for `dt` s with a time constant of `attack` (up) or `release` (down), s."""
    constant = attack if target > value else release
    return target if constant <= 0.0 else target + (value - target) * math.exp(-dt / constant)


def unit(value: float) -> float:
    """Return `value` held in 0..1; NaN becomes 0."""
    return min(max(value, 0.0), 1.0) if value == value else 0.0


def _one_of(where: str, key: str, value: object, known: Mapping[str, object]) -> None:
    if value != "" and value not in known:
        raise UserError(f"{where}: no {key} '{str(value)[:40]}'; {suggest(str(value), known)}")


def _number(where: str, raw: Mapping[str, object], key: str, default: float, low: float, high: float) -> float:
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{where}: {key} must be a number")
    if not low <= value <= high:
        raise UserError(f"{where}: {key} {value:g} is outside {low:g}..{high:g}")
    return float(value)
