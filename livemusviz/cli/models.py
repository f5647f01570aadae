"""`livemusviz models`: what is here, what to fetch, and packing it smaller. Only `fetch` ever asks the network."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from livemusviz.cli.output import add_json_flag, print_json, table
from livemusviz.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|fetch|convert")
    listing = verbs.add_parser("list", help="models on this machine")
    listing.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="folders to look in, beside the HF cache")
    add_json_flag(listing)
    fetch = verbs.add_parser("fetch", help="download what a model needs; goes on where it was")
    fetch.add_argument("names", nargs="+", metavar="ORG/NAME[/FILE]", help="a model, or one .safetensors file (a LoRA)")
    fetch.add_argument("--vae", choices=("auto", "own"), default="auto", help="auto: a tiny autoencoder if one fits")
    fetch.add_argument("--revision", metavar="REV", help="a branch, tag or commit")
    add_json_flag(fetch)
    packing = verbs.add_parser("convert", help="write a model with packed weights")
    packing.add_argument("model", metavar="PATH|ORG/NAME")
    packing.add_argument("--bits", type=int, choices=(4, 8, 16), default=4)
    packing.add_argument("--vae", default="auto", metavar="auto|own|PATH|ORG/NAME", help="the autoencoder to put in")
    packing.add_argument("--lora", action="append", default=[], metavar="FILE[:WEIGHT]", help="to be fused in")
    packing.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    add_json_flag(packing)


def run(options: argparse.Namespace) -> int:
    return {"list": _list, "fetch": _fetch, "convert": _convert}[options.verb](options)


def _list(options: argparse.Namespace) -> int:
    from livemusviz.diffusion.catalogue import list_models

    models = list_models(options.folders)
    if options.json:
        print_json([asdict(model) for model in models])
        return 0
    rows = [(m.name, m.pipeline, m.scheduler, str(m.bits), f"{m.size_mb:.0f} MB", m.problem or "ready") for m in models]
    print(table(rows, ("model", "pipeline", "scheduler", "bits", "weights", "")))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from livemusviz.cli.fetch import fetch

    fetched = [path for name in options.names for path in fetch(name, vae=options.vae, revision=options.revision)]
    if options.json:
        print_json([str(path) for path in fetched])
    else:
        print("\n".join(map(str, fetched)))
    return 0


def _convert(options: argparse.Namespace) -> int:
    from livemusviz.diffusion import backend
    from livemusviz.diffusion.catalogue import stored_bits
    from livemusviz.diffusion.folder import find_autoencoder, resolve_model, user_path
    from livemusviz.diffusion.spec import ModelSpec, parse_lora

    folder, output = resolve_model(options.model), user_path(str(options.output), "-o")
    if output.exists():
        raise UserError(f"{output}: exists already; give a folder that does not")
    backend.prepare_backend()
    from livemusviz.diffusion.convert import convert

    loras = tuple(parse_lora(text, live=False) for text in options.lora)
    spec = ModelSpec(folder, vae=find_autoencoder(folder, options.vae), bits=options.bits, loras=loras)
    size = convert(spec, output)
    bits = stored_bits(output)
    if options.json:
        print_json({"output": str(output), "bits": bits, "bytes": size})
    else:
        print(f"{output}: {bits} bits, {size / 1e6:.1f} MB")
    return 0
