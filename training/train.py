"""Trains the embedded model: `python -m training.train --minutes 180 --out training/runs/second`.

One single-threaded process a core: each draws its own samples and computes their gradients, they are averaged through
shared memory once a step, and every process takes the same optimiser step. (One process with two threads meets hundreds
of barriers a step and crawls as soon as anything else runs on the machine.) On a CUDA GPU one process trains and the
other cores draw. The checkpoint `last.pt` in the output folder holds weights, their moving average, optimiser state and
the minutes spent, so the same command resumes; the learning rate follows the minutes, not the steps. `words.json` holds
what the teacher said.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import multiprocessing as mp
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.captions import MODIFIERS, Lexicon, Wish, draw
from training.families import FAMILIES
from training.palettes import NAMES, table
from training.pictures import sample
from training.teacher import Words
from training.tokens import encode

log = logging.getLogger("training")
BALANCE_EVERY = 8  # steps, after which the critic is weighed again
LOSSES = ("loss", "words", "critic", "painter")


@dataclass(frozen=True)
class Plan:
    """minutes: of training in all; whole_from: share of them after which most batches are whole pictures; batch:
    windows a step over all processes, of whole pictures a quarter as many; critic_from: share from which the critic has
    a say; mixes: share of samples half-way between two captions; inherit: an exported model to start from."""

    minutes: float = 180.0
    out: Path = Path("training/runs/second")
    inherit: Path | None = None
    batch: int = 32
    whole_from: float = 0.75
    small_until: float = 0.06
    critic_from: float = 0.6
    muon_rate: float = 0.02
    rate: float = 2e-4
    word_rate: float = 1e-3
    warm_up: float = 0.015
    word_steps: int = 1500
    word_batch: int = 256
    word_every: int = 6
    seed: int = 0
    mixes: float = 0.1

    def shape_and_count(self, step: int, share: float) -> tuple[tuple[int, int], int]:
        """(height, width) in latent cells and number of the samples of a step, the same in every process.

        (0, 0): captions only, at first and in every `word_every`-th step; square and smaller than 16: windows; else
        whole pictures, one in eight of them 16:9.
        """
        if step < self.word_steps or step % self.word_every == 0:
            return (0, 0), self.word_batch
        if share < self.small_until:
            return (4, 4), 2 * self.batch
        chance = np.random.default_rng((self.seed, step)).random()
        if chance > (0.85 if share >= self.whole_from else 0.05):
            return (8, 8), self.batch
        wide = chance < 0.1 * (share >= self.whole_from)
        return ((16, 28), self.batch // 8) if wide else ((16, 16), self.batch // 4)


@dataclass(frozen=True)
class Shared:
    """Holds the state that processes share: two gradient buffers each, the share of minutes spent, a barrier a step."""

    gradients: Any
    updates: Any
    progress: Any
    barrier: Any


@dataclass(frozen=True)
class Batch:
    """The samples of one step and process.

    ids, other_ids: (N, 32) int64; amount: (N, 1, 1), the way from the caption to the other one; meaning: what the
    captions ask for, see `meaning`; z, planes, image: see pictures.Sample, or None in the word stage.
    """

    ids: Any
    other_ids: Any
    amount: Any
    meaning: Any
    z: Any = None
    planes: Any = None
    image: Any = None

    def _each(self, change: Any) -> Batch:
        parts = (getattr(self, field.name) for field in fields(self))
        return Batch(*(None if part is None else change(part) for part in parts))

    def pin_memory(self) -> Batch:
        """As torch's DataLoader asks for it."""
        return self._each(lambda part: part.pin_memory())

    def to(self, device: str) -> Batch:
        return self._each(lambda part: part.to(device, non_blocking=True))


def meaning(wishes: list[Wish]) -> np.ndarray:
    """float32 (N, 3 + 11 + 36): family, first and second palette (the first again if there is one) as numbers,
    modifiers as 0 or 1, six colours of each palette."""
    families = tuple(FAMILIES)
    rows = []
    for wish in wishes:
        both = (wish.palette, wish.second or wish.palette)
        colours = [table(name)[40::86].ravel() for name in both]
        numbers = [families.index(wish.family), *(NAMES.index(name) for name in both)]
        rows.append(np.concatenate([numbers, [name in wish.modifiers for name in MODIFIERS], *colours]))
    return np.stack(rows).astype(np.float32)


