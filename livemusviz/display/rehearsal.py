"""First draws, off screen and before they are needed. Runs on the thread that owns the context.

A driver finishes compiling a program at its first draw, for the sizes and formats that it meets there: 40 to 300 ms on
a software renderer. So every program is drawn once into targets of the show's own sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import moderngl

from livemusviz.display.isf import Instant, IsfShader
from livemusviz.display.layers import Buffers, Layer, drop
from livemusviz.isf.header import IMAGE_TYPES

Size = tuple[int, int]
Way = tuple[Size, Size, Size]  # of the first image, of the other images, of the target


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes in pixels that a show draws with. canvas : of the filters.  idle : of the idle scene.

    stage : of the generated picture on the canvas.
    """

    canvas: Size
    idle: Size
    stage: Size

    def ways(self, kind: str) -> tuple[Way, ...]:
        """Return each way in which a shader of this kind is drawn. kind : as `IsfShader.kind`."""
        if kind == "transition":
            return (self.stage, self.stage, self.stage), (self.idle, self.stage, self.stage)
        if kind == "generator":
            return ((self.idle, self.idle, self.idle),)
        return tuple((size, size, self.canvas) for size in dict.fromkeys((self.stage, self.idle, self.canvas)))


def fill_cache(
    ctx: moderngl.Context, make: Callable[[], IsfShader], sizes: Sizes, sound: Mapping[str, moderngl.Texture]
) -> None:
    """Draw a shader once in each of its ways, with a program of its own for each: Mesa files machine code under a key
    that the first draw of a program changes for all later ones. make : compiles the shader."""
    shader = make()
    for way in sizes.ways(shader.kind):
        draw_once(ctx, shader, way, sound)
        shader.release()
        shader = make()
    shader.release()


def draw_once(ctx: moderngl.Context, shader: IsfShader, way: Way, sound: Mapping[str, moderngl.Texture]) -> None:
    """Draw `shader` once in one of its ways. sound : textures for the types "audio" and "audioFFT"."""
    inputs = [each for each in shader.header.inputs if each.type in IMAGE_TYPES]
    first, rest, into = (Layer(ctx, size) for size in way)
    buffers: Buffers = {}
    images = {each.name: sound.get(each.type, rest.texture) for each in inputs}
    if inputs and inputs[0].type == "image":
        images[inputs[0].name] = first.texture
    try:
        shader.draw(into, Instant(0.0, 0.0, 0), {}, images, buffers)
    finally:
        drop(buffers)
        for layer in (first, rest, into):
            layer.release()
