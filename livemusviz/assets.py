"""Shaders and presets as files: where they are found, how they are read, how a preset is written back. Main thread."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from livemusviz import resources
from livemusviz.director.playlist import Entry, parse_playlist
from livemusviz.director.presets import MAX_BYTES, Preset, parse_preset, read_document
from livemusviz.director.stage import check_drives
from livemusviz.errors import UserError, suggest
from livemusviz.folders import home, user_folder
from livemusviz.isf.header import MAX_BYTES as SHADER_BYTES
from livemusviz.isf.header import Header, Number, decode, parse_isf
from livemusviz.regular import read_regular
from livemusviz.session.content import Content
from livemusviz.session.step import SavePreset

log = logging.getLogger(__name__)

SUFFIXES = (".fs", ".isf")
MAX_FILES = 5000  # shaders in one folder
_MAC_FOLDERS = (Path("/Library/Graphics/ISF"), home() / "Library/Graphics/ISF")


# --- shaders ------------------------------------------------------------------------------------


def shader_folders(more: Iterable[Path] = ()) -> list[Path]:
    """Return the folders of shaders; a name in an earlier one hides the same name in a later one.

    more : the folders of `--shaders`.
    """
    mac = _MAC_FOLDERS if sys.platform == "darwin" else ()
    return [*more, user_folder() / "shaders", resources.folder("shaders"), *mac]


def find_shaders(more: Iterable[Path] = ()) -> dict[str, Path]:
    """Return all shaders by name. A vertex shader (.vs) belongs to the .fs of its name and has no name of its own."""
    found: dict[str, Path] = {}
    for folder in reversed(shader_folders(more)):
        found.update({path.stem: path for path in shader_files(folder)})
    return dict(sorted(found.items()))


def shader_files(folder: Path) -> list[Path]:
    """Return the shaders in a folder and in the folders below it."""
    found = _files(folder, "**/*")
    return [path for path in found if path.suffix.lower() in SUFFIXES][:MAX_FILES]


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the files in a folder that match, in order; none, with a warning, where it may not be looked into."""
    try:
        found = sorted(path for path in folder.glob(pattern) if os.path.isfile(path))
        if not found and os.path.isdir(folder):
            next(folder.iterdir(), None)  # glob tells no difference between an empty folder and a closed one
    except OSError as error:
        _leave_out(folder, error.strerror or str(error))
        return []
    return [path for path in found if _is_text(path.stem)]


@cache
def _leave_out(folder: Path, reason: str) -> None:
    """Warn once of a folder, for it is looked into many times."""
    log.warning("%s is left out: %s", folder, reason)


def _is_text(name: str) -> bool:
    """True for a file's name that can be shown, sent and written: not every one on a Unix disk is UTF-8."""
    return name.isprintable()


def usable_shaders(more: Iterable[Path] = ()) -> tuple[dict[str, Path], dict[str, Header], list[str]]:
    """Paths and headers of all shaders by name, and a line for each file whose header is bad.

    Such a file does not shadow a good one of its name.
    """
    paths = find_shaders(more)
    headers, problems = read_headers(paths)
    ours = {name: path for name, path in resources.our_shaders().items() if name not in headers}
    rest, _ = read_headers(ours)
    return {**paths, **{name: ours[name] for name in rest}}, {**headers, **rest}, problems


def read_headers(paths: Mapping[str, Path]) -> tuple[dict[str, Header], list[str]]:
    """Return the headers of all shaders that have a good one, by name, and a line for each that has not."""
    headers: dict[str, Header] = {}
    problems = []
    for name, path in paths.items():
        try:
            header = parse_isf(decode(read_regular(path, SHADER_BYTES)))
            check_drives(header)
            headers[name] = header
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
        except UserError as error:
            problems.append(f"{path}: {error}")
    return headers, problems


# --- presets ------------------------------------------------------------------------------------


def preset_folders() -> list[Path]:
    """Return the folders of presets, a user's own first: a preset there hides ours of the same name."""
    return [user_folder() / "presets", resources.folder("presets")]


