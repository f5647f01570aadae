"""Draws the canvas, or a part of it, into one window: pinned, turned, with soft edges or a test grid.

Runs on the thread that owns the window's context.
"""

from __future__ import annotations

import moderngl

from livemusviz import resources
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.program import ShaderProgram, VertexArrayMaker
from livemusviz.display.warp import SQUARE, Point, ScreenMap, fitted_corners, from_screen

WHOLE: Point = (0.0, 1.0)
LINES = (16, 9)  # of the grid


class Projection:
    """One window's drawing. `draw` it for each canvas."""

    def __init__(self, ctx: moderngl.Context, quad: VertexArrayMaker) -> None:
        self._program = ShaderProgram(ctx, resources.shader("quad.vert"), resources.shader("map.frag"), quad)

    def draw(
        self,
        canvas: moderngl.Texture,
        target: moderngl.Framebuffer,
        screen: ScreenMap,
        corners: tuple[Point, Point, Point, Point],
        part: Point = WHOLE,
        grid: bool = False,
        chosen: int = -1,
    ) -> None:
        """Fill the viewport of `target`. corners : where the picture lies.  part : left and right end of what is seen
        of the canvas.  chosen : corner that the grid marks, -1 for none."""
        program = self._program
        program.set("from_screen", tuple(float(value) for value in from_screen(corners).T.ravel()))  # by columns
        program.set("part", part)
        program.set("quarter_turns", screen.turn // 90)
        program.set("edges", screen.edges)
        program.set("grid", int(grid))
        program.set("corner", chosen)
        program.set("lines", LINES)
        program.draw(target, image=canvas)


def place(
    maps: ScreenMaps, index: int, canvas: tuple[int, int], window: tuple[int, int], parts: list[Point], blend: float
) -> tuple[ScreenMap, tuple[Point, Point, Point, Point], Point]:
    """Return the mapping of one screen, its corners, and its part of the canvas. Sizes in pixels.

    Several screens side by side are filled, so that the picture goes on from one to the next; where two show the same
    the edges are soft.
    """
    turn = maps.of(index).turn
    fitted = SQUARE if len(parts) > 1 else fitted_corners(canvas, window, turn)
    screen = maps.of(index, fitted, window)
    left, right, top, bottom = screen.edges
    left = max(left, blend if index > 0 else 0.0)
    right = max(right, blend if index < len(parts) - 1 else 0.0)
    shown = ScreenMap(screen.corners, (left, right, top, bottom), screen.turn)
    return shown, screen.corners or fitted, parts[index]
