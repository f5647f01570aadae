"""Reads the JSON header of an ISF file (Interactive Shader Format 2.0, and 1.0 where it differs). Pure.

The format: https://github.com/mrRay/ISF_Spec. Public files are not always valid JSON: trailing commas,
comments and tabs in strings are accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livemusviz.documents import check_numbers, read_json
from livemusviz.errors import UserError
from livemusviz.isf.expression import MAX_LENGTH

MAX_BYTES = 1 << 20
MAX_INPUTS, MAX_PASSES = 128, 64
MAX_NUMBER = 3e38  # of 32-bit floats
MAX_LONG = 2**31 - 1
MAX_AUDIO = 4096  # samples or bins of an audio input
IMAGE_TYPES = frozenset({"image", "audio", "audioFFT"})
TYPES = IMAGE_TYPES | {"event", "bool", "long", "float", "point2D", "color"}
# What a shader's file may not call its own inputs: they would hide what the host declares.
RESERVED = frozenset({"TIME", "TIMEDELTA", "DATE", "FRAMEINDEX", "PASSINDEX", "RENDERSIZE"})
_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_HEADER = re.compile(r"/\*+\s*(\{.*?)\*+/", re.DOTALL)  # the first comment in braces: a licence may stand before it

Number = float | int | bool | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """Describes one declared input.

    name : as the shader uses it.
    type : one of `TYPES`.
    default, minimum, maximum : numbers or tuples of them, by type.
    values, labels : the choices of a "long".
    size : most samples of an audio input, or 0.
    drive : the key "DRIVE", an addition of this program: moves this input unless a preset says otherwise (see
    `director.mapping`).
    """

    name: str
    type: str
    default: Number = 0.0
    minimum: Number = 0.0
    maximum: Number = 1.0
    values: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    size: int = 0
    drive: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Describes one rendering pass.

    target : buffer that it draws into, "" for the output.
    width, height : size expressions.
    persistent : True keeps the buffer's picture from frame to frame.
    float32 : True stores 32-bit floats instead of 8-bit colours.
    """

    target: str = ""
    width: str | float = "$WIDTH"
    height: str | float = "$HEIGHT"
    persistent: bool = False
    float32: bool = False


MESH, MOST_CELLS = (24, 14), 128  # columns and rows


@dataclass(frozen=True, slots=True)
class Header:
    """Holds the declarations of an ISF file.

    description, credit, categories : text for people.
    inputs : as declared.
    passes : in their order.
    imported : image files by the name of their sampler, "" where the file names none.
    cubes : those of them that are cube maps.
    mesh : columns and rows of the geometry under a vertex shader of the file's own.
    """

    description: str = ""
    credit: str = ""
    categories: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    passes: tuple[Pass, ...] = (Pass(),)
    imported: Mapping[str, str] = field(default_factory=dict)
    cubes: frozenset[str] = frozenset()
    mesh: tuple[int, int] = MESH

    @property
    def kind(self) -> str:
        names = {each.name for each in self.inputs}
        if {"startImage", "endImage", "progress"} <= names:
            return "transition"
        return "filter" if any(each.type == "image" for each in self.inputs) else "generator"

    @property
    def stands_alone(self) -> bool:
        """Return True if it needs no picture to work on: none of its images is one of the standard's names."""
        return not {"inputImage", "startImage", "endImage"} & {each.name for each in self.inputs}

    def input(self, name: str) -> Input | None:
        return next((each for each in self.inputs if each.name == name), None)


