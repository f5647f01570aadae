"""Trains the octave choice on composed pieces and writes its weights beside those of the beat network.

    python -m training.beats.octaves FOLDER FOLDER ... --weights livemusviz/features/beats.npz

The live tracker listens to each piece, and twice a second its rhythm is described by the beat that it holds, by that
beat's half and by its double. Of each description it is known whether the tempo is right, too fast or too slow. A
network with one hidden layer learns that. Logistic regression learns which of two beats is the one, from the contrast
of even and odd beats. One piece of eight is kept apart.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from livemusviz.features.beat import BeatTracker
from livemusviz.features.octave import OctaveChoice
from livemusviz.features.rhythm import CONTRASTS, BeatHistory
from livemusviz.features.strokes import STEP

HIDDEN = 16
VIEWS = ((1.0, 0.0), (2.0, 0.0), (0.5, 0.0), (0.5, 0.5))  # factor and shift of the beats that describe a rhythm
BPM = (40.0, 280.0)  # of these beats
OFF = 0.1  # octaves; tempi further from an octave of the true one are left out
EARLY, SELDOM = 6.0, 3  # s, from when on only each third rhythm is taken
PLACED = 0.25  # beats; a beat this close to a true one is one
BATCH, EPOCHS, RATE = 256, 12, 5e-3
NOISE, DROPOUT = 0.1, 0.1  # against learning the pieces by heart
APART = 8
SAME, SLOWER, FASTER = 0, 1, 2  # what the true tempo is
UNKNOWN = -1


class Sample(NamedTuple):
    """Holds a described rhythm: `description` with the filter's octaves, `contrast`, and what is true of it.

    tempo : SAME, SLOWER or FASTER.  even : 1 if the even ones of its beats are true beats, 0 if the odd, or UNKNOWN.
    """

    description: np.ndarray
    contrast: np.ndarray
    tempo: int
    even: int


class Recorder(OctaveChoice):
    """Stands in the place of the choice: keeps each rhythm that it is asked about, and changes nothing.

    time : s, of the piece; to be set from outside.
    """

    def __init__(self, rng: np.random.Generator, beats: np.ndarray) -> None:
        """Begin a piece with `beats` at these times, s. The weights may not exist yet, so they are not loaded."""
        self._rng, self._beats = rng, beats
        self.time, self._asked = 0.0, 0
        self.samples: list[Sample] = []
        self.reset()

    def factor(self, history: BeatHistory, period: float, octaves: np.ndarray) -> float:
        """Keep the rhythm as described by the held beat, its half and its double. Return 1."""
        self._asked += 1
        seldom = self.time > EARLY and self._asked % SELDOM != 0
        if seldom or not self._beats[1] <= self.time <= self._beats[-1] + 0.5:
            return 1.0
        slower = VIEWS[2 + int(self._rng.integers(2))]
        for factor, shift in (*VIEWS[:2], slower):
            self._keep(history, period, octaves, factor, shift)
        return 1.0

    def odds(self, history: BeatHistory, period: float) -> float:
        """Return 0."""
        return 0.0

    def _keep(self, history: BeatHistory, period: float, octaves: np.ndarray, factor: float, shift: float) -> None:
        length = period / factor
        error = math.log2(self._true_period() / length)
        if not BPM[0] <= 60.0 / length <= BPM[1] or abs(error - round(error)) > OFF:
            return
        description, contrast = history.describe(period, factor, shift)
        padded = np.pad(octaves, 1)
        shares = {1.0: octaves, 2.0: padded[:-2], 0.5: padded[2:]}[factor]
        tempo = SAME if round(error) == 0 else SLOWER if error > 0.0 else FASTER
        even = UNKNOWN
        if round(error) == 1:
            beat = self.time - (history.place * factor + shift) % 2.0 * length  # of the last even beat
            off = float(np.abs(self._beats - beat).min()) / length
            even = 1 if off < PLACED else 0 if off > 1.0 - PLACED else UNKNOWN
        self.samples.append(Sample(np.append(description, shares).astype(np.float32), contrast, tempo, even))

    def _true_period(self) -> float:
        near = int(np.clip(np.searchsorted(self._beats, self.time), 2, len(self._beats) - 2))
        return float(np.mean(np.diff(self._beats[max(0, near - 3) : near + 3])))


def listen(rng: np.random.Generator, inputs: np.ndarray, beats: np.ndarray) -> list[Sample]:
    """Return the samples of a piece.

    inputs : float32 (steps, INPUTS).  beats : s.
    """
    recorder = Recorder(rng, beats)
    tracker = BeatTracker(recorder)
    for step, row in enumerate(inputs, 1):
        recorder.time = step * STEP
        tracker.hear(row)
    return recorder.samples


def fit_tempo(descriptions: np.ndarray, tempi: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of the network that tells tempo, half and double.

    descriptions : float32 (samples, DESCRIPTIONS + 5).  tempi : int (samples,).  weights : of each sample's loss.
    """
    mean, scale = descriptions.mean(axis=0), 1.0 / (descriptions.std(axis=0) + 1e-3)
    x, y, w = torch.from_numpy((descriptions - mean) * scale), torch.from_numpy(tempi), torch.from_numpy(weights)
    hidden, out = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, 3)
    network = nn.Sequential(nn.Dropout(DROPOUT), hidden, nn.Tanh(), out)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    steps = EPOCHS * len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    for _ in range(steps):
        at = torch.randint(len(x), (BATCH,))
        logits = network(x[at] + NOISE * torch.randn(BATCH, x.shape[1]))
        losses = nn.functional.cross_entropy(logits, y[at], reduction="none", label_smoothing=0.02)
        optimiser.zero_grad()
        (losses * w[at]).mean().backward()
        optimiser.step()
        schedule.step()
    arrays = {"hidden": hidden.weight, "hidden_bias": hidden.bias, "out": out.weight, "out_bias": out.bias}
    return {"mean": mean, "scale": scale} | {name: value.detach().numpy() for name, value in arrays.items()}


