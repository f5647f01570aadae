"""The flash limiter's pixels: measures the canvas and, where it would flash too often, holds it close to the picture
before. Runs on the thread that owns the context.

Where the new picture is too dark or too bright it is mixed with the last one shown, as little as is needed. The
measure is read back in the same frame, so no flash is shown before it is known.
"""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz.display.flash import FlashGuard
from livemusviz.display.isf import Layer
from livemusviz.display.program import ShaderProgram

GRID = (16, 9)  # cells in which luminance is measured
TRIES = 3  # mixtures drawn before the last picture is kept as it is


class FlashLimiter:
    """`limit` once for each canvas that is drawn."""

    def __init__(self, ctx: moderngl.Context, measure: ShaderProgram, mix: ShaderProgram) -> None:
        self._ctx, self._measure, self._mix = ctx, measure, mix
        self._texture = ctx.texture(GRID, 1, dtype="f4")
        self._cells = ctx.framebuffer([self._texture])
        self._guard = FlashGuard()
        self._pair: list[Layer] = []
        self._last: Layer | None = None  # what was shown last, if it was held back
        self.active = False

    def limit(self, now: float, picture: Layer, before: Layer | None) -> Layer:
        """What to show in the place of `picture` at `now`, s. before : what was shown last, as `picture` if None."""
        low, high = self._guard.bounds(now)
        luminance = self.luminance(picture)
        shown = picture
        self.active = not low <= luminance <= high and before is not None
        if self.active and before is not None:
            shown, luminance = self._hold(picture, luminance, before, low, high)
        self._guard.shown(now, luminance)
        return shown

    def rehearse(self, picture: Layer) -> None:
        """Draw what `limit` may draw once, from a picture of the canvas's size; nothing is remembered of it."""
        target = self._spare(picture.size, picture)
        self._mix.draw(target.target, image=picture.texture, other=picture.texture)
        self.luminance(picture)

    def luminance(self, picture: Layer) -> float:
        """Mean relative luminance, 0..1."""
        self._measure.set("cell", (1.0 / GRID[0], 1.0 / GRID[1]))
        self._measure.draw(self._cells, image=picture.texture)
        return float(np.frombuffer(self._cells.read(components=1, dtype="f4"), np.float32).mean())

    def _hold(self, picture: Layer, luminance: float, before: Layer, low: float, high: float) -> tuple[Layer, float]:
        """A mixture of `before` and `picture` within low..high, as near to `picture` as it gets."""
        target = self._spare(picture.size, before)
        start = self.luminance(before)
        wanted = min(max(luminance, low), high)
        share = mixture(start, luminance, wanted)
        for _ in range(TRIES):
            self._mix.set("amount", share)
            self._mix.draw(target.target, image=before.texture, other=picture.texture)
            got = self.luminance(target)
            if low <= got <= high:
                return target, got
            share *= 0.6
        self._mix.set("amount", 0.0)
        self._mix.draw(target.target, image=before.texture, other=picture.texture)
        return target, self.luminance(target)

    def _spare(self, size: tuple[int, int], used: Layer) -> Layer:
        """One of two layers of its own: the one that `used` is not."""
        if not self._pair or self._pair[0].size != size:
            for layer in self._pair:
                if layer is not used:
                    layer.release()
            self._pair = [Layer(self._ctx, size) for _ in range(2)]
        return self._pair[1] if used is self._pair[0] else self._pair[0]


def mixture(start: float, end: float, wanted: float) -> float:
    """The share of a flat field of luminance `end` in one of `start` that makes `wanted`, mixed as 8-bit values are."""
    a, b, c = (max(x, 0.0) ** (1.0 / 2.2) for x in (start, end, wanted))
    return min(max((c - a) / (b - a), 0.0), 1.0) if abs(b - a) > 1e-6 else 0.0
