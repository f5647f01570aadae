"""`livemusviz osc list`: every address of the registry, for people, for the README, for programs."""

from __future__ import annotations

import argparse

from livemusviz.cli.output import add_json_flag, print_json, table
from livemusviz.director.params import PARAMS, Param

TYPES = {"float": "f", "int": "i", "bool": "0|1", "str": "s", "action": "[s]"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=("list",))
    parser.add_argument("--markdown", action="store_true", help="as the table of the README")
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    if options.json:
        print_json([_described(param) for param in PARAMS])
    elif options.markdown:
        print(markdown())
    else:
        print(table([_row(param) for param in PARAMS], ("address", "takes", "range", "default", "does")))
    return 0


def markdown() -> str:
    """The README's table; a test keeps the two equal."""
    lines = ["| address | takes | range | default | does |", "|---|---|---|---|---|"]
    for param in PARAMS:
        address, takes, limits, default, doc = _row(param)
        lines.append(f"| `{address}` | {takes.replace('|', ' or ')} | {limits} | {default} | {doc} |")
    return "\n".join(lines)


def _row(param: Param) -> tuple[str, str, str, str, str]:
    limits = {
        "str": f"{param.minimum:g}..{param.maximum:g} characters",
        "action": f"0..{param.maximum:g} characters" if param.maximum else "",
        "bool": "",
    }.get(param.kind, f"{param.minimum:g}..{param.maximum:g} {param.unit}".rstrip())
    default = {"action": "", "bool": "1" if param.default else "0"}.get(param.kind, str(param.default))
    return param.address, TYPES[param.kind], limits, default, param.doc


def _described(param: Param) -> dict[str, object]:
    return {
        "name": param.name,
        "address": param.address,
        "type": param.kind,
        "range": [param.minimum, param.maximum],
        "unit": param.unit,
        "default": param.default,
        "doc": param.doc,
    }
