"""Draws the canvas: a picture under a chain of filters, held back where it would flash. Runs on the thread that owns
the context.

In: frames (uint8 RGBA, top row first) and the view, which names the shaders and gives their inputs. Out: an RGBA8
texture, GL's way up (row 0 at the bottom), and on request its pixels at the canvas's size, top row first.

    base (see `base`) -> filter -> filter ... (see `chains`) -> flash limiter -> blackout -> canvas

Everything is drawn with the time that the caller gives, so the same calls make the same pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import moderngl
import numpy as np

from livemusviz import resources
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.bridge.view import View
from livemusviz.display import flash_pattern
from livemusviz.display.bank import ShaderBank
from livemusviz.display.base import BasePicture
from livemusviz.display.chain import Job
from livemusviz.display.chains import Chains
from livemusviz.display.isf import IsfShader
from livemusviz.display.layers import Layer
from livemusviz.display.limiter import FlashLimiter
from livemusviz.display.plain import PlainShaders
from livemusviz.display.program import VertexArrayMaker
from livemusviz.display.quality import Quality
from livemusviz.display.rehearsal import Size, Sizes, fill_cache
from livemusviz.display.sound import SoundTextures
from livemusviz.display.state import State
from livemusviz.display.trial import TrialMarker
from livemusviz.errors import UserError
from livemusviz.resources import our_shaders

MAX_DT = 0.1  # s; a longer gap (a laptop that slept) counts as this much
BLACKOUT_FADE = 0.05  # s
MIN_SIZE, MAX_SIZE = 16, 8192  # pixels a side of the canvas


class Compositor:
    """`show` a frame when there is a new one, `draw` once per display frame, then use `canvas` or `read`."""

    def __init__(
        self,
        ctx: moderngl.Context,
        size: tuple[int, int],
        shaders: Mapping[str, Path] | None = None,
        marker: Path | None = None,
    ) -> None:
        """size : (width, height) of the canvas.  shaders : ISF files by name; None is what comes with the program.

        marker : the file that remembers a shader on which the program hung (see `trial`).
        """
        width, height = size
        if not (MIN_SIZE <= width <= MAX_SIZE and MIN_SIZE <= height <= MAX_SIZE):
            raise UserError(f"canvas: {width}x{height} is outside {MIN_SIZE}..{MAX_SIZE} pixels a side")
        self.ctx, self.size = ctx, size
        self.quality = Quality()
        self._plain = PlainShaders(ctx)
        trial = TrialMarker(marker, resources.folder("shaders"))
        self.bank = ShaderBank(ctx, our_shaders() if shaders is None else shaders, self._plain.isf_array, size, trial)
        self.problems = self.bank.problems  # for the operator; the caller empties it
        self._base = BasePicture(ctx, size, self.bank, self.problems, self._plain)
        self._chains = Chains(ctx, size, self.bank, self.problems, self._plain)
        self._sound = SoundTextures(ctx)
        self.limiter = FlashLimiter(ctx, size, self._plain)
        self._full, self._dark = Layer(ctx, size), Layer(ctx, size)
        self._darkness = 0.0
        self._drawn_at: float | None = None
        self._art = self._shown = self._base.idle.layer  # without and with the blackout

    @property
    def canvas(self) -> moderngl.Texture:
        """Return the finished picture; as large as the canvas or, at lower quality, smaller."""
        return self._shown.texture

    def show(self, frame: Frame, now: float) -> None:
        """Begin the cross-fade from what is on the stage to `frame`. ValueError unless it is uint8 (H, W, 4)."""
        self._base.show(frame, now)

    def draw(self, now: float, view: View) -> None:
        """Draw the canvas of time `now`, s. While frozen the picture stays as it is; blackout works all the same."""
        first = self._drawn_at is None
        dt = 1.0 / 60.0 if self._drawn_at is None else min(max(now - self._drawn_at, 0.0), MAX_DT)
        self._drawn_at = now
        if first or not view.freeze:  # there must be something to hold
            self._base.take_scene(view.scene)
            self._chains.take_scene(view.scene, view.fade)
            before = None if first else self._art
            job = Job(self._inner_size(), self.quality.filters, dt, self._draw_sound(view, dt))
            picture = self._chains.draw(self._base.draw(now, dt, view), before, job)
            striped = self.limiter.patterns.striped
            self._take_art(self.limiter.limit(now, picture, before, view.flash_limit))
            if self.limiter.patterns.striped and not striped:
                self.problems.append(flash_pattern.WARNING)
        step = dt / BLACKOUT_FADE
        self._darkness = min(self._darkness + step, 1.0) if view.blackout else max(self._darkness - step, 0.0)
        self._shown = self._art
        if self._darkness > 0.0:
            self._plain.blit(self._art.texture, self._dark.target, 1.0 - self._darkness)
            self._shown = self._dark

    def _take_art(self, layer: Layer) -> None:
        """Let `layer` be the picture, and keep it: its owner may change size or go before the next one is drawn."""
        before, self._art = self._art, layer
        layer.keep()
        if before is not layer:
            before.let_go()

    def read(self) -> np.ndarray:
        """Return the canvas as uint8 (H, W, 4) RGBA, top row first, in an array of its own."""
        layer = self._full_layer()
        width, height = self.size
        pixels = np.empty((height, width, 4), np.uint8)
        layer.target.read_into(pixels, components=4)
        picture = pixels[::-1].copy()
        picture[..., 3] = 255  # a filter may leave what it likes there
        return picture

    def share(self, time: float) -> CanvasTexture:
        """Return the canvas at its full size for programs that read textures. time : s, of its sound."""
        texture = self._full_layer().texture
        width, height = self.size
        return CanvasTexture(texture.glo, width, height, time)

    def _full_layer(self) -> Layer:
        if self._shown.size == self.size:
            return self._shown
        self._plain.copy(self._shown, self._full)
        return self._full

    def blit(self, target: moderngl.Framebuffer) -> None:
        """Draw the canvas into `target`, filling its viewport."""
        self._plain.blit(self.canvas, target)

    def rehearse(self, frame: Size) -> None:
        """Draw everything once off screen as the show will, so that no draw of the show is a first one.

        frame : width, height of the generated frames to come, pixels.
        """
        sizes = self.sizes(frame)
        image = self.ctx.texture(frame, 4)
        image.repeat_x = image.repeat_y = False
        idle, stage, canvas = (Layer(self.ctx, size) for size in (sizes.idle, sizes.stage, sizes.canvas))
        try:
            self._plain.fit(image, stage, (1.0, 1.0))
            self._plain.enlarge(image, stage, (1.0, 1.0))
            self._plain.fit(stage.texture, canvas, (1.0, 1.0))
            for source, target in ((idle, stage), (stage, stage), (canvas, canvas)):
                into = Layer(self.ctx, target.size)
                self._plain.copy(source, into)
                into.release()
            self.limiter.rehearse(canvas)
        finally:
            image.release()
            for layer in (idle, stage, canvas):
                layer.release()
        self.bank.rehearse(sizes, self._sound.by_type)
        self.ctx.finish()

    def fill_cache(self, path: Path, sizes: Sizes) -> None:
        """Have the driver keep the machine code of the shader at `path` on disk, as a show of these sizes needs it."""
        fill_cache(self.ctx, lambda: IsfShader(self.ctx, path, self._plain.isf_array), sizes, self._sound.by_type)
        self.ctx.finish()

    def sizes(self, frame: Size) -> Sizes:
        """Return the sizes at which to draw. frame : (width, height) of the generated frames, pixels."""
        return Sizes(self.size, self._base.idle.layer.size, self._base.stage_size(frame))

    def prepare(self, name: str) -> bool:
        """Compile a shader that will be needed, so that its scene comes on without a stall. False if there was nothing
        to do."""
        there = self.bank.has(name)
        for _ in self.prepare_in_parts(name):
            pass
        return not there

    def prepare_in_parts(self, name: str) -> Iterator[None]:
        """Do the same, a part at each step, with a canvas between any two."""
        if not self.bank.has(name):
            try:
                yield from self.bank.in_parts(name)
            except UserError as error:
                self.problems.append(str(error))

    def reload_edited(self) -> None:
        """Take over shader files edited since the last call. UserError names the first that does not compile; its last
        good program stays in use."""
        problems = self.bank.reload_edited() + self._plain.reload_edited()
        if self.bank.edited:
            self._chains.take_edited(self.bank.edited)
            self.bank.edited.clear()
        self.problems += problems[1:]
        if problems:
            raise UserError(problems[0])

    def quad(self) -> VertexArrayMaker:
        """Return what makes geometry that fills a viewport, for programs made of quad.vert."""
        return self._plain.quad()

    def exchange(self, state: State) -> None:
        """Save or restore what the next canvas depends on."""
        self._darkness = state.value("darkness", self._darkness)
        self._drawn_at = state.value("drawn at", self._drawn_at)
        state.part("base", self._base)
        state.part("chains", self._chains)
        state.part("sound", self._sound)
        state.part("limiter", self.limiter)
        self._take_art(state.choice("art", self._art, [*self._chains.layers(), *self.limiter.layers()]))

    def _inner_size(self) -> tuple[int, int]:
        scale = self.quality.scale
        return max(round(self.size[0] * scale), 8), max(round(self.size[1] * scale), 8)

    def _draw_sound(self, view: View, dt: float) -> Mapping[str, moderngl.Texture]:
        """Return the sound as textures by the type of the inputs that want it; none where no filter does."""
        if not self._chains.wants_sound:
            return {}
        self._sound.update(view.sound, dt)
        return self._sound.by_type
