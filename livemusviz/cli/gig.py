"""A gig file: the flags of `livemusviz live` as TOML, a key a flag. `live gig.toml` reads it, `--save-gig` writes it.

    input = "Scarlett 2i2"
    screen = 2
    fullscreen = true
    shaders = ["isf"]

A switch is true or false, a flag that may be given several times is a list. Files that are named without a folder are
looked for beside the gig file first. Flags on the command line stand over those of the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import tomlkit

from livemusviz.documents import read_toml
from livemusviz.errors import UserError, suggest
from livemusviz.regular import read_regular

MAX_BYTES = 64 << 10
SUFFIX = ".toml"
LEFT_OUT = frozenset({"help", "version", "verbose", "save_gig"})


def is_gig(word: str) -> bool:
    """Return True if a word of the command line names a gig file."""
    return not word.startswith("-") and word.lower().endswith(SUFFIX)


def read_gig(path: Path, parser: argparse.ArgumentParser) -> list[str]:
    """Return the flags in the file at `path`, as words for `parser`. UserError, with file and key, for what is bad."""
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: a gig file may have {MAX_BYTES} bytes")
    words: list[str] = []
    flags = _flags(parser)
    for key, value in read_toml(str(path), data).items():
        name = key.replace("_", "-")
        if name not in flags:
            raise UserError(f"{path}: no flag '{key[:40]}'; {suggest(name, flags)}")
        words += _words(f"{path}: {key[:40]}", flags[name], name, value, path.parent)
    return words


def save_gig(path: Path, options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Write the flags of `options` that are not as they are without any. UserError if the file exists, or cannot be
    written."""
    document = tomlkit.document()
    document.add(tomlkit.comment(f"livemusviz live {path.name}"))
    written: set[str] = set()
    for name, action in _flags(parser).items():
        value = getattr(options, action.dest, action.default)
        if value == action.default or action.dest in written or _is_constant(action):
            continue
        written.add(action.dest)
        document.add(name, [_plain(each) for each in value] if isinstance(value, list) else _plain(value))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
    except FileExistsError:
        raise UserError(f"--save-gig {path}: exists and would be lost; move it away or choose another name") from None
    except OSError as error:
        raise UserError(f"--save-gig {path}: {error.strerror or error}") from None


def _flags(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return every flag that a gig file may hold, by its name without the dashes."""
    found: dict[str, argparse.Action] = {}
    for action in parser._actions:
        if action.dest not in LEFT_OUT:
            found.update({word[2:]: action for word in action.option_strings if word.startswith("--")})
    return found


def _words(where: str, action: argparse.Action, name: str, value: object, folder: Path) -> list[str]:
    """Return one key as words of the command line."""
    if isinstance(action, argparse._AppendAction):
        if not isinstance(value, list):
            raise UserError(f"{where}: give a list")
        return [f"--{name}={_checked(where, action, each, folder)}" for each in value]
    if isinstance(value, bool):
        return list(_switch(where, action, name, value))
    if action.nargs == 0:
        raise UserError(f"{where}: give true or false")
    if isinstance(value, list):
        value = json.dumps(value)
    return [f"--{name}={_checked(where, action, value, folder)}"]


def _switch(where: str, action: argparse.Action, name: str, value: bool) -> Iterator[str]:
    if isinstance(action, argparse.BooleanOptionalAction):
        yield f"--{name}" if value else f"--no-{name}"
    elif action.nargs not in (0, "?"):
        raise UserError(f"{where}: {str(value).lower()} is no value for it")
    elif value:
        yield f"--{name}"


def _checked(where: str, action: argparse.Action, value: object, folder: Path) -> str:
    """Return a value as text that the flag takes."""
    if isinstance(value, bool | list | dict) or not isinstance(value, str | int | float):
        raise UserError(f"{where}: {str(value)[:40]!r} is no text and no number")
    text = str(value)
    if "\0" in text or len(text.encode(errors="replace")) > MAX_BYTES:
        raise UserError(f"{where}: not a text")
    beside = folder / text
    try:
        if text and (action.type is Path or beside.exists()) and not text.startswith("~"):
            text = str(beside)
        if callable(action.type):
            action.type(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{where}: {error}") from None
    except (OSError, ValueError, OverflowError):
        kind = getattr(action.type, "__name__", "value")
        raise UserError(f"{where}: {text[:40]!r} is no {kind}") from None
    if action.choices is not None and text not in action.choices:
        raise UserError(f"{where}: {text[:40]!r} is none of {', '.join(map(str, action.choices))}")
    return text


def _is_constant(action: argparse.Action) -> bool:
    """Return True if it only sets another flag's value."""
    return isinstance(action, argparse._StoreConstAction) and not isinstance(action.const, bool)


def _plain(value: object) -> object:
    """Return a value as TOML holds it; files with their folders."""
    if isinstance(value, Path) or (isinstance(value, str) and value and len(value) < 1000 and _is_file(value)):
        return str(Path(str(value)).absolute())
    return value if isinstance(value, bool | int | float | str) else str(value)


def _is_file(text: str) -> bool:
    try:
        return "\0" not in text and Path(text).exists()
    except OSError:
        return False
