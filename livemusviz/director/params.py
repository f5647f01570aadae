"""The registry: every knob is declared here once. Pure.

From it come the command line flags, preset keys, OSC addresses and the README's table. A value that is not of the
declared type or range is refused with a `UserError`; nothing is ever clamped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from livemusviz.errors import UserError

Value = float | int | bool | str | None
Kind = Literal["float", "int", "bool", "str", "action"]
MAX_PROMPT = 1000  # characters


@dataclass(frozen=True, slots=True)
class Param:
    """One knob. `minimum`..`maximum` : the closed range of a number, or of a string's length in characters.

    kind "action" : something that happens (start recording); its value is an optional string.
    preset : whether a preset may set it.
    """

    name: str
    kind: Kind
    default: Value
    minimum: float
    maximum: float
    unit: str
    doc: str
    address: str
    preset: bool = True

    def validate(self, value: object) -> Value:
        """`value` as this parameter's type. UserError if it is of another type or out of range."""
        if self.kind == "action":
            return self._text("" if value is None else value)
        if self.kind == "str":
            return self._text(value)
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            if isinstance(value, int | float) and value in (0, 1):
                return bool(value)
            raise UserError(f"{self.name}: {_show(value)} is not 0 or 1")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{self.name}: {_show(value)} is not a number")
        if self.kind == "int" and (not math.isfinite(value) or value != int(value)):
            raise UserError(f"{self.name}: {_show(value)} is not a whole number")
        if not self.minimum <= value <= self.maximum:  # also refuses NaN
            raise UserError(
                f"{self.name}: {_show(value)} is outside {self.minimum:g}..{self.maximum:g} {self.unit}".rstrip()
            )
        return int(value) if self.kind == "int" else float(value)

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise UserError(f"{self.name}: {_show(value)} is not text")
        if not self.minimum <= len(value) <= self.maximum:
            raise UserError(f"{self.name}: {len(value)} characters; give {self.minimum:g} to {self.maximum:g}")
        return value


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _number(name: str, default: float, low: float, high: float, unit: str, doc: str, address: str = "") -> Param:
    return Param(name, "float", default, low, high, unit, doc, address or f"/{name}")


def _switch(name: str, doc: str) -> Param:
    return Param(name, "bool", False, 0, 1, "", doc, f"/{name}", preset=False)


PARAMS: tuple[Param, ...] = (
    Param("prompt", "str", "aurora over a dark sea", 1, MAX_PROMPT, "", "what to paint", "/prompt"),
    _number("fade", 2.0, 0.0, 60.0, "s", "length of a prompt cross-fade"),
    Param("preset", "str", "", 0, 64, "", "switch to a preset by name", "/preset", preset=False),
    Param("seed", "int", 1, 0, 2**31 - 1, "", "which circle of noise the walk turns on", "/seed"),
    _number("gain", 1.0, 0.0, 32.0, "x", "input gain, before automatic gain control"),
    _number("latent_feedback_strength", 0.35, 0.0, 0.95, "", "share of the previous denoised latent in the next"),
    _number("walk_speed", 0.12, 0.0, 4.0, "turns/s", "speed of the latent walk at full energy"),
    _number("walk_rest", 0.008, 0.0, 1.0, "turns/s", "speed of the latent walk at rest"),
    _number("walk_kick", 0.02, 0.0, 0.5, "turns", "how far a full onset kicks the latent walk"),
    _number("ssf", 0.9, 0.0, 1.0, "", "similarity filter: 0 computes every frame, 1 rests whenever the music does"),
    _number("zoom", 0.5, 0.0, 1.0, "", "feedback zoom of the display", "/fx/feedback/zoom"),
    _number("pulse", 0.6, 0.0, 1.0, "", "how hard an onset strikes the feedback zoom", "/fx/feedback/pulse"),
    _switch("blackout", "black canvas"),
    _switch("freeze", "hold the canvas as it is"),
    _switch("hud", "operator's figures over the window, never recorded"),
    Param(
        "record_start",
        "action",
        None,
        0,
        64,
        "",
        "start recording; the text becomes part of the file's name",
        "/record/start",
        preset=False,
    ),
    Param("record_stop", "action", None, 0, 0, "", "stop recording", "/record/stop", preset=False),
)
BY_NAME: Mapping[str, Param] = {param.name: param for param in PARAMS}
BY_ADDRESS: Mapping[str, Param] = {param.address: param for param in PARAMS}
ACTIONS = frozenset(param.name for param in PARAMS if param.kind == "action")


@dataclass(frozen=True, slots=True)
class ParamValues:
    """A full set of values; `with_value` and `with_values` give a changed copy after checking."""

    values: Mapping[str, Value] = field(default_factory=lambda: {param.name: param.default for param in PARAMS})

    def with_value(self, name: str, value: object) -> ParamValues:
        return self.with_values({name: value})

    def with_values(self, changes: Mapping[str, object]) -> ParamValues:
        """A copy with all of `changes`, or a UserError and no copy at all."""
        checked = {name: lookup(name).validate(value) for name, value in changes.items()}
        return ParamValues({**self.values, **checked})

    def number(self, name: str) -> float:
        value = self.values[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{name} is not a number")
        return float(value)

    def text(self, name: str) -> str:
        return str(self.values[name] or "")

    def flag(self, name: str) -> bool:
        return bool(self.values[name])


def lookup(name: str) -> Param:
    """The parameter of that name; a UserError that names the nearest one otherwise."""
    if name in BY_NAME:
        return BY_NAME[name]
    raise UserError(f"no parameter {_show(name)}; {suggest(name, BY_NAME)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """ "did you mean ...?" for a misspelt name, or the list of names there are."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name[:64], names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names) or 'none'}"