def draw_batch(
    plan: Plan, tokenizer: Any, lexicon: Lexicon, step: int, rank: int, shape: tuple[int, int], count: int
) -> Batch:
    """Drawn from (seed, step, rank) alone; shape and count as `Plan.shape_and_count` gives them."""
    import torch

    rng = np.random.default_rng((plan.seed, step, rank))
    wishes, others = ([draw(rng, lexicon) for _ in range(count)] for _ in range(2))
    amount = np.where(rng.random(count) < plan.mixes, rng.random(count), 0.0).astype(np.float32)
    ids, other_ids = (torch.tensor([encode(tokenizer, wish.caption) for wish in side]) for side in (wishes, others))
    words = ids, other_ids, torch.from_numpy(amount[:, None, None]), torch.from_numpy(meaning(wishes))
    if shape == (0, 0):
        return Batch(*words)
    samples = [
        sample(rng, wish, shape, shape[0] >= 16, other if t else None, float(t))
        for wish, other, t in zip(wishes, others, amount, strict=True)
    ]
    return Batch(
        *words, *(torch.from_numpy(np.stack([getattr(s, name) for s in samples])) for name in ("z", "planes", "image"))
    )


@dataclass(frozen=True)
class Draws:
    """The batches of one process by the number of the step; `progress` is Shared's."""

    plan: Plan
    tokenizer: Any
    lexicon: Lexicon
    rank: int
    processes: int
    progress: Any

    def __getitem__(self, step: int) -> Batch:
        shape, count = self.plan.shape_and_count(step, float(self.progress[step % 2]))
        return draw_batch(self.plan, self.tokenizer, self.lexicon, step, self.rank, shape, count // self.processes)

    def from_step(self, first: int, device: str) -> Iterator[Batch]:
        """Batch after batch; for a GPU other processes draw them ahead."""
        steps = itertools.count(first)
        if device == "cpu":
            return (self[step] for step in steps)
        import torch

        torch.multiprocessing.set_sharing_strategy("file_system")
        return iter(
            torch.utils.data.DataLoader(
                self,  # type: ignore[arg-type]
                batch_size=None,
                sampler=steps,
                num_workers=max(1, (os.cpu_count() or 1) - 2),
                prefetch_factor=4,
                pin_memory=True,
            )
        )


def _words(plan: Plan) -> Words:
    """Return the run's vocabulary and lexicon, learnt once, and its tokenizer, written beside them."""
    from training import teacher, tokens

    path = plan.out / "words.json"
    if not path.exists():
        words = teacher.learn(plan.seed)
        words.save(path)
        tokens.build(words.pieces).save(str(plan.out / "tokenizer.json"))
    return Words.load(path)


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
    """Return the loss of a linear classifier of family, palettes, modifiers and colours on the pooled text
    embedding.
    """
    from torch.nn import functional as F

    families, palettes = len(FAMILIES), len(NAMES)
    family, first, second, modifiers, colours = guess.split([families, palettes, palettes, len(MODIFIERS), 36], dim=1)
    numbers = wanted[:, :3].long()
    classes = sum(F.cross_entropy(part, numbers[:, i]) for i, part in enumerate((family, first, second)))
    return (
        classes
        + 3 * F.binary_cross_entropy_with_logits(modifiers, wanted[:, 3 : 3 + len(MODIFIERS)])
        + 10 * F.mse_loss(colours, wanted[:, 3 + len(MODIFIERS) :])
    )


def mean_losses(losses: list[tuple[Any, ...]]) -> dict[str, float]:
    """Mean of each loss over the steps that had it; 0 where none had."""
    columns = np.array([[float(loss) for loss in row] for row in losses]).T
    return {
        name: round(float(column.sum() / max(1, np.count_nonzero(column))), 4)
        for name, column in zip(LOSSES, columns, strict=True)
    }


def schedule(plan: Plan, share: float) -> float:
    """Share of the full learning rate: warm-up, then cosine to 2 % at the end."""
    if share < plan.warm_up:
        return max(share / plan.warm_up, 0.01)
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, (share - plan.warm_up) / (1 - plan.warm_up))))
    return float(0.02 + 0.98 * cosine)


def inherit(model: Any, folder: Path) -> None:
    """Copies the weights of an exported model. The words' embeddings stay the teacher's: a token may have another
    number by now."""
    from training.export import load

    state = load(folder).state_dict()
    model.load_state_dict({name: value for name, value in state.items() if "token_embedding" not in name}, strict=False)


