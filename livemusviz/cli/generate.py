"""`livemusviz generate`: one still picture."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from livemusviz.cli.model_flags import (
    add_model_flags,
    control_pictures,
    init_picture,
    model_spec,
    parse_style,
    stills_for_all,
    style_pictures,
)  # fmt: skip
from livemusviz.cli.output import add_json_flag, print_json
from livemusviz.errors import UserError

if TYPE_CHECKING:
    import numpy as np

MAX_GUIDANCE = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prompt", required=True, metavar="TEXT")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--negative-prompt", default="", metavar="TEXT", help="what not to paint, with --guidance")
    parser.add_argument("--guidance-scale", type=float, default=1.0, metavar="X", help="0..30, with --guidance (1)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.png")
    add_model_flags(parser)
    parser.add_argument(
        "--strength", type=float, default=0.6, metavar="X", help="how far from --init-image, 0..1 (0.6)"
    )
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from livemusviz.diffusion import backend
    from livemusviz.diffusion.folder import user_path
    from livemusviz.director.walk import CIRCLES, Circles
    from livemusviz.params.registry import BY_NAME
    from livemusviz.sizes import parse_size

    output = user_path(str(options.output), "-o")
    width, height = parse_size(options.size)
    prompt = str(BY_NAME["prompt"].validate(options.prompt))
    seed = int(str(BY_NAME["seed"].validate(options.seed)))
    if not 0 <= options.guidance_scale <= MAX_GUIDANCE:
        raise UserError(f"--guidance-scale {options.guidance_scale:g}: give 0 to {MAX_GUIDANCE:g}")
    picture = init_picture(options, (width, height))
    spec = model_spec(options, strength=options.strength if picture is not None else 1.0)
    spec = stills_for_all(spec, options.init_image)
    stills = control_pictures(spec, (width, height))
    backend.prepare_backend()
    from livemusviz.diffusion.frame import FrameOptions
    from livemusviz.diffusion.pipeline import Pipeline

    pipeline = Pipeline.load(spec, height, width)
    pipeline.set_init_image(picture)
    pipeline.controls.set_pictures(stills)
    styles = style_pictures(options)
    pipeline.styles.add(styles)
    if styles:
        first, scale = next(iter(styles)), parse_style(options.style[0])[1]
        pipeline.styles.choose("", first, 1.0, scale)
    noise = Circles(pipeline.latent_shape, seed).noise((0.0,) * CIRCLES)
    negative = pipeline.prompts.encode_negative(options.negative_prompt)
    image = pipeline.generate(
        noise,
        pipeline.prompts.shown(prompt, noise),
        options=FrameOptions(options.guidance_scale, negative=negative),
    )
    _write(image, output)
    told = {"output": str(output), "prompt": prompt, "seed": seed, "size": [width, height]}
    if options.json:
        print_json(told)
    else:
        print(f"{output}: '{prompt}', seed {seed}, {width}x{height}")
    return 0


def _write(image: np.ndarray, output: Path) -> None:
    """Write a picture, uint8 (height, width, 3), as a whole or not at all: a file of that name stays until then.

    Raises UserError. A device or a pipe is written as it is.
    """
    from PIL import Image

    target = output.resolve()
    whole = target.is_file() or not target.exists()
    part = target.with_name(f".{target.stem[:32]}-{os.getpid()}{target.suffix}") if whole else target
    try:
        Image.fromarray(image).convert("RGB").save(part)
        part.replace(target)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {output}: {getattr(error, 'strerror', None) or error}") from None
    finally:
        if whole:
            with suppress(OSError):
                part.unlink()
