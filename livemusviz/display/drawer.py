"""Draws the canvas into one window as its screen's mapping says, and the operator's figures over it. Runs on the thread
that owns the window's context.
"""

from __future__ import annotations

from collections.abc import Sequence

import moderngl

from livemusviz.bridge.mapping import MapChange
from livemusviz.bridge.view import View
from livemusviz.display.compositor import Compositor
from livemusviz.display.hud import Hud
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.plain import mesh
from livemusviz.display.program import VertexArrayMaker
from livemusviz.display.projection import Projection, place
from livemusviz.display.warp import ScreenMap, parts
from livemusviz.errors import UserError

Size = tuple[int, int]


class ScreenDrawer:
    """Draws one of the windows that show the canvas.

    maps : of all screens, shared by the windows.  grid : True while the test grid is seen.
    """

    def __init__(self, ctx: moderngl.Context, maps: ScreenMaps, index: int = 0, count: int = 1) -> None:
        """index, count : number of this screen, from 0, and of screens side by side."""
        self._ctx, self.maps, self._index, self._count = ctx, maps, index, count
        self.grid = False
        self._projection: Projection | None = None
        self._hud: Hud | None = None

    def take(self, changes: Sequence[MapChange], problems: list[str]) -> None:
        """Change the mappings. problems : takes a line for each change that cannot be."""
        for change in changes:
            self.attempt(change, problems)
        problems += self.maps.problems
        self.maps.problems.clear()

    def attempt(self, change: MapChange, problems: list[str]) -> None:
        """Change one mapping, or report why not."""
        try:
            self.maps.change(change)
        except UserError as error:
            problems.append(str(error))

    def draw(self, target: moderngl.Framebuffer, size: Size, compositor: Compositor, view: View) -> None:
        """Fill `target`, `size` pixels, with the canvas or this window's part of it. Its context is current."""
        self.grid = view.map_grid
        target.viewport = (0, 0, *size)
        ends = parts(self._count, view.map_blend)
        screen, corners, part = place(self.maps, self._index, compositor.size, size, ends, view.map_blend)
        if screen == ScreenMap() and not view.map_grid and self._count == 1:
            self._draw_plain(target, size, compositor)
            return
        self._projection = self._projection or Projection(self._ctx, _quad(self._ctx))
        canvas = compositor.canvas
        if self._index > 0:  # the texture belongs to the first window's context
            canvas = self._ctx.external_texture(canvas.glo, canvas.size, 4, 0, "f1")
        chosen = self.maps.chosen[1] if self.maps.chosen[0] == self._index else -1
        self._projection.draw(canvas, target, screen, corners, part, view.map_grid, chosen)

    def draw_figures(
        self, target: moderngl.Framebuffer, size: Size, lines: tuple[str, ...], view: View, now: float
    ) -> None:
        """Draw the operator's figures over the canvas. lines : none draws nothing."""
        if lines:
            self._hud = self._hud or Hud(self._ctx, _quad(self._ctx))
            self._hud.draw(target, size, lines, now, view.hud_code, view.meter)

    def _draw_plain(self, target: moderngl.Framebuffer, size: Size, compositor: Compositor) -> None:
        inner = fit(compositor.size, size)
        if inner[2:] != size:
            target.clear(0.0, 0.0, 0.0, 1.0)
        target.viewport = inner
        compositor.blit(target)


def fit(image: Size, window: Size) -> tuple[int, int, int, int]:
    """Return the largest x, y, width, height (pixels) in the middle of `window` with the image's aspect."""
    scale = min(window[0] / image[0], window[1] / image[1])
    width, height = max(round(image[0] * scale), 1), max(round(image[1] * scale), 1)
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


def _quad(ctx: moderngl.Context) -> VertexArrayMaker:
    buffer = ctx.buffer(mesh(1, 1).tobytes())
    return lambda program: ctx.vertex_array(program, [(buffer, "2f", "in_uv")])