class Trainer:
    """Model, moving average, optimiser and counters of one process; all processes hold the same numbers."""

    def __init__(self, plan: Plan, words: Words, device: str) -> None:
        import torch

        from training.critic import Critic
        from training.model import Embedded
        from training.muon import Muon, matrices

        torch.manual_seed(plan.seed)
        count = len(words.pieces)
        self.sizes = (count + 3, count + 1, count + 2)
        self.plan, self.device, self.path = plan, device, plan.out / "last.pt"
        self.model = Embedded(*self.sizes)
        self.model.word_table.data[:count] = torch.from_numpy(words.vectors)
        if plan.inherit is not None and not self.path.exists():
            inherit(self.model, plan.inherit)
        self.model = self.model.to(device)
        self.head = torch.nn.Linear(512, len(FAMILIES) + 2 * len(NAMES) + len(MODIFIERS) + 36).to(device)
        self.critic = Critic(len(FAMILIES)).to(device)
        self.parameters = [*(p for p in self.model.parameters() if p.requires_grad), *self.head.parameters()]
        self.muon = Muon(matrices(self.model))
        taken = {id(p) for p in self.muon.parameters}
        rest = [p for p in self.parameters if id(p) not in taken]
        self.optimiser = torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.critic_optimiser = torch.optim.AdamW(
            self.critic.parameters(), lr=4e-4, betas=(0.5, 0.95), weight_decay=0.0, fused=True
        )
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.steps, self.samples, self.spent, self.balance = 0, 0, 0.0, 1.0
        if self.path.exists():
            saved = torch.load(self.path, map_location=device)
            self.model.load_state_dict(saved["model"])
            self.head.load_state_dict(saved["head"])
            self.critic.load_state_dict(saved["critic"])
            self.average = [saved["average"][name] for name, _ in self.model.named_parameters()]
            self.optimiser.load_state_dict(saved["optimiser"])
            self.critic_optimiser.load_state_dict(saved["critic_optimiser"])
            self.muon.load_state_dict(saved["muon"])
            self.steps, self.samples, self.spent = saved["steps"], saved["samples"], saved["minutes"] * 60
        self.model = self.model.to(memory_format=torch.channels_last).train()
        self.critic = self.critic.to(memory_format=torch.channels_last)

    def save(self) -> None:
        import torch

        names = [name for name, _ in self.model.named_parameters()]
        state = {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "critic": self.critic.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
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

    def gradients(self, batch: Batch, share: float) -> tuple[Any, Any, Any, Any]:
        """Back-propagates one batch; returns its picture loss (0 in the word stage), its word loss, and the critic's
        and the painter's loss (0 before the critic has a say), scalars on the device: reading one waits for it."""
        import torch

        mixed = batch.image is not None and bool(batch.amount.any())
        batch = batch.to(self.device)
        with torch.autocast(self.device, torch.bfloat16):
            embedding = self.model.embed(batch.ids)
            guess = self.head(self.model.unet.add_embedding(embedding))
            if mixed:
                other = self.model.embed(batch.other_ids)
                embedding = torch.lerp(embedding, other, batch.amount.to(embedding.dtype))
        words = word_loss(guess.float(), batch.meaning)
        if batch.image is None:
            words.backward()
            return 0.0, words.detach(), 0.0, 0.0
        return self._picture_gradients(batch, share, embedding, words)

    def _picture_gradients(self, batch: Batch, share: float, embedding: Any, words: Any) -> tuple[Any, Any, Any, Any]:
        import torch

        from training.critic import CRITIC_SAY, balance, critic_loss, painter_loss, texture_loss

        z, planes, image = batch.z, batch.planes, batch.image
        with torch.autocast(self.device, torch.bfloat16):
            latents = self.model.denoise(embedding, z.contiguous(memory_format=torch.channels_last), planes)
            made = self.model.vae.decoder(latents)
        made = made.float()
        loss = picture_loss(made, image, min(1.0, 0.1 + 2.5 * share)) + 0.5 * texture_loss(made, image)
        loss = loss + max(0.0, 2 - 8 * share) * (made - image).square().mean()
        latents = latents.float()
        tidy = latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()
        total = loss + 0.003 * tidy + 0.03 * words
        found: Any = 0.0
        fault: Any = 0.0
        if share >= self.plan.critic_from:
            family = batch.meaning[:, 0].long()
            with torch.autocast(self.device, torch.bfloat16):
                found = critic_loss(self.critic, made.detach(), image, family)
                found.backward()
                fault, matching = painter_loss(self.critic, made, image, family)
            say = min(1.0, (share - self.plan.critic_from) / 0.1)
            if self.steps % BALANCE_EVERY == 0:
                self.balance = balance(loss, fault, self.model.vae.decoder.conv_out.weight)
            total = total + say * (CRITIC_SAY * self.balance * fault + 0.4 * matching)
            found, fault = found.detach(), fault.detach()
        total.backward()
        return loss.detach(), words.detach(), found, fault

    def exchange(self, shared: Shared, rank: int) -> None:
        """Averages the gradients over the processes. Two buffers taken in turn make one barrier a step enough."""
        import torch

        mine = shared.gradients[self.steps % 2]
        active = [p for p in [*self.parameters, *self.critic.parameters()] if p.grad is not None]
        sizes = [p.numel() for p in active]
        torch.cat([p.grad.reshape(-1) for p in active], out=mine[rank, : sum(sizes)])
        shared.barrier.wait(timeout=1800)
        mean = mine[:, : sum(sizes)].mean(0)
        for p, part in zip(active, mean.split(sizes), strict=True):
            p.grad.copy_(part.view(p.grad.shape))

    def step(self, share: float, count: int, shared: Shared, rank: int, processes: int) -> None:
        """Take one step of all optimisers; count: samples of all processes, 0 in the word stage."""
        import torch

        rate = schedule(self.plan, share)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if count:
            updates = list(shared.updates[self.steps % 2].split([p.numel() for p in self.muon.parameters]))
            self.muon.work_out(rank, processes, updates)
            shared.barrier.wait(timeout=1800)
            self.muon.apply(self.plan.muon_rate * rate, updates)
            self.critic_optimiser.step()
        for group in self.optimiser.param_groups:
            group["lr"] = rate * (self.plan.rate if count else self.plan.word_rate)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.critic_optimiser.zero_grad(set_to_none=True)
        self.steps += 1
        self.samples += count
        drawn = max(1, self.steps - self.plan.word_steps)
        with torch.no_grad():
            torch._foreach_lerp_(
                self.average,
                [p.detach() for p in self.model.parameters()],
                1 - min(0.998, drawn / (drawn + 20)),
            )


def _run(rank: int, plan: Plan, processes: int, shared: Shared) -> None:
    """Body of one training process. Process 0 keeps the time, the log and the checkpoint."""
    import torch

    from training import tokens

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    tokenizer = tokens.load(plan.out / "tokenizer.json")
    words = Words.load(plan.out / "words.json")
    trainer = Trainer(plan, words, device)
    shared = replace(shared, updates=shared.updates.to(device))
    shared.progress[:] = trainer.spent / (plan.minutes * 60)
    draws = Draws(plan, tokenizer, words.lexicon, rank, processes, shared.progress)
    batches = draws.from_step(trainer.steps, device)
    last_save = last_log = time.monotonic()
    first, losses = trainer.samples, []
    while (share := float(shared.progress[trainer.steps % 2])) < 1.0:
        begun = time.monotonic()
        batch = next(batches)
        losses.append(trainer.gradients(batch, share))
        if rank == 0:
            shared.progress[(trainer.steps + 1) % 2] = (trainer.spent + min(time.monotonic() - begun, 20.0)) / (
                plan.minutes * 60
            )
        if processes > 1:
            trainer.exchange(shared, rank)
        trainer.step(share, 0 if batch.image is None else len(batch.image) * processes, shared, rank, processes)
        now = time.monotonic()
        trainer.spent += min(now - begun, 20.0)
        if rank == 0 and now - last_log >= 60:
            line = {
                "minutes": round(trainer.spent / 60, 2),
                "steps": trainer.steps,
                "samples": trainer.samples,
                **mean_losses(losses),
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
    trainer = Trainer(plan, _words(plan), "cpu")
    size = sum(p.numel() for p in [*trainer.parameters, *trainer.critic.parameters()])
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
    parser.add_argument(
        "--inherit",
        type=Path,
        metavar="FOLDER",
        help="start from this exported model's weights",
    )
    parser.add_argument(
        "--muon-rate", type=float, default=Plan.muon_rate, help="step of the convolutions; less after --inherit"
    )
    parser.add_argument("--small-until", type=float, default=Plan.small_until, help="share of 64-pixel windows")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--processes", type=int, default=1 if torch.cuda.is_available() else os.cpu_count() or 1)
    args = parser.parse_args()
    plan = Plan(
        minutes=args.minutes,
        out=args.out,
        inherit=args.inherit,
        batch=args.batch,
        muon_rate=args.muon_rate,
        small_until=args.small_until,
    )
    train(plan, args.processes)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
