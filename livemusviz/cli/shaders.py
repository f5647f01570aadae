"""`livemusviz shaders`: the ISF shaders there are; `shaders check DIR|FILE` compiles and draws a folder of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from livemusviz.cli.output import add_json_flag, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "check"), default="list", help="list (default) or check")
    parser.add_argument("paths", nargs="*", type=Path, metavar="DIR|FILE", help="what to check (what comes with us)")
    parser.add_argument("--shaders", type=Path, action="append", default=[], metavar="DIR", help="list these too")
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    return _check(options.paths, options.json) if options.action == "check" else _list(options)


def _list(options: argparse.Namespace) -> int:
    from livemusviz.assets import find_shaders, read_headers

    paths = find_shaders(options.shaders)
    headers, problems = read_headers(paths)
    rows = [
        {
            "name": name,
            "kind": header.kind,
            "inputs": [each.name for each in header.inputs if each.type != "image"],
            "description": header.description,
            "path": str(paths[name]),
        }
        for name, header in headers.items()
    ]
    if options.json:
        print_json({"shaders": rows, "problems": problems})
        return 0
    print(table([(row["name"], row["kind"], row["description"]) for row in rows], ("name", "kind", "description")))
    for problem in problems:
        print(f"cannot be used: {problem}")
    return 0


def _check(paths: list[Path], as_json: bool) -> int:
    """Print a line a file, pass or fail and why, then the count. Return 1 if any failed, else 0."""
    from livemusviz import resources
    from livemusviz.assets import shader_files
    from livemusviz.display.check import check_shaders
    from livemusviz.errors import UserError

    files: list[Path] = []
    for path in paths or [resources.folder("shaders")]:
        if not path.exists():
            raise UserError(f"{path}: no such folder or file")
        files += shader_files(path) if path.is_dir() else [path]
    verdicts = []
    for verdict in check_shaders(files):
        verdicts.append(verdict)
        if not as_json:
            print(_line(verdict.path, verdict.ok, verdict.reason, verdict.kind, verdict.ms), flush=True)
            for warning in verdict.warnings:
                print(f"      {warning}", flush=True)
    passed = sum(verdict.ok for verdict in verdicts)
    if as_json:
        print_json({"files": [asdict(verdict) for verdict in verdicts], "passed": passed, "count": len(verdicts)})
    else:
        print(f"{passed} of {len(verdicts)} pass")
    return 0 if passed == len(verdicts) else 1


def _line(path: str, ok: bool, reason: str, kind: str, ms: float) -> str:
    return f"pass  {path}  ({kind}, {ms:.0f} ms)" if ok else f"fail  {reason}"
