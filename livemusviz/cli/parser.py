"""The parser of every subcommand: a mistyped flag is answered by the nearest there is, in three lines at most."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from livemusviz import __version__
from livemusviz.errors import UserError
from livemusviz.folders import expanded

UNKNOWN = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with `--version`; its errors are short and end with status 2."""

    def __init__(self, *words: object, **options: object) -> None:
        super().__init__(*words, **{"allow_abbrev": False, **options})  # type: ignore[arg-type]
        self.add_argument("--version", action="version", version=f"livemusviz {__version__}", help="tell the version")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:  # type: ignore[override]
        """Parse; a path may begin with "~" where no shell has seen it, as in `--record=~/set.mp4` or a gig file."""
        options, rest = super().parse_known_args(args, namespace)
        for name, value in vars(options).items():
            setattr(options, name, _expanded(value))
        return options, rest

    def _get_values(self, action: Any, arg_strings: Any) -> Any:
        """Return what an argument is given; argparse itself would lose a value of two dashes, as in `--prompt=--`."""
        if action.type is Path and "" in arg_strings:
            raise argparse.ArgumentError(action, "the name of a file is empty")
        if action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, the nearest flag if there is one, and where all of them are listed."""
        lines = [f"{self.prog}: {UserError(message)}"]
        if message.startswith(UNKNOWN):
            words = message.removeprefix(UNKNOWN).split()
            flag = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
            near = difflib.get_close_matches(flag, sorted(set(_flags(self))), n=1)
            lines += [f"did you mean {near[0]}?"] if near else []
        self.exit(2, "\n".join([*lines, f"`{self.prog} --help` lists the flags"]) + "\n")


def _expanded(value: object) -> object:
    if isinstance(value, list):
        return [_expanded(each) for each in value]
    return expanded(value) if isinstance(value, Path) else value


def file_or_name(text: str) -> str:
    """Return the word of a flag that takes files and names: of a file with "~" in front, its path."""
    kind, file = ("video:", text.removeprefix("video:")) if text.startswith("video:") else ("", text)
    return kind + str(expanded(Path(file))) if file.startswith("~/") else text


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every flag of a parser and of its subcommands."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _flags(below)