def find_presets() -> Mapping[str, Path]:
    """Return all presets by name."""
    found: dict[str, Path] = {}
    for folder in reversed(preset_folders()):
        found.update({path.stem: path for path in _files(folder, "*.toml")})
    return dict(sorted(found.items()))


def load_preset(name: str, shaders: Mapping[str, Header] | None = None) -> Preset:
    """Return the preset of that name, from the discovered ones only. UserError if there is none, or if it is bad.

    shaders : what the stage has; None is what comes with the program and a user's own.
    """
    if shaders is None:
        shaders = usable_shaders()[1]
    return parse_preset(name, _preset_bytes(name), shaders)


def find_content(folders: Iterable[Path] = (), playlist: Path | None = None) -> tuple[Content, dict[str, Path]]:
    """Return what a session can put on, and the shaders' files by name. UserError for a bad playlist.

    folders : more shaders.  playlist : a file; None is every preset in turn. Bad shaders are logged and left out.
    """
    paths, headers, problems = usable_shaders(folders)
    for problem in problems:
        log.warning("%s", problem)
    entries = load_playlist(playlist) if playlist is not None else tuple(Entry(name) for name in find_presets())
    content = Content(headers, entries, lambda name: load_preset(name, headers), frozenset(resources.our_shaders()))
    return content, paths


def load_playlist(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a playlist file (TOML: `play = ["lava", {preset = "ink", seconds = 40}]`). UserError
    otherwise."""
    try:
        document = read_document(f"playlist {path}", read_regular(path, MAX_BYTES))
    except OSError as error:
        raise UserError(f"playlist {path}: {error.strerror or error}") from None
    entries = parse_playlist(f"playlist {path}", document.get("play"))
    known = find_presets()
    for entry in entries:
        if entry.preset not in known:
            raise UserError(f"playlist {path}: no preset '{entry.preset[:64]}'; {suggest(entry.preset, known)}")
    return entries


def write_preset(request: SavePreset) -> Path:
    """Write the preset that a session asks to save; where it is. UserError if that cannot be."""
    return save_preset(request.name, request.base, request.values, request.inputs)


def save_preset(name: str, base: str, values: Mapping[str, object], inputs: Mapping[str, Mapping[str, Number]]) -> Path:
    """Write preset `name` into the user's folder: the file of preset `base` with `values` under [params] and `inputs`
    under [fx.<shader>]. Whatever else that file says, comments and order included, stays. Returns where it is."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise UserError(f"preset name '{name[:64]}': give letters, digits, - and _, at most 64")
    text = _preset_bytes(base).decode("utf-8") if base else 'version = 1\ndescription = ""\n'
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise UserError(f"preset '{base}': not TOML: {str(error)[:120]}") from None
    changes: list[tuple[tuple[str, ...], Mapping[str, object]]] = [(("params",), values)]
    changes += [(("fx", shader), settings) for shader, settings in inputs.items()]
    for path, settings in changes:
        table = _table(document, path) if settings else None
        for key, value in settings.items():
            if table is not None and (key not in table or table[key] != value):
                table[key] = list(value) if isinstance(value, tuple) else value
    target = user_folder() / "presets" / f"{name}.toml"
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(tomlkit.dumps(document), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise UserError(f"cannot save {target}: {error.strerror or error}") from None
    return target


def _table(document: tomlkit.TOMLDocument, path: tuple[str, ...]) -> Any:
    here: Any = document
    for i, key in enumerate(path):
        if key not in here:
            here[key] = tomlkit.table(is_super_table=i + 1 < len(path))
        here = here[key]
    return here


def _preset_bytes(name: str) -> bytes:
    presets = find_presets()
    if name not in presets:
        raise UserError(f"no preset '{name[:64]}'; {suggest(name, presets)}")
    try:
        return read_regular(presets[name], MAX_BYTES)
    except OSError as error:
        raise UserError(f"preset '{name}': {error.strerror or error}") from None
