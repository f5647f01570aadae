"""Reads OSC arguments as a controller meant them, for one parameter. Pure.

Controllers send floats for everything, words one by one, numbers above 1 from pads. A clear meaning is taken;
anything else is refused with a sentence that says what to send instead. The parameter itself checks ranges.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from livemusviz.control.osc_guard import Argument
from livemusviz.errors import UserError
from livemusviz.params.lists import show_value
from livemusviz.params.param import Param, clean

STEP = re.compile(r"[+-](?:\d{1,9}\.?\d{0,9}|\.\d{1,9})")
QUOTES = (('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"))


def pressed(address: str, arguments: Sequence[Argument]) -> bool:
    """Return True if a button's argument means "pressed": none, nil, or a number above 0. 0 means "released".

    UserError for a number below 0, for text, and for several arguments.
    """
    if not arguments or list(arguments) == [None]:
        return True
    number = arguments[0]
    if len(arguments) == 1 and isinstance(number, int | float) and number >= 0:
        return number > 0
    given = ", ".join(show_value(argument) for argument in arguments[:3])
    raise UserError(f"{address}: {given}: takes no argument, or a number above 0 to press it and 0 to release it")


def step(arguments: Sequence[Argument]) -> float | None:
    """Return "+" 0.1, "-" 0.1, "+0.1" or "-0.1" as a number; None if it is no step."""
    if len(arguments) == 2 and arguments[0] in ("+", "-"):
        size = arguments[1]
        if isinstance(size, int | float) and not isinstance(size, bool):
            return float(size) if arguments[0] == "+" else -float(size)
    if len(arguments) == 1 and isinstance(arguments[0], str) and STEP.fullmatch(arguments[0]):
        return float(arguments[0])
    return None


def plain_value(param: Param, arguments: Sequence[Argument]) -> object:
    """Return what `arguments` mean to `param`, for its `validate`. UserError if that is not plain."""
    match param.kind:
        case "ints" | "seeds" | "prompts":
            return _list(param, arguments)
        case "str" | "action":
            return _short(words(param, arguments), param)
        case "choice":
            return _choice(param, words(param, arguments))
        case "bool":
            return _switch(param, only(param.address, arguments))
        case "int":
            value = only(param.address, arguments)
            return rounded(value) if isinstance(value, float) else _number(param, value)
    return _number(param, only(param.address, arguments))


def only(address: str, arguments: Sequence[Argument]) -> Argument:
    """Return the one argument. UserError if there are more or none."""
    if len(arguments) != 1:
        raise UserError(f"{address}: {len(arguments)} arguments; give one")
    return arguments[0]


def rounded(value: float) -> float | int:
    """Return the nearest whole number, halves upwards; what is not finite stays for the range to refuse."""
    return math.floor(value + 0.5) if math.isfinite(value) else value


def words(param: Param, arguments: Sequence[Argument]) -> str:
    """Return text that came in one or several arguments: joined by blanks, without quotes around the whole."""
    if not arguments:
        raise UserError(f"{param.address}: 0 arguments; give one")
    parts = []
    for argument in arguments:
        if isinstance(argument, bool) or not isinstance(argument, str | int | float):
            raise UserError(f"{param.name}: {show_value(argument)} is not text; send words")
        parts.append(f"{argument:g}" if isinstance(argument, float) else str(argument))
    text = " ".join(parts)
    for opening, closing in QUOTES:
        stripped = text.strip()
        inner = stripped[1:-1]
        if len(stripped) > 1 and stripped[0] == opening and stripped[-1] == closing and opening not in inner:
            return inner
    return text


def _list(param: Param, arguments: Sequence[Argument]) -> object:
    """Return a list as JSON text, or as several arguments."""
    single = arguments[0] if len(arguments) == 1 else None
    if isinstance(single, str) and (param.kind != "prompts" or single.lstrip().startswith(("[", "{"))):
        return single
    if param.kind == "seeds" and not arguments:
        raise UserError(f"{param.address}: 0 arguments; give one")
    if param.kind == "prompts":
        return list(arguments) if arguments else only(param.address, arguments)
    return [rounded(item) if isinstance(item, float) else item for item in arguments]


def _choice(param: Param, text: str) -> str:
    """Return one of the choices in any case, with blanks for underscores."""
    name = clean(text[:64]).lower().replace(" ", "_")
    return name if name in param.choices else text


def _switch(param: Param, value: Argument) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and 0 <= value <= 1:
        return value >= 0.5
    raise UserError(f"{param.name}: {show_value(value)} is not 0 or 1; send 1 for on and 0 for off")


def _number(param: Param, value: Argument) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{param.name}: {show_value(value)} is not a number; send one of {param.limits}")
    return value


def _short(text: str, param: Param) -> str:
    """Return text as the registry wants it; what is too long is left for the registry to refuse."""
    return clean(text) if len(text) <= max(param.maximum, 64) else text
