"""`livemusviz completion SHELL`: a script that completes commands, flags and files, by the library shtab."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import shtab

from livemusviz.cli.parser import Parser

SHELLS = ("bash", "zsh", "fish", "tcsh")
FOLDERS = ("DIR",)  # what a flag's value is called in the help where it is a folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", choices=SHELLS, help='as in: eval "$(livemusviz completion bash)", in the start-up file of the shell'
    )


def run(options: argparse.Namespace) -> int:
    print(shtab.complete(whole_parser(), shell=options.shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Return all subcommands in one parser; the flags of `live` at the top too, which plain `livemusviz` takes."""
    from livemusviz.cli import COMMANDS

    whole = Parser(prog="livemusviz")
    importlib.import_module("livemusviz.cli.live").add_arguments(whole)
    commands = whole.add_subparsers(metavar="COMMAND")
    for name, does in COMMANDS.items():
        parser = commands.add_parser(name, help=does, description=does)
        importlib.import_module(f"livemusviz.cli.{name}").add_arguments(parser)
    _complete_paths(whole)
    return whole


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which values are files and folders."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_paths(below)
        elif action.type is Path or "FILE" in str(action.metavar) or "PATH" in str(action.metavar):
            action.complete = shtab.DIRECTORY if action.metavar in FOLDERS else shtab.FILE  # type: ignore[attr-defined]
