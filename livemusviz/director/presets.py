"""Presets: TOML text in, checked values out. Pure; `assets` finds, reads and writes the files.

version = 1
description = "..."
transition = "crossfade"          # shaders by name; what is left out is as in a fresh show
idle = "silk"
chain = ["feedback", "grade"]
[params]
prompt = "red lava"
fade = 4.0
[drive]                           # engine parameters that the sound moves
walk_speed = {source = "bass", low = 0.05, high = 0.3}
[fx.grade]                        # inputs of a shader: fixed, or moved by the sound (see `mapping`)
saturation = 1.2
exposure = {source = "onset", low = 0.0, high = 0.4}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from livemusviz.director.stage import (
    Look,
    Setting,
    check_look,
    check_value,
    find_shader_input,
    parse_input_drive,
    parse_param_drive,
)
from livemusviz.documents import read_toml
from livemusviz.errors import UserError, suggest
from livemusviz.isf.header import Header
from livemusviz.params.param import Value
from livemusviz.params.registry import lookup

MAX_BYTES = 32 * 1024  # tomllib is quadratic on dotted keys
MAX_DOTS = 500
VERSION = 1
_KEYS = ("version", "description", "transition", "idle", "chain", "params", "drive", "fx")


@dataclass(frozen=True, slots=True)
class Preset:
    """Holds a named set of parameter values and a look for the stage. Parameters that it does not name stay."""

    name: str
    description: str
    values: Mapping[str, Value]
    look: Look = field(default_factory=Look)


def parse_preset(name: str, data: bytes, shaders: Mapping[str, Header]) -> Preset:
    """Return the preset in `data` (TOML, UTF-8), for a stage that has `shaders`. UserError that names the key and the
    limit otherwise."""
    where = f"preset '{name}'"
    document = read_document(where, data)
    for key in document:
        if key not in _KEYS:
            raise UserError(f"{where}: no key '{key[:64]}'; {suggest(key, _KEYS)}")
    if document.get("version") != VERSION:
        raise UserError(f"{where}: version must be {VERSION}, not {str(document.get('version'))[:32]}")
    description = document.get("description", "")
    if not isinstance(description, str):
        raise UserError(f"{where}: 'description' must be text")
    return Preset(name, description, _values(where, _table(where, document, "params")), _look(where, document, shaders))


def _values(where: str, params: Mapping[str, object]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, value in params.items():
        try:
            param = lookup(key)
            if not param.preset:
                raise UserError(f"{key}: is not for presets")
            values[key] = param.validate(value)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    return values


def _look(where: str, document: Mapping[str, object], shaders: Mapping[str, Header]) -> Look:
    chain = document.get("chain")
    if chain is not None and not (isinstance(chain, list) and all(isinstance(name, str) for name in chain)):
        raise UserError(f"{where}: 'chain' must be a list of shaders' names")
    look = Look(
        chain=None if chain is None else tuple(str(name) for name in chain),
        transition=_text(where, document, "transition"),
        idle=_text(where, document, "idle"),
        inputs={
            shader: _inputs(where, shader, _table(where, _table(where, document, "fx"), shader), shaders)
            for shader in _table(where, document, "fx")
        },
        params={
            name: parse_param_drive(f"{where}: drive.{name}", name, _drive(f"{where}: drive.{name}", raw))
            for name, raw in _table(where, document, "drive").items()
        },
    )
    check_look(where, look, shaders)
    return look


def _inputs(where: str, shader: str, table: Mapping[str, object], shaders: Mapping[str, Header]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for name, value in table.items():
        try:
            found = find_shader_input(shader, name, shaders)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        here = f"{where}: fx.{shader}.{name}"
        settings[found.name] = (
            parse_input_drive(here, found, value) if isinstance(value, dict) else check_value(here, found, value)
        )
    return settings


def _table(where: str, document: Mapping[str, object], key: str) -> Mapping[str, object]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise UserError(f"{where}: '{key[:64]}' must be a table")
    return table


def _drive(where: str, raw: object) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise UserError(f'{where}: give a table, as {{source = "bass"}}')
    return raw


def _text(where: str, document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{where}: '{key}' must be a shader's name")
    return value


def read_document(where: str, data: bytes) -> dict[str, object]:
    """TOML text as a dictionary, its size looked at before it is parsed. UserError otherwise."""
    if len(data) > MAX_BYTES:
        raise UserError(f"{where}: {len(data)} bytes; a preset has at most {MAX_BYTES}")
    if data.count(b".") > MAX_DOTS or data.count(b"[") > MAX_DOTS:
        raise UserError(f"{where}: too many dots or brackets for a preset; write one 'key = value' a line")
    return read_toml(where, data)
