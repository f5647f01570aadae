"""The shaders of a scene, compiled and at work. Runs on the thread that owns the context.

`ShaderBank` keeps one program a file; a `Slot` is one use of it with what it keeps from frame to frame; a `Chain` is
the filters of a scene in their order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import moderngl

from livemusviz.bridge.view import Effect
from livemusviz.display.isf import Buffers, Instant, IsfArrayMaker, IsfShader, Layer, drop
from livemusviz.display.rehearsal import Sizes, draw_once
from livemusviz.display.trial import TrialMarker
from livemusviz.errors import UserError
from livemusviz.isf.header import IMAGE_TYPES
from livemusviz.resources import our_shaders

log = logging.getLogger(__name__)

TRIAL_SIZE = (64, 36)  # pixels of the first draw, off screen
Copy = Callable[[Layer, Layer], None]


@dataclass(frozen=True, slots=True)
class Job:
    """How a chain is to be drawn. size : pixels.  most : filters at most.  dt : s since the last frame.

    sound : textures for the input types "audio" and "audioFFT".
    """

    size: tuple[int, int]
    most: int
    dt: float
    sound: Mapping[str, moderngl.Texture]


class ShaderBank:
    """Programs by name, compiled when they are first asked for, each once.

    A user's file that does not compile and bears the name of one of ours gives way to ours.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        paths: Mapping[str, Path],
        make_array: IsfArrayMaker,
        marker: TrialMarker | None = None,
    ) -> None:
        self.paths = paths
        self._ctx, self._make_array = ctx, make_array
        self._marker = marker or TrialMarker(None)
        self._ours = our_shaders()
        self.edited: set[str] = set()  # files that failed and have changed since; the caller empties it
        self._shaders: dict[str, IsfShader] = {}
        self._failed: dict[str, tuple[float, str]] = {}  # by name: the file's time and what was wrong
        self._picture = Layer(ctx, TRIAL_SIZE)
        self._sizes: Sizes | None = None
        self._sound: Mapping[str, moderngl.Texture] = {}

    def get(self, name: str) -> IsfShader:
        """The shader, compiled and drawn once. UserError if there is none or it does not compile."""
        if name in self._shaders:
            return self._shaders[name]
        path = self.paths.get(name)
        if path is None:
            raise UserError(f"no shader '{name[:64]}'")
        stamp = _stamp(path)
        if name in self._failed and self._failed[name][0] == stamp:
            raise UserError(self._failed[name][1])  # it is not compiled again until it is edited
        try:
            with self._marker.trying(path):
                shader = IsfShader(self._ctx, path, self._make_array)
                self._try(shader)
                self._ctx.finish()
        except UserError as error:
            self._failed[name] = (stamp, str(error))
            if self._ours.get(name, path) == path:
                raise
            log.warning("%s; using the one that comes with livemusviz", error)
            shader = IsfShader(self._ctx, self._ours[name], self._make_array)
        self._shaders[name] = shader
        return shader

    def rehearse(self, sizes: Sizes, sound: Mapping[str, moderngl.Texture]) -> None:
        """From now on draw each shader once at these sizes when it is compiled; those that are there, now."""
        self._sizes, self._sound = sizes, sound
        for shader in self._shaders.values():
            draw_once(self._ctx, shader, sizes, sound)

    def has(self, name: str) -> bool:
        """Whether asking for it costs nothing: it is compiled, or known not to."""
        return name in self._shaders or name in self._failed

    def reload_edited(self) -> list[str]:
        """Take over edited files; a line for each that does not compile, whose last good program stays."""
        problems = []
        for shader in self._shaders.values():
            try:
                shader.reload_if_edited()
            except UserError as error:
                problems.append(str(error))
        for name, (stamp, _) in list(self._failed.items()):
            if _stamp(self.paths[name]) != stamp:  # edited: it is tried again when it is next asked for
                del self._failed[name]
                self._shaders.pop(name, None)  # ours, in its place
                self.edited.add(name)
        return problems

    def _try(self, shader: IsfShader) -> None:
        """Draw it once off screen: as the show will if that is known, else small."""
        if self._sizes is not None:
            draw_once(self._ctx, shader, self._sizes, self._sound)
            return
        trial = Layer(self._ctx, TRIAL_SIZE)
        buffers: Buffers = {}
        images = {each.name: self._picture.texture for each in shader.header.inputs if each.type in IMAGE_TYPES}
        try:
            shader.draw(trial, Instant(0.0, 0.0, 0), {}, images, buffers)
        finally:
            drop(buffers)
            trial.release()


def _stamp(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


class Slot:
    """One use of a shader: its buffers, its clock."""

    def __init__(self, shader: IsfShader) -> None:
        self.shader = shader
        self._buffers: Buffers = {}
        self._time, self._frame = 0.0, 0

    def draw(self, into: Layer, dt: float, effect: Effect, images: Mapping[str, moderngl.Texture]) -> Layer:
        """Draw a frame `dt` s after the last one; where the picture is. `images` : by input name, "" for all others."""
        rest = images.get("")
        given = dict(images)
        if rest is not None:
            given.update({name: rest for name in self._other_images() if name not in given})
        self._time += dt
        result = self.shader.draw(into, Instant(self._time, dt, self._frame), dict(effect.inputs), given, self._buffers)
        self._frame += 1
        return result

    def release(self) -> None:
        drop(self._buffers)

    def _other_images(self) -> list[str]:
        return [each.name for each in self.shader.header.inputs if each.type == "image"]


class Chain:
    """Filters in their order, and the layers that they draw into by turns.

    The picture of one frame is still there while the next is drawn: the flash limiter may need it.
    """

    def __init__(self, ctx: moderngl.Context, names: tuple[str, ...], bank: ShaderBank, copy: Copy) -> None:
        """copy : draws a picture as it is into a layer, for a chain without filters. UserError if a filter does not
        compile."""
        self.names = names
        self._slots = [Slot(bank.get(name)) for name in names]
        self._ctx, self._copy = ctx, copy
        self._layers: list[Layer] = []
        self._stale: list[Layer] = []

    @property
    def wants_sound(self) -> bool:
        return any(each.type in ("audio", "audioFFT") for slot in self._slots for each in slot.shader.header.inputs)

    def draw(self, picture: Layer, keep: Layer | None, job: Job, effects: Mapping[str, Effect]) -> Layer:
        """`picture` after the filters. Nothing is drawn into `keep`."""
        for layer in self._stale:
            layer.release()
        self._stale = []
        if not self._layers or self._layers[0].size != job.size:
            self._stale, self._layers = self._layers, [Layer(self._ctx, job.size) for _ in range(3)]
        result = picture
        for slot, name in list(zip(self._slots, self.names, strict=True))[: job.most]:
            images = {"inputImage": result.texture, "": result.texture}
            images |= {each.name: job.sound[each.type] for each in slot.shader.header.inputs if each.type in job.sound}
            result = slot.draw(self._free(result, keep), job.dt, effects.get(name, Effect(name)), images)
        if result is picture:
            result = self._free(result, keep)
            self._copy(picture, result)
        return result

    def release(self) -> None:
        for slot in self._slots:
            slot.release()
        for layer in self._layers + self._stale:
            layer.release()
        self._layers, self._stale = [], []

    def _free(self, *used: Layer | None) -> Layer:
        return next(layer for layer in self._layers if all(layer is not each for each in used))
