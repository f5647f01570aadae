"""The operator's window: a preview and figures, beside the windows that show the canvas. Main thread."""

from __future__ import annotations

from typing import Any

import moderngl

from livemusviz.bridge.view import View
from livemusviz.display.compositor import Compositor
from livemusviz.display.native import open_window
from livemusviz.display.operator import OperatorView
from livemusviz.display.pacer import Gate

SIZE = (960, 600)  # pixels
RATE = 12.0  # Hz; its preview costs time that the canvas needs
CORNER = (40, 60)  # pixels from the corner of its screen
TITLE = "livemusviz operator"


class OperatorWindow:
    """A window on `screen`. window : pyglet's."""

    def __init__(self, pyglet: Any, screen: Any) -> None:
        self.window = open_window(pyglet, SIZE, TITLE, screen, vsync=False)
        self.window.set_location(screen.x + CORNER[0], screen.y + CORNER[1])
        self._view, self._gate = OperatorView(moderngl.create_context(require=330)), Gate(RATE)

    def present(
        self, ctx: moderngl.Context, compositor: Compositor, view: View, lines: tuple[str, ...], now: float
    ) -> bool:
        """Draw it if it is due at `now`, s. ctx : the canvas's context. True if its own is current afterwards."""
        if not self._gate.opens(now):
            return False
        ctx.finish()  # this context reads what that one has drawn
        self.window.switch_to()
        size = self.window.get_framebuffer_size()
        self._view.draw(size, compositor.canvas, compositor.size, lines, view.meter, now, view.hud_code)
        self.window.flip()
        return True
