"""Declares parameters as annotated fields: the words of a declaration, and how a `Param` is read from it. Pure.

    walk_speed: Annotated[float, Range(0.0, 4.0, "turns/s"), "speed of the latent walk at full energy"] = 0.12

The annotation holds type and doc, the field holds the default. The classes below declare everything else.
"""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from livemusviz.params.param import Kind, Param, Value
from livemusviz.params.performance import Do

Prompts = tuple[tuple[str, float], ...]
"""(text, weight >= 0); only the ratios of the weights count."""
Seeds = tuple[tuple[int, float], ...]
"""(seed >= 0, weight >= 0)."""
Ints = tuple[int, ...]
_KINDS: dict[object, Kind] = {
    float: "float", int: "int", bool: "bool", str: "str", Prompts: "prompts", Seeds: "seeds", Ints: "ints",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """Limits a number, or each number of a list, to low..high, both included."""

    low: float
    high: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Length:
    """Limits a text, or each text of a list, to low..high characters."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Address:
    """Names the OSC address, where it is not the parameter's name behind a slash."""

    path: str


@dataclass(frozen=True, slots=True)
class Does:
    """Declares a function that an event calls before the parameter takes its value."""

    do: Do


class Resets:
    """Names parameters that a new value sets back to their defaults."""

    def __init__(self, *names: str) -> None:
        self.names = names


class Trait(Enum):
    """Marks what is particular about a parameter."""

    LIVE = "presets do not set it"
    QUANTISED = "a change waits for the beat or bar that /quantise names"
    UNLEARNED = "key M never learns it"


LIVE, QUANTISED, UNLEARNED = Trait.LIVE, Trait.QUANTISED, Trait.UNLEARNED


class Action:
    """Declares something that happens, as a class attribute among the fields."""

    def __init__(self, doc: str, *words: Address | Trait | Length, do: Do) -> None:
        """doc, do : what it does.  words : Length limits its text; without it the action takes none."""
        self.words: tuple[object, ...] = (doc, LIVE, Does(do), *words)


def read_params(declared: type) -> tuple[Param, ...]:
    """Return the parameters and actions that a dataclass declares, in its order. TypeError for a field that is none."""
    defaults = {field.name: field.default for field in fields(declared)}
    params = []
    for name, hint in get_type_hints(declared, include_extras=True).items():
        if get_origin(hint) is ClassVar:
            params.append(_param(name, "action", None, getattr(declared, name).words))
        else:
            base, *words = get_args(hint)
            default: Any = defaults[name]
            if default is MISSING:
                raise TypeError(f"{name}: a parameter needs a default")
            choices = get_args(base) if get_origin(base) is Literal else ()
            params.append(_param(name, "choice" if choices else _KINDS[base], default, words, choices))
    return tuple(params)


def _param(name: str, kind: Kind, default: Value, words: Sequence[object], choices: tuple[str, ...] = ()) -> Param:
    low, high, unit = (0.0, 1.0, "") if kind == "bool" else (0.0, 0.0, "")
    address, doc = f"/{name}", ""
    resets: tuple[str, ...] = ()
    do: Do | None = None
    for word in words:
        match word:
            case str():
                doc = word
            case Range():
                low, high, unit = word.low, word.high, word.unit
            case Length():
                low, high = word.low, word.high
            case Address():
                address = word.path
            case Resets():
                resets = word.names
            case Does():
                do = word.do
    return Param(
        name=name, kind=kind, default=default, minimum=low, maximum=high, unit=unit, doc=doc, address=address,
        preset=LIVE not in words, choices=choices, quantised=QUANTISED in words, learned=UNLEARNED not in words,
        resets=resets, do=do,
    )  # fmt: skip
