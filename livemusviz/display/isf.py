"""An ISF file, compiled and drawn. Runs on the thread that owns the context.

In: values of its inputs, textures for its images, the time. Out: a layer, a texture that can be drawn into. What a
shader keeps from frame to frame (the buffers between its passes) is the caller's, so that one program can be at work in
two places at once. A buffer is two layers: a pass that reads what it writes reads what was there before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
from PIL import Image

from livemusviz.errors import UserError
from livemusviz.isf import glsl
from livemusviz.isf.expression import evaluate
from livemusviz.isf.header import IMAGE_TYPES, MAX_BYTES, Header, Input, Number, Pass, decode, parse

MAX_SIDE = 8192  # pixels, of a buffer
MAX_IMPORTED_PIXELS = 32_000_000
# Geometry for a compiled program; the switch asks for a fine mesh, which a vertex shader may bend.
IsfArrayMaker = Callable[[moderngl.Program, bool], moderngl.VertexArray]
_VERTEX_SUFFIXES = (".vs", ".vert")


@dataclass(frozen=True, slots=True)
class Instant:
    """One drawn frame. time : s since the shader came on.  delta : s since the frame before.  frame : counts from 0.

    date : what the clock on the wall says, or None (then DATE is all zero: an offline render repeats itself).
    """

    time: float
    delta: float
    frame: int
    date: datetime | None = None


class Layer:
    """A texture and the framebuffer that draws into it."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], dtype: str = "f1") -> None:
        self._ctx, self.size = ctx, size
        self.texture = ctx.texture(size, 4, dtype=dtype)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.target = ctx.framebuffer([self.texture])
        self.target.clear(0.0, 0.0, 0.0, 1.0 if dtype == "f1" else 0.0)

    def release(self) -> None:
        if self._ctx.fbo is self.target:  # moderngl would bind it again, deleted
            self._ctx.extra = self._ctx.extra or self._ctx.simple_framebuffer((1, 1))
            self._ctx.extra.use()
        self.target.release()
        self.texture.release()


