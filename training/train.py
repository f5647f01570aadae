"""Trains the embedded model: `python -m training.train --minutes 90 --out training/runs/first`.

One single-threaded process a core (one in all on a CUDA GPU): each draws its own samples and computes their gradients,
they are averaged through shared memory once a step, and every process takes the same optimiser step. (One process with
two threads meets hundreds of barriers a step and crawls as soon as anything else runs on the machine.) The checkpoint
`last.pt` in the output folder holds weights, their moving average, optimiser state and the minutes spent, so the same
command resumes; the learning rate follows the minutes, not the steps.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing as mp
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.captions import MODIFIERS, Wish, draw
from training.families import FAMILIES
from training.palettes import NAMES, table
from training.pictures import sample
from training.tokens import encode

log = logging.getLogger("training")


@dataclass(frozen=True)
class Plan:
    """minutes: of training in all; whole_from: share of them after which most batches are whole 256-pixel pictures;
    batch, whole_batch: samples a step over all processes; mixes: share of samples half-way between two captions."""

    minutes: float = 90.0
    out: Path = Path("training/runs/first")
    batch: int = 32
    whole_batch: int = 8
    whole_from: float = 0.75
    small_until: float = 0.12
    muon_rate: float = 0.02
    rate: float = 2e-4
    word_rate: float = 1e-3
    warm_up: float = 0.015
    word_steps: int = 700
    word_batch: int = 256
    seed: int = 0
    mixes: float = 0.06

    def cells_and_count(self, step: int, share: float) -> tuple[int, int]:
        """Size in latent cells (0: captions only) and number of the samples of a step, the same in every process."""
        if step < self.word_steps:
            return 0, self.word_batch
        if share < self.small_until:
            return 4, 2 * self.batch
        whole = np.random.default_rng((self.seed, step)).random() < (0.85 if share >= self.whole_from else 0.05)
        return (16, self.whole_batch) if whole else (8, self.batch)


@dataclass(frozen=True)
class Shared:
    """What the processes share: two gradient buffers a process, (share of the minutes spent), and the barrier of each
    step."""

    gradients: Any
    updates: Any
    progress: Any
    barrier: Any


@dataclass(frozen=True)
class Batch:
    """The samples of one step and process. ids, other_ids: (N, 32) int64; amount: (N, 1, 1), the way from the caption
    to the other one; meaning: what the captions ask for, see `meaning`; z, planes, image: see pictures.Sample, or None
    in the word stage."""

    ids: Any
    other_ids: Any
    amount: Any
    meaning: Any
    z: Any = None
    planes: Any = None
    image: Any = None


def meaning(wishes: list[Wish]) -> np.ndarray:
    """float32 (N, 3 + 4 + 36): family, first and second palette (the first again if there is one) as numbers, modifiers
    as 0 or 1, six colours of each palette."""
    families = tuple(FAMILIES)
    rows = []
    for wish in wishes:
        both = (wish.palette, wish.second or wish.palette)
        colours = [table(name)[40::86].ravel() for name in both]
        numbers = [families.index(wish.family), *(NAMES.index(name) for name in both)]
        rows.append(np.concatenate([numbers, [name in wish.modifiers for name in MODIFIERS], *colours]))
    return np.stack(rows).astype(np.float32)


def draw_batch(plan: Plan, tokenizer: Any, step: int, rank: int, cells: int, count: int) -> Batch:
    """Drawn from (seed, step, rank) alone. cells 16: whole pictures; 4 or 8: windows; 0: captions."""
    import torch

    rng = np.random.default_rng((plan.seed, step, rank))
    wishes, others = ([draw(rng) for _ in range(count)] for _ in range(2))
    amount = np.where(rng.random(count) < plan.mixes, rng.random(count), 0.0).astype(np.float32)
    ids, other_ids = (torch.tensor([encode(tokenizer, wish.caption) for wish in side]) for side in (wishes, others))
    words = ids, other_ids, torch.from_numpy(amount[:, None, None]), torch.from_numpy(meaning(wishes))
    if cells == 0:
        return Batch(*words)
    samples = [
        sample(rng, wish, cells, cells == 16, other if t else None, float(t))
        for wish, other, t in zip(wishes, others, amount, strict=True)
    ]
    return Batch(
        *words, *(torch.from_numpy(np.stack([getattr(s, name) for s in samples])) for name in ("z", "planes", "image"))
    )


def _tokenizer(plan: Plan) -> tuple[int, int, int]:
    from training import captions, tokens

    path = plan.out / "tokenizer.json"
    if not path.exists():
        tokens.train(captions.corpus(plan.seed)).save(str(path))
    tokenizer = tokens.load(path)
    return tokenizer.get_vocab_size(), tokenizer.token_to_id(tokens.START), tokenizer.token_to_id(tokens.END)


def picture_loss(made: Any, wanted: Any, edges: float) -> Any:
    """L1 at three scales, plus `edges` times L1 of the differences between neighbours, so that lines count as much as
    areas."""
    from torch.nn import functional as F

    total = 0.0
    for level in range(3):
        error = made - wanted
        slopes = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        total = total + error.abs().mean() * (1.0, 0.4, 0.4)[level] + edges * slopes * (1.0, 0.5, 0.25)[level]
        made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
    return total


def word_loss(guess: Any, wanted: Any) -> Any:
    """How badly the pooled text embedding's linear reading tells family, palettes, modifiers and colours."""
    from torch.nn import functional as F

    families, palettes = len(FAMILIES), len(NAMES)
    family, first, second, modifiers, colours = guess.split([families, palettes, palettes, len(MODIFIERS), 36], dim=1)
    numbers = wanted[:, :3].long()
    classes = sum(F.cross_entropy(part, numbers[:, i]) for i, part in enumerate((family, first, second)))
    return (
        classes
        + F.binary_cross_entropy_with_logits(modifiers, wanted[:, 3:7])
        + 10 * F.mse_loss(colours, wanted[:, 7:])
    )


