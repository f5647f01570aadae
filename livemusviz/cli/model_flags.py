"""Declares the flags that choose a model, shared by the commands that generate, and reads them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from livemusviz.diffusion.schedulers import SCHEDULERS, Sampling
from livemusviz.diffusion.spec import GUIDANCE, PROCESSORS, ControlSpec, ModelSpec, parse_control, parse_lora
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
        help=f"hold a picture's structure by a ControlNet; PROCESSOR {', '.join(PROCESSORS)}; up to 4 times",
    )  # fmt: skip
    model.add_argument(
        "--control-picture", action="append", type=Path, default=[], metavar="FILE",
        help="a still for each --control in turn (the live picture, or else the last frame)",
    )  # fmt: skip
    model.add_argument("--init-image", type=Path, metavar="FILE", help="a picture to start every frame from")


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
