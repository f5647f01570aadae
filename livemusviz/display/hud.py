"""The operator's figures over the window. Never part of the canvas, so never recorded. Runs on the drawing thread.

The text is set with Pillow's built-in font: it needs no font installed and leaves OpenGL's state alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import moderngl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livemusviz import resources
from livemusviz.bridge.view import Meter
from livemusviz.display.pacer import Gate
from livemusviz.display.program import ShaderProgram, VertexArrayMaker

RATE = 10.0  # Hz, how often it may change
FLOOR = -60.0  # dB of full scale at the left end of the meter
MAX_LINES, MAX_COLUMNS = 40, 120
QUIET = 4  # modules around a QR code
MIN_POINTS = 8  # pixels; letters below that cannot be read
_INK, _PANEL = (235, 240, 245, 255), (8, 10, 14, 190)
_GREEN, _RED, _DIM = (80, 220, 140, 255), (255, 80, 70, 255), (60, 66, 74, 255)


class Hud:
    """`draw` once per display frame while the HUD is on."""

    def __init__(self, ctx: moderngl.Context, make_array: VertexArrayMaker) -> None:
        self._ctx = ctx
        self._program = ShaderProgram(ctx, *_files(), make_array)
        self._gate = Gate(RATE)
        self._texture: moderngl.Texture | None = None
        self._set: tuple[object, ...] = ()

    def draw(
        self,
        target: moderngl.Framebuffer,
        size: tuple[int, int],
        lines: tuple[str, ...],
        now: float,
        code: tuple[str, ...] = (),
        meter: Meter | None = None,
        points: int = 0,
        place: tuple[int, int] = (0, 0),
    ) -> None:
        """Put `lines`, the meter and the QR `code` into `target`, whose `size` is in pixels; all of it fits.

        now : s.  points : height of the letters in pixels; 0 is by the size of the target.  place : of the top left
        corner, pixels from that of the target.
        """
        if self._gate.opens(now) or self._texture is None:
            room = (size[0] - place[0], size[1] - place[1])
            self._typeset(lines, points or max(12, min(size[1] // 40, 32)), code, meter, room)
        texture = self._texture
        if texture is None or not (lines or code):
            return
        target.viewport = (place[0], size[1] - place[1] - texture.height, texture.width, texture.height)
        self._ctx.enable(moderngl.BLEND)
        self._program.draw(target, image=texture)
        self._ctx.disable(moderngl.BLEND)

    def _typeset(
        self, lines: tuple[str, ...], points: int, code: tuple[str, ...], meter: Meter | None, room: tuple[int, int]
    ) -> None:
        wanted = (lines, points, code, meter, room)
        if not (lines or code) or wanted == self._set:
            return
        self._set = wanted
        pixels = fitted_panel(lines, points, code, meter, room)
        size = (pixels.shape[1], pixels.shape[0])
        if self._texture is None or self._texture.size != size:
            if self._texture is not None:
                self._texture.release()
            self._texture = self._ctx.texture(size, 4)
        self._texture.write(np.ascontiguousarray(pixels[::-1]))


@dataclass(frozen=True, slots=True)
class Layout:
    """Holds the positions on a panel, in pixels from its top left corner.

    points : height of the letters.  width : of the text's part.  below : where the text ends.  corner : of the QR code.
    """

    text: str
    points: int
    start: tuple[float, float]
    width: int
    below: int
    corner: tuple[int, int]
    size: tuple[int, int]


def fitted_panel(
    lines: tuple[str, ...], points: int, code: tuple[str, ...], meter: Meter | None, room: tuple[int, int]
) -> np.ndarray:
    """Return the panel so that it fits into `room` (width, height in pixels): the QR code under the text or beside it,
    smaller letters, and where nothing else helps the whole of it made smaller. uint8 (H, W, 4) RGBA."""
    sizes = range(points, min(MIN_POINTS, points) - 1, -1)
    layouts = (lay_out(lines, each, code, meter, beside) for each in sizes for beside in (False, True))
    for layout in layouts:
        if layout.size[0] <= room[0] and layout.size[1] <= room[1]:
            return draw_panel(layout, code, meter)
    made = Image.fromarray(draw_panel(layout, code, meter))
    scale = min(room[0] / made.width, room[1] / made.height)
    size = (max(int(made.width * scale), 1), max(int(made.height * scale), 1))
    return np.asarray(made.resize(size, Image.Resampling.LANCZOS))


def panel(lines: tuple[str, ...], points: int, code: tuple[str, ...] = (), meter: Meter | None = None) -> np.ndarray:
    """Return the text, the meter and a QR code under it, on a translucent panel: uint8 (H, W, 4) RGBA, top row first.

    points : height of the letters.
    """
    return draw_panel(lay_out(lines, points, code, meter, beside=False), code, meter)


def lay_out(lines: tuple[str, ...], points: int, code: tuple[str, ...], meter: Meter | None, beside: bool) -> Layout:
    """Return where everything is. beside : whether the code stands to the right of the text, not under it."""
    text = "\n".join("".join(c if c.isprintable() else " " for c in line[:MAX_COLUMNS]) for line in lines[:MAX_LINES])
    margin = points
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=_font(points), spacing=points // 2
    )
    step = 8 * points  # widths in steps, so that a changing figure does not make the panel twitch
    width = -(-(int(right - left) + 2 * margin) // step) * step if text else 0
    below = int(bottom - top) + 2 * margin if text else margin
    end = below if meter is None or not text else below + 2 * points
    side = _code_side(code, points)
    if not side:
        size, corner = (width, end), (0, 0)
    elif beside or not text:
        corner = (width or margin, margin)
        size = (corner[0] + side + margin, max(end, side + 2 * margin))
    else:
        size, corner = (max(width, side + 2 * margin), end + side + margin), (margin, end)
    return Layout(text, points, (margin - left, margin - top), width, below, corner, size)


def draw_panel(layout: Layout, code: tuple[str, ...], meter: Meter | None) -> np.ndarray:
    """Return the panel's pixels: uint8 (H, W, 4) RGBA, top row first."""
    points = layout.points
    image = Image.new("RGBA", layout.size, _PANEL)
    draw = ImageDraw.Draw(image)
    draw.multiline_text(layout.start, layout.text, _INK, _font(points), spacing=points // 2)
    if meter is not None and layout.text:
        _draw_meter(draw, (points, layout.below, layout.width - points, layout.below + points), meter)
    if code:
        image.paste(_code_picture(code, _module(points)), layout.corner)
    return np.asarray(image)


@lru_cache(maxsize=64)
def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)


