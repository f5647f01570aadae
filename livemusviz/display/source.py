"""Reads and compiles the files of a shader. Runs on the thread that owns the context.

What is wrong with a file is a UserError that names the file and, where the driver tells it, the line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import moderngl

from livemusviz.errors import UserError
from livemusviz.isf import glsl
from livemusviz.isf.header import MAX_BYTES, decode
from livemusviz.regular import read_regular


def read_source(path: Path) -> str:
    """Return the text of a shader's file. UserError if it cannot be read, is too long or is no text."""
    try:
        return decode(read_regular(path, MAX_BYTES))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def change_times(paths: Iterable[Path]) -> tuple[float, ...]:
    """Return when each file was last changed, s since the epoch; 0 for one that is not there."""
    return tuple(map(change_time, paths))


def change_time(path: Path) -> float:
    """Return when a file was last changed, s since the epoch; 0 for one that is not there, or may not be seen."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def compile_program(ctx: moderngl.Context, sources: tuple[str, str], paths: tuple[Path, Path]) -> moderngl.Program:
    """Return a program. sources, paths : of the vertex and the fragment shader. UserError that names file and line."""
    try:
        return ctx.program(vertex_shader=sources[0], fragment_shader=sources[1])
    except moderngl.Error as error:
        message = str(error)
        line, sentence = glsl.complaint(message)
        path = paths[0] if "vertex_shader" in message else paths[1]
        raise UserError(f"{path}:{line}: {sentence}" if line else f"{path}: {sentence}") from None
