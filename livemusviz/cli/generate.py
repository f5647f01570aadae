"""`livemusviz generate`: one still picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from livemusviz.cli.output import add_json_flag, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prompt", required=True, metavar="TEXT")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--model", default="embedded", metavar="PATH|ORG/NAME")
    parser.add_argument("--size", default="256", metavar="N|WxH")
    parser.add_argument("--bits", type=int, choices=(4, 8))
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.png")
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from livemusviz.config import parse_size
    from livemusviz.diffusion import backend
    from livemusviz.director.params import BY_NAME
    from livemusviz.director.walk import LatentWalk
    from livemusviz.errors import UserError

    width, height = parse_size(options.size)
    prompt = str(BY_NAME["prompt"].validate(options.prompt))
    seed = int(BY_NAME["seed"].validate(options.seed) or 0)
    backend.prepare()
    from livemusviz.diffusion.folder import resolve_model
    from livemusviz.diffusion.pipeline import Pipeline

    pipeline = Pipeline.load(resolve_model(options.model), height, width, bits=options.bits)
    noise = LatentWalk(pipeline.latent_shape, seed).noise()
    image = pipeline.generate(noise, pipeline.encode_prompt(prompt), 0.0)
    try:
        from PIL import Image

        Image.fromarray(image).convert("RGB").save(options.output)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {options.output}: {error}") from None
    told = {"output": str(options.output), "prompt": prompt, "seed": seed, "size": [width, height]}
    if options.json:
        print_json(told)
    else:
        print(f"{options.output}: '{prompt}', seed {seed}, {width}x{height}")
    return 0