def schedule(plan: Plan, share: float) -> float:
    """Share of the full learning rate: warm-up, then cosine to 2 % at the end."""
    if share < plan.warm_up:
        return max(share / plan.warm_up, 0.01)
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, (share - plan.warm_up) / (1 - plan.warm_up))))
    return float(0.02 + 0.98 * cosine)


class Trainer:
    """Model, moving average, optimiser and counters of one process; all processes hold the same numbers."""

    def __init__(self, plan: Plan, sizes: tuple[int, int, int], device: str) -> None:
        import torch

        from training.model import Embedded
        from training.muon import Muon, matrices

        torch.manual_seed(plan.seed)
        self.plan, self.sizes, self.device, self.path = plan, sizes, device, plan.out / "last.pt"
        self.model = Embedded(*sizes).to(device)
        self.head = torch.nn.Linear(512, len(FAMILIES) + 2 * len(NAMES) + len(MODIFIERS) + 36).to(device)
        self.parameters = [*self.model.parameters(), *self.head.parameters()]
        self.muon = Muon(matrices(self.model))
        taken = {id(p) for p in self.muon.parameters}
        rest = [p for p in self.parameters if id(p) not in taken]
        self.optimiser = torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.steps, self.samples, self.spent = 0, 0, 0.0
        if self.path.exists():
            saved = torch.load(self.path, map_location=device)
            self.model.load_state_dict(saved["model"])
            self.head.load_state_dict(saved["head"])
            self.average = [saved["average"][name] for name, _ in self.model.named_parameters()]
            self.optimiser.load_state_dict(saved["optimiser"])
            self.muon.load_state_dict(saved["muon"])
            self.steps, self.samples, self.spent = saved["steps"], saved["samples"], saved["minutes"] * 60
        self.model = self.model.to(memory_format=torch.channels_last)

    def save(self) -> None:
        import torch

        names = [name for name, _ in self.model.named_parameters()]
        state = {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "average": dict(zip(names, self.average, strict=True)),
            "optimiser": self.optimiser.state_dict(),
            "muon": self.muon.state_dict(),
            "steps": self.steps,
            "samples": self.samples,
            "minutes": self.spent / 60,
            "sizes": self.sizes,
        }
        torch.save(state, self.path.with_suffix(".part"))
        self.path.with_suffix(".part").replace(self.path)

    def gradients(self, batch: Batch, share: float) -> tuple[float, float]:
        """Back-propagates one batch; returns its picture loss (0 in the word stage) and its word loss."""
        import torch

        ids, other_ids, amount, wanted = (
            part.to(self.device) for part in (batch.ids, batch.other_ids, batch.amount, batch.meaning)
        )
        with torch.autocast(self.device, torch.bfloat16):
            embedding = self.model.embed(ids)
            guess = self.head(self.model.unet.add_embedding(embedding))
        words = word_loss(guess.float(), wanted)
        if batch.image is None:
            words.backward()
            return 0.0, float(words.detach())
        z, planes, image = (part.to(self.device) for part in (batch.z, batch.planes, batch.image))
        with torch.autocast(self.device, torch.bfloat16):
            if bool(amount.any()):
                embedding = torch.lerp(embedding, self.model.embed(other_ids), amount.to(embedding.dtype))
            latents = self.model.denoise(embedding, z.contiguous(memory_format=torch.channels_last), planes)
            made = self.model.vae.decoder(latents)
        made = made.float()
        loss = (
            picture_loss(made, image, min(1.0, 0.1 + 2.5 * share))
            + max(0.0, 2 - 8 * share) * (made - image).square().mean()
        )
        latents = latents.float()
        tidy = latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()
        (loss + 0.003 * tidy + 0.03 * words).backward()
        return float(loss.detach()), float(words.detach())

    def exchange(self, shared: Shared, rank: int, processes: int) -> None:
        """Averages the gradients over the processes. Two buffers taken in turn make one barrier a step enough."""
        import torch

        mine, active = shared.gradients[self.steps % 2], [p for p in self.parameters if p.grad is not None]
        sizes = [p.numel() for p in active]
        torch.cat([p.grad.reshape(-1) for p in active], out=mine[rank, : sum(sizes)])
        shared.barrier.wait(timeout=300)
        mean = mine[:, : sum(sizes)].mean(0)
        for p, part in zip(active, mean.split(sizes), strict=True):
            p.grad.copy_(part.view(p.grad.shape))

    def step(self, share: float, count: int, shared: Shared, rank: int, processes: int) -> None:
        """One step of both optimisers; count: samples of all processes, 0 in the word stage."""
        import torch

        rate = schedule(self.plan, share)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if count:
            updates = list(shared.updates[self.steps % 2].split([p.numel() for p in self.muon.parameters]))
            self.muon.work_out(rank, processes, updates)
            shared.barrier.wait(timeout=300)
            self.muon.apply(self.plan.muon_rate * rate, updates)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * rate if count else self.plan.word_rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.steps += 1
        self.samples += count
        with torch.no_grad():
            torch._foreach_lerp_(
                self.average,
                [p.detach() for p in self.model.parameters()],
                1 - min(0.999, self.steps / (self.steps + 20)),
            )


