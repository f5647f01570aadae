"""The flags that say which model to load and how, shared by the commands that paint; and what they mean."""

from __future__ import annotations

import argparse
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from livemusviz.diffusion.schedulers import SCHEDULERS, Sampling
from livemusviz.diffusion.spec import GUIDANCE, ModelSpec, parse_lora
from livemusviz.errors import UserError, one_line

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MAX_PICTURE_PIXELS = 100_000_000
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    RuntimeError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    struct.error,
)
"""What Pillow's readers raise for files that are not what they say."""
WHITE = {"I": 65535.0, "I;16": 65535.0, "I;16L": 65535.0, "I;16B": 65535.0, "I;16N": 65535.0, "F": 1.0}
"""Full brightness in Pillow's grey modes of more than 8 bits."""


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("the model")
    model.add_argument("--model", default="embedded", metavar="PATH|ORG/NAME", help="a diffusers folder (embedded)")
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
    model.add_argument("--init-image", type=Path, metavar="FILE", help="a picture to start every frame from")
    model.add_argument("--strength", type=float, default=0.6, metavar="X", help="how far from that picture, 0..1 (0.6)")


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
}


def given_flags(options: argparse.Namespace) -> dict[str, object]:
    """The flags that say what to load, by name, as a show log keeps them."""
    return {name: getattr(options, name) for name in MODEL_FLAGS}


def model_spec(options: argparse.Namespace, *, stream: bool = False) -> ModelSpec:
    """Return the model that the flags ask for. stream : several steps as a stream batch. Raises UserError."""
    from livemusviz.diffusion.folder import find_autoencoder, resolve_model

    folder = resolve_model(options.model)
    sampling = Sampling(
        scheduler=options.scheduler,
        steps=options.steps,
        timesteps=_timesteps(options.timesteps),
        strength=options.strength if options.init_image is not None else 1.0,
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
    )
    spec.validate()
    return spec


def init_picture(options: argparse.Namespace, size: tuple[int, int]) -> np.ndarray | None:
    """The picture of --init-image, uint8 (height, width, 3), cropped to the shape of `size` (width, height).

    What is transparent lies over black. Raises UserError.
    """
    if options.init_image is None:
        return None
    from PIL import Image

    path = options.init_image
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a regular file, so it is no picture")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PICTURE_PIXELS:
                    raise UserError(
                        f"{path}: {image.width}x{image.height} pixels, at most {MAX_PICTURE_PIXELS} are read"
                    )
                return _fitted(image, size)
    except Image.DecompressionBombError:
        raise UserError(f"{path}: too large, at most {MAX_PICTURE_PIXELS} pixels are read") from None
    except BROKEN as error:
        raise UserError(f"{path}: not a picture that can be read ({one_line(error, 120)})") from None


def _fitted(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """A picture of any mode upright, cropped to the shape of `size`, uint8 (height, width, 3)."""
    import numpy as np
    from PIL import Image, ImageOps

    white, image = WHITE.get(image.mode), ImageOps.exif_transpose(image)
    if white is not None:
        grey = np.nan_to_num(np.asarray(ImageOps.fit(image.convert("F"), size))) / white
        return np.repeat((grey.clip(0, 1) * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.new("RGB", image.size)
        image.paste(seen, mask=seen.getchannel("A"))
    return np.asarray(ImageOps.fit(image.convert("RGB"), size))


def _timesteps(text: str | None) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--timesteps {text[:64]!r}: give whole numbers with commas, as 999,499") from None
