"""`livemusviz osc`: list every address of the registry, as a table, Markdown, JSON or a TouchOSC surface."""

from __future__ import annotations

import argparse
from pathlib import Path

from livemusviz.cli.output import add_json_flag, print_json, table
from livemusviz.params.param import Param
from livemusviz.params.registry import PARAMS, REGISTRY

TYPES = {
    "float": "f",
    "int": "i",
    "bool": "0|1",
    "str": "s",
    "choice": "s",
    "prompts": "s",
    "seeds": "s",
    "ints": "i...",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=("list", "layout"))
    parser.add_argument("--markdown", action="store_true", help="list: as the table of docs/CONTROL.md")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.tosc", help="layout: a surface for TouchOSC")
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    if options.what == "layout":
        _write_layout(options.output)
    elif options.json:
        print_json([_described(param) for param in PARAMS])
    elif options.markdown:
        print(markdown())
    else:
        print(table([_row(param) for param in PARAMS], ("address", "takes", "range", "default", "does")))
    return 0


def markdown() -> str:
    """Return the table of docs/CONTROL.md; a test keeps the two equal."""
    lines = ["| address | takes | range | default | does |", "|---|---|---|---|---|"]
    for param in PARAMS:
        address, takes, limits, default, doc = _row(param)
        lines.append(f"| `{address}` | {takes.replace('|', ' or ')} | {limits} | {default} | {doc} |")
    return "\n".join(lines)


def _write_layout(path: Path | None) -> None:
    from livemusviz.control.layout import tosc
    from livemusviz.errors import UserError

    if path is None or path.suffix != ".tosc":
        raise UserError("osc layout: give the file to write, as -o livemusviz.tosc")
    try:
        path.write_bytes(tosc(REGISTRY))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def _row(param: Param) -> tuple[str, str, str, str, str]:
    takes = TYPES.get(param.kind, "[s]" if param.maximum else "")
    default = {"action": "", "bool": "1" if param.default else "0"}.get(param.kind, str(param.default))
    return param.address, takes, _limits(param), "" if param.default == () else default, param.doc


def _limits(param: Param) -> str:
    if param.kind in ("bool", "prompts") or (param.kind == "action" and not param.maximum):
        return ""
    if param.kind == "choice":
        return ", ".join(param.choices)
    unit = "characters" if param.kind in ("str", "action") else param.unit
    return f"{_plain(param.minimum)}..{_plain(param.maximum)} {unit}".rstrip()


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _described(param: Param) -> dict[str, object]:
    return {
        "name": param.name,
        "address": param.address,
        "type": param.kind,
        "range": [param.minimum, param.maximum],
        "choices": param.choices,
        "unit": param.unit,
        "default": param.default,
        "doc": param.doc,
        "preset": param.preset,
        "modulated": param.modulated,
        "quantised": param.quantised,
    }
