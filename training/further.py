"""Holds what trainings of a finished model share: minutes to spend, the learning rate over them, a run begun."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from training.model import Embedded

LONGEST_STEP = 20.0  # seconds that count for one step


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
