"""Makes the decoder narrower between the convolutions of its fine blocks: `python -m training.narrow`.

Of each block the channels that count most are kept, and its second convolution is fitted anew to what the block added.
Then the whole decoder learns the pictures that the base's decoder makes of the base's latents, for captions of all
families and mixtures of two. Text side and UNet stay. One process; writes `last.pt`, which `training.export` reads, and
goes on from it until the minutes are spent.
"""

from __future__ import annotations

import argparse
import copy
import logging
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training import tokens
from training.captions import Lexicon, draw
from training.critic import texture_loss
from training.export import OUT, load
from training.further import MIXES, Minutes, mixtures, resume
from training.model import VAE, AutoencoderPixelShuffle, Embedded, Residual
from training.retext import save
from training.teacher import Words
from training.train import picture_loss

log = logging.getLogger("training")
WINDOWS, WHOLE = 16, 4  # pictures of 128 pixels a step, of 256
RATE = 4e-4  # of AdamW
FITTED = 60_000  # pixels that a convolution is fitted to
RIDGE = 1e-4  # of the mean of the squares


@torch.no_grad()
def narrowed(block: Residual, hidden: int, x: Tensor) -> Residual:
    """Return a block with fewer channels between its convolutions, that adds nearly the same to x, (N, C, H, W)."""
    between = F.relu(block.conv1(F.relu(x)))
    counts = between.square().mean((0, 2, 3)).sqrt() * block.conv2.weight.square().sum((0, 2, 3)).sqrt()
    kept = counts.topk(hidden).indices.sort().values
    made = Residual(x.shape[1], hidden)
    made.conv1.weight.copy_(block.conv1.weight[kept])
    made.conv1.bias.copy_(block.conv1.bias[kept])
    inputs = F.unfold(between[:, kept], 3, padding=1).transpose(1, 2).flatten(0, 1)
    wanted = block.conv2(between).flatten(2).transpose(1, 2).flatten(0, 1)
    rows = torch.randperm(len(inputs))[:FITTED]
    inputs, wanted = F.pad(inputs[rows], (0, 1), value=1.0).double(), wanted[rows].double()
    products = inputs.T @ inputs
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=products.dtype)
    weights = torch.linalg.solve(products, inputs.T @ wanted).float()
    made.conv2.weight.copy_(weights[:-1].T.reshape(made.conv2.weight.shape))
    made.conv2.bias.copy_(weights[-1])
    return made


class Narrower:
    """Holds the base, the model whose decoder becomes narrower, and the optimiser."""

    def __init__(self, base: Embedded, tokenizer: Path, lexicon: Lexicon | None, hidden: int) -> None:
        self.base, self.tokenizer, self.lexicon = base, tokens.load(tokenizer), lexicon
        self.model = copy.deepcopy(base)
        self.model.vae = AutoencoderPixelShuffle({**base.vae.config, "fine_hidden_channels": hidden})
        self.base.requires_grad_(False)
        self.model.requires_grad_(False)
        kept = {k: v for k, v in base.vae.state_dict().items() if "decoder.fine_blocks" not in k}
        self.model.vae.load_state_dict(kept, strict=False)
        self._fit(hidden)
        self.model.vae.decoder.requires_grad_(True)
        for one in (self.base, self.model):
            one.to(memory_format=torch.channels_last)
        self.adam = torch.optim.AdamW(self.model.vae.decoder.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)

    @torch.no_grad()
    def latents(self, rng: np.random.Generator, cells: int, count: int) -> Tensor:
        """Return what the base's UNet makes of captions, (count, 32, cells, cells)."""
        one, other = ([draw(rng, self.lexicon) for _ in range(count)] for _ in range(2))
        made: Tensor = self.base.denoise(*mixtures(self.base, self.tokenizer, rng, (one, other), cells))
        return made

    @torch.no_grad()
    def _fit(self, hidden: int) -> None:
        """Take the fine blocks of the base, one after the other."""
        decoder, made = self.base.vae.decoder, self.model.vae.decoder
        x = decoder.conv_in(self.latents(np.random.default_rng(0), 16, 24))
        for block in decoder.blocks:
            x = block(x)
        x = F.pixel_shuffle(decoder.expand(F.relu(x)), decoder.upscale[0])
        made.fine_blocks = nn.ModuleList()
        for block in decoder.fine_blocks:
            made.fine_blocks.append(narrowed(block, hidden, x))
            x = block(x)

    def step(self, rng: np.random.Generator, rate: float) -> float:
        """Take one step. Returns the loss. rate : of the full one, 0..1."""
        cells, count = (16, WHOLE) if rng.random() < 0.5 else (8, WINDOWS)
        latents = self.latents(rng, cells, count)
        if rng.random() < MIXES:  # as in a show
            latents = torch.lerp(latents, latents.roll(1, 0), float(rng.random()))
        with torch.no_grad():
            wanted = self.base.vae.decoder(latents)
        made = self.model.vae.decoder(latents)
        loss = picture_loss(made, wanted, 1.0) + 0.5 * texture_loss(made, wanted)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.vae.decoder.parameters(), 1.0)
        self.adam.param_groups[0]["lr"] = RATE * rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        return float(loss.detach())

    @torch.no_grad()
    def likeness(self, count: int = 48) -> float:
        """Return the PSNR, dB, of the narrower decoder's pictures to the base's, for captions kept apart."""
        latents = self.latents(np.random.default_rng(1), 16, count)
        made, wanted = (one.vae.decoder(latents).clamp(-1, 1) for one in (self.model, self.base))
        return float(10 * torch.log10(4 / (made - wanted).square().mean()))


def train(
    base_folder: Path, run: Path, hidden: int, minutes: float, words: Path | None = None, seed: int = 7
) -> list[float]:
    """Trains until `minutes` are spent, in all, and writes the run's last.pt. Returns the losses of each step.

    words : of the run that made the text side, whose words stand in captions too.
    """
    run.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(base_folder / "tokenizer/tokenizer.json", run / "tokenizer.json")
    lexicon = None if words is None else Words.load(words).lexicon
    torch.manual_seed(seed)
    narrower = Narrower(load(base_folder), run / "tokenizer.json", lexicon, hidden)
    clock, losses = Minutes(minutes, resume(narrower.model, run)), []
    log.info("at the start PSNR %.2f dB", narrower.likeness())
    rng = np.random.default_rng((seed, round(60 * clock.spent)))
    for rate in clock:
        losses.append(narrower.step(rng, rate))
        if len(losses) % 100 == 0:
            log.info("%d steps, %.1f minutes: loss %.4f", len(losses), clock.spent, np.mean(losses[-100:]))
            save(narrower.model, run, clock.spent)
    save(narrower.model, run, clock.spent)
    log.info("at the end PSNR %.2f dB", narrower.likeness())
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, default=OUT, help="the exported model to start from")
    parser.add_argument("--run", type=Path, default=Path("training/runs/narrow"))
    parser.add_argument("--words", type=Path, help="words.json of the run that made the text side")
    parser.add_argument("--hidden", type=int, default=VAE["fine_hidden_channels"])
    parser.add_argument("--minutes", type=float, default=40.0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(args.base, args.run, args.hidden, args.minutes, args.words)


if __name__ == "__main__":
    main()
