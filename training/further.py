"""Holds what trainings of a finished model share: minutes to spend, the learning rate over them, a run begun, and
captions mixed in pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training import tokens
from training.captions import Wish
from training.model import Embedded
from training.pictures import PAN, ZOOM, coordinates_seen, planes

LONGEST_STEP = 20.0  # seconds that count for one step
MIXES = 0.25  # share of the captions that are mixtures of two


class Minutes:
    """Iterate over it for the share of the learning rate of each step, 0..1, until the minutes are spent.

    It rises over a twentieth of them and falls as half a cosine. spent : minutes, of the steps before this one.
    """

    def __init__(self, wanted: float, spent: float) -> None:
        self.wanted, self.spent = wanted, spent

    def __iter__(self) -> Iterator[float]:
        while self.spent < self.wanted:
            begun, share = time.monotonic(), self.spent / self.wanted
            yield float(min(1.0, 0.05 + 20 * share) * (0.5 + 0.5 * np.cos(np.pi * share)))
            self.spent += min(time.monotonic() - begun, LONGEST_STEP) / 60


def resume(model: Embedded, run: Path) -> float:
    """Take the weights of a run that was begun. Returns the minutes spent on it, 0 where there is none."""
    if not (run / "last.pt").exists():
        return 0.0
    saved = torch.load(run / "last.pt")
    model.load_state_dict(saved["model"])
    return float(saved["minutes"])


def mixtures(
    base: Embedded,
    tokenizer: Tokenizer,
    rng: np.random.Generator,
    sides: tuple[Sequence[Wish], Sequence[Wish]],
    cells: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the UNet takes, embeddings, noise and planes, for captions of which some are mixed with the other
    side's."""
    count = len(sides[0])
    amount = np.where(rng.random(count) < MIXES, rng.random(count), 0.0).astype(np.float32)
    z = rng.standard_normal((count, 32, cells, cells), dtype=np.float32)
    seen = np.stack([planes(*coordinates_seen(one, PAN, ZOOM)) for one in z])
    ids = [torch.tensor([tokens.encode(tokenizer, wish.caption) for wish in side]) for side in sides]
    one, other = (base.embed(each).float() for each in ids)
    embedding = torch.lerp(one, other, torch.from_numpy(amount[:, None, None]))
    return embedding, torch.from_numpy(z), torch.from_numpy(seen)
