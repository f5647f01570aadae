"""TOML and JSON that anybody may have written: text in, checked dictionaries out. Pure.

What the parsers of the standard library let through or escape with is a `UserError` of one line here: a byte order
mark, text that is no UTF-8, nesting without an end, whole numbers that no float can hold.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from livemusviz.errors import UserError, one_line

LARGEST = 2**63 - 1  # the whole numbers of TOML
MAX_DIGITS = 100  # of a whole number that is worth converting
_LONG = re.compile(r"^(.*?)\b\d[\d_]{1000,}", re.MULTILINE)


class LongNumber:
    """A whole number of so many `digits` that it was not converted."""

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def __repr__(self) -> str:
        return f"a whole number of {self.digits} digits"


def read_toml(where: str, data: bytes) -> dict[str, Any]:
    """Return a TOML document; whoever calls has looked at its size. UserError that begins with `where` otherwise."""
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{where}: not TOML: {one_line(error, 120)}") from None
    except ValueError:  # Python converts no integer of more than 4300 digits
        raise UserError(f"{where}: {_long_number(data.decode('utf-8-sig'))}") from None
    check_numbers(where, document)
    return document


def read_json(text: str, **options: Any) -> Any:
    """Return the value of JSON text. Whole numbers of more than `MAX_DIGITS` become `LongNumber`s, for `check_numbers`.

    options : of `json.loads`. Raises json.JSONDecodeError or RecursionError.
    """
    return json.loads(text, parse_int=_whole, **options)


def check_numbers(where: str, document: object, largest: int = LARGEST) -> None:
    """UserError, with `where` and the key, for a whole number beyond +-`largest` anywhere in a document."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{key}" if path else str(key), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{i}]", each) for i, each in enumerate(value)]
        elif isinstance(value, LongNumber):
            raise UserError(f"{where}: {one_line(path, 80)}: {value}; give a smaller one")
        elif isinstance(value, int) and abs(value) > largest:
            long = LongNumber(_digits(value))
            raise UserError(f"{where}: {one_line(path, 80)}: {long}; give a smaller one")


def _digits(value: int) -> int:
    """Decimal digits; about so many for a number that Python converts to no text (hexadecimal ones may be longer)."""
    bits = value.bit_length()
    return len(str(abs(value))) if bits < 14_000 else int(bits * 0.30103) + 1


def _whole(text: str) -> int | LongNumber:
    return int(text) if len(text) <= MAX_DIGITS else LongNumber(len(text.lstrip("-")))


def _long_number(text: str) -> str:
    """Return the position of the number in TOML text that cannot be converted."""
    found = _LONG.search(text)
    key = one_line(found[1].rpartition("=")[0] if "=" in found[1] else found[1], 80) if found else ""
    return f"{key}: a whole number of thousands of digits; give a smaller one".removeprefix(": ")
