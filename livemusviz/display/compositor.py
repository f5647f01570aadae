"""The canvas: generated frames, cross-faded, under one audio-reactive filter. Runs on the thread that owns the context.

In: frames (uint8 RGBA, top row first), features, the view's switches. Out: an RGBA8 texture of fixed size, GL's way up
(row 0 at the bottom), and on request its pixels top row first.

    idle scene --------------------------.
    frame -> transition (stage) ----------+-> feedback (trail, kept from frame to frame) -> canvas
               ^ what was on the screen
"""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz import resources
from livemusviz.bridge.types import AudioFeatures, Frame, View
from livemusviz.display.fade import FadeClock
from livemusviz.display.motion import MAX_DT, Look, Motion
from livemusviz.display.program import ShaderProgram, VertexArrayMaker
from livemusviz.errors import UserError

MESH = (24, 14)  # cells of the feedback's mesh
IDLE_FADE = 1.5  # s, from the idle scene to the first generated frame
BLACKOUT_FADE = 0.05  # s
MIN_SIZE, MAX_SIZE = 16, 8192  # pixels a side of the canvas


class Layer:
    """A texture and the framebuffer that draws into it."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int]) -> None:
        self.texture = ctx.texture(size, 4)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.target = ctx.framebuffer([self.texture])
        self.target.clear(0.0, 0.0, 0.0, 1.0)

    def release(self) -> None:
        self.target.release()
        self.texture.release()


class Compositor:
    """`show` a frame when there is a new one, `draw` once per display frame, then use `canvas` or `read`."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int]) -> None:
        width, height = size
        if not (MIN_SIZE <= width <= MAX_SIZE and MIN_SIZE <= height <= MAX_SIZE):
            raise UserError(f"canvas: {width}x{height} is outside {MIN_SIZE}..{MAX_SIZE} pixels a side")
        self.ctx, self.size = ctx, size
        self._programs = {
            name: ShaderProgram(ctx, resources.shader(vertex), resources.shader(f"{name}.frag"), self._array(cells))
            for name, vertex, cells in (
                ("idle", "quad.vert", (1, 1)),
                ("transition", "quad.vert", (1, 1)),
                ("feedback", "feedback.vert", MESH),
                ("blit", "quad.vert", (1, 1)),
            )
        }
        self._idle = Layer(ctx, (max(width // 2, 8), max(height // 2, 8)))
        self._stage, self._before, self._mixed = (Layer(ctx, self._idle.texture.size) for _ in range(3))
        self._art, self._trail, self._dark = Layer(ctx, size), Layer(ctx, size), Layer(ctx, size)
        self._frame: moderngl.Texture | None = None
        self._fade, self._motion = FadeClock(), Motion()
        self._staged = 0.0  # progress that the stage was drawn with
        self._idle_share = 1.0
        self._darkness = 0.0
        self._drawn_at: float | None = None
        self._pixels = np.empty((height, width, 4), np.uint8)
        self.canvas = self._art.texture

    def show(self, frame: Frame, now: float) -> None:
        """Begin the cross-fade from what is on the stage to `frame`. ValueError unless it is uint8 (H, W, 4)."""
        image = frame.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4 or image.size == 0:
            raise ValueError(f"frame {frame.seq}: {image.dtype} {image.shape} is not uint8 (H, W, 4)")
        size = (image.shape[1], image.shape[0])
        first = self._frame is None
        texture = self._frame if self._frame is not None and self._frame.size == size else self._take_size(size)
        texture.write(np.ascontiguousarray(image))
        self._stage, self._before = self._before, self._stage
        self._fade.arrived(now)
        self._staged = -1.0
        if first:  # nothing to fade from but the idle scene, which has a longer fade of its own
            self._draw_transition(self._before, self._stage.texture, texture, 1.0)

    def draw(self, now: float, features: AudioFeatures, view: View) -> None:
        """Draw the canvas of time `now`, s. While frozen the picture stays as it is; blackout works all the same."""
        first = self._drawn_at is None
        dt = 1.0 / 60.0 if self._drawn_at is None else min(max(now - self._drawn_at, 0.0), MAX_DT)
        self._drawn_at = now
        if first or not view.freeze:  # there must be something to hold
            effects = dict(view.effects)
            look = self._motion.advance(dt, features, effects.get("zoom", 0.5), effects.get("pulse", 0.6))
            self._draw_art(self._picture(now, dt, look), look)
        step = dt / BLACKOUT_FADE
        self._darkness = min(self._darkness + step, 1.0) if view.blackout else max(self._darkness - step, 0.0)
        self.canvas = self._art.texture
        if self._darkness > 0.0:
            self._programs["blit"].set("brightness", 1.0 - self._darkness)
            self._programs["blit"].draw(self._dark.target, image=self._art.texture)
            self.canvas = self._dark.texture

    def read(self) -> np.ndarray:
        """The canvas as uint8 (H, W, 4) RGBA, top row first, in an array of its own."""
        layer = self._dark if self.canvas is self._dark.texture else self._art
        layer.target.read_into(self._pixels, components=4)
        return self._pixels[::-1].copy()

    def blit(self, target: moderngl.Framebuffer) -> None:
        """Draw the canvas into `target`, filling its viewport."""
        self._programs["blit"].set("brightness", 1.0)
        self._programs["blit"].draw(target, image=self.canvas)

    def reload_edited(self) -> None:
        """Take over shader files edited since the last call. UserError names the one that does not compile."""
        for program in self._programs.values():
            program.reload_if_edited()

    def _picture(self, now: float, dt: float, look: Look) -> moderngl.Texture:
        """The picture that the feedback works on: the stage, the idle scene, or a mixture of both."""
        if self._frame is not None:
            self._idle_share = max(self._idle_share - dt / IDLE_FADE, 0.0)
            progress = self._fade.progress(now, dt)
            if progress != self._staged:
                self._draw_transition(self._stage, self._before.texture, self._frame, progress)
                self._staged = progress
        if self._idle_share == 0.0:
            return self._stage.texture
        self._draw_idle(look)
        if self._frame is None:
            return self._idle.texture
        self._draw_transition(self._mixed, self._idle.texture, self._stage.texture, 1.0 - self._idle_share)
        return self._mixed.texture

    def _take_size(self, size: tuple[int, int]) -> moderngl.Texture:
        """A frame texture of `size`, and stages just as fine as the part of the frame that is seen (a quarter of the
        work at 256x256 under 640x360). What is on the stage stays there."""
        if self._frame is not None:
            self._frame.release()
        self._frame = self.ctx.texture(size, 4)
        self._frame.repeat_x = self._frame.repeat_y = False
        shares = cover(size, self.size)
        fine = [min(max(round(s * n), 1), c) for s, n, c in zip(shares, size, self.size, strict=True)]
        old = (self._stage, self._before, self._mixed)
        self._stage, self._before, self._mixed = (Layer(self.ctx, (fine[0], fine[1])) for _ in old)
        self._draw_transition(self._stage, old[0].texture, old[0].texture, 0.0)
        for layer in old:
            layer.release()
        return self._frame

    def _draw_transition(self, into: Layer, start: moderngl.Texture, end: moderngl.Texture, progress: float) -> None:
        across, up = cover(end.size, self.size)
        program = self._programs["transition"]
        program.set("progress", progress)
        program.set("end_scale", (across, -up if end is self._frame else up))
        program.draw(into.target, start_image=start, end_image=end)

    def _draw_idle(self, look: Look) -> None:
        program = self._programs["idle"]
        program.set("aspect", self.size[0] / self.size[1])
        for name in ("bass", "treble", "hit", "seed", "phases"):
            program.set(name, getattr(look, name))
        program.draw(self._idle.target)

    def _draw_art(self, picture: moderngl.Texture, look: Look) -> None:
        self._art, self._trail = self._trail, self._art
        program = self._programs["feedback"]
        program.set("aspect", self.size[0] / self.size[1])
        program.set("drift", 1.0)
        for name in ("punch", "lift", "zoom", "turn", "swirl", "dim", "keep", "phases", "seed"):
            program.set(name, getattr(look, name))
        program.draw(self._art.target, image=picture, trail=self._trail.texture)

    def quad(self) -> VertexArrayMaker:
        """Geometry that fills a viewport, for programs made of quad.vert."""
        return self._array((1, 1))

    def _array(self, cells: tuple[int, int]) -> VertexArrayMaker:
        buffer = self.ctx.buffer(mesh(*cells).tobytes())
        return lambda program: self.ctx.vertex_array(program, [(buffer, "2f", "in_uv")])


def cover(image: tuple[int, int], canvas: tuple[int, int]) -> tuple[float, float]:
    """The share of the image's width and height that is seen when it just covers the canvas. Sizes in pixels."""
    ratio = (image[0] / image[1]) / (canvas[0] / canvas[1])
    return (1.0 / ratio, 1.0) if ratio > 1.0 else (1.0, ratio)


def mesh(columns: int, rows: int) -> np.ndarray:
    """Triangles over the unit square, float32 (columns * rows * 6, 2): x and y of each corner, 0..1."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    cell = np.stack([x.ravel(), y.ravel()], axis=1)[:, None, :]
    corners = np.array([(0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1)])
    return ((cell + corners).reshape(-1, 2) / (columns, rows)).astype(np.float32)
