"""The canvas: generated frames, cross-faded by a transition, under a chain of filters. Runs on the thread that owns the
context.

In: frames (uint8 RGBA, top row first) and the view, which names the shaders and gives their inputs. Out: an RGBA8
texture, GL's way up (row 0 at the bottom), and on request its pixels at the canvas's size, top row first.

    idle scene -------------------------.
    frame -> fit -> transition (stage) --+-> filter -> filter ... -> flash limiter -> blackout -> canvas
                      ^ what was on the stage

Everything is drawn with the time that the caller gives, so the same calls make the same pictures.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import moderngl
import numpy as np

from livemusviz import resources
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.display.bank import ShaderBank
from livemusviz.display.chain import Chain, Job, Slot
from livemusviz.display.fade import FadeClock
from livemusviz.display.isf import IsfShader
from livemusviz.display.layers import Layer
from livemusviz.display.limiter import FlashLimiter
from livemusviz.display.program import ShaderProgram, VertexArrayMaker
from livemusviz.display.quality import Quality
from livemusviz.display.rehearsal import Size, Sizes, fill_cache
from livemusviz.display.sound import SoundTextures
from livemusviz.display.sway import Sway
from livemusviz.display.trial import TrialMarker
from livemusviz.errors import UserError
from livemusviz.resources import our_shaders

log = logging.getLogger(__name__)

MAX_DT = 0.1  # s; a longer gap (a laptop that slept) counts as this much
IDLE_FADE = 1.5  # s, from the idle scene to the first generated frame
BLACKOUT_FADE = 0.05  # s
SCENE_FADE = 2.0  # s, the longest that two chains are drawn at once
MIN_SIZE, MAX_SIZE = 16, 8192  # pixels a side of the canvas
_PLAIN = ("blit", "mix", "fit", "measure", "hold")


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
        self._meshes: dict[Size, moderngl.Buffer] = {}
        quad = resources.shader("quad.vert")
        self._programs = {
            name: ShaderProgram(ctx, quad, resources.shader(f"{name}.frag"), self.quad()) for name in _PLAIN
        }
        trial = TrialMarker(marker, resources.folder("shaders"))
        self.bank = ShaderBank(ctx, our_shaders() if shaders is None else shaders, self._isf_array, size, trial)
        self.problems = self.bank.problems  # for the operator; the caller empties it
        self._idle_layer = Layer(ctx, (max(width // 2, 8), max(height // 2, 8)))
        self._stage, self._before, self._next, self._mixed = (Layer(ctx, self._idle_layer.size) for _ in range(4))
        self._full, self._dark = Layer(ctx, size), Layer(ctx, size)
        self._fading = [Layer(ctx, size) for _ in range(2)]
        self._gone: list[Chain] = []
        self._frame: moderngl.Texture | None = None
        self._fade, self._sway = FadeClock(), Sway()
        self._staged = 0.0  # progress that the stage was drawn with
        self._idle_share = 1.0
        scene = Scene()
        self._idle, self._transition = self._slot(scene.idle.shader), self._slot("crossfade")
        self._plain_idle, self._plain_fade = self._slot(scene.idle.shader), self._slot("crossfade")
        self._chain = Chain(ctx, tuple(each.shader for each in scene.chain), self.bank, self._copy)
        self._refused: tuple[str, ...] | None = None  # a chain that does not compile, told once
        self._rebuild = False  # a file of the chain was repaired
        self._old: Chain | None = None
        self._old_effects: Mapping[str, Effect] = {}
        self._effects: Mapping[str, Effect] = {}
        self._old_share, self._old_rate = 0.0, 0.0
        self._sound = SoundTextures(ctx)
        self.limiter = FlashLimiter(ctx, size, self._programs["measure"], self._programs["hold"])
        self._darkness = 0.0
        self._drawn_at: float | None = None
        self._pixels = np.empty((height, width, 4), np.uint8)
        self._art: Layer = self._idle_layer
        self._shown: Layer = self._idle_layer

    @property
    def canvas(self) -> moderngl.Texture:
        """The finished picture; as large as the canvas or, at lower quality, smaller."""
        return self._shown.texture

    def show(self, frame: Frame, now: float) -> None:
        """Begin the cross-fade from what is on the stage to `frame`. ValueError unless it is uint8 (H, W, 4)."""
        image = frame.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4 or image.size == 0:
            raise ValueError(f"frame {frame.seq}: {image.dtype} {image.shape} is not uint8 (H, W, 4)")
        size = (image.shape[1], image.shape[0])
        first = self._frame is None
        texture = self._frame if self._frame is not None and self._frame.size == size else self._take_size(size)
        texture.write(np.ascontiguousarray(image[::-1]))
        self._stage, self._before = self._before, self._stage
        self._fit(texture, self._next, cover(size, self.size))
        self._fade.arrived(now)
        self._staged = -1.0
        if first:  # nothing to fade from but the idle scene, which has a longer fade of its own
            self._copy(self._next, self._before)

    def draw(self, now: float, view: View) -> None:
        """Draw the canvas of time `now`, s. While frozen the picture stays as it is; blackout works all the same."""
        first = self._drawn_at is None
        dt = 1.0 / 60.0 if self._drawn_at is None else min(max(now - self._drawn_at, 0.0), MAX_DT)
        self._drawn_at = now
        if first or not view.freeze:  # there must be something to hold
            self._take_scene(view)
            before = None if first else self._art
            picture = self._draw_chains(self._picture(now, dt, view), before, dt, view)
            self._art = self.limiter.limit(now, picture, before, view.flash_limit)
        step = dt / BLACKOUT_FADE
        self._darkness = min(self._darkness + step, 1.0) if view.blackout else max(self._darkness - step, 0.0)
        self._shown = self._art
        if self._darkness > 0.0:
            self._programs["blit"].set("brightness", 1.0 - self._darkness)
            self._programs["blit"].draw(self._dark.target, image=self._art.texture)
            self._shown = self._dark

    def read(self) -> np.ndarray:
        """The canvas as uint8 (H, W, 4) RGBA, top row first, in an array of its own."""
        layer = self._shown
        if layer.size != self.size:
            self._copy(layer, self._full)
            layer = self._full
        layer.target.read_into(self._pixels, components=4)
        picture = self._pixels[::-1].copy()
        picture[..., 3] = 255  # a filter may leave what it likes there
        return picture

    def blit(self, target: moderngl.Framebuffer) -> None:
        """Draw the canvas into `target`, filling its viewport."""
        self._programs["blit"].set("brightness", 1.0)
        self._programs["blit"].draw(target, image=self.canvas)

    def rehearse(self, frame: Size) -> None:
        """Draw everything once off screen as the show will, so that no draw of the show is a first one.

        frame : width, height of the generated frames to come, pixels.
        """
        sizes = self.sizes(frame)
        image = self.ctx.texture(frame, 4)
        image.repeat_x = image.repeat_y = False
        idle, stage, canvas = (Layer(self.ctx, size) for size in (sizes.idle, sizes.stage, sizes.canvas))
        try:
            self._fit(image, stage, (1.0, 1.0))
            self._fit(stage.texture, canvas, (1.0, 1.0))
            for source, target in ((idle, stage), (stage, stage), (canvas, canvas)):
                into = Layer(self.ctx, target.size)
                self._copy(source, into)
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
        fill_cache(self.ctx, lambda: IsfShader(self.ctx, path, self._isf_array), sizes, self._sound.by_type)
        self.ctx.finish()

    def sizes(self, frame: Size) -> Sizes:
        """Return the sizes at which to draw. frame : (width, height) of the generated frames, pixels."""
        return Sizes(self.size, self._idle_layer.size, stage_size(frame, self.size))

    def prepare(self, name: str) -> bool:
        """Compile a shader that will be needed, so that its scene comes on without a stall. False if there was nothing
        to do."""
        if self.bank.has(name):
            return False
        try:
            self.bank.get(name)
        except UserError as error:
            self.problems.append(str(error))
        return True

    def reload_edited(self) -> None:
        """Take over shader files edited since the last call. UserError names the first that does not compile; its last
        good program stays in use."""
        problems = self.bank.reload_edited()
        for program in self._programs.values():
            try:
                program.reload_if_edited()
            except UserError as error:
                problems.append(str(error))
        if self.bank.edited:
            self._refused = None
            if self.bank.edited & set(self._chain.names):
                self._rebuild = True
            self.bank.edited.clear()
        self.problems += problems[1:]
        if problems:
            raise UserError(problems[0])

    def quad(self) -> VertexArrayMaker:
        """Geometry that fills a viewport, for programs made of quad.vert."""
        return lambda program: self.ctx.vertex_array(program, [(self._mesh((1, 1)), "2f", "in_uv")])

    # --- the scene ------------------------------------------------------------------------------

    def _take_scene(self, view: View) -> None:
        """Follow the view: other shaders come in over `view.fade`; one that does not compile changes nothing."""
        scene = view.scene
        self._idle = self._follow(self._idle, scene.idle.shader)
        self._transition = self._follow(self._transition, scene.transition.shader)
        names = tuple(each.shader for each in scene.chain)
        if (names != self._chain.names or self._rebuild) and names != self._refused:
            self._rebuild = False
            try:
                chain = Chain(self.ctx, names, self.bank, self._copy)
            except UserError as error:
                self._refused = names
                self.problems.append(str(error))
            else:
                self._refused = None
                self._switch(chain, view.fade)
        if names == self._chain.names:
            self._effects = {each.shader: each for each in scene.chain}

    def _follow(self, slot: Slot, name: str) -> Slot:
        """A slot with the shader of that name, or the one there is if it does not compile."""
        path = self.bank.paths.get(name)
        if slot.shader.path == path:
            return slot
        known = self.bank.has(name)
        try:
            shader = self.bank.get(name)
        except UserError as error:
            if not known:
                self.problems.append(str(error))
            return slot
        slot.release()
        return Slot(shader, self.bank)

    def _slot(self, name: str) -> Slot:
        return Slot(self.bank.get(name), self.bank)

    def _switch(self, chain: Chain, fade: float) -> None:
        if self._old is not None:
            self._gone.append(self._old)
        self._old, self._chain = self._chain, chain
        self._old_effects = self._effects
        fade = min(fade, SCENE_FADE)
        self._old_share, self._old_rate = (1.0, 1.0 / fade) if fade > 0.0 else (0.0, 0.0)

    def _draw_chains(self, picture: Layer, keep: Layer | None, dt: float, view: View) -> Layer:
        """The picture through the chain, and through the old one too while that goes out."""
        for chain in self._gone:
            chain.release()
        self._gone.clear()
        sound: Mapping[str, moderngl.Texture] = {}
        if self._chain.wants_sound or (self._old is not None and self._old.wants_sound):
            self._sound.update(view.sound, dt)
            sound = self._sound.by_type
        job = Job(self._inner_size(), self.quality.filters, dt, sound)
        result = self._chain.draw(picture, keep, job, self._effects)
        if self._old is None:
            return result
        self._old_share -= self._old_rate * dt
        if self._old_share <= 0.0:
            self._gone.append(self._old)  # not yet: the last picture may be in it
            self._old = None
            return result
        old = self._old.draw(picture, keep, job, self._old_effects)
        if self._fading[0].size != job.size:
            self._fading = [Layer(self.ctx, job.size) for _ in range(2)]
        target = self._fading[1] if keep is self._fading[0] else self._fading[0]
        share = self._old_share * self._old_share * (3.0 - 2.0 * self._old_share)
        self._programs["mix"].set("amount", share)
        self._programs["mix"].draw(target.target, image=result.texture, other=old.texture)
        return target

    def _inner_size(self) -> tuple[int, int]:
        scale = self.quality.scale
        return max(round(self.size[0] * scale), 8), max(round(self.size[1] * scale), 8)

    # --- the picture under the chain ------------------------------------------------------------

    def _picture(self, now: float, dt: float, view: View) -> Layer:
        """The stage, the idle scene, or a mixture of both."""
        sway = None
        if self._frame is not None:
            self._idle_share = max(self._idle_share - dt / IDLE_FADE, 0.0)
            progress = self._fade.progress(now, dt)
            if progress != self._staged:
                inputs = (*view.scene.transition.inputs, ("progress", progress))
                effect = Effect(view.scene.transition.shader, inputs)
                self._cross(self._transition, self._stage, self._before, self._next, effect, dt)
                self._staged = progress
            sway = self._sway.step(progress == 1.0, view.energy, view.sway, dt)
        if self._idle_share == 0.0:
            return self._stage if sway is None else self._swayed(sway)
        self._draw_idle(view.scene.idle, dt)
        if self._frame is None:
            return self._idle_layer
        effect = Effect("crossfade", (("progress", 1.0 - self._idle_share),))
        self._cross(self._plain_fade, self._mixed, self._idle_layer, self._stage, effect, dt)
        return self._mixed

    def _draw_idle(self, effect: Effect, dt: float) -> None:
        """The idle scene into its layer, or the one that comes with the program should it not be drawable."""
        images = {"": self._stage.texture}
        picture = self._idle.draw(self._idle_layer, dt, effect, images)
        picture = picture or self._plain_idle.draw(self._idle_layer, dt, Scene().idle, images)
        if picture is not None and picture is not self._idle_layer:
            self._copy(picture, self._idle_layer)

    def _swayed(self, sway: tuple[float, float, float]) -> Layer:
        """The stage out of its place; drawn where nothing else is once the idle scene has gone."""
        share, x, y = sway
        self._fit(self._stage.texture, self._mixed, (share, share), (x, y))
        return self._mixed

    def _fit(
        self, image: moderngl.Texture, into: Layer, scale: tuple[float, float], place: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Draw the share `scale` of the image's sides, `place` out of its middle, so that it fills the layer."""
        self._programs["fit"].set("scale", scale)
        self._programs["fit"].set("place", place)
        self._programs["fit"].draw(into.target, image=image)

    def _cross(self, slot: Slot, into: Layer, start: Layer, end: Layer, effect: Effect, dt: float) -> None:
        images = {"startImage": start.texture, "endImage": end.texture, "": end.texture}
        plain = Effect("crossfade", tuple(each for each in effect.inputs if each[0] == "progress"))
        result = slot.draw(into, dt, effect, images) or self._plain_fade.draw(into, dt, plain, images) or end
        if result is not into:
            self._copy(result, into)

    def _take_size(self, size: tuple[int, int]) -> moderngl.Texture:
        """A frame texture of `size`, and stages just as fine as the part of the frame that is seen (a quarter of the
        work at 256x256 under 640x360). What is on the stage stays there."""
        if self._frame is not None:
            self._frame.release()
        self._frame = self.ctx.texture(size, 4)
        self._frame.repeat_x = self._frame.repeat_y = False
        fine = stage_size(size, self.size)
        old = (self._stage, self._before, self._next, self._mixed)
        self._stage, self._before, self._next, self._mixed = (Layer(self.ctx, fine) for _ in old)
        self._copy(old[0], self._stage)
        for layer in old:
            layer.release()
        return self._frame

    def _copy(self, picture: Layer, into: Layer) -> None:
        self._programs["blit"].set("brightness", 1.0)
        self._programs["blit"].draw(into.target, image=picture.texture)

    # --- geometry -------------------------------------------------------------------------------

    def _isf_array(self, program: moderngl.Program, cells: Size) -> moderngl.VertexArray:
        return self.ctx.vertex_array(program, [(self._mesh(cells), "2f", "isf_corner")])

    def _mesh(self, cells: Size) -> moderngl.Buffer:
        """The geometry of so many columns and rows; one buffer for all that draw it."""
        if cells not in self._meshes:
            self._meshes[cells] = self.ctx.buffer(mesh(*cells).tobytes())
        return self._meshes[cells]


def cover(image: tuple[int, int], canvas: tuple[int, int]) -> tuple[float, float]:
    """The share of the image's width and height that is seen when it just covers the canvas. Sizes in pixels."""
    ratio = (image[0] / image[1]) / (canvas[0] / canvas[1])
    return (1.0 / ratio, 1.0) if ratio > 1.0 else (1.0, ratio)


def stage_size(image: Size, canvas: Size) -> Size:
    """Return the pixels of the image that are seen when it just covers the canvas; at most the canvas's."""
    width, height = (
        min(max(round(share * n), 1), most) for share, n, most in zip(cover(image, canvas), image, canvas, strict=True)
    )
    return width, height


def mesh(columns: int, rows: int) -> np.ndarray:
    """Triangles over the unit square, float32 (columns * rows * 6, 2): x and y of each corner, 0..1."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    cell = np.stack([x.ravel(), y.ravel()], axis=1)[:, None, :]
    corners = np.array([(0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1)])
    return ((cell + corners).reshape(-1, 2) / (columns, rows)).astype(np.float32)
