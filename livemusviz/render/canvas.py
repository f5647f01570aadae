"""Draws the canvas without a screen: the display's compositor, with the time as an argument. The render's thread;
OpenGL.

In: cells and generated pictures. Out: the canvas, uint8 (H, W, 4) RGBA, top row first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from livemusviz.bridge.frames import Frame
from livemusviz.display.compositor import Compositor
from livemusviz.display.context import headless_context
from livemusviz.display.state import capture, restore
from livemusviz.render.cells import Cell

log = logging.getLogger(__name__)

PREROLL, PREROLL_STEP = 2.4, 0.08  # s before frame 0, in which the idle scene gives way to the first picture


class OfflineCanvas:
    """`draw` each cell in turn. UserError if this machine has no OpenGL."""

    def __init__(self, size: tuple[int, int], shaders: Mapping[str, Path]) -> None:
        """size : (width, height) of the canvas, pixels.  shaders : ISF files by name."""
        self._ctx = headless_context()
        self._compositor = Compositor(self._ctx, size, shaders)
        self._picture: np.ndarray | None = None
        self._pictures = 0

    def draw(self, cell: Cell, picture: np.ndarray | None) -> np.ndarray:
        """Return the canvas of this cell. picture : uint8 (h, w, 4) RGBA if one was generated for it."""
        if picture is not None and not cell.view.freeze:
            if self._pictures == 0:
                self._pre_roll(picture, cell)
            else:
                self._show(picture, cell.time)
        self._compositor.draw(cell.time, cell.view)
        for problem in self._compositor.problems:
            log.warning("%s", problem)
        self._compositor.problems.clear()
        return self._compositor.read()

    def state(self) -> Mapping[str, np.ndarray]:
        """Return everything that the next canvas depends on."""
        last = {} if self._picture is None else {"picture": self._picture}
        return {**capture(self._compositor), **last, "pictures": np.array(self._pictures)}

    def restore(self, state: Mapping[str, np.ndarray], lead: Sequence[Cell]) -> None:
        """Continue from a saved `state`. ValueError if it is of another size.

        lead : the cells before; drawing them again, without new pictures, makes the shaders and buffers that were in
        use.
        """
        picture = np.array(state["picture"]) if "picture" in state else None
        for cell in lead:
            if picture is not None and cell.controls is not None:
                self._show(picture, cell.time)
            self._compositor.draw(cell.time, cell.view)
        self._pictures = int(state["pictures"])
        restore(self._compositor, state)

    def close(self) -> None:
        self._ctx.release()

    def _show(self, picture: np.ndarray, time: float) -> None:
        self._pictures += 1
        self._picture = picture
        self._compositor.show(Frame(picture, self._pictures, time, time, 0.0), time)

    def _pre_roll(self, picture: np.ndarray, cell: Cell) -> None:
        steps = round(PREROLL / PREROLL_STEP)
        self._show(picture, cell.time - PREROLL)
        for i in range(steps):
            time = cell.time - PREROLL + i * PREROLL_STEP
            self._compositor.draw(time, cell.view)
        self._compositor.limiter.forget()  # nobody sees what was before the film