def _run(rank: int, plan: Plan, processes: int, shared: Shared) -> None:
    """Body of one training process. Process 0 keeps the time, the log and the checkpoint."""
    import torch

    from training import tokens

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)
    tokenizer = tokens.load(plan.out / "tokenizer.json")
    trainer = Trainer(
        plan,
        (tokenizer.get_vocab_size(), tokenizer.token_to_id(tokens.START), tokenizer.token_to_id(tokens.END)),
        device,
    )
    shared.progress[trainer.steps % 2] = trainer.spent / (plan.minutes * 60)
    last_save = last_log = time.monotonic()
    first, losses = trainer.samples, []
    while (share := float(shared.progress[trainer.steps % 2])) < 1.0:
        begun = time.monotonic()
        cells, count = plan.cells_and_count(trainer.steps, share)
        losses.append(
            trainer.gradients(draw_batch(plan, tokenizer, trainer.steps, rank, cells, count // processes), share)
        )
        if rank == 0:
            shared.progress[(trainer.steps + 1) % 2] = (trainer.spent + min(time.monotonic() - begun, 20.0)) / (
                plan.minutes * 60
            )
        if processes > 1:
            trainer.exchange(shared, rank, processes)
        trainer.step(share, count if cells else 0, shared, rank, processes)
        now = time.monotonic()
        trainer.spent += min(now - begun, 20.0)
        if rank == 0 and now - last_log >= 60:
            line = {
                "minutes": round(trainer.spent / 60, 2),
                "steps": trainer.steps,
                "samples": trainer.samples,
                "loss": round(float(np.mean(losses, axis=0)[0]), 4),
                "words": round(float(np.mean(losses, axis=0)[1]), 3),
                "per_second": round((trainer.samples - first) / (now - last_log), 1),
                "rate": round(plan.rate * schedule(plan, share), 6),
            }
            with (plan.out / "log.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            log.info("%s", line)
            last_log, first, losses = now, trainer.samples, []
        if rank == 0 and now - last_save >= 90:
            trainer.save()
            last_save = time.monotonic()
    if rank == 0:
        trainer.save()


def train(plan: Plan, processes: int) -> None:
    """Trains until the planned minutes are spent; writes last.pt every few minutes and at the end, and a line a minute
    to log.jsonl."""
    import torch

    plan.out.mkdir(parents=True, exist_ok=True)
    sizes = _tokenizer(plan)
    trainer = Trainer(plan, sizes, "cpu")
    size = sum(p.numel() for p in trainer.parameters)
    shared = Shared(
        torch.zeros(2, processes, size).share_memory_(),
        torch.zeros(2, sum(p.numel() for p in trainer.muon.parameters)).share_memory_(),
        torch.zeros(2, dtype=torch.float64).share_memory_(),
        mp.get_context("spawn").Barrier(processes),
    )
    torch.multiprocessing.start_processes(_run, (plan, processes, shared), nprocs=processes, start_method="spawn")


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=Plan.minutes)
    parser.add_argument("--out", type=Path, default=Plan.out)
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--processes", type=int, default=1 if torch.cuda.is_available() else os.cpu_count() or 1)
    args = parser.parse_args()
    train(Plan(minutes=args.minutes, out=args.out, batch=args.batch), args.processes)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
