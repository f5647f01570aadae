"""Draws the exported model's pictures and takes its figures: `python -m training.grid [--figures]`.

Writes docs/embedded-first.png (24 prompts x 2 seeds, with labels); --figures prints a table of colour, smoothness,
variety and grid patterns as JSON.
"""

from __future__ import annotations

import argparse
import colorsys
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from training import tokens
from training.export import OUT, load, restore
from training.model import Embedded
from training.palettes import HUES
from training.pictures import planes_of

PROMPTS = (
    "deep blue ocean",
    "red lava",
    "a kaleidoscope of violet and gold",
    "golden galaxy in space",
    "emerald aurora",
    "orange flames",
    "purple nebula",
    "neon synthwave",
    "pink flower",
    "teal caustics",
    "white marble",
    "sunset over mountains",
    "green circuit board",
    "blue lightning",
    "rainbow plasma",
    "violet crystals",
    "magenta rings",
    "gold bokeh lights",
    "black ink in water",
    "cyan tunnel",
    "red silk",
    "orange planet",
    "yellow sun rays",
    "blue clouds",
)
COLOUR_PROMPTS = (
    ("deep blue ocean", "deep blue"),
    ("red lava", "red"),
    ("green fire", "green"),
    ("golden galaxy in space", "gold"),
    ("emerald aurora", "emerald"),
    ("orange clouds", "orange"),
    ("purple nebula", "purple"),
    ("a glowing pink flower", "pink"),
    ("teal caustics", "teal"),
    ("violet crystals", "violet"),
    ("blue lightning", "blue"),
    ("magenta rings", "magenta"),
    ("cyan tunnel", "cyan"),
    ("red silk", "red"),
    ("yellow sun rays", "yellow"),
    ("indigo mandala", "indigo"),
    ("green mountains", "green"),
    ("orange planet", "orange"),
    ("blue bokeh lights", "blue"),
    ("red ocean at night", "red"),
    ("lime circuit board", "lime"),
    ("pink smoke", "pink"),
    ("dense violet cells", "violet"),
    ("dark green marble", "green"),
)


class Painter:
    """Prompts and noise to pictures. Keeps the tokenizer and the model."""

    def __init__(self, model: Embedded, tokenizer: Path) -> None:
        self.model, self.tokenizer = model, tokens.load(tokenizer)

    @torch.no_grad()
    def embed(self, prompt: str) -> torch.Tensor:
        return self.model.embed(torch.tensor([tokens.encode(self.tokenizer, prompt)]))

    @torch.no_grad()
    def paint(self, embedding: torch.Tensor, noise: torch.Tensor) -> np.ndarray:
        """float32 (H, W, 3) in [0, 1] of noise (1, 32, H/16, W/16)."""
        planes = torch.from_numpy(planes_of(*noise.shape[2:]))[None]
        image = self.model.vae.decoder(self.model.denoise(embedding, noise, planes))[0]
        return (image.clamp(-1, 1) / 2 + 0.5).permute(1, 2, 0).numpy()


def noise(seed: int, h: int = 16, w: int = 16) -> torch.Tensor:
    return torch.randn(1, 32, h, w, generator=torch.Generator().manual_seed(seed))


def dominant_hue(image: np.ndarray) -> float:
    """Degrees: the peak of the hue histogram (36 bins, smoothed round the circle) weighted by saturation x value."""
    small = image.reshape(-1, 3)[::7]
    hue, saturation, value = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in small]).T
    histogram, _ = np.histogram(hue, 36, (0, 1), weights=saturation * value)
    smooth = histogram + 0.5 * (np.roll(histogram, 1) + np.roll(histogram, -1))
    return float(np.argmax(smooth) * 10 + 5)


