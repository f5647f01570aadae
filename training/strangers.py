"""Judges prompts that strangers type (`strangers.toml`), and how much the pictures of different seeds differ.

`python -m training.figures --only strangers,seeds` prints both.
"""

from __future__ import annotations

import tomllib
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from training import classifier
from training.hues import HUE_TOLERANCE, dominant_hue, hue_error
from training.painter import Painter
from training.palettes import HUES
from training.teacher import STRANGERS

LIKELIEST = 3  # families that the classifier may name for a picture of two, or for a half of it
SEEDS = 8


def stranger_prompts() -> dict[str, dict[str, list[str]]]:
    """Return each prompt with what is expected of it: `families`, `both`, `colours`."""
    return tomllib.loads(STRANGERS.read_text(encoding="utf-8"))


def faults(image: np.ndarray, wanted: dict[str, list[str]], judge: classifier.Classifier) -> list[str]:
    """Return what is wrong with a picture, float32 (256, 256, 3) in [0, 1]; nothing if it is right."""
    found, wrong = judge.ranking(image), []
    if "families" in wanted and found[0] not in wanted["families"]:
        wrong.append(f"{found[0]}, not {' or '.join(wanted['families'])}")
    if "both" in wanted:
        seen = likeliest(image, judge)
        if not set(wanted["both"]) <= seen:
            wrong.append(f"{', '.join(sorted(seen))}, not {' and '.join(wanted['both'])}")
    hue = dominant_hue(image)
    colours = wanted.get("colours", [])
    if colours and all(hue_error(hue, HUES[palette]) > HUE_TOLERANCE for palette in colours):
        wrong.append(f"hue {hue:.0f}, not {' or '.join(colours)}")
    return wrong


def likeliest(image: np.ndarray, judge: classifier.Classifier) -> set[str]:
    """Return the families that the judge finds in a picture of two things: in the whole, and in either half.

    It has learnt pictures of one family, so of two in one picture it names one.
    """
    middle = len(image) // 2
    return {name for part in (image, image[:middle], image[middle:]) for name in judge.ranking(part)[:LIKELIEST]}


def strangers(painter: Painter) -> dict[str, object]:
    """Draw each prompt once and count those that are all that was expected before training."""
    judge, wrong = classifier.load(), []
    prompts = stranger_prompts()
    for index, (prompt, wanted) in enumerate(prompts.items()):
        found = faults(painter(prompt, 600 + index), wanted, judge)
        if found:
            wrong.append(f"{prompt}: {'; '.join(found)}")
    return {"right": f"{len(prompts) - len(wrong)}/{len(prompts)}", "wrong": wrong}


def structural_similarity(images: torch.Tensor) -> dict[tuple[int, int], float]:
    """Return the mean SSIM (Wang et al. 2004) of every two of the grey pictures, float32 (N, H, W) in [0, 1].

    Gaussian window of 11 pixels, sigma 1.5.
    """
    x = torch.arange(11, dtype=torch.float32) - 5
    window = torch.exp(-x * x / (2 * 1.5**2))
    window = (window[:, None] * window[None])[None, None] / window.sum() ** 2

    def blurred(pictures: torch.Tensor) -> torch.Tensor:
        return F.conv2d(pictures[:, None], window)[:, 0]

    mean, power = blurred(images), blurred(images * images)
    variance = power - mean * mean
    c1, c2 = 0.01**2, 0.03**2
    out = {}
    for i, j in combinations(range(len(images)), 2):
        both = blurred((images[i] * images[j])[None])[0] - mean[i] * mean[j]
        ssim = (2 * mean[i] * mean[j] + c1) * (2 * both + c2)
        ssim = ssim / ((mean[i] ** 2 + mean[j] ** 2 + c1) * (variance[i] + variance[j] + c2))
        out[i, j] = float(ssim.mean())
    return out


def seeds(painter: Painter) -> dict[str, Any]:
    """Return the mean SSIM between the pictures of SEEDS seeds, for each of 24 prompts: the lower, the more they
    differ."""
    from training.figures import COLOUR_PROMPTS

    each = {}
    for prompt, _ in COLOUR_PROMPTS[:24]:
        pictures = torch.from_numpy(np.stack([painter(prompt, seed).mean(2) for seed in range(SEEDS)]))
        each[prompt] = round(float(np.mean(list(structural_similarity(pictures).values()))), 4)
    return {"mean": round(float(np.mean(list(each.values()))), 4), "each": each}
