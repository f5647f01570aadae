"""Compiles shader programs from files that may be edited while the show runs. Runs on the thread that draws.

A file holds a GLSL body without its `#version` line; that is put in front here. A file that does not compile raises
a `UserError` with file and line, and the program that last compiled stays in use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import moderngl

from livemusviz.display.source import change_times, compile_program, read_source

VertexArrayMaker = Callable[[moderngl.Program], moderngl.VertexArray]


class ShaderProgram:
    """A vertex and a fragment shader, ready to draw. `make_array` builds the geometry for a compiled program."""

    def __init__(self, ctx: moderngl.Context, vertex: Path, fragment: Path, make_array: VertexArrayMaker) -> None:
        self._ctx = ctx
        self._files = (vertex, fragment)
        self._make_array = make_array
        self._stamp = change_times(self._files)
        self._program = self._compile()
        self._array = make_array(self._program)

    def reload_if_edited(self) -> bool:
        """Compile again if a file has changed since the last attempt.

        Returns whether a new program is in use. UserError (and the last good program) if it does not compile.
        """
        stamp = change_times(self._files)
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

    def _compile(self) -> moderngl.Program:
        vertex, fragment = (_source(path, self._ctx.version_code) for path in self._files)
        return compile_program(self._ctx, (vertex, fragment), self._files)


def _source(path: Path, version: int) -> str:
    return f"#version {410 if version >= 410 else 330} core\n#line 1\n{read_source(path)}"
