"""Presets: TOML text in, checked parameter values out. Pure; the files are found and read by `config`.

version = 1
description = "..."
[params]
prompt = "red lava"
fade = 4.0
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from livemusviz.director.params import Value, lookup, suggest
from livemusviz.errors import UserError

MAX_BYTES = 32 * 1024  # tomllib is quadratic on dotted keys
MAX_DOTS = 500
VERSION = 1
_KEYS = ("version", "description", "params")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of parameter values; parameters it does not name keep what they have."""

    name: str
    description: str
    values: Mapping[str, Value]


def parse_preset(name: str, data: bytes) -> Preset:
    """The preset in `data` (TOML, UTF-8). UserError that names the key and the limit otherwise."""
    where = f"preset '{name}'"
    document = _document(where, data)
    for key in document:
        if key not in _KEYS:
            raise UserError(f"{where}: no key '{key[:64]}'; {suggest(key, _KEYS)}")
    if document.get("version") != VERSION:
        raise UserError(f"{where}: version must be {VERSION}, not {str(document.get('version'))[:32]}")
    description, params = document.get("description", ""), document.get("params", {})
    if not isinstance(description, str) or not isinstance(params, dict):
        raise UserError(f"{where}: 'description' must be text and 'params' a table")
    values: dict[str, Value] = {}
    for key, value in params.items():
        try:
            param = lookup(key)
            if not param.preset:
                raise UserError(f"{key}: is not for presets")
            values[key] = param.validate(value)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    return Preset(name, description, values)


def _document(where: str, data: bytes) -> dict[str, object]:
    if len(data) > MAX_BYTES:
        raise UserError(f"{where}: {len(data)} bytes; a preset has at most {MAX_BYTES}")
    if data.count(b".") > MAX_DOTS or data.count(b"[") > MAX_DOTS:
        raise UserError(f"{where}: too many dots or brackets for a preset; write one 'key = value' a line")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{where}: not TOML: {str(error)[:120]}") from None
