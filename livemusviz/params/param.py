"""Describes one parameter: its type, its range, and the check of a value against them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from livemusviz.errors import UserError
from livemusviz.params.lists import LIST_KINDS, as_json, int_list, show_value, weighted_list
from livemusviz.params.performance import Do

Value = float | int | bool | str | tuple[object, ...] | None
Kind = Literal["float", "int", "bool", "str", "choice", "prompts", "seeds", "ints", "action"]
Wire = float | int | str  # what OSC, MIDI and the web remote carry
MAX_PROMPT = 1000  # characters
MAX_TEXTS = 4000  # ... of several prompts in one text
MAX_ENTRIES = 64  # of a list


@dataclass(frozen=True, slots=True)
class Param:
    """Describes one parameter or action.

    name : by which the program knows it.
    kind : type of the value. "choice" : one of `choices`. "prompts", "seeds" : a tuple of (text or int, weight).
    "ints" : a tuple. "action" : something that happens; its value is an optional text.
    default : the value at the start.
    minimum, maximum : closed range of a number, of each number of a list, or of a text's length in characters.
    unit : of a number, "" without one.
    doc : one line for people.
    address : OSC address.
    preset : True if a preset may set it.
    choices : of a "choice".
    quantised : True if a change waits for the beat or bar that `/quantise` names.
    learned : True if key M learns it when it was touched last.
    resets : parameters that a new value sets back to their defaults.
    do : called with a new value before the parameter takes it.
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
    choices: tuple[str, ...] = ()
    quantised: bool = False
    learned: bool = True
    resets: tuple[str, ...] = ()
    do: Do | None = None

    @property
    def number(self) -> bool:
        """Return True for a number on a range, which a fader can hold and a step can move."""
        return self.kind in ("float", "int")

    @property
    def modulated(self) -> bool:
        """Return True if features and LFOs may move it."""
        return self.kind == "float" and self.preset

    @property
    def limits(self) -> str:
        """Return its range as text: "0..60", every digit of a whole number."""
        return f"{self.minimum:.10g}..{self.maximum:.10g}"

    def validate(self, value: object) -> Value:
        """Return `value` as this parameter's type. UserError if it is of another type or out of range.

        Lists are taken as sequences or as JSON text.
        """
        match self.kind:
            case "action":
                return self._text("" if value is None else value)
            case "str":
                return self._text(value)
            case "choice":
                if value in self.choices:
                    return str(value)
                raise UserError(f"{self.name}: {show_value(value)} is not one of {', '.join(self.choices)}")
            case "bool":
                if isinstance(value, bool):
                    return value
                if isinstance(value, int | float) and value in (0, 1):
                    return bool(value)
                raise UserError(f"{self.name}: {show_value(value)} is not 0 or 1")
            case "prompts":
                return weighted_list(self.name, value, MAX_ENTRIES, lambda text: self._entry(text))
            case "seeds":
                return weighted_list(self.name, value, MAX_ENTRIES, lambda seed: int(self._number(seed, whole=True)))
            case "ints":
                return int_list(self.name, value, MAX_ENTRIES, lambda item: int(self._number(item, whole=True)))
        return self._number(value, whole=self.kind == "int")

    def moved(self, value: Value, step: float) -> Value:
        """Return `value` moved by `step`, stopping at the end of the range. UserError for a step wider than the
        range."""
        if not self.number or not isinstance(value, int | float):
            raise UserError(f"{self.name}: only numbers can be moved by a step")
        if not abs(step) <= self.maximum - self.minimum:
            raise UserError(f"{self.name}: a step of {step:g} is wider than {self.limits}")
        if self.kind == "int" and step != int(step):
            raise UserError(f"{self.name}: a step of {step:g} is not a whole number")
        return self.validate(min(max(round(value + step, 9), self.minimum), self.maximum))

    def wire(self, value: Value) -> list[Wire]:
        """Return `value` as the arguments of an OSC message: a number, text, 0 or 1; lists as JSON text, `ints` one by
        one."""
        if self.kind == "ints" and isinstance(value, tuple):
            return [int(item) for item in value if isinstance(item, int)]
        if self.kind in LIST_KINDS:
            return [as_json(value)]
        if isinstance(value, bool):
            return [int(value)]
        return [value if isinstance(value, int | float | str) else ""]

    def _number(self, value: object, whole: bool) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{self.name}: {show_value(value)} is not a number")
        if whole and not isinstance(value, int) and (not math.isfinite(value) or value != int(value)):
            raise UserError(f"{self.name}: {show_value(value)} is not a whole number")
        if not self.minimum <= value <= self.maximum:  # also refuses NaN
            limits = f"{self.limits} {self.unit}".rstrip()
            raise UserError(f"{self.name}: {show_value(value)} is outside {limits}")
        return int(value) if whole else float(value)

    def _entry(self, value: object) -> str:
        return self._text(clean(value) if isinstance(value, str) and len(value) <= self.maximum else value)

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise UserError(f"{self.name}: {show_value(value)} is not text")
        if not self.minimum <= len(value) <= self.maximum:
            raise UserError(f"{self.name}: {len(value)} characters; give {self.minimum:g} to {self.maximum:g}")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise UserError(f"{self.name}: {show_value(value)} has half a character in it (a lone surrogate)")
        return value


def clean(text: str) -> str:
    """Return text in composed form (NFC) without control characters or blanks around it."""
    import unicodedata

    if text.isascii() and text.isprintable():
        return text.strip()
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in unicodedata.normalize("NFC", text))
    return spaced.strip()
