"""Trains the beat network on the pieces of `training.beats.data` and writes its weights.

    python -m training.beats.train FOLDER --out training/runs/beats.pt --weights livemusviz/features/beats.npz

Goes on from --out where it is, and writes --weights after the last batch. Pieces whose number ends in 9 are kept apart,
and their loss is printed. With --further it begins with the network in --weights, and what it writes is the mean of
that and the trained one: on music of other kinds than the pieces it is better than either (Wortsman et al., CVPR 2022).
Several processes have a batch each, and take one step by their mean gradient.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed
import torch.multiprocessing
from torch import nn

from livemusviz.features.beatnet import HIDDEN, LAYERS, NETWORK_STEP, POOLED
from livemusviz.features.strokes import INPUTS

LATE = 0.02  # s after a beat at which the network is asked for it, so that it has heard the stroke
BATCH, LENGTH = 96, 1000  # sequences, steps
CUT = (250, 1200)  # steps of a piece at a time; then another one follows without a pause
STRETCH = 0.12  # largest change of tempo
UNSURE = 100  # steps at the start of a piece whose loss counts little: no one can know yet
BEAT, DOWNBEAT = 0, 1
ROUND, WARM = 10, 30  # batches; over the first WARM the rate rises


class Network(nn.Module):
    """A recurrent network: inputs (B, T, INPUTS) to logits (B, T, 2) of beat and downbeat."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(INPUTS, HIDDEN, LAYERS, batch_first=True)
        self.out = nn.Linear(HIDDEN, 2)
        nn.init.constant_(self.out.bias, -2.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.gru(x)[0])


class Piece:
    """Holds the inputs and the targets of one piece: float32 (steps, INPUTS), float32 (steps, 2)."""

    def __init__(self, path: Path) -> None:
        stored = np.load(path)
        fine = stored["inputs"].astype(np.float32)
        fine = fine[: len(fine) // POOLED * POOLED]
        self.inputs = np.sqrt(fine.reshape(-1, POOLED, INPUTS).max(axis=1))
        self.beats, self.places = stored["beats"], stored["places"]

    def cut(self, rng: np.random.Generator, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a random part at a slightly changed tempo: inputs, targets, weights (steps,)."""
        speed = np.exp(rng.uniform(-STRETCH, STRETCH))
        length = min(longest, int(rng.integers(*CUT)), int(len(self.inputs) / speed) - 1)
        begin = int(rng.integers(0, max(1, len(self.inputs) - int(length * speed)))) if rng.random() < 0.7 else 0
        at = np.minimum(begin + np.arange(length) * speed, len(self.inputs) - 1).astype(int)
        inputs = self.inputs[at] * np.exp(rng.normal(0.0, 0.1)) * np.exp(rng.normal(0.0, 0.1, INPUTS))
        targets = np.zeros((length, 2), np.float32)
        for beat, place in zip(self.beats, self.places, strict=True):
            step = int(((beat + LATE) / NETWORK_STEP - begin) / speed)
            for near, value in ((step, 1.0), (step - 1, 0.35), (step + 1, 0.35)):
                if 0 <= near < length:
                    targets[near, BEAT] = max(targets[near, BEAT], value)
                    targets[near, DOWNBEAT] = max(targets[near, DOWNBEAT], value * (place == 0))
        weights = np.ones(length, np.float32)
        weights[:UNSURE] = np.linspace(0.1, 1.0, UNSURE)[:length]
        last = int(((self.beats[-1] + LATE) / NETWORK_STEP - begin) / speed) + 5
        weights[max(0, last) :] = 0.0  # the last notes fade
        return inputs, targets, weights


def batch(rng: np.random.Generator, pieces: list[Piece]) -> tuple[torch.Tensor, ...]:
    """Return inputs, targets and weights of `BATCH` sequences of pieces that follow one another."""
    rows = []
    for _ in range(BATCH):
        parts, length = [], 0
        while length < LENGTH:
            parts.append(pieces[rng.integers(len(pieces))].cut(rng, LENGTH - length))
            length += len(parts[-1][2])
        rows.append([np.concatenate(column)[:LENGTH] for column in zip(*parts, strict=True)])
    return tuple(torch.from_numpy(np.stack(column).astype(np.float32)) for column in zip(*rows, strict=True))


def loss_of(network: Network, inputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    losses = nn.functional.binary_cross_entropy_with_logits(network(inputs), targets, reduction="none")
    return (losses * torch.tensor([1.0, 0.5]) * weights[..., None]).sum() / weights.sum()


def save_weights(network: Network, path: Path) -> None:
    """Write the arrays that `livemusviz.features.beatnet` reads, float32, beside what else the file holds."""
    arrays = {}
    if path.exists():
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
    arrays |= {_stored_name(name): value.numpy() for name, value in network.state_dict().items()}
    np.savez_compressed(path, **arrays)


def load_weights(network: Network, path: Path) -> None:
    """Read what `save_weights` wrote."""
    with np.load(path) as stored:
        found = {name: torch.from_numpy(stored[_stored_name(name)].astype(np.float32)) for name in network.state_dict()}
    network.load_state_dict(found)


def _stored_name(name: str) -> str:
    return name.replace("gru.", "").replace(".", "_")


def train(rank: int, options: argparse.Namespace, meeting: str) -> None:
    """Train as one of several processes. meeting : a file by which they find one another."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=options.processes
    )
    paths = sorted(options.folder.glob("*.npz"))
    seen = [Piece(path) for path in paths if int(path.stem) % 10 != 9]
    apart = batch(np.random.default_rng(1), [Piece(path) for path in paths if int(path.stem) % 10 == 9])
    torch.manual_seed(options.seed)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    done = 0
    if options.out.exists():
        kept = torch.load(options.out)
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        done = kept["done"]
        if done >= options.batches:  # what it came to is in --weights, and must not be mixed in twice
            return
    elif options.further:
        load_weights(network, options.weights)
    rng = np.random.default_rng([options.seed, rank, done])
    began, losses = time.monotonic(), []
    while done < options.batches and _together(torch.tensor(time.monotonic() - began)) < 60.0 * options.minutes:
        rise = min(1.0, (done + 1) / WARM)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * rise * 0.5 * (1.0 + math.cos(math.pi * done / options.batches))
        optimiser.zero_grad()
        loss = loss_of(network, *batch(rng, seen))
        loss.backward()
        for weight in network.parameters():
            weight.grad = _together(weight.grad)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        done += 1
        if rank == 0 and done % ROUND == 0:
            with torch.no_grad():
                other = loss_of(network, *apart).item()
            print(f"{done:5d}  {np.mean(losses):.4f}  apart {other:.4f}", flush=True)
            losses.clear()
            torch.save(
                {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "done": done}, options.out
            )
    if rank == 0 and done == options.batches:
        if options.further:
            _mix_in(network, options.weights)
        save_weights(network, options.weights)


def _mix_in(network: Network, path: Path) -> None:
    """Replace each weight by its mean with that in a file."""
    before = Network()
    load_weights(before, path)
    with torch.no_grad():
        for weight, other in zip(network.parameters(), before.parameters(), strict=True):
            weight.lerp_(other, 0.5)


def _together(value: torch.Tensor) -> torch.Tensor:
    """Return the mean over the processes."""
    torch.distributed.all_reduce(value)
    return value / torch.distributed.get_world_size()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="of learning, at the start")
    parser.add_argument("--batches", type=int, default=1000, help="after which the rate has come down to 0")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--further", action="store_true", help="begin with the network in --weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(train, (options, str(Path(folder, "meeting"))), options.processes)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
