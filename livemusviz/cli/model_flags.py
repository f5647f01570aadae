"""Declares the flags that choose a model, shared by the commands that generate, and reads them."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from livemusviz.cli.parser import file_or_name
from livemusviz.diffusion.schedulers import SCHEDULERS, Sampling
from livemusviz.diffusion.spec import (
    GUIDANCE,
    MAX_CONTROL_SCALE,
    PROCESSORS,
    ControlSpec,
    ModelSpec,
    StyleSpec,
    parse_control,
    parse_lora,
)
from livemusviz.errors import UserError
from livemusviz.params.params import control_params

if TYPE_CHECKING:
    import numpy as np


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("the model")
    model.add_argument(
        "--model", default="embedded", metavar="PATH|ORG/NAME",
        help="a diffusers folder, or one .safetensors file of SD 1, 2 or XL (embedded)",
    )  # fmt: skip
    model.add_argument("--size", default="256", metavar="N|WxH", help="pixels of a generated frame (256)")
    model.add_argument("--bits", type=int, choices=(4, 8, 16), help="of the weights in memory (16; fp32 on a CPU)")
    model.add_argument(
        "--vae", default="auto", metavar="auto|own|PATH|ORG/NAME",
        help="autoencoder; auto takes a tiny one from the Hugging Face cache where it fits",
    )  # fmt: skip
    model.add_argument("--scheduler", choices=tuple(SCHEDULERS), help="noise schedule (the model's own)")
    model.add_argument("--steps", type=int, default=1, metavar="N", help="denoising steps, 1..50 (1)")
    model.add_argument("--timesteps", metavar="T,...", help="time steps by number; Hyper-SD's one-step SDXL wants 800")
    model.add_argument("--eta", type=float, default=0.3, metavar="X", help="tcd: share of fresh noise, 0..1 (0.3)")
    model.add_argument("--guidance", default="none", choices=GUIDANCE, help="classifier-free guidance (none)")
    model.add_argument(
        "--lora", action="append", default=[], metavar="FILE[:WEIGHT]", help="may be given several times"
    )
    model.add_argument("--lora-live", action="store_true", help="keep LoRA weights as faders instead of fusing them")
    model.add_argument(
        "--control", action="append", default=[], metavar="FOLDER[:PROCESSOR][:SCALE]",
        help=f"hold a picture's structure: ControlNet, T2I-Adapter; PROCESSOR {', '.join(PROCESSORS)}; up to 4 times",
    )  # fmt: skip
    model.add_argument(
        "--control-picture", action="append", type=Path, default=[], metavar="FILE",
        help="a still for each --control in turn (the live picture, or else the last frame)",
    )  # fmt: skip
    model.add_argument(
        "--style", action="append", default=[], metavar="FILE[:SCALE]",
        help="a picture whose style to take, by an IP-Adapter; the first is shown, /style names the others",
    )  # fmt: skip
    model.add_argument("--style-adapter", type=Path, metavar="FILE.safetensors", help="the IP-Adapter for --style")
    model.add_argument(
        "--style-encoder", type=Path, metavar="FOLDER", help="its vision encoder (image_encoder beside the file)"
    )
    model.add_argument("--init-image", type=Path, metavar="FILE", help="a picture to start every frame from")


CLIP_SIZE = 224
"""Pixels along each side of a picture as CLIP's vision encoders read it."""
MODEL_FLAGS: dict[str, tuple[type, object]] = {  # what kind each is, and what it is when not given
    "model": (str, "embedded"),
    "size": (str, "256"),
    "bits": (int, None),
    "vae": (str, "auto"),
    "scheduler": (str, None),
    "steps": (int, 1),
    "timesteps": (str, None),
    "eta": (float, 0.3),
    "guidance": (str, "none"),
    "lora": (list, []),
    "lora_live": (bool, False),
    "control": (list, []),
}


def given_flags(options: argparse.Namespace) -> dict[str, object]:
    """Return the flags that say what to load, by name, as a show log keeps them."""
    return {name: getattr(options, name) for name in MODEL_FLAGS}


def model_spec(options: argparse.Namespace, *, stream: bool = False, strength: float = 1.0) -> ModelSpec:
    """Return the model that the flags ask for. stream : several steps as a stream batch.  strength : how far from a
    picture, 0..1, if that is fixed. Raises UserError."""
    from livemusviz.diffusion.folder import find_autoencoder, resolve_model

    folder = resolve_model(options.model)
    sampling = Sampling(
        scheduler=options.scheduler,
        steps=options.steps,
        timesteps=_timesteps(options.timesteps),
        strength=strength,
        eta=options.eta,
    )
    spec = ModelSpec(
        folder,
        vae=find_autoencoder(folder, options.vae),
        bits=options.bits,
        sampling=sampling,
        guidance=options.guidance,
        loras=tuple(parse_lora(text, options.lora_live) for text in options.lora),
        stream=stream,
        controls=_controls(options),
        style=_style(options),
    )
    spec.validate()
    return spec


