"""Values that are lists: read from JSON text or from sequences, checked, written back as JSON text. Pure.

Lists arrive from OSC and the command line as JSON text, from a preset as an array. Entries are checked by the caller's
function, which raises a `UserError` of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from livemusviz.errors import UserError

LIST_KINDS = frozenset(("prompts", "seeds", "ints"))
MAX_TEXT = 65_507  # characters of JSON; as much as a datagram holds
MAX_WEIGHT = 100.0


def weighted_list(
    name: str, value: object, longest: int, check: Callable[[object], str | int]
) -> tuple[tuple[str | int, float], ...]:
    """Return [[entry, weight], ...] as a tuple of pairs; a bare entry weighs 1. Weights lie in 0..100 and not all are
    0."""
    pairs: list[tuple[str | int, float]] = []
    for item in _sequence(name, value, longest):
        entry, weight = (item, 1.0) if isinstance(item, str | int | float) else _pair(name, item)
        pairs.append((check(entry), weight))
    if pairs and not any(weight > 0 for _, weight in pairs):
        raise UserError(f"{name}: every weight is 0; give at least one above it")
    return tuple(pairs)


def int_list(name: str, value: object, longest: int, check: Callable[[object], int]) -> tuple[int, ...]:
    """Return [1, 2, ...] or a single whole number as a tuple."""
    single = isinstance(value, int | float) and not isinstance(value, bool)
    return tuple(check(item) for item in ([value] if single else _sequence(name, value, longest)))


def as_json(value: object) -> str:
    """Return a list as one line of JSON, readable in any language."""
    return json.dumps(value, ensure_ascii=False)


def show_value(value: object) -> str:
    """Return a value for a message, at most 40 characters."""
    text = repr(value) if not isinstance(value, int) or value.bit_length() < 1000 else "a number of hundreds of digits"
    return text if len(text) <= 40 else text[:37] + "..."


def _pair(name: str, item: object) -> tuple[object, float]:
    if not isinstance(item, Sequence) or len(item) != 2:
        raise UserError(f"{name}: {show_value(item)} is not a pair [entry, weight]")
    weight = item[1]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= MAX_WEIGHT:
        raise UserError(f"{name}: weight {show_value(weight)} is not a number from 0 to {MAX_WEIGHT:g}")
    return item[0], float(weight)


def _sequence(name: str, value: object, longest: int) -> Sequence[object]:
    if isinstance(value, str):
        value = _from_json(name, value)
    if not isinstance(value, list | tuple):
        raise UserError(f"{name}: {show_value(value)} is not a list")
    if len(value) > longest:
        raise UserError(f"{name}: {len(value)} entries; at most {longest}")
    return value


def _from_json(name: str, text: str) -> object:
    if len(text) > MAX_TEXT:
        raise UserError(f"{name}: {len(text)} characters; at most {MAX_TEXT}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}: not a JSON list ({str(error)[:60]})") from None
