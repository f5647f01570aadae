"""Draws the contact sheet of the exported model: `python -m training.grid` writes docs/embedded-grid.png.

48 prompts x 3 seeds; half of them, marked with a star, are or hold a word that stands in no caption.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.painter import Painter, add_model_flags, chosen
from training.teacher import holds_unseen

PROMPTS = (
    "deep blue ocean", "volcano", "glowing red lava", "jellyfish",
    "a kaleidoscope of violet and gold", "arctic", "golden galaxy in space", "cathedral",
    "emerald aurora", "purple tornado", "orange flames", "neon skyscraper",
    "purple nebula", "lizard", "neon synthwave", "a comet in the night",
    "pink flower", "red tulip", "teal caustics", "submarine",
    "white marble", "peaceful dolphin", "sunset over mountains", "canyon",
    "green circuit board", "golden microchip", "blue lightning", "wildfire",
    "rainbow plasma", "champagne", "violet crystals", "sapphire",
    "cyan tunnel", "asteroid", "gold bokeh lights", "firecracker",
    "black ink in water", "blizzard", "peacock feathers", "a white eagle",
    "magenta spiral", "orchestra", "stained glass", "beehive",
    "misty forest", "an old oak", "music", "downpour",
)  # fmt: skip


def sheet(painter: Painter, path: Path, columns: int = 6, tile: int = 116, seeds: int = 3) -> None:
    """`seeds` pictures of each prompt side by side under its label, drawn at 256 and shown at `tile` pixels."""
    label, gap = 20, 4
    cell_w, cell_h = seeds * tile + gap, tile + label
    page = Image.new("RGB", (columns * cell_w - gap, -(-len(PROMPTS) // columns) * cell_h), (14, 14, 18))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    for index, prompt in enumerate(PROMPTS):
        x, y = index % columns * cell_w, index // columns * cell_h
        mark = "* " if holds_unseen(prompt) else ""
        pen.text((x + 4, y + 2), mark + prompt, font=font, fill=(235, 235, 240))
        for seed in range(seeds):
            image = (painter(prompt, 1000 * seed + index) * 255 + 0.5).astype(np.uint8)
            page.paste(
                Image.fromarray(image).resize((tile, tile), Image.Resampling.LANCZOS), (x + seed * tile, y + label)
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_model_flags(parser)
    parser.add_argument("--out", type=Path, default=Path("docs/embedded-grid.png"))
    args = parser.parse_args()
    sheet(chosen(args), args.out)


if __name__ == "__main__":
    main()