def init_picture(options: argparse.Namespace, size: tuple[int, int]) -> np.ndarray | None:
    """Return the picture of --init-image, uint8 (height, width, 3), cropped to the shape of `size` (width, height).

    What is transparent lies over black. Raises UserError.
    """
    if options.init_image is None:
        return None
    from livemusviz.sources.still import read_still

    return read_still(options.init_image, size)


def control_values(options: argparse.Namespace) -> dict[str, object]:
    """Return where the faders of the ControlNets begin, by parameter."""
    return {control_params(n)[0]: parse_control(text).scale for n, text in enumerate(options.control, 1)}


def control_pictures(model: ModelSpec, size: tuple[int, int]) -> tuple[np.ndarray | None, ...]:
    """Return the still of each ControlNet, uint8 (height, width, 3), cropped to the shape of `size` (width, height).

    None where it has none. Raises UserError.
    """
    from livemusviz.sources.still import read_still

    stills = [control.picture for control in model.controls]
    return tuple(None if still is None else read_still(still, size) for still in stills)


def stills_for_all(model: ModelSpec, init: Path | None) -> ModelSpec:
    """Return the model with a still for each ControlNet, for a command without live pictures: its own, or `init`.

    Raises UserError for one that has none.
    """
    if any(control.picture is None for control in model.controls) and init is None:
        raise UserError(
            "--control: there is no live picture here; give --control-picture FILE for each, or --init-image"
        )
    return replace(model, controls=tuple(replace(each, picture=each.picture or init) for each in model.controls))


def parse_style(text: str) -> tuple[Path, float]:
    """Return what 'FILE' or 'FILE:0.8' asks for: a picture and its scale. UserError for a scale out of 0..2."""
    text = file_or_name(text)
    name, colon, tail = text.rpartition(":")
    if not colon or os.path.isfile(text):
        return Path(text), 1.0
    try:
        scale = float(tail)
    except ValueError:
        return Path(text), 1.0
    if not 0 <= scale <= MAX_CONTROL_SCALE:
        raise UserError(f"--style {text[:64]}: scale {scale:g}, give 0 to {MAX_CONTROL_SCALE:g}")
    return Path(name), scale


def style_pictures(options: argparse.Namespace) -> dict[str, np.ndarray]:
    """Return the pictures of --style, uint8 (n, n, 3) as CLIP reads them, by their files' names. Raises UserError."""
    from livemusviz.sources.still import read_still

    files = [parse_style(text)[0] for text in options.style]
    return {file.stem[:64]: read_still(file, (CLIP_SIZE, CLIP_SIZE)) for file in files}


def style_values(options: argparse.Namespace) -> dict[str, object]:
    """Return the style that a show begins with, by parameter."""
    if not options.style:
        return {}
    file, scale = parse_style(options.style[0])
    return {"style": file.stem[:64], "style_scale": scale}


def _style(options: argparse.Namespace) -> StyleSpec | None:
    adapter, encoder = options.style_adapter, options.style_encoder
    if adapter is None:
        if options.style or encoder is not None:
            raise UserError("--style: give the IP-Adapter too, as --style-adapter FILE.safetensors")
        return None
    if not adapter.is_file():
        raise UserError(f"--style-adapter {adapter}: no such file")
    encoder = adapter.parent / "image_encoder" if encoder is None else encoder
    if not encoder.is_dir():
        raise UserError(f"--style-encoder {encoder}: no such folder; give the vision encoder of the IP-Adapter")
    return StyleSpec(adapter, encoder)


def _controls(options: argparse.Namespace) -> tuple[ControlSpec, ...]:
    pictures, texts = options.control_picture, options.control
    if len(pictures) > len(texts):
        raise UserError(f"--control-picture: {len(pictures)} for {len(texts)} --control; give at most one for each")
    given = [*pictures, *[None] * (len(texts) - len(pictures))]
    return tuple(replace(parse_control(text), picture=each) for text, each in zip(texts, given, strict=True))


def _timesteps(text: str | None) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--timesteps {text[:64]!r}: give whole numbers with commas, as 999,499") from None
