"""Trains the UNet further on a few families: `python -m training.refine --families contours,geometry,forest`.

Text side and decoder stay. Half of each batch are pictures of those families, from the data; the other half are
captions of all families and mixtures of two, whose latents stay what the base model gives them. One process; writes
`last.pt`, which `training.export` reads, and goes on from it until the minutes are spent.
"""

from __future__ import annotations

import argparse
import copy
import logging
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training import tokens
from training.captions import Lexicon, Wish, draw
from training.critic import texture_loss
from training.export import OUT, load
from training.families import FAMILIES
from training.further import Minutes, mixtures, resume
from training.model import Embedded
from training.muon import Muon, matrices
from training.pictures import sample
from training.retext import save
from training.teacher import Words
from training.train import picture_loss

log = logging.getLogger("training")
FAMILIES_BEHIND = ("contours", "geometry", "forest")
BATCH = 32  # windows a step; of whole pictures a quarter as many
RATE, REST_RATE = 0.006, 2e-4  # of Muon, and of AdamW for the rest
KEEP = 4.0  # weight of the other captions' latents
PLAIN = 0.3  # share of the families' captions that are their first noun alone


def focused(rng: np.random.Generator, lexicon: Lexicon | None, families: tuple[str, ...]) -> Wish:
    """Return a caption of one of the families."""
    if rng.random() < PLAIN:
        family = families[int(rng.integers(len(families)))]
        noun, palette = FAMILIES[family][1][0]
        return Wish(noun, family, palette)
    while (wish := draw(rng, lexicon)).family not in families:
        pass
    return wish


class Refiner:
    """Holds the model, the base that it started from, and the optimiser. Pictures are of 128 and of 256 pixels."""

    def __init__(self, base: Embedded, tokenizer: Path, lexicon: Lexicon | None, families: tuple[str, ...]) -> None:
        self.base, self.model = (one.to(memory_format=torch.channels_last) for one in (base, copy.deepcopy(base)))
        self.base.requires_grad_(False)
        self.tokenizer, self.lexicon, self.families = tokens.load(tokenizer), lexicon, families
        self.model.requires_grad_(False)
        self.model.unet.requires_grad_(True)
        self.model.unet.add_embedding.requires_grad_(False)
        weights = [p for p in matrices(self.model.unet) if p.requires_grad]
        taken = {id(p) for p in weights}
        self.muon = Muon(weights, decay=0.0)
        rest = [p for p in self.model.unet.parameters() if p.requires_grad and id(p) not in taken]
        self.adam = torch.optim.AdamW(rest, lr=REST_RATE, betas=(0.9, 0.98), weight_decay=0.0)

    def ids(self, wishes: list[Wish]) -> Tensor:
        """Return the token ids of captions, (N, 32)."""
        return torch.tensor([tokens.encode(self.tokenizer, wish.caption) for wish in wishes])

    def picture_fault(self, rng: np.random.Generator, cells: int, count: int) -> Tensor:
        """Return the loss on pictures of the families."""
        wishes = [focused(rng, self.lexicon, self.families) for _ in range(count)]
        drawn = [sample(rng, wish, (cells, cells), cells >= 16) for wish in wishes]
        z, seen, image = (torch.from_numpy(np.stack([getattr(s, n) for s in drawn])) for n in ("z", "planes", "image"))
        with torch.autocast("cpu", torch.bfloat16):
            made = self.model.vae.decoder(self.model.denoise(self.base.embed(self.ids(wishes)), z, seen))
        made = made.float()
        return picture_loss(made, image, 1.0) + 0.5 * texture_loss(made, image)

    def kept_fault(self, rng: np.random.Generator, cells: int, count: int) -> Tensor:
        """Return the mean difference of other captions' latents from the base's."""
        wishes, others = ([self._other(rng) for _ in range(count)] for _ in range(2))
        with torch.autocast("cpu", torch.bfloat16):
            inputs = mixtures(self.base, self.tokenizer, rng, (wishes, others), cells)
            with torch.no_grad():
                wanted = self.base.denoise(*inputs)
            return (self.model.denoise(*inputs) - wanted).float().abs().mean()

    def _other(self, rng: np.random.Generator) -> Wish:
        while (wish := draw(rng, self.lexicon)).family in self.families:
            pass
        return wish

    def step(self, rng: np.random.Generator, rate: float, count: int) -> tuple[float, float]:
        """Take one step, of four times as many windows as whole pictures. Returns both losses.

        rate : of the full one, 0..1.
        """
        cells = 16 if rng.random() < 0.5 else 8
        count = count if cells == 8 else count // 4
        fault, kept = self.picture_fault(rng, cells, count), self.kept_fault(rng, cells, max(1, count // 2))
        (fault + KEEP * kept).backward()
        torch.nn.utils.clip_grad_norm_(self.model.unet.parameters(), 1.0)
        updates = [torch.empty(p.numel()) for p in self.muon.parameters]
        self.muon.work_out(0, 1, updates)
        self.muon.apply(RATE * rate, updates)
        self.adam.param_groups[0]["lr"] = REST_RATE * rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        return float(fault.detach()), float(kept.detach())


def train(
    base_folder: Path, run: Path, families: tuple[str, ...], minutes: float, words: Path | None = None, seed: int = 5
) -> list[tuple[float, float]]:
    """Trains until `minutes` are spent, in all, and writes the run's last.pt. Returns the losses of each step.

    words : of the run that made the text side, whose other words stand in captions too.
    """
    run.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(base_folder / "tokenizer/tokenizer.json", run / "tokenizer.json")
    lexicon = None if words is None else Words.load(words).lexicon
    torch.manual_seed(seed)
    refiner = Refiner(load(base_folder), run / "tokenizer.json", lexicon, families)
    clock, losses = Minutes(minutes, resume(refiner.model, run)), []
    rng = np.random.default_rng((seed, round(60 * clock.spent)))
    for rate in clock:
        losses.append(refiner.step(rng, rate, BATCH))
        if len(losses) % 25 == 0:
            mean = np.mean(losses[-25:], axis=0)
            log.info("%d steps, %.1f minutes: loss %.4f, others' latents %.4f", len(losses), clock.spent, *mean)
        if len(losses) % 50 == 0:
            save(refiner.model, run, clock.spent)
    save(refiner.model, run, clock.spent)
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, default=OUT, help="the exported model to start from")
    parser.add_argument("--run", type=Path, default=Path("training/runs/refined"))
    parser.add_argument("--words", type=Path, help="words.json of the run that made the text side")
    parser.add_argument("--families", default=",".join(FAMILIES_BEHIND))
    parser.add_argument("--minutes", type=float, default=26.0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    train(args.base, args.run, tuple(args.families.split(",")), args.minutes, args.words)


if __name__ == "__main__":
    main()
