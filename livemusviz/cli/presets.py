"""`livemusviz presets`: the presets there are, a user's own before ours."""

from __future__ import annotations

import argparse

from livemusviz.cli.output import add_json_flag, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from livemusviz.assets import find_presets, find_shaders, load_preset, read_headers
    from livemusviz.errors import UserError

    shaders, _ = read_headers(find_shaders())
    rows = []
    for name, path in find_presets().items():
        try:
            description = load_preset(name, shaders).description
        except UserError as error:
            description = f"cannot be used: {error}"
        rows.append({"name": name, "description": description, "path": str(path)})
    if options.json:
        print_json(rows)
    else:
        print(table([(row["name"], row["description"]) for row in rows], ("name", "description")))
    return 0
