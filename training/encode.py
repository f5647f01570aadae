"""Trains the encoder of a finished run: `python -m training.encode --steps 1500 --run training/runs/second`.

The decoder stays as it is; the encoder learns to find latents from which it draws the given picture again: pictures of
the data, and of the model itself, whose latents are known. One process; writes `encoder.pt` beside the run's last.pt
and goes on from it if it is there.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch

from training import tokens
from training.export import RUN, restore
from training.teacher import Words
from training.train import Plan, draw_batch, picture_loss

log = logging.getLogger("training")


def train(run: Path, steps: int, batch: int = 12, seed: int = 11, rate: float = 2e-3) -> None:
    """Takes `steps` steps and writes the encoder's weights to the run's encoder.pt."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = restore(run).to(device)
    encoder = model.vae.encoder.train()
    words, tokenizer = Words.load(run / "words.json"), tokens.load(run / "tokenizer.json")
    model.requires_grad_(False)
    encoder.requires_grad_(True)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    losses = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = float(rate * min(1.0, 0.02 + step / 50) * (0.5 + 0.5 * np.cos(np.pi * step / steps)))
        drawn = draw_batch(Plan(seed=seed), tokenizer, words.lexicon, step, 0, (8, 8), batch).to(device)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                known = model.denoise(model.embed(drawn.ids), drawn.z, drawn.planes).float()
                made = model.vae.decoder(known).float().clamp(-1, 1)
            pictures = torch.cat([drawn.image, made])
            found = encoder(pictures)
            again = model.vae.decoder(found).float()
        loss = picture_loss(again, pictures, 1.0) + 0.1 * (found[batch:].float() - known).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
        losses.append(float((again - pictures).detach().abs().mean()) / 2)
        if step % 100 == 99:
            log.info("step %d, mean difference %.4f of full scale", step + 1, np.mean(losses[-100:]))
    torch.save(encoder.state_dict(), run / "encoder.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, default=RUN)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(args.run, args.steps, rate=args.rate)


if __name__ == "__main__":
    main()