def _module(points: int) -> int:
    return max(2, points // 5)


def _code_side(code: tuple[str, ...], points: int) -> int:
    """Return the pixels a side of the code's picture; 0 without a code."""
    return (len(code) + 2 * QUIET) * _module(points) if code else 0


def _code_picture(code: tuple[str, ...], pixels: int) -> Image.Image:
    """Return a QR code with its quiet zone, `pixels` a module."""
    dark = np.array([[module == "1" for module in row] for row in code])
    light = np.pad(np.where(dark, 0, 255).astype(np.uint8), QUIET, constant_values=255)
    return Image.fromarray(np.kron(light, np.ones((pixels, pixels), np.uint8))).convert("RGBA")


def _draw_meter(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], meter: Meter) -> None:
    """Draw the level with its peak, red where it is about to clip; then lamps for onset and beat. box : pixels."""
    left, top, right, bottom = box
    high = bottom - top
    end = right - 3 * high
    draw.rectangle((left, top, end, bottom), fill=_DIM)
    level, peak = (left + (end - left) * share(value) for value in (meter.level, meter.peak))
    loud = left + (end - left) * share(0.5)  # -6 dB
    draw.rectangle((left, top, min(level, loud), bottom), fill=_GREEN)
    if level > loud:
        draw.rectangle((loud, top, level, bottom), fill=_RED)
    draw.rectangle((peak - 1, top, peak + 1, bottom), fill=_INK)
    beat = 0.0 if meter.beat is None else max(1.0 - 3.0 * meter.beat, 0.0)
    for i, (light, color) in enumerate(((meter.onset, _INK), (beat, _GREEN))):
        x = end + high // 2 + i * (high + high // 2)
        shade = tuple(round(a + (b - a) * min(light, 1.0)) for a, b in zip(_DIM, color, strict=True))
        draw.ellipse((x, top, x + high, bottom), fill=shade)


def share(level: float) -> float:
    """Return the position of a linear level on the meter, 0..1: decibels from FLOOR up."""
    return min(max(1.0 - 20.0 * math.log10(max(level, 1e-9)) / FLOOR, 0.0), 1.0)


def _files() -> tuple[Path, Path]:
    return resources.shader("quad.vert"), resources.shader("hud.frag")
