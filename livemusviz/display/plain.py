"""Draws what needs no ISF: copies, mixtures, frames fitted to the canvas. Runs on the thread that owns the context."""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz import resources
from livemusviz.display.layers import Layer
from livemusviz.display.program import ShaderProgram, VertexArrayMaker
from livemusviz.display.rehearsal import Size
from livemusviz.errors import UserError


class PlainShaders:
    """Holds the programs of plain GLSL files and the geometry of everything that fills a viewport.

    measure, hold : the flash limiter's programs.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._meshes: dict[Size, moderngl.Buffer] = {}
        self._blit, self._mix, self._fit, self._enlarge, self.measure, self.hold = (
            self._program(name) for name in ("blit", "mix", "fit", "enlarge", "measure", "hold")
        )

    def copy(self, picture: Layer, into: Layer) -> None:
        """Draw a picture as it is into a layer of any size."""
        self.blit(picture.texture, into.target)

    def blit(self, picture: moderngl.Texture, target: moderngl.Framebuffer, brightness: float = 1.0) -> None:
        """Draw a picture into `target`, filling its viewport. brightness : 0..1."""
        self._blit.set("brightness", brightness)
        self._blit.draw(target, image=picture)

    def mix(self, picture: Layer, other: Layer, amount: float, into: Layer) -> None:
        """Draw a mixture. amount : the share of `other`, 0..1."""
        self._mix.set("amount", amount)
        self._mix.draw(into.target, image=picture.texture, other=other.texture)

    def fit(
        self, image: moderngl.Texture, into: Layer, scale: tuple[float, float], place: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Draw the share `scale` of the image's sides, `place` out of its middle, so that it fills the layer."""
        self._fit.set("scale", scale)
        self._fit.set("place", place)
        self._fit.draw(into.target, image=image)

    def enlarge(self, image: moderngl.Texture, into: Layer, scale: tuple[float, float]) -> None:
        """Do what `fit` does for a larger layer, more sharply: sixteen samples a pixel, for what is drawn once."""
        self._enlarge.set("scale", scale)
        self._enlarge.draw(into.target, image=image)

    def reload_edited(self) -> list[str]:
        """Take over edited files; return a line for each that does not compile, whose last good program stays."""
        problems = []
        for program in (self._blit, self._mix, self._fit, self._enlarge, self.measure, self.hold):
            try:
                program.reload_if_edited()
            except UserError as error:
                problems.append(str(error))
        return problems

    def quad(self) -> VertexArrayMaker:
        """Return what makes geometry that fills a viewport, for programs made of quad.vert."""
        return lambda program: self._ctx.vertex_array(program, [(self._mesh((1, 1)), "2f", "in_uv")])

    def isf_array(self, program: moderngl.Program, cells: Size) -> moderngl.VertexArray:
        """Return the geometry of an ISF program. cells : columns and rows of a mesh that its vertex shader may bend."""
        return self._ctx.vertex_array(program, [(self._mesh(cells), "2f", "isf_corner")])

    def _mesh(self, cells: Size) -> moderngl.Buffer:
        """Return the geometry of so many columns and rows; one buffer for all that draw it."""
        if cells not in self._meshes:
            self._meshes[cells] = self._ctx.buffer(mesh(*cells).tobytes())
        return self._meshes[cells]

    def _program(self, name: str) -> ShaderProgram:
        vertex, fragment = resources.shader("quad.vert"), resources.shader(f"{name}.frag")
        return ShaderProgram(self._ctx, vertex, fragment, self.quad())


def mesh(columns: int, rows: int) -> np.ndarray:
    """Return triangles over the unit square, float32 (columns * rows * 6, 2): x and y of each corner, 0..1."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    cell = np.stack([x.ravel(), y.ravel()], axis=1)[:, None, :]
    corners = np.array([(0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1)])
    return ((cell + corners).reshape(-1, 2) / (columns, rows)).astype(np.float32)
