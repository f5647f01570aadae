"""Starts a run from an earlier exported model: weights whose names and shapes agree are copied, and while the words are
learnt the new text encoder is also taught to tell the UNet what the earlier one told it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from training.captions import MODIFIERS, Wish
from training.palettes import PALETTES

STEM = "diffusion_pytorch_model.safetensors"


def copy_weights(model: Any, folder: Path) -> int:
    """Copies what agrees from the folder's UNet and autoencoder into a `model.Embedded`; returns how many numbers.

    A decoder block that the earlier model lacks starts as the identity.
    """
    copied = 0
    for name, module in (("unet", model.unet), ("vae", model.vae)):
        old = load_file(str(folder / name / STEM))
        mine = module.state_dict()
        agree = {key: value.float() for key, value in old.items() if key in mine and mine[key].shape == value.shape}
        module.load_state_dict(agree, strict=False)
        copied += sum(value.numel() for value in agree.values())
        if name == "vae":
            known = {key.rsplit(".", 2)[0] for key in agree}
            for index, block in enumerate(model.vae.decoder.fine_blocks):
                if f"decoder.fine_blocks.{index}" not in known:
                    nn.init.zeros_(block.conv2.weight)
    return copied


class Predecessor:
    """The earlier model's text side: captions to what its UNet was told."""

    def __init__(self, folder: Path) -> None:
        from diffusers import UNet2DConditionModel
        from tokenizers import Tokenizer
        from transformers import CLIPTextModel

        config = json.loads((folder / "unet/config.json").read_text())
        config.pop("coordinate_channels", None)
        unet = UNet2DConditionModel.from_config(config)
        unet.load_state_dict({key: value.float() for key, value in load_file(str(folder / "unet" / STEM)).items()})
        self.told = unet.add_embedding.eval()
        self.encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json"))
        self.length = self.encoder.config.max_position_embeddings
        end = self.encoder.config.eos_token_id
        self.tokenizer.enable_truncation(self.length)
        self.tokenizer.enable_padding(length=self.length, pad_id=end)

    @torch.no_grad()
    def __call__(self, wishes: list[Wish], families: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """(N, time_dim) what it tells its UNet, and (N,) bool: whether it knows the family at all."""
        texts = [canonical(wish) for wish in wishes]
        ids = torch.tensor([encoding.ids for encoding in self.tokenizer.encode_batch(texts)])
        told = self.told(self.encoder(input_ids=ids).last_hidden_state)
        return told, torch.tensor([wish.family in families for wish in wishes])


def canonical(wish: Wish) -> str:
    """The plainest caption of a wish, in words the first model knew."""
    words = [MODIFIERS[name][0] for name in wish.modifiers if name in ("dark", "bright", "soft", "dense")]
    colours = [PALETTES[name][1][0] for name in (wish.palette, wish.second) if name]
    first = {"golden": "gold"}
    return " ".join([*words, " and ".join(first.get(c, c) for c in colours), wish.family])


FIRST_FAMILIES = (
    "clouds", "nebula", "marble", "caustics", "cells", "crystals", "rings", "ocean", "silk", "kaleidoscope", "flower",
    "tunnel", "galaxy", "flames", "lava", "aurora", "lightning", "circuit", "synthwave", "plasma", "ink", "bokeh",
    "contours", "mountains", "planet", "hyperspace",
)  # fmt: skip
