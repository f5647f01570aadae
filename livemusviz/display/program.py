"""Shader programs from files that may be edited while the show runs. Runs on the thread that draws.

A file holds a GLSL body without its `#version` line; that is put in front here. A file that does not compile raises
a `UserError` with file and line, and the program that last compiled stays in use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moderngl

from livemusviz.errors import UserError

MAX_SHADER_BYTES = 1 << 20
# "0:12(5): error: ..." (Mesa), "ERROR: 0:12: ..." (Apple), "0(12) : error C1008: ..." (NVIDIA)
_COMPLAINT = re.compile(r"^(?:ERROR:\s*)?\d+[:(](\d+)\)?(?:\(\d+\))?\s*:\s*(.*)$", re.MULTILINE)

VertexArrayMaker = Callable[[moderngl.Program], moderngl.VertexArray]


class ShaderProgram:
    """A vertex and a fragment shader, ready to draw. `make_array` builds the geometry for a compiled program."""

    def __init__(self, ctx: moderngl.Context, vertex: Path, fragment: Path, make_array: VertexArrayMaker) -> None:
        self._ctx = ctx
        self._files = (vertex, fragment)
        self._make_array = make_array
        self._stamp = self._read_stamp()
        self._program = self._compile()
        self._array = make_array(self._program)

    def reload_if_edited(self) -> bool:
        """Compile again if a file has changed since the last attempt.

        Returns whether a new program is in use. UserError (and the last good program) if it does not compile.
        """
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        program = self._compile()
        array = self._make_array(program)
        self._array.release()
        self._program.release()
        self._program, self._array = program, array
        return True

    def set(self, name: str, value: Any) -> None:
        """Set a uniform. One that the shader does not have, or does not use, is ignored."""
        uniform = self._program.get(name, None)
        if isinstance(uniform, moderngl.Uniform):
            uniform.value = value

    def draw(self, target: moderngl.Framebuffer, **textures: moderngl.Texture) -> None:
        """Draw into `target`, with textures by their sampler's name."""
        for unit, (name, texture) in enumerate(textures.items()):
            texture.use(unit)
            self.set(name, unit)
        target.use()
        self._array.render()

    def _read_stamp(self) -> tuple[float, ...]:
        return tuple(path.stat().st_mtime if path.exists() else 0.0 for path in self._files)

    def _compile(self) -> moderngl.Program:
        vertex, fragment = (_source(path, self._ctx.version_code) for path in self._files)
        try:
            return self._ctx.program(vertex_shader=vertex, fragment_shader=fragment)
        except moderngl.Error as error:
            raise UserError(self._explain(str(error))) from None

    def _explain(self, message: str) -> str:
        path = self._files[0] if "vertex_shader" in message else self._files[1]
        found = _COMPLAINT.search(message)
        if found is None:
            return f"{path}: {' '.join(message.split())[:300]}"
        return f"{path}:{found[1]}: {found[2].strip()}"


def _source(path: Path, version: int) -> str:
    try:
        if path.stat().st_size > MAX_SHADER_BYTES:
            raise UserError(f"{path}: {path.stat().st_size} bytes; a shader may have {MAX_SHADER_BYTES}")
        body = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text (byte {error.start} is not UTF-8)") from None
    if "\0" in body:
        raise UserError(f"{path}: not text (it has zero bytes)")
    return f"#version {410 if version >= 410 else 330} core\n#line 1\n{body}"
