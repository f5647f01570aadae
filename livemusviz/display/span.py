"""The other windows of a canvas that spans several screens side by side. Main thread.

The first window draws the canvas and waits for its screen; these copy their part of it and wait for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import moderngl

from livemusviz.bridge.view import View
from livemusviz.display.compositor import Compositor
from livemusviz.display.drawer import ScreenDrawer
from livemusviz.display.fullscreen import ScreenFiller
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.native import describe, open_window
from livemusviz.display.screens import ScreenInfo, ScreenWatch

log = logging.getLogger(__name__)


class SpanWindow:
    """Shows one part of the canvas over the whole of a screen. window : pyglet's.  screen : its description."""

    def __init__(self, pyglet: Any, title: str, screen: Any, maps: ScreenMaps, index: int, count: int) -> None:
        """index, count : which of how many screens, from the left."""
        self.window = open_window(pyglet, (screen.width // 2, screen.height // 2), title, screen, vsync=False)
        self.screen: ScreenInfo = describe(screen)
        self._ctx = moderngl.create_context(require=330)
        self._drawer = ScreenDrawer(self._ctx, maps, index, count)
        self._filler, self._watch, self._hidden = ScreenFiller(self.window), ScreenWatch(), False
        self._watch.settled(self.screen)
        self._fill(screen)

    def present(self, compositor: Compositor, view: View) -> None:
        """Draw this part of the canvas, whose context has finished it. Leaves this window's context current."""
        width, height = self.window.get_framebuffer_size()
        if self._hidden or not (width > 0 and height > 0):
            return
        self.window.switch_to()
        self._drawer.draw(self._ctx.screen, (width, height), compositor, view)
        self.window.flip()

    def housekeeping(self, found: Sequence[Any]) -> None:
        """Put the window away while its screen is gone; fill the screen again once it is back."""
        action, index = self._watch.look([describe(screen) for screen in found])
        if action == "leave":
            log.warning("a screen of the canvas has gone: %s", self.screen.name or self.screen)
            self._hidden = True
            self.window.set_visible(False)
        elif action == "return":
            self._hidden = False
            self.window.set_visible(True)
            self._fill(found[index])

    def _fill(self, screen: Any) -> None:
        if not self._filler.fill(screen):
            log.warning("the window manager keeps a part of the canvas off its screen %s", screen)
        self.window.set_mouse_visible(False)