def fit_parity(contrasts: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Return the weights of the logistic regression without a constant: float32 (CONTRASTS,)."""
    scale = 1.0 / (contrasts.std(axis=0) + 1e-3)
    x, y = torch.from_numpy(contrasts * scale), torch.from_numpy(even.astype(np.float32))
    weights = torch.zeros(CONTRASTS, requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=1e-2, weight_decay=1e-4)
    for _ in range(600):
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(x @ weights, y).backward()
        optimiser.step()
    return weights.detach().numpy() * scale


def fit(pieces: list[list[Sample]]) -> dict[str, np.ndarray]:
    """Return the arrays that `livemusviz.features.octave` reads, float32, and print how good they are apart."""
    torch.manual_seed(0)
    kept = [sample for i, piece in enumerate(pieces) if i % APART for sample in piece]
    weights = np.concatenate([np.full(len(p), 1.0 / len(p)) for i, p in enumerate(pieces) if i % APART and p])
    descriptions, contrasts = (np.stack(column) for column in list(zip(*kept, strict=True))[:2])
    tempi, even = np.array([s.tempo for s in kept]), np.array([s.even for s in kept])
    arrays = fit_tempo(descriptions, tempi, (weights / weights.mean()).astype(np.float32))
    arrays["parity"] = fit_parity(contrasts[even != UNKNOWN], even[even != UNKNOWN])
    apart = [sample for piece in pieces[::APART] for sample in piece]
    x = (np.stack([s.description for s in apart]) - arrays["mean"]) * arrays["scale"]
    scores = np.tanh(x @ arrays["hidden"].T + arrays["hidden_bias"]) @ arrays["out"].T + arrays["out_bias"]
    right = scores.argmax(axis=1) == np.array([s.tempo for s in apart])
    known = [s for s in apart if s.even != UNKNOWN]
    placed = [(s.contrast @ arrays["parity"] > 0.0) == (s.even == 1) for s in known]
    print(f"{len(kept)} samples; of {len(apart)} apart {right.mean():.3f} right, of beats {np.mean(placed):.3f}")
    return {f"octave_{name}": value.astype(np.float32) for name, value in arrays.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    options = parser.parse_args()
    pieces = []
    for number, path in enumerate(path for folder in options.folders for path in sorted(folder.glob("*.npz"))):
        with np.load(path) as stored:
            pieces.append(listen(np.random.default_rng(number), stored["inputs"].astype(np.float32), stored["beats"]))
    with np.load(options.weights) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez_compressed(options.weights, **(arrays | fit(pieces)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
