"""Textures that can be drawn into: layers, and the buffers between a shader's passes. Runs on the thread that owns the
context.
"""

from __future__ import annotations

import moderngl

_STRETCH = (
    """#version 330 core
out vec2 uv;
void main() {
    uv = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(uv * 2.0 - 1.0, 0.0, 1.0);
}""",
    """#version 330 core
uniform sampler2D picture;
in vec2 uv;
out vec4 color;
void main() { color = texture(picture, uv); }""",
)


class Layer:
    """A texture and the framebuffer that draws into it.

    One that holds the last canvas is kept: `release` waits for `let_go`, whoever it belongs to.
    """

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], dtype: str = "f1") -> None:
        self._ctx, self.size = ctx, size
        self.texture = ctx.texture(size, 4, dtype=dtype)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.target = ctx.framebuffer([self.texture])
        self.target.clear(0.0, 0.0, 0.0, 1.0 if dtype == "f1" else 0.0)
        self._kept = self._released = False

    def keep(self) -> None:
        """Stay as it is until `let_go`."""
        self._kept = True

    def let_go(self) -> None:
        """End what `keep` began."""
        self._kept = False
        if self._released:
            self.release()

    def release(self) -> None:
        self._released = True
        if self._kept:
            return
        if self._ctx.fbo is self.target:  # moderngl would bind it again, deleted
            self._ctx.extra = self._ctx.extra or self._ctx.simple_framebuffer((1, 1))
            self._ctx.extra.use()
        self.target.release()
        self.texture.release()


class Buffer:
    """Holds the target of one pass, which other passes read."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], float32: bool) -> None:
        self.size, self.float32 = size, float32
        self.front, self.back = (Layer(ctx, size, "f4" if float32 else "f1") for _ in range(2))
        for layer in (self.front, self.back):
            layer.target.clear(0.0, 0.0, 0.0, 0.0)

    def swap(self) -> None:
        self.front, self.back = self.back, self.front

    def release(self) -> None:
        self.front.release()
        self.back.release()


Buffers = dict[str, Buffer]


def drop(buffers: Buffers) -> None:
    """Give the buffers back."""
    for buffer in buffers.values():
        buffer.release()
    buffers.clear()


class Stretch:
    """Draws one layer into another of any size."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._program = ctx.program(vertex_shader=_STRETCH[0], fragment_shader=_STRETCH[1])
        self._array = ctx.vertex_array(self._program, [])

    def draw(self, picture: Layer, into: Layer) -> None:
        picture.texture.use(0)
        into.target.use()
        self._array.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def release(self) -> None:
        self._array.release()
        self._program.release()
