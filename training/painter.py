"""The exported model at work in torch, for the figures and the contact sheet: prompts and noise to pictures."""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

from livemusviz.diffusion.compositions import composition
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ModelSpec
from training import tokens
from training.export import OUT, load, restore
from training.fields import CELL
from training.model import Embedded
from training.pictures import PAN, ZOOM, coordinates_seen, planes


class Painter:
    """Prompts and noise to pictures. Keeps the tokenizer and the model. pan, zoom: of the view that noise chooses.

    folder: the exported model, if it is one: prompts of two things are painted by the product, which places them.
    """

    def __init__(
        self, model: Embedded, tokenizer: Path, pan: float = PAN, zoom: float = ZOOM, folder: Path | None = None
    ) -> None:
        self.model, self.tokenizer = model.eval(), tokens.load(tokenizer)
        self.pan, self.zoom, self.folder = pan, zoom, folder

    @torch.no_grad()
    def embed(self, prompt: str) -> torch.Tensor:
        return self.model.embed(torch.tensor([tokens.encode(self.tokenizer, prompt)]))

    @torch.no_grad()
    def paint(self, embedding: torch.Tensor, noise: torch.Tensor) -> np.ndarray:
        """float32 (H, W, 3) in [0, 1] of noise (1, 32, H/16, W/16)."""
        seen = torch.from_numpy(planes(*coordinates_seen(noise[0].numpy(), self.pan, self.zoom)))[None]
        image = self.model.vae.decoder(self.model.denoise(embedding, noise, seen))[0]
        return (image.clamp(-1, 1) / 2 + 0.5).permute(1, 2, 0).numpy()

    def __call__(self, prompt: str, seed: int, h: int = 16, w: int = 16) -> np.ndarray:
        if self.folder is not None and composition(prompt):
            return composed(self.folder, prompt, noise(seed, h, w))
        return self.paint(self.embed(prompt), noise(seed, h, w))


@cache
def _pipeline(folder: Path, h: int, w: int) -> Pipeline:
    return Pipeline.load(ModelSpec(folder), CELL * h, CELL * w)


def composed(folder: Path, prompt: str, noise: torch.Tensor) -> np.ndarray:
    """Return what the product paints of a prompt of two things: float32 (H, W, 3) in [0, 1], see `Painter.paint`."""
    z = noise[0].permute(1, 2, 0).numpy()
    pipeline = _pipeline(folder, *z.shape[:2])
    picture = pipeline.generate(z, pipeline.prompts.shown(prompt, z))[..., :3]
    return (picture / 255).astype(np.float32)


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """--model and --run, for `chosen`."""
    parser.add_argument("--model", type=Path, default=OUT)
    parser.add_argument("--run", type=Path, help="a run's checkpoint instead of the exported folder")


def chosen(args: argparse.Namespace) -> Painter:
    if args.run:
        return Painter(restore(args.run), args.run / "tokenizer.json")
    config = json.loads((args.model / "unet/config.json").read_text(encoding="utf-8"))
    view = (config.get(f"coordinate_{name}", 0.0) for name in ("pan", "zoom"))
    return Painter(load(args.model), args.model / "tokenizer/tokenizer.json", *view, args.model)


def noise(seed: int, h: int = 16, w: int = 16) -> torch.Tensor:
    return torch.randn(1, 32, h, w, generator=torch.Generator().manual_seed(seed))
