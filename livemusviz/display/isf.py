"""Compiles and draws an ISF file. Runs on the thread that owns the context.

In: values of its inputs, textures for its images, the time. Out: a layer, a texture that can be drawn into. The caller
keeps the buffers between the passes from frame to frame, so that one program can be used in two places at once. A
buffer is two layers: a pass that reads what it writes reads what was there before.

What is wrong with a file, or goes wrong while it is drawn, is a UserError that names the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
from PIL import Image

from livemusviz.display.layers import Buffer, Buffers, Layer, Stretch
from livemusviz.display.source import change_times, compile_program, read_source
from livemusviz.errors import DAMAGED, UserError, one_line
from livemusviz.isf import glsl
from livemusviz.isf.expression import NoSize, evaluate
from livemusviz.isf.header import IMAGE_TYPES, Header, Input, Number, Pass, parse_isf
from livemusviz.regular import open_regular
from livemusviz.stills import KINDS, refuse_programs

MAX_SIDE = 8192  # pixels, of a buffer
MAX_PROGRAMS = 8  # of one file; with more passes than that one program draws them all
MAX_IMPORTED_PIXELS = 32_000_000
# Geometry for a compiled program, of so many columns and rows.
IsfArrayMaker = Callable[[moderngl.Program, tuple[int, int]], moderngl.VertexArray]
_VERTEX_SUFFIXES = (".vs", ".vert")
_DRAWING_ERRORS = (moderngl.Error, ArithmeticError, LookupError, MemoryError, TypeError, ValueError, struct.error)
"""Errors that moderngl raises where a value, a size or the driver's memory does not fit."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Describes one drawn frame. time : s since the shader came on.  delta : s since the frame before.  frame : counts
    from 0.

    date : the local time, or None (then DATE is zero, so that an offline render repeats itself).
    """

    time: float
    delta: float
    frame: int
    date: datetime | None = None


@dataclass(slots=True)
class PassProgram:
    """Holds one program. array : its geometry.  uniforms : by name.  last : their values as they were last set.

    samplers : names of the textures that it reads, each on the unit of its place.
    """

    header: Header
    program: moderngl.Program
    array: moderngl.VertexArray
    uniforms: dict[str, moderngl.Uniform] = field(default_factory=dict)
    samplers: tuple[str, ...] = ()
    last: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program = self.program
        self.uniforms = {name: each for name in program if isinstance(each := program[name], moderngl.Uniform)}
        used = self.uniforms.keys()
        names = glsl.samplers(self.header)
        self.samplers = tuple(n for n in names if used & {n, f"_{n}_imgRect", f"_{n}_imgSize"})
        for unit, name in enumerate(self.samplers):
            if name in used:
                self.uniforms[name].value = unit

    def set(self, name: str, value: Any) -> None:
        if name in self.uniforms and self.last.get(name) != value:
            self.last[name] = value
            self.uniforms[name].value = value

    def release(self) -> None:
        self.array.release()
        self.program.release()


@dataclass(frozen=True, slots=True)
class Compiled:
    """Holds one version of a file, compiled. programs : one for each pass, or one for all of them.

    images : imported pictures, by sampler.  copied : samplers as `glsl.copied_samplers` says.
    warnings : a line for each thing that is left out.
    """

    header: Header
    programs: tuple[PassProgram, ...]
    images: Mapping[str, moderngl.Texture | moderngl.TextureCube]
    copied: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    def release(self) -> None:
        for texture in self.images.values():
            texture.release()
        for each in self.programs:
            each.release()


class IsfShader:
    """Draws one compiled file. `draw` once per display frame.

    Raises UserError, with file and line, if the file cannot be read, parsed or compiled.
    """

    def __init__(self, ctx: moderngl.Context, path: Path, make_array: IsfArrayMaker) -> None:
        self._ctx, self.path, self._make_array = ctx, path, make_array
        self._blank = ctx.texture((1, 1), 4, np.zeros(4, np.uint8).tobytes())
        self._nearest = ctx.sampler(repeat_x=False, repeat_y=False, filter=(moderngl.NEAREST, moderngl.NEAREST))
        self._stretch: Stretch | None = None
        self.version = 0  # counts programs
        self.problems: list[str] = []  # for the performer; the caller empties it
        self._odd_sizes: set[str] = set()  # size expressions without a result, reported once
        self._changed = self._change_times()
        self._now = self._compile()
        self.problems += self._now.warnings

    @property
    def header(self) -> Header:
        return self._now.header

    @property
    def kind(self) -> str:
        return self.header.kind

    def reload_if_edited(self, check: Callable[[IsfShader], None] = lambda shader: None) -> bool:
        """Compile again if its file has changed. UserError, and the last good program, if that does not work.

        check : tries the new program before it takes the old one's place; may raise UserError.
        """
        changed = self._change_times()
        if changed == self._changed:
            return False
        self._changed = changed
        fresh = IsfShader(self._ctx, self.path, self._make_array)
        try:
            check(fresh)
        except UserError:
            fresh.release()
            raise
        self._now.release()
        fresh._blank.release()
        fresh._nearest.release()
        self._now, self.problems = fresh._now, [*self.problems, *fresh.problems]
        self._odd_sizes.clear()
        self.version += 1
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
        buffers : this use of the shader's own, empty at first; `drop` them when the shader goes. UserError if it cannot
        be drawn.
        """
        try:
            self._set_time(instant)
            width, height = into.size
            sizes = {"WIDTH": float(width), "HEIGHT": float(height), **self._set_inputs(values)}
            result = into
            for i, each in enumerate(self.header.passes):
                buffer = self._buffer(each, sizes, buffers) if each.target else None
                result = into if buffer is None else buffer.back
                self._draw_pass(i, result, images, buffers)
                if buffer is not None:
                    buffer.swap()
            return result
        except _DRAWING_ERRORS as error:
            raise UserError(f"{self.path}: drawing it failed ({one_line(error)})") from error

    def release(self) -> None:
        self._now.release()
        self._blank.release()
        self._nearest.release()
        if self._stretch is not None:
            self._stretch.release()

    # --- compiling ------------------------------------------------------------------------------

    def _change_times(self) -> tuple[float, ...]:
        return change_times((self.path, *(self.path.with_suffix(suffix) for suffix in _VERTEX_SUFFIXES)))

    def _compile(self) -> Compiled:
        text = read_source(self.path)
        vertex_path = next(
            (self.path.with_suffix(s) for s in _VERTEX_SUFFIXES if os.path.exists(self.path.with_suffix(s))), None
        )
        vertex = None if vertex_path is None else read_source(vertex_path)
        try:
            header = parse_isf(text)
            apart = glsl.depends_on_pass(header, text, vertex) and len(header.passes) <= MAX_PROGRAMS
            indices = range(len(header.passes)) if apart else [None]
            sources = [glsl.program(header, text, vertex, self._ctx.version_code, index) for index in indices]
        except UserError as error:
            raise UserError(f"{self.path}:{error}" if str(error)[:1].isdigit() else f"{self.path}: {error}") from None
        programs = [self._program(header, each, vertex_path, vertex) for each in sources]
        images, warnings = self._import_all(header)
        copied = glsl.copied_samplers(header, text) if vertex is None else frozenset()
        return Compiled(header, tuple(programs), images, copied, tuple(warnings))

    def _program(
        self, header: Header, sources: tuple[str, str], vertex_path: Path | None, vertex: str | None
    ) -> PassProgram:
        program = compile_program(self._ctx, sources, (vertex_path or self.path, self.path))
        try:
            return PassProgram(header, program, self._geometry(header, program, vertex_path, vertex))
        except _DRAWING_ERRORS as error:
            raise UserError(f"{self.path}: no geometry for it ({one_line(error)})") from None

    def _geometry(
        self, header: Header, program: moderngl.Program, vertex_path: Path | None, vertex: str | None
    ) -> moderngl.VertexArray:
        """Return the geometry of a program: the caller's, or four corners for a program that places them by their
        number.
        """
        if program.get("isf_corner", None) is not None:
            return self._make_array(program, (1, 1) if vertex is None else header.mesh)
        if vertex is not None and not glsl.places_vertices(vertex):
            raise UserError(
                f"{vertex_path}: sets no gl_Position and calls no isf_vertShaderInit(), so it draws nothing"
            )
        array = self._ctx.vertex_array(program, [], mode=moderngl.TRIANGLE_STRIP)
        array.vertices = 4
        return array

    def _import_all(self, header: Header) -> tuple[dict[str, moderngl.Texture | moderngl.TextureCube], list[str]]:
        """Return the imported pictures that are to be had, by sampler, and a line for each other one."""
        images: dict[str, moderngl.Texture | moderngl.TextureCube] = {}
        warnings = []
        for name, path in header.imported.items():
            if name in header.cubes:
                images[name] = self._ctx.texture_cube((1, 1), 4, bytes(6 * 4))
                warnings.append(f"{self.path}: IMPORTED '{name}': cube maps are not supported; it is left blank")
            elif not path:
                warnings.append(f"{self.path}: IMPORTED '{name}' has no PATH; it is left blank")
            else:
                try:
                    images[name] = self._import(path)
                except (*DAMAGED, Image.DecompressionBombError) as error:
                    reason = getattr(error, "strerror", None) or "not an image"
                    warnings.append(f"{self.path}: IMPORTED '{path[:60]}': {reason}; it is left blank")
        return images, warnings

    def _import(self, name: str) -> moderngl.Texture:
        """Return a picture from the shader's own folder, turned GL's way up. UserError if it leaves it or is too large,
        OSError if it is not there, that or another of `DAMAGED` if it is none."""
        root = self.path.parent.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise UserError(f"{self.path}: IMPORTED '{name[:60]}' is outside the shader's folder")
        with open_regular(path) as file:
            refuse_programs(file, path)
            Image.init()
            with Image.open(file, formats=sorted(KINDS & Image.OPEN.keys())) as image:
                if image.width * image.height > MAX_IMPORTED_PIXELS:
                    raise UserError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_IMPORTED_PIXELS}")
                pixels = np.asarray(image.convert("RGBA"))[::-1]
        texture = self._ctx.texture((pixels.shape[1], pixels.shape[0]), 4, np.ascontiguousarray(pixels).tobytes())
        texture.repeat_x = texture.repeat_y = False
        return texture

    # --- drawing --------------------------------------------------------------------------------

    def _set_time(self, instant: Instant) -> None:
        for program in self._now.programs:
            program.set("TIME", instant.time)
            program.set("TIMEDELTA", instant.delta)
            program.set("FRAMEINDEX", instant.frame)
            program.set("DATE", _date(instant.date))

    def _set_inputs(self, values: Mapping[str, Number]) -> dict[str, float]:
        """Give every input its value; the numbers among them, for size expressions."""
        numbers = {}
        for each in self.header.inputs:
            if each.type in IMAGE_TYPES:
                continue
            value = conform(each, values.get(each.name, each.default))
            for program in self._now.programs:
                program.set(glsl.uniform_name(each.name), value)
            if isinstance(value, int | float):
                numbers[each.name] = float(value)
        return numbers

    def _draw_pass(self, i: int, into: Layer, images: Mapping[str, moderngl.Texture], buffers: Buffers) -> None:
        """Draw pass `i` into a layer."""
        program = self._now.programs[min(i, len(self._now.programs) - 1)]
        program.set("PASSINDEX", i)
        program.set("RENDERSIZE", (float(into.size[0]), float(into.size[1])))
        into.target.use()
        sharp = self._bind(program, images, buffers, into.size)
        program.array.render()
        for unit in sharp:
            self._nearest.clear(unit)

    def _bind(
        self, program: PassProgram, images: Mapping[str, moderngl.Texture], buffers: Buffers, size: tuple[int, int]
    ) -> list[int]:
        """Bind the textures of a pass that draws `size`. Return the units on which the filter is off.

        A texture copied one to one needs none, and a software renderer takes half the time without it.
        """
        now, sharp = self._now, []
        for unit, name in enumerate(program.samplers):
            buffer = buffers.get(name)
            texture = buffer.front.texture if buffer else now.images.get(name) or images.get(name) or self._blank
            texture.use(unit)
            if name in now.copied and texture.size == size:
                self._nearest.use(unit)
                sharp.append(unit)
            if f"_{name}_imgRect" in program.uniforms:
                program.set(f"_{name}_imgRect", (0.0, 0.0, *map(float, texture.size)))
            if f"_{name}_imgSize" in program.uniforms:
                program.set(f"_{name}_imgSize", tuple(map(float, texture.size)))
        return sharp

    def _buffer(self, each: Pass, sizes: Mapping[str, float], buffers: Buffers) -> Buffer:
        """Return the buffer of a pass at its size of now. What a persistent one holds is stretched to a new size."""
        size = (self._side(each, each.width, "WIDTH", sizes), self._side(each, each.height, "HEIGHT", sizes))
        old = buffers.get(each.target)
        if old is not None and (old.size, old.float32) == (size, each.float32):
            return old
        made = Buffer(self._ctx, size, each.float32)
        if old is not None:
            if each.persistent:
                self._stretch = self._stretch or Stretch(self._ctx)
                self._stretch.draw(old.front, made.front)
            old.release()
        buffers[each.target] = made
        return made

    def _side(self, each: Pass, expression: str | float, side: str, sizes: Mapping[str, float]) -> int:
        """Return pixels, 1..`MAX_SIDE`. An expression without a result (a knob that it divides by is at 0) counts as
        the canvas's own side."""
        try:
            pixels = evaluate(expression, sizes)
        except NoSize as error:
            pixels = sizes[side]
            if each.target not in self._odd_sizes:
                self._odd_sizes.add(each.target)
                self.problems.append(f"{self.path}: PASSES '{each.target}': {error}; the canvas's {side} is taken")
        except UserError as error:
            raise UserError(f"{self.path}: PASSES '{each.target}': {error}") from None
        return int(min(max(pixels, 1.0), MAX_SIDE))


def conform(declared: Input, value: Number) -> Number:
    """Return `value` as the type that the input declares; its default if it is not of that shape."""
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
