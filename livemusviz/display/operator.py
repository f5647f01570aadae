"""Draws the operator's window: a preview of the canvas, and the figures under it.

Runs on the main thread, in a context of its own that shares its textures with the canvas's.
"""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz import resources
from livemusviz.bridge.view import Meter
from livemusviz.display.hud import Hud
from livemusviz.display.program import ShaderProgram

PREVIEW = 0.5  # of the window's height, at the top
MARGIN = 12  # pixels
_BACKGROUND = (0.02, 0.024, 0.03, 1.0)
_QUAD = np.array([(0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1)], np.float32)


class OperatorView:
    """`draw` with the operator's context current."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        quad = ctx.buffer(_QUAD.tobytes())

        def array(program: moderngl.Program) -> moderngl.VertexArray:
            return ctx.vertex_array(program, [(quad, "2f", "in_uv")])

        self._blit = ShaderProgram(ctx, resources.shader("quad.vert"), resources.shader("blit.frag"), array)
        self._hud, self._code = Hud(ctx, array), Hud(ctx, array)

    def draw(
        self,
        size: tuple[int, int],
        canvas: moderngl.Texture,
        shape: tuple[int, int],
        lines: tuple[str, ...],
        meter: Meter,
        now: float,
        code: tuple[str, ...] = (),
        target: moderngl.Framebuffer | None = None,
    ) -> None:
        """Fill a window of `size` pixels. canvas : a texture of the other context, of the aspect `shape`.  now : s.

        code : a QR code's rows.  target : where to draw instead of the window.
        """
        width, height = size
        if width < 4 * MARGIN or height < 4 * MARGIN:
            return
        target = target or self._ctx.screen
        target.viewport = (0, 0, width, height)
        target.clear(*_BACKGROUND)
        below = round(height * (1.0 - PREVIEW))
        room = (width - 2 * MARGIN, height - below - MARGIN)
        scale = min(room[0] / shape[0], room[1] / shape[1])
        inner = (max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1))
        target.viewport = (MARGIN, height - MARGIN - inner[1], *inner)
        shared = self._ctx.external_texture(canvas.glo, canvas.size, 4, 0, "f1")
        self._blit.set("brightness", 1.0)
        self._blit.draw(target, image=shared)
        points, beside = max(12, height // 40), 2 * MARGIN + inner[0]
        apart = code if width - beside > inner[1] else ()  # the half beside the preview has room for the QR code
        self._hud.draw(target, (width, below), lines, now, () if apart else code, meter, points)
        self._code.draw(target, (width, height), (), now, apart, points=points, place=(beside, MARGIN))
