"""A contact sheet of a recording: evenly spaced pictures with their times and the sound's level under them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from demo.measure import Film, read_film
from livemusviz.bridge.sound import SAMPLE_RATE

COLUMNS, ROWS = 4, 4
CELL = (320, 180)
STRIP = 60  # pixels of waveform under the pictures


def contact_sheet(recording: Path, output: Path) -> None:
    """Write a PNG of COLUMNS x ROWS pictures of `recording` to `output`."""
    film = read_film(recording, CELL)
    width, height = COLUMNS * CELL[0], ROWS * CELL[1]
    sheet = Image.new("RGB", (width, height + STRIP), (12, 12, 16))
    draw = ImageDraw.Draw(sheet)
    moments = np.linspace(1.0, film.seconds - 0.5, COLUMNS * ROWS)
    for cell, moment in enumerate(moments):
        picture = film.pictures[int(np.searchsorted(film.times, moment).clip(0, len(film.times) - 1))]
        x, y = (cell % COLUMNS) * CELL[0], (cell // COLUMNS) * CELL[1]
        sheet.paste(Image.fromarray(picture), (x, y))
        draw.text((x + 7, y + 5), f"{moment:.1f} s", fill=(0, 0, 0))
        draw.text((x + 6, y + 4), f"{moment:.1f} s", fill=(255, 255, 255))
    _waveform(draw, film, width, height)
    sheet.save(output)


def _waveform(draw: ImageDraw.ImageDraw, film: Film, width: int, top: int) -> None:
    if not len(film.sound):
        return
    edges = np.linspace(0, min(len(film.sound), int(film.seconds * SAMPLE_RATE)), width + 1).astype(int)
    peaks = [np.abs(film.sound[a:b]).max() if b > a else 0.0 for a, b in zip(edges, edges[1:], strict=False)]
    middle = top + STRIP // 2
    for x, peak in enumerate(peaks):
        reach = int(min(1.0, peak) * (STRIP // 2 - 3))
        draw.line((x, middle - reach, x, middle + reach), fill=(120, 190, 255))
