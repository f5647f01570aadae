"""Takes the figures of the model's card: `python -m training.figures [--model FOLDER] [--only colour,unseen,...]`.

Prints JSON: named colours, structure as the classifier sees it, words outside the captions, smoothness of a walk,
variety of seeds, grid patterns, and how much detail the pictures have beside the data's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np
import torch

from training import classifier
from training.captions import Wish
from training.families import FAMILIES
from training.fields import CELL
from training.hues import HUE_TOLERANCE, dominant_hue, hue_error
from training.painter import Painter, add_model_flags, chosen, noise
from training.palettes import HUES
from training.pictures import coordinates_seen, picture
from training.strangers import seeds, strangers
from training.teacher import unseen_words

WALKS = ("deep blue ocean", "red lava", "violet crystals", "purple nebula", "golden feathers", "neon skyline")
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
    ("a crimson forest", "red"),
    ("turquoise feathers", "teal"),
    ("purple rain", "purple"),
    ("a city in shades of amber", "orange"),
    ("glowing magenta spiral", "magenta"),
    ("cobalt stained glass", "blue"),
)


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


def colour(painter: Painter) -> dict[str, object]:
    """30 prompts that name a colour: is it the dominant hue?"""
    wrong = []
    for index, (prompt, palette) in enumerate(COLOUR_PROMPTS):
        hue = dominant_hue(painter(prompt, 100 + index))
        if hue_error(hue, HUES[palette]) > HUE_TOLERANCE:
            wrong.append(f"{prompt}: {hue:.0f} for {HUES[palette]}")
    return {"right": f"{len(COLOUR_PROMPTS) - len(wrong)}/{len(COLOUR_PROMPTS)}", "wrong": wrong}


def structure(painter: Painter, seeds: int = 4) -> dict[str, object]:
    """Return the share of pictures that the classifier recognises: each family by its main noun, with unseen seeds."""
    judge, wrong, total = classifier.load(), [], 0
    for index, (family, (_, nouns)) in enumerate(FAMILIES.items()):
        for seed in range(seeds):
            total += 1
            found = judge.name(painter(nouns[0][0], 5000 + 10 * index + seed))
            if found != family:
                wrong.append(f"{family} seen as {found}")
    return {
        "right": f"{total - len(wrong)}/{total}",
        "share": round(1 - len(wrong) / total, 3),
        "of_the_data": round(classifier.accuracy(judge), 3),
        "wrong": wrong,
    }


def unseen(painter: Painter) -> dict[str, object]:
    """Draw each word of unseen.toml once, and compare with what was expected before the final run."""
    judge, wrong = classifier.load(), []
    words = unseen_words()
    for index, (word, (kind, wanted)) in enumerate(words.items()):
        image = painter(word, 300 + index)
        if kind == "families":
            found = judge.name(image)
            right = found in wanted
        else:
            hue = dominant_hue(image)
            found = f"hue {hue:.0f}"
            right = any(hue_error(hue, HUES[palette]) <= HUE_TOLERANCE for palette in wanted)
        if not right:
            wrong.append(f"{word}: {found}, not {' or '.join(wanted)}")
    return {"right": f"{len(words) - len(wrong)}/{len(words)}", "wrong": wrong}


def smoothness(painter: Painter) -> dict[str, object]:
    """Walk a circle of 240 steps and 32 seeds: largest over median step; mean difference of two seeds over that."""
    largest, variety = {}, {}
    for prompt in WALKS:
        embedding = painter.embed(prompt)
        a, b = noise(1), noise(2)
        walk = [
            painter.paint(embedding, float(np.cos(t)) * a + float(np.sin(t)) * b)
            for t in np.arange(241) * 2 * np.pi / 240
        ]
        steps = np.array([np.abs(one - two).mean() for one, two in zip(walk, walk[1:], strict=False)])
        largest[prompt] = round(float(steps.max() / np.median(steps)), 2)
        still = [painter.paint(embedding, noise(seed)) for seed in range(32)]
        pairs = [np.abs(still[i] - still[j]).mean() for i in range(32) for j in range(i)]
        variety[prompt] = round(float(np.mean(pairs) / np.median(steps)), 1)
    return {"walk_max_over_median": largest, "pairwise_over_median_step": variety}


def grids(painter: Painter) -> dict[str, object]:
    """Amplitude of 4- and 16-pixel grids over the families that are no grid themselves."""
    found: dict[int, list[float]] = {4: [], 16: []}
    for index, family in enumerate(sorted(set(FAMILIES) - {"circuit", "scales", "bars", "skyline"})):
        image = painter(FAMILIES[family][1][0][0], 200 + index)
        for period, amounts in found.items():
            amounts.append(comb(image, period))
    return {
        f"{period}_pixels": {"median": round(float(np.median(a)), 2), "worst": round(float(np.max(a)), 2)}
        for period, a in found.items()
    }


def detail(painter: Painter) -> dict[str, object]:
    """Per family, the mean difference of neighbouring pixels over that of the data for the same noise; and mean L1."""
    ratio, error = {}, []
    for index, (family, (_, nouns)) in enumerate(FAMILIES.items()):
        z = noise(400 + index)
        made = painter.paint(painter.embed(nouns[0][0]), z)
        seen = coordinates_seen(z[0].numpy(), painter.pan, painter.zoom, CELL)
        wanted = picture(z[0].numpy(), *seen, Wish("", family, nouns[0][1]))
        slopes = [
            np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean() for image in (made, wanted)
        ]
        ratio[family] = round(float(slopes[0] / slopes[1]), 2)
        error.append(float(np.abs(made - wanted).mean()))
    return {
        "median": round(float(np.median(list(ratio.values()))), 2),
        "l1": round(float(np.mean(error)), 4),
        "each": ratio,
    }


FIGURES: dict[str, Callable[[Painter], dict[str, object]]] = {
    f.__name__: f for f in (colour, structure, unseen, strangers, seeds, smoothness, grids, detail)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_model_flags(parser)
    parser.add_argument("--only", default=",".join(FIGURES), help="which figures, comma separated")
    args = parser.parse_args()
    torch.set_num_threads(min(torch.get_num_threads(), 2))
    painter = chosen(args)
    print(json.dumps({name: FIGURES[name](painter) for name in args.only.split(",")}, indent=2))


if __name__ == "__main__":
    main()
