"""The operator's figures over the window. Never part of the canvas, so never recorded. Runs on the drawing thread.

The text is set with Pillow's built-in font: it needs no font installed and leaves OpenGL's state alone.
"""

from __future__ import annotations

from pathlib import Path

import moderngl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livemusviz import resources
from livemusviz.display.pacer import Gate
from livemusviz.display.program import ShaderProgram, VertexArrayMaker

RATE = 5.0  # Hz, how often the text may change
MAX_LINES, MAX_COLUMNS = 40, 120
_INK, _PANEL = (235, 240, 245, 255), (8, 10, 14, 190)


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
    ) -> None:
        """Put `lines`, and the QR `code` if there is one, into the top left corner of `target`, whose `size` is in
        pixels. `now` : s."""
        if self._gate.opens(now) or self._texture is None:
            self._typeset(lines, code, size[1])
        texture = self._texture
        if texture is None or not lines:
            return
        target.viewport = (0, size[1] - texture.height, texture.width, texture.height)
        self._ctx.enable(moderngl.BLEND)
        self._program.draw(target, image=texture)
        self._ctx.disable(moderngl.BLEND)

    def _typeset(self, lines: tuple[str, ...], code: tuple[str, ...], height: int) -> None:
        if not lines or (lines, code, height) == self._set:
            return
        self._set = (lines, code, height)
        pixels = panel(lines, max(12, min(height // 40, 32)), code)
        size = (pixels.shape[1], pixels.shape[0])
        if self._texture is None or self._texture.size != size:
            if self._texture is not None:
                self._texture.release()
            self._texture = self._ctx.texture(size, 4)
        self._texture.write(np.ascontiguousarray(pixels[::-1]))


def panel(lines: tuple[str, ...], points: int, code: tuple[str, ...] = ()) -> np.ndarray:
    """The text, and a QR code under it, on a translucent panel: uint8 (H, W, 4) RGBA, top row first.

    points : height of the letters.
    """
    font = ImageFont.load_default(points)
    text = "\n".join("".join(c if c.isprintable() else " " for c in line[:MAX_COLUMNS]) for line in lines[:MAX_LINES])
    margin = points
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=font, spacing=points // 2
    )
    step = 8 * points  # widths in steps, so that a changing figure does not make the panel twitch
    width = -(-(int(right - left) + 2 * margin) // step) * step
    picture = _code_picture(code, max(2, points // 5))
    below = picture.height + margin if picture is not None else 0
    image = Image.new("RGBA", (width, int(bottom - top) + 2 * margin + below), _PANEL)
    ImageDraw.Draw(image).multiline_text((margin - left, margin - top), text, _INK, font, spacing=points // 2)
    if picture is not None:
        image.paste(picture, (margin, int(bottom - top) + 2 * margin))
    return np.asarray(image)


def _code_picture(code: tuple[str, ...], pixels: int) -> Image.Image | None:
    """A QR code with its quiet zone, `pixels` a module."""
    if not code:
        return None
    dark = np.array([[module == "1" for module in row] for row in code])
    light = np.pad(np.where(dark, 0, 255).astype(np.uint8), 4, constant_values=255)
    return Image.fromarray(np.kron(light, np.ones((pixels, pixels), np.uint8))).convert("RGBA")


def _files() -> tuple[Path, Path]:
    return resources.shader("quad.vert"), resources.shader("hud.frag")
