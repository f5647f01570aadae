"""Draws with shaders: a `Slot` is one use of a shader with its buffers, a `Chain` the filters of a scene in their
order. Runs on the thread that owns the context.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import moderngl

from livemusviz.bridge.view import Effect
from livemusviz.display.bank import ShaderBank
from livemusviz.display.isf import Instant, IsfShader
from livemusviz.display.layers import Buffers, Layer, drop
from livemusviz.display.state import State
from livemusviz.errors import UserError

Copy = Callable[[Layer, Layer], None]


@dataclass(frozen=True, slots=True)
class Job:
    """Describes how to draw a chain.

    size : (width, height), pixels.
    most : largest number of filters.
    dt : s since the last frame.
    sound : textures for the input types "audio" and "audioFFT".
    """

    size: tuple[int, int]
    most: int
    dt: float
    sound: Mapping[str, moderngl.Texture]


class Slot:
    """Holds one use of a shader: its buffers, its clock."""

    def __init__(self, shader: IsfShader, bank: ShaderBank) -> None:
        self.shader = shader
        self._bank = bank
        self._buffers: Buffers = {}
        self._time, self._frame = 0.0, 0
        self._failed: tuple[object, ...] = ()  # inputs and program that could not be drawn
        self._said = ""

    def draw(self, into: Layer, dt: float, effect: Effect, images: Mapping[str, moderngl.Texture]) -> Layer | None:
        """Draw a frame `dt` s after the last one. Return the layer that holds it. `images` : by input name, "" for all
        others.

        None if it cannot be drawn: that is reported once, and not tried again with the same inputs and the same
        program.
        """
        state = (effect.inputs, self.shader.version)
        if self._failed == state:
            return None
        rest = images.get("")
        given = dict(images)
        if rest is not None:
            given.update({name: rest for name in self._other_images() if name not in given})
        self._time += dt
        instant = Instant(self._time, dt, self._frame)
        try:
            result = self._bank.draw(self.shader, into, instant, dict(effect.inputs), given, self._buffers)
        except UserError as error:
            self._failed = state
            if str(error) != self._said:
                self._said = str(error)
                self._bank.problems.append(self._said)
            return None
        self._frame += 1
        return result

    def exchange(self, state: State) -> None:
        """Save or restore what the next picture depends on."""
        self._time, self._frame = state.value("time", self._time), state.value("frame", self._frame)
        state.buffers("buffer", self._buffers)

    def layers(self) -> list[Layer]:
        """Return the layers that its picture may be in besides the one it is given."""
        return [layer for _, buffer in sorted(self._buffers.items()) for layer in (buffer.front, buffer.back)]

    def release(self) -> None:
        drop(self._buffers)

    def _other_images(self) -> list[str]:
        return [each.name for each in self.shader.header.inputs if each.type == "image"]


class Chain:
    """Draws filters in their order, into layers by turns.

    The picture of one frame is still there while the next is drawn: the flash limiter may need it.
    """

    def __init__(self, ctx: moderngl.Context, names: tuple[str, ...], bank: ShaderBank, copy: Copy) -> None:
        """copy : draws a picture as it is into a layer, for a chain without filters. A filter that does not compile is
        left out and reported; UserError if none compiles."""
        self.names = names
        self._slots: dict[str, Slot] = {}
        problems = []
        for name in names:
            try:
                self._slots[name] = Slot(bank.get(name), bank)
            except UserError as error:
                problems.append(str(error))
        if problems and not self._slots:
            raise UserError(problems[0])
        bank.problems += problems
        self._ctx, self._copy = ctx, copy
        self._layers: list[Layer] = []
        self._stale: list[Layer] = []

    @property
    def wants_sound(self) -> bool:
        return any(
            each.type in ("audio", "audioFFT") for slot in self._slots.values() for each in slot.shader.header.inputs
        )

    def draw(self, picture: Layer, keep: Layer | None, job: Job, effects: Mapping[str, Effect]) -> Layer:
        """Return `picture` after the filters. Nothing is drawn into `keep`."""
        for layer in self._stale:
            layer.release()
        self._stale = []
        if not self._layers or self._layers[0].size != job.size:
            self._stale, self._layers = self._layers, [Layer(self._ctx, job.size) for _ in range(3)]
        result = picture
        for name, slot in list(self._slots.items())[: job.most]:
            images = {"inputImage": result.texture, "": result.texture}
            images |= {each.name: job.sound[each.type] for each in slot.shader.header.inputs if each.type in job.sound}
            drawn = slot.draw(self._free(result, keep), job.dt, effects.get(name, Effect(name)), images)
            result = result if drawn is None else drawn
        if result is picture:
            result = self._free(result, keep)
            self._copy(picture, result)
        return result

    def layers(self) -> list[Layer]:
        """Return every layer that its picture may be in."""
        return [*self._layers, *self._stale, *(layer for slot in self._slots.values() for layer in slot.layers())]

    def exchange(self, state: State) -> None:
        """Save or restore what the next picture depends on."""
        for name, slot in self._slots.items():
            state.part(name, slot)
        for i, layer in enumerate(self._layers):
            state.layer(f"layer {i}", layer)

    def release(self) -> None:
        for slot in self._slots.values():
            slot.release()
        for layer in self._layers + self._stale:
            layer.release()
        self._layers, self._stale = [], []

    def _free(self, *used: Layer | None) -> Layer:
        return next(layer for layer in self._layers if all(layer is not each for each in used))