def decode(data: bytes) -> str:
    """Return the text of an ISF file. UserError if it is none (too long, binary)."""
    if len(data) > MAX_BYTES:
        raise UserError(f"{len(data)} bytes; a shader may have {MAX_BYTES}")
    if b"\0" in data:
        raise UserError("not text (it has zero bytes)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UserError(f"not text (byte {error.start} is not UTF-8)") from None
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_isf(text: str) -> Header:
    """Return the header of an ISF file. UserError that names the key if there is none or it cannot be used."""
    found = _HEADER.search(text)
    if found is None:
        raise UserError("no ISF header: the file must begin with /*{ ... }*/")
    document = _json(found[1])
    passes, sizes = _passes(document)
    imported, cubes = _imported(document)
    header = Header(
        description=str(document.get("DESCRIPTION") or ""),
        credit=str(document.get("CREDIT") or ""),
        categories=_categories(document),
        inputs=_inputs(document),
        passes=passes,
        imported=imported,
        cubes=cubes,
        mesh=_mesh(document),
    )
    _check_names(header, sizes)
    return header


def _mesh(document: Mapping[str, Any]) -> tuple[int, int]:
    """`MESH`, a key of ours that other hosts ignore. UserError unless it is two whole numbers in range."""
    sides = document.get("MESH", MESH)
    fitting = isinstance(sides, list | tuple) and len(sides) == 2
    if not fitting or not all(type(side) is int and 1 <= side <= MOST_CELLS for side in sides):
        raise UserError(f"MESH: give [columns, rows], each 1..{MOST_CELLS}")
    return sides[0], sides[1]


def _json(text: str) -> dict[str, Any]:
    first: json.JSONDecodeError | None = None
    for attempt in (text, _lenient(text)):
        try:
            document = read_json(attempt, strict=False)
        except json.JSONDecodeError as error:
            first = first or error
        except RecursionError:
            raise UserError("header: nested too deeply") from None
        else:
            if not isinstance(document, dict):
                raise UserError("header: not a JSON object")
            check_numbers("header", document)
            return document
    assert first is not None  # noqa: S101
    raise UserError(f"header: not JSON, line {first.lineno}: {first.msg}")


def _lenient(text: str) -> str:
    """Without // comments outside strings and without commas before a closing bracket."""
    bare = re.sub(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*', lambda m: m[1] or "", text)
    return re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', lambda m: m[1] or "", bare)


def _categories(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words a file is listed under; one may stand alone."""
    only = document.get("CATEGORIES")
    return (only,) if isinstance(only, str) else tuple(str(each) for each in _list(document, "CATEGORIES"))


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{key}: must be a list")
    return value


def _inputs(document: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the declared inputs; of two with one name the first counts."""
    raw = _list(document, "INPUTS")
    if len(raw) > MAX_INPUTS:
        raise UserError(f"INPUTS: {len(raw)} of them; at most {MAX_INPUTS}")
    inputs: dict[str, Input] = {}
    for i, each in enumerate(raw):
        made = _input(each, i)
        inputs.setdefault(made.name, made)
    return tuple(inputs.values())


def _input(raw: object, index: int) -> Input:
    if not isinstance(raw, dict):
        raise UserError(f"INPUTS[{index}]: must be an object")
    name, kind = raw.get("NAME"), raw.get("TYPE")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(f"INPUTS[{index}]: NAME {str(name)[:40]!r} is not an identifier")
    known = {each.lower(): each for each in TYPES}
    if not isinstance(kind, str) or kind.lower() not in known:
        raise UserError(f"input '{name}': TYPE {str(kind)[:40]!r} is none of {', '.join(sorted(TYPES))}")
    kind = known[kind.lower()]
    drive = raw.get("DRIVE")
    if isinstance(drive, str):
        drive = {"source": drive}
    if drive is not None and not isinstance(drive, dict):
        raise UserError(f"input '{name}': DRIVE must be a source's name or an object")
    if kind in IMAGE_TYPES:
        size = _scalar(raw.get("MAX"), 0.0)
        return Input(name, kind, size=int(min(max(size, 0), MAX_AUDIO)))
    if kind in ("event", "bool"):
        return Input(name, kind, _truth(raw.get("DEFAULT")), False, True, drive=drive)
    if kind == "long":
        return _choice(name, raw, drive)
    if kind == "float":
        return _float(name, raw, drive)
    width = 2 if kind == "point2D" else 4
    fill = (0.0, 0.0) if width == 2 else (1.0, 1.0, 1.0, 1.0)
    low, high = (0.0,) * width, (1.0,) * width
    return Input(
        name,
        kind,
        _vector(raw.get("DEFAULT"), fill),
        _vector(raw.get("MIN"), low),
        _vector(raw.get("MAX"), high),
        drive=drive,
    )


def _choice(name: str, raw: Mapping[str, Any], drive: Mapping[str, Any] | None) -> Input:
    values = raw.get("VALUES")
    numbers = tuple(int(_scalar(each, 0.0)) for each in values) if isinstance(values, list) else ()
    labels = raw.get("LABELS")
    low = min(numbers, default=int(_scalar(raw.get("MIN"), 0.0)))
    high = max(numbers, default=int(_scalar(raw.get("MAX"), max(low, 1))))
    default = int(_scalar(raw.get("DEFAULT"), numbers[0] if numbers else low))
    if max(map(abs, (low, high, default))) > MAX_LONG:
        raise UserError(f"input '{name}': a long is a whole number of at most {MAX_LONG}")
    named = tuple(str(each) for each in labels) if isinstance(labels, list) else ()
    return Input(name, "long", default, low, high, numbers, named, drive=drive)


def _float(name: str, raw: Mapping[str, Any], drive: Mapping[str, Any] | None) -> Input:
    low, high = _scalar(raw.get("MIN"), 0.0), _scalar(raw.get("MAX"), 1.0)
    if high < low:
        low, high = high, low
    middle = _scalar(raw.get("IDENTITY"), low)
    return Input(name, "float", _scalar(raw.get("DEFAULT"), middle), low, high, drive=drive)


def _passes(document: Mapping[str, Any]) -> tuple[tuple[Pass, ...], list[str | float]]:
    """Return the passes, and every size expression for checking. ISF 1's PERSISTENT_BUFFERS are taken in."""
    old = document.get("PERSISTENT_BUFFERS") or {}
    buffers = {str(name): {} for name in old} if isinstance(old, list) else dict(old) if isinstance(old, dict) else {}
    raw = _list(document, "PASSES")
    if len(raw) > MAX_PASSES:
        raise UserError(f"PASSES: {len(raw)} of them; at most {MAX_PASSES}")
    passes = []
    for i, each in enumerate(raw):
        if not isinstance(each, dict):
            raise UserError(f"PASSES[{i}]: must be an object")
        target = str(each.get("TARGET") or "")
        legacy = buffers.get(target)
        merged = {**(legacy if isinstance(legacy, dict) else {}), **each}
        passes.append(
            Pass(
                target,
                _size(merged.get("WIDTH"), "$WIDTH"),
                _size(merged.get("HEIGHT"), "$HEIGHT"),
                target in buffers or _truth(merged.get("PERSISTENT")),
                _truth(merged.get("FLOAT")),
            )
        )
    sizes = [size for each in passes for size in (each.width, each.height)]
    return tuple(passes) or (Pass(),), sizes


def _size(value: object, default: str) -> str | float:
    if isinstance(value, bool) or value is None or value == "":
        return default
    if isinstance(value, int | float):
        return _scalar(value, 0.0) or default
    return str(value)


def _imported(document: Mapping[str, Any]) -> tuple[dict[str, str], frozenset[str]]:
    """Return the path of each imported picture, "" where there is none to be read, and the names of the cube maps."""
    raw = document.get("IMPORTED") or {}
    if isinstance(raw, list):
        raw = {each.get("NAME"): each for each in raw if isinstance(each, dict)}
    if not isinstance(raw, dict):
        raise UserError("IMPORTED: must be an object or a list")
    images, cubes = {}, set()
    for name, each in raw.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UserError(f"IMPORTED: NAME {str(name)[:40]!r} is not an identifier")
        path = each.get("PATH") if isinstance(each, dict) else each
        images[name] = path if isinstance(path, str) else ""
        if isinstance(each, dict) and str(each.get("TYPE", "image")).lower() == "cube":
            cubes.add(name)
    return images, frozenset(cubes)


def _check_names(header: Header, sizes: list[str | float]) -> None:
    seen: set[str] = set(RESERVED)
    for name in [each.name for each in header.inputs] + list(header.imported):
        if name in seen:
            raise UserError(f"the name '{name}' is declared twice")
        seen.add(name)
    for each in header.passes:
        if each.target and not _NAME.fullmatch(each.target):
            raise UserError(f"PASSES: TARGET {each.target[:40]!r} is not an identifier")
        if each.target in seen:
            raise UserError(f"PASSES: TARGET '{each.target}' is an input's name too")
    for size in sizes:
        if isinstance(size, str) and len(size) > MAX_LENGTH:
            raise UserError(f"PASSES: a size expression of {len(size)} characters; at most {MAX_LENGTH}")


def _scalar(value: object, default: float) -> float:
    """Return a number that a GPU can hold; anything else is `default`. Numbers in strings count, as other hosts take
    them."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    try:
        number = float(value) if isinstance(value, int | float | str) else default
    except (ValueError, OverflowError):
        return default
    return number if abs(number) <= MAX_NUMBER else default


def _vector(value: object, default: tuple[float, ...]) -> tuple[float, ...]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (_scalar(value, 0.0),) * len(default)
    if not isinstance(value, list):
        return default
    given = tuple(_scalar(each, 0.0) for each in value[: len(default)])
    return given + default[len(given) :]


def _truth(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("1", "1.0", "true", "yes")
    return bool(value)
