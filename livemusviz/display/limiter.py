"""Measure the canvas and hold it back where it would flash too often. Runs on the thread that owns the context.

The canvas is measured at 96 by 72 points, each the mean of 4 pixels, and judged as 12 by 9 cells. Where one would
change once too often it is mixed with the last picture shown, no more than is needed there, and less and less around.
Where the whole would, its light is scaled: what moves goes on moving. The blank pictures of a strobe are left out
meanwhile. The measure is read back in the same frame, so no flash is shown before it is known.
"""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz.display.flash import flash_signals
from livemusviz.display.flash_blank import BlankWatch
from livemusviz.display.flash_guard import GAIN_MOST, GAMMA, LUMINANCE, PLAIN, RED, CanvasGuard, Hold, softened
from livemusviz.display.flash_pattern import PatternWatch
from livemusviz.display.flash_windows import GRID
from livemusviz.display.layers import Layer
from livemusviz.display.plain import PlainShaders
from livemusviz.display.state import State

POINTS = (96, 72)  # means that are read back: columns and rows
TRIES = 4  # mixtures drawn before the last picture is kept as it is
LESS = 0.6  # factor on the new picture's share from one try to the next


class FlashLimiter:
    """`limit` once for each canvas that is drawn.

    size : of the pictures, (width, height) in pixels; it may change.
    plain : the programs that measure, mix and copy.
    active : the last picture was held back.
    patterns : tells if the pictures are striped.
    """

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], plain: PlainShaders) -> None:
        self._ctx, self._plain = ctx, plain
        self._points = ctx.framebuffer([ctx.texture(POINTS, 4, dtype="f4"), ctx.texture(POINTS, 2, dtype="f1")])
        self._mixture = ctx.texture(GRID, 2, dtype="f4")
        self._mixture.repeat_x = self._mixture.repeat_y = False
        self._pair = [Layer(ctx, size) for _ in range(2)]
        self._mode, self._guard = "off", CanvasGuard(extended=False)
        self._light = np.zeros((POINTS[1], POINTS[0], 4), np.float32)  # of the picture measured last
        self._blanks = BlankWatch()
        self.active, self.patterns = False, PatternWatch()

    def limit(self, now: float, picture: Layer, before: Layer | None, mode: str) -> Layer:
        """Return what to show in the place of `picture` at `now`, s.

        before : the layer shown last; None shows `picture` as it is.  mode : one of `flash.MODES`.
        """
        if mode != self._mode:
            self._mode = mode
            self.forget()
        self.active = False
        if mode == "off":
            return picture
        shown = self._show(now, picture, before)
        self.patterns.look(now, self._light)
        return shown

    def forget(self) -> None:
        """Take the next picture for the first one that is seen."""
        self._guard = CanvasGuard(extended=self._mode == "broadcast")
        self._blanks, self.patterns = BlankWatch(), PatternWatch()

    def rehearse(self, picture: Layer) -> None:
        """Draw what `limit` may draw once, from a picture of the canvas's size; nothing is remembered of it."""
        self._mix(self._spare(picture.size, picture), picture, picture, Hold(PLAIN, PLAIN))

    def layers(self) -> list[Layer]:
        """Return the layers that a picture which was held back is in."""
        return list(self._pair)

    def exchange(self, state: State) -> None:
        """Save or restore what the next picture depends on."""
        self.active = state.value("active", self.active)
        state.part("guard", self._guard)
        state.part("blanks", self._blanks)
        self._light = state.array("light", self._light)
        state.part("patterns", self.patterns)
        for i, layer in enumerate(self._pair):
            state.layer(f"held {i}", layer)

    def measure(self, picture: Layer, before: Layer) -> tuple[np.ndarray, np.ndarray]:
        """Return `flash.signals` of the picture's cells, float (3, 9, 12), row 0 at the bottom, and what changed.

        before : the picture shown last. The parts in which luminance and red are others than there are float (2,).
        """
        self._plain.measure.set("points", POINTS)
        self._plain.measure.draw(self._points, image=picture.texture, before=before.texture)
        light = np.frombuffer(self._points.read(components=4, dtype="f4"), np.float32)
        self._light = light.reshape(POINTS[1], POINTS[0], 4)
        change = np.frombuffer(self._points.read(components=2, attachment=1, alignment=1), np.uint8).reshape(-1, 2)
        rows = light.reshape(GRID[1], POINTS[1] // GRID[1], -1).sum(1)  # one axis at a time: five times as fast
        cells = rows.reshape(GRID[1], GRID[0], POINTS[0] // GRID[0], 4).sum(2, dtype=np.float64)
        parts = np.array([np.count_nonzero(change[:, i]) for i in (LUMINANCE, RED)])
        return flash_signals(cells * (GRID[0] * GRID[1] / len(change))), parts / len(change)

    def _show(self, now: float, picture: Layer, before: Layer | None) -> Layer:
        """Return `picture`, a mixture or `before`, and note its measures."""
        light, gains = self._light, PLAIN
        values, parts = self.measure(picture, before or picture)
        if before is not None:
            hold = self._guard.hold(now, values, self._guard.gains(now))
            if self._blanks.is_blank(now, hold is not None, self._light, light):
                self.active, self._light = True, light
                self._guard.stay(now)
                return self._keep(before, picture.size)
            if hold is not None:
                self.active = True
                picture, values, parts, gains = self._hold_back(now, picture, before, hold)
        self._guard.shown(now, values, parts, gains)
        return picture

    def _hold_back(
        self, now: float, picture: Layer, before: Layer, hold: Hold
    ) -> tuple[Layer, np.ndarray, np.ndarray, np.ndarray]:
        """Return a mixture of `before` and `picture` that may be shown, its measures and the gains of `picture` in it.

        hold : to begin with.
        """
        target = self._spare(picture.size, before)
        for number in range(TRIES):
            values, parts = self._mix(target, picture, before, hold)
            still = self._guard.hold(now, values)
            if still is None:
                return target, values, parts, hold.gains
            less = LESS if number else softened(np.where(still.shares < 1.0, LESS, 1.0))
            hold = Hold(hold.shares * less, np.minimum(hold.gains * still.gains, GAIN_MOST))
        values, parts = self._mix(target, picture, before, hold._replace(shares=np.zeros_like(hold.shares)))
        return target, values, parts, hold.gains

    def _keep(self, before: Layer, size: tuple[int, int]) -> Layer:
        """Return a layer that goes on holding `before`: its owner may draw into it while it is shown."""
        if before in self._pair:
            return before
        target = self._spare(size, before)
        self._plain.copy(before, target)
        return target

    def _mix(self, target: Layer, picture: Layer, before: Layer, hold: Hold) -> tuple[np.ndarray, np.ndarray]:
        """Draw a mixture into `target`. Return its measures."""
        cells = np.stack([hold.shares, hold.gains ** (1.0 / GAMMA)], axis=-1)
        self._mixture.write(cells.astype(np.float32).tobytes())
        self._plain.hold.draw(target.target, image=before.texture, other=picture.texture, cells=self._mixture)
        return self.measure(target, before)

    def _spare(self, size: tuple[int, int], used: Layer) -> Layer:
        """Return one of two layers of its own: the one that `used` is not."""
        if self._pair[0].size != size:
            for layer in self._pair:
                layer.release()
            self._pair = [Layer(self._ctx, size) for _ in range(2)]
        return self._pair[1] if used is self._pair[0] else self._pair[0]