def hue_error(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


def comb(image: np.ndarray, period: int) -> float:
    """Amplitude, in grey levels of 255, of a pattern that repeats every `period` pixels along rows or columns.

    The mean power of the lines at that frequency less the median of the eight around it, so that texture does not
    count.
    """
    grey = 255 * image.mean(2)
    worst = 0.0
    for lines in (grey, grey.T):
        window = np.hanning(lines.shape[1])
        power = (np.abs(np.fft.rfft((lines - lines.mean()) * window, axis=1)) ** 2).mean(0)
        at = lines.shape[1] // period
        around = np.median(np.concatenate([power[at - 6 : at - 2], power[at + 3 : at + 7]]))
        worst = max(worst, 2 * np.sqrt(max(0.0, power[at] - around)) / window.sum())
    return float(worst)


def figures(painter: Painter) -> dict[str, object]:
    """The measurements of the model's card."""
    wrong = []
    for index, (prompt, palette) in enumerate(COLOUR_PROMPTS):
        hue = dominant_hue(painter.paint(painter.embed(prompt), noise(100 + index)))
        if hue_error(hue, HUES[palette]) > 25:
            wrong.append(f"{prompt}: {hue:.0f} for {HUES[palette]}")
    smooth, variety, grids = {}, {}, {4: [], 16: []}
    for prompt in ("deep blue ocean", "red lava", "violet crystals", "purple nebula"):
        embedding = painter.embed(prompt)
        a, b = noise(1), noise(2)
        walk = [
            painter.paint(embedding, float(np.cos(t)) * a + float(np.sin(t)) * b)
            for t in np.arange(241) * 2 * np.pi / 240
        ]
        steps = np.array([np.abs(one - two).mean() for one, two in zip(walk, walk[1:], strict=False)])
        smooth[prompt] = round(float(steps.max() / np.median(steps)), 2)
        still = [painter.paint(embedding, noise(seed)) for seed in range(16)]
        pairs = [np.abs(still[i] - still[j]).mean() for i in range(16) for j in range(i)]
        variety[prompt] = round(float(np.mean(pairs) / np.median(steps)), 1)
    for index, prompt in enumerate(prompt for prompt in PROMPTS if "circuit" not in prompt):  # circuits are a grid
        image = painter.paint(painter.embed(prompt), noise(200 + index))
        for period, found in grids.items():
            found.append(comb(image, period))
    return {
        "hue_right": f"{len(COLOUR_PROMPTS) - len(wrong)}/{len(COLOUR_PROMPTS)}",
        "hue_wrong": wrong,
        "walk_max_over_median": smooth,
        "pairwise_over_step": variety,
        "comb_levels_median": {period: round(float(np.median(found)), 2) for period, found in grids.items()},
        "comb_levels_worst": {period: round(float(np.max(found)), 2) for period, found in grids.items()},
    }


def sheet(painter: Painter, path: Path, prompts: tuple[str, ...] = PROMPTS, columns: int = 4, tile: int = 176) -> None:
    """A contact sheet: two seeds of each prompt side by side under its label, drawn at 256 and shown at `tile`
    pixels."""
    label, gap = 22, 4
    cell_w, cell_h = 2 * tile + gap, tile + label
    page = Image.new("RGB", (columns * cell_w - gap, -(-len(prompts) // columns) * cell_h), (14, 14, 18))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=15)
    for index, prompt in enumerate(prompts):
        x, y = index % columns * cell_w, index // columns * cell_h
        pen.text((x + 4, y + 2), prompt, font=font, fill=(235, 235, 240))
        embedding = painter.embed(prompt)
        for seed in range(2):
            image = painter.paint(embedding, noise(1000 * seed + index))
            shown = Image.fromarray((image * 255 + 0.5).astype(np.uint8)).resize((tile, tile), Image.Resampling.LANCZOS)
            page.paste(shown, (x + seed * tile, y + label))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=OUT)
    parser.add_argument("--run", type=Path, help="draw a run's checkpoint instead of the exported folder")
    parser.add_argument("--out", type=Path, default=Path("docs/embedded-first.png"))
    parser.add_argument("--figures", action="store_true")
    args = parser.parse_args()
    if args.run:
        painter = Painter(restore(args.run), args.run / "tokenizer.json")
    else:
        painter = Painter(load(args.model), args.model / "tokenizer/tokenizer.json")
    sheet(painter, args.out)
    if args.figures:
        print(json.dumps(figures(painter), indent=2))


if __name__ == "__main__":
    main()