class Buffer:
    """What one pass draws and others read."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], float32: bool) -> None:
        self.size = size
        self.front, self.back = (Layer(ctx, size, "f4" if float32 else "f1") for _ in range(2))
        for layer in (self.front, self.back):
            layer.target.clear(0.0, 0.0, 0.0, 0.0)

    def swap(self) -> None:
        self.front, self.back = self.back, self.front

    def release(self) -> None:
        self.front.release()
        self.back.release()


Buffers = dict[str, Buffer]


class IsfShader:
    """One compiled file. `draw` once per display frame.

    Raises UserError, with file and line, if the file cannot be read, parsed or compiled.
    """

    def __init__(self, ctx: moderngl.Context, path: Path, make_array: IsfArrayMaker) -> None:
        self._ctx, self.path, self._make_array = ctx, path, make_array
        self.header = Header()
        self._images: dict[str, moderngl.Texture] = {}
        self._made: tuple[moderngl.Program, moderngl.VertexArray] | None = None
        self._blank = ctx.texture((1, 1), 4, np.zeros(4, np.uint8).tobytes())
        self._stamp = self._read_stamp()
        self._compile()

    @property
    def kind(self) -> str:
        return self.header.kind

    def reload_if_edited(self) -> bool:
        """Compile again if its file has changed. UserError, and the last good program, if that does not work."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._compile()
        return True

    def draw(
        self,
        into: Layer,
        instant: Instant,
        values: Mapping[str, Number],
        images: Mapping[str, moderngl.Texture],
        buffers: Buffers,
    ) -> Layer:
        """Draw all passes at the size of `into`. Returns where the picture is: `into`, or the last pass's own buffer.

        values : by input name; others have their defaults.  images : by input name; others are transparent black.
        buffers : this use of the shader's own, empty at first; `drop` them when the shader goes.
        """
        width, height = into.size
        sizes = {"WIDTH": float(width), "HEIGHT": float(height), **self._set_inputs(values)}
        self._set("TIME", instant.time)
        self._set("TIMEDELTA", instant.delta)
        self._set("FRAMEINDEX", instant.frame)
        self._set("DATE", _date(instant.date))
        result = into
        assert self._made is not None  # noqa: S101
        array = self._made[1]
        for i, each in enumerate(self.header.passes):
            buffer = self._buffer(each, sizes, buffers) if each.target else None
            result = into if buffer is None else buffer.back
            self._bind(images, buffers)
            self._set("PASSINDEX", i)
            self._set("RENDERSIZE", (float(result.size[0]), float(result.size[1])))
            result.target.use()
            array.render()
            if buffer is not None:
                buffer.swap()
        return result

    def release(self) -> None:
        self._release_program()
        self._blank.release()

    # --- compiling ------------------------------------------------------------------------------

    def _read_stamp(self) -> tuple[float, ...]:
        files = (self.path, *(self.path.with_suffix(suffix) for suffix in _VERTEX_SUFFIXES))
        return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)

    def _compile(self) -> None:
        """A new program in the place of the old one; if anything fails the old one stays."""
        text = read(self.path)
        vertex_path = next(
            (self.path.with_suffix(s) for s in _VERTEX_SUFFIXES if self.path.with_suffix(s).exists()), None
        )
        vertex = None if vertex_path is None else read(vertex_path)
        try:
            header = parse(text)
            sources = glsl.program(header, text, vertex)
        except UserError as error:
            raise UserError(f"{self.path}:{error}" if str(error)[:1].isdigit() else f"{self.path}: {error}") from None
        try:
            program = self._ctx.program(vertex_shader=sources[0], fragment_shader=sources[1])
        except moderngl.Error as error:
            message = str(error)
            line, sentence = glsl.complaint(message)
            where = vertex_path if vertex_path is not None and "vertex_shader" in message else self.path
            raise UserError(f"{where}:{line}: {sentence}" if line else f"{where}: {sentence}") from None
        images = {name: self._import(path) for name, path in header.imported.items()}
        array = self._make_array(program, vertex is not None)
        self._replace(header, program, array, images)

    def _replace(
        self,
        header: Header,
        program: moderngl.Program,
        array: moderngl.VertexArray,
        images: dict[str, moderngl.Texture],
    ) -> None:
        self._release_program()
        self.header, self._images, self._made = header, images, (program, array)
        self._uniforms = {name: each for name in program if isinstance(each := program[name], moderngl.Uniform)}
        used = self._uniforms.keys()
        self._samplers = [n for n in glsl.samplers(header) if used & {n, f"_{n}_imgRect", f"_{n}_imgSize"}]
        for unit, name in enumerate(self._samplers):
            if name in used:
                self._uniforms[name].value = unit
        self._last: dict[str, Any] = {}

    def _release_program(self) -> None:
        for texture in self._images.values():
            texture.release()
        if self._made is not None:
            self._made[1].release()
            self._made[0].release()
        self._images, self._made = {}, None

    def _import(self, name: str) -> moderngl.Texture:
        """A picture from the shader's own folder, turned GL's way up. UserError if it is not there or leaves it."""
        root = self.path.parent.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise UserError(f"{self.path}: IMPORTED '{name[:60]}' is outside the shader's folder")
        try:
            with Image.open(path) as image:
                if image.width * image.height > MAX_IMPORTED_PIXELS:
                    raise UserError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_IMPORTED_PIXELS}")
                pixels = np.asarray(image.convert("RGBA"))[::-1]
        except OSError as error:
            raise UserError(f"{self.path}: IMPORTED '{name[:60]}': {error.strerror or 'not an image'}") from None
        texture = self._ctx.texture((pixels.shape[1], pixels.shape[0]), 4, np.ascontiguousarray(pixels).tobytes())
        texture.repeat_x = texture.repeat_y = False
        return texture

    # --- drawing --------------------------------------------------------------------------------

    def _set(self, name: str, value: Any) -> None:
        if name in self._uniforms and self._last.get(name) != value:
            self._last[name] = value
            self._uniforms[name].value = value

    def _set_inputs(self, values: Mapping[str, Number]) -> dict[str, float]:
        """Give every input its value; the numbers among them, for size expressions."""
        numbers = {}
        for each in self.header.inputs:
            if each.type in IMAGE_TYPES:
                continue
            value = conform(each, values.get(each.name, each.default))
            self._set(glsl.uniform_name(each.name), value)
            if isinstance(value, int | float):
                numbers[each.name] = float(value)
        return numbers

    def _bind(self, images: Mapping[str, moderngl.Texture], buffers: Buffers) -> None:
        for unit, name in enumerate(self._samplers):
            buffer = buffers.get(name)
            texture = buffer.front.texture if buffer else self._images.get(name) or images.get(name) or self._blank
            texture.use(unit)
            if f"_{name}_imgRect" in self._uniforms:
                self._set(f"_{name}_imgRect", (0.0, 0.0, float(texture.width), float(texture.height)))
            if f"_{name}_imgSize" in self._uniforms:
                self._set(f"_{name}_imgSize", (float(texture.width), float(texture.height)))

    def _buffer(self, each: Pass, sizes: Mapping[str, float], buffers: Buffers) -> Buffer:
        try:
            size = tuple(min(max(int(evaluate(side, sizes)), 1), MAX_SIDE) for side in (each.width, each.height))
        except UserError as error:
            raise UserError(f"{self.path}: PASSES '{each.target}': {error}") from None
        buffer = buffers.get(each.target)
        if buffer is None or buffer.size != size:
            if buffer is not None:
                buffer.release()
            buffer = buffers[each.target] = Buffer(self._ctx, (size[0], size[1]), each.float32)
        return buffer


def drop(buffers: Buffers) -> None:
    """Give the buffers back."""
    for buffer in buffers.values():
        buffer.release()
    buffers.clear()


def read(path: Path) -> str:
    """The text of a shader's file. UserError, with the file's name, if there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return decode(data)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def conform(declared: Input, value: Number) -> Number:
    """`value` as the type that the input declares; its default if it is not of that shape."""
    default = declared.default
    if isinstance(default, tuple):
        return value if isinstance(value, tuple) and len(value) == len(default) else default
    if isinstance(value, tuple) or value != value:
        return default
    if declared.type in ("event", "bool"):
        return bool(value > 0.5) if isinstance(value, float) else bool(value)
    return int(value) if declared.type == "long" else float(value)


def _date(date: datetime | None) -> tuple[float, float, float, float]:
    if date is None:
        return (0.0, 0.0, 0.0, 0.0)
    seconds = date.hour * 3600 + date.minute * 60 + date.second + date.microsecond / 1e6
    return (float(date.year), float(date.month), float(date.day), seconds)
