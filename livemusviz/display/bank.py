"""Compiles each shader of a show when it is first asked for, and tries it before it is seen. Runs on the thread that
owns the context.

A shader that takes too long would stop the canvas, and one that never ends cannot be stopped at all. So each is first
drawn at a few pixels, and the time is measured. From the first pixel until the first frame at the canvas's own size is
done, its name is kept in a file (see `trial`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import moderngl

from livemusviz.display.isf import Instant, IsfArrayMaker, IsfShader
from livemusviz.display.layers import Buffers, Layer, drop
from livemusviz.display.rehearsal import Sizes, draw_once
from livemusviz.display.source import change_time
from livemusviz.display.trial import TrialMarker
from livemusviz.errors import UserError
from livemusviz.isf.header import IMAGE_TYPES, Number
from livemusviz.resources import our_shaders

log = logging.getLogger(__name__)

TRIAL_SIZES = ((1, 1), (8, 5), (64, 36))  # pixels, off screen, one after another
TRIAL_LIMIT = 0.25  # s, for a trial of any size
FRAME_LIMIT = 2.0  # s, for a frame of the canvas's size, as the largest trial foretells it
FIRST_LIMIT = 5.0  # s, for the first such frame: a driver may compile once more


class ShaderBank:
    """Holds programs by name, each compiled once.

    Where a user's file does not compile, the program's own file of that name is used.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        paths: Mapping[str, Path],
        make_array: IsfArrayMaker,
        size: tuple[int, int],
        marker: TrialMarker,
    ) -> None:
        """size : (width, height) of the canvas, pixels."""
        self.paths = paths
        self._ctx, self._make_array, self._marker = ctx, make_array, marker
        self._pixels = size[0] * size[1]
        self._size = f"{size[0]}x{size[1]}"
        self._ours = our_shaders()
        self.edited: set[str] = set()  # files that failed and have changed since; the caller empties it
        self.problems: list[str] = []  # for the performer; the caller empties it
        self._shaders: dict[str, IsfShader] = {}
        self._failed: dict[str, tuple[float, str]] = {}  # by name: the file's time and what was wrong
        self._proven: set[IsfShader] = set()  # drawn at the canvas's size
        self._picture = Layer(ctx, TRIAL_SIZES[-1])
        self._sizes: Sizes | None = None
        self._sound: Mapping[str, moderngl.Texture] = {}

    def get(self, name: str) -> IsfShader:
        """Return the shader, compiled and tried. UserError if there is none, it does not compile or takes too long."""
        for _ in self.in_parts(name):
            pass
        return self._shaders[name]

    def in_parts(self, name: str) -> Iterator[None]:
        """Do what `get` does, a part at each step: compile, then each of the first draws. A canvas may be drawn between
        any two. UserError as there."""
        if name in self._shaders:
            return
        path = self.paths.get(name)
        if path is None:
            raise UserError(f"no shader '{name[:64]}'")
        stamp = change_time(path)
        if name in self._failed and self._failed[name][0] == stamp:
            raise UserError(self._failed[name][1])  # it is not compiled again until it is edited
        try:
            shader = yield from self._tried(path)
        except UserError as error:
            self._failed[name] = (stamp, str(error))
            if self._ours.get(name, path) == path:
                raise
            log.warning("%s; using the one that comes with livemusviz", error)
            shader = yield from self._tried(self._ours[name])
        if name in self._shaders:  # it was needed meanwhile
            self._proven.discard(shader)
            shader.release()
            return
        self._shaders[name] = shader
        self._take_problems(shader)

    def rehearse(self, sizes: Sizes, sound: Mapping[str, moderngl.Texture]) -> None:
        """From now on draw each shader once at these sizes when it is compiled; those that are there, now."""
        self._sizes, self._sound = sizes, sound
        for shader in self._shaders.values():
            try:
                self._rehearse(shader, sizes)
            except UserError as error:
                self.problems.append(str(error))

    def has(self, name: str) -> bool:
        """Return True if a shader is compiled, or known not to compile: asking for it then costs nothing."""
        return name in self._shaders or name in self._failed

    def draw(
        self,
        shader: IsfShader,
        into: Layer,
        instant: Instant,
        values: Mapping[str, Number],
        images: Mapping[str, moderngl.Texture],
        buffers: Buffers,
    ) -> Layer:
        """Call `IsfShader.draw`; wait for the first frame of a user's shader, and measure it."""
        if shader in self._proven or self._marker.trusts(shader.path):
            result = shader.draw(into, instant, values, images, buffers)
        else:
            with self._marker.trying(shader.path):
                begun = time.perf_counter()
                result = shader.draw(into, instant, values, images, buffers)
                self._ctx.finish()
            if time.perf_counter() - begun > FIRST_LIMIT:
                raise UserError(f"{shader.path}: a frame takes over {FIRST_LIMIT:g} s here; it is left out")
            self._proven.add(shader)
        if shader.problems:
            self._take_problems(shader)
        return result

    def reload_edited(self) -> list[str]:
        """Take over edited files; a line for each that is bad, whose last good program stays."""
        problems = []
        for shader in self._shaders.values():
            try:
                if shader.reload_if_edited(self._try_edited) and self._sizes is None:
                    self._proven.discard(shader)
            except UserError as error:
                problems.append(str(error))
            self._take_problems(shader)
        for name, (stamp, _) in list(self._failed.items()):
            if change_time(self.paths[name]) != stamp:  # edited: it is tried again when it is next asked for
                del self._failed[name]
                self._shaders.pop(name, None)  # ours, in its place
                self.edited.add(name)
        return problems

    def _take_problems(self, shader: IsfShader) -> None:
        self.problems += shader.problems
        shader.problems.clear()

    def _tried(self, path: Path) -> Generator[None, None, IsfShader]:
        """Return the shader at `path`, compiled and drawn for the first time, in parts. UserError if that fails.

        The small trial has a program of its own, for the driver files machine code under a key that a program's first
        draw changes for all later ones; ours need no trial.
        """
        with self._marker.trying(path):
            if not self._marker.trusts(path):
                small = IsfShader(self._ctx, path, self._make_array)
                try:
                    self._try(small)
                finally:
                    small.release()
            shader = IsfShader(self._ctx, path, self._make_array)
        if self._sizes is not None:
            yield from self._rehearsed(shader, self._sizes)
        return shader

    def _try_edited(self, shader: IsfShader) -> None:
        with self._marker.trying(shader.path):
            self._try(shader)
        if self._sizes is not None:
            self._rehearse(shader, self._sizes)
            self._proven.discard(shader)  # its program goes to the one that is edited

    def _rehearse(self, shader: IsfShader, sizes: Sizes) -> None:
        for _ in self._rehearsed(shader, sizes):
            pass

    def _rehearsed(self, shader: IsfShader, sizes: Sizes) -> Iterator[None]:
        """Draw a shader in each of its ways, one at a step. UserError if that takes too long."""
        spent = 0.0
        for way in sizes.ways(shader.kind):
            yield
            with self._marker.trying(shader.path):
                begun = time.perf_counter()
                draw_once(self._ctx, shader, way, self._sound)
                self._ctx.finish()
                spent += time.perf_counter() - begun
        if spent > FIRST_LIMIT and not self._marker.trusts(shader.path):
            raise UserError(f"{shader.path}: its first frames took over {FIRST_LIMIT:g} s; it is left out")
        self._proven.add(shader)

    def _try(self, shader: IsfShader) -> None:
        """Draw a few pixels, then more. UserError if that takes too long."""
        for size in TRIAL_SIZES:
            layer, buffers = Layer(self._ctx, size), Buffers()
            images = {each.name: self._picture.texture for each in shader.header.inputs if each.type in IMAGE_TYPES}
            try:
                seconds = self._time(shader, layer, images, buffers)
            finally:
                drop(buffers)
                layer.release()
            pixels = size[0] * size[1]
            foretold = seconds * self._pixels / pixels
            if seconds > TRIAL_LIMIT:
                raise UserError(f"{shader.path}: {seconds:.1f} s for {pixels} pixels here; it is left out")
            if size == TRIAL_SIZES[-1] and foretold > FRAME_LIMIT:
                raise UserError(f"{shader.path}: a frame of {self._size} would take {foretold:.1f} s; it is left out")

    def _time(self, shader: IsfShader, layer: Layer, images: Mapping[str, moderngl.Texture], buffers: Buffers) -> float:
        """Return the seconds for a frame: the first has the driver's compiler in it, so the better of the next two
        counts."""
        best = float("inf")
        for i in range(3):
            begun = time.perf_counter()
            shader.draw(layer, Instant(i / 60.0, 1.0 / 60.0, i), {}, images, buffers)
            self._ctx.finish()
            if i:
                best = min(best, time.perf_counter() - begun)
            if i and (best < TRIAL_LIMIT or best > 4.0 * TRIAL_LIMIT):  # a third one would change nothing
                break
        return best
