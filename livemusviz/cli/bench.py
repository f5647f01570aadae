"""`livemusviz bench`: milliseconds stage by stage, and torch's for the same model where torch is installed."""

from __future__ import annotations

import argparse
from typing import Any

from livemusviz.cli.core_flags import add_blas_flag
from livemusviz.cli.model_flags import add_model_flags, model_spec
from livemusviz.cli.output import add_json_flag, print_json, table

STAGES = ("text_ms", "unet_ms", "decode_ms", "generate_ms", "peak_memory_mb", "weights_mb")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=30, metavar="N", help="counted runs of each stage (30)")
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="torch's milliseconds beside ours where torch is installed (on)",
    )
    add_blas_flag(parser)
    parser.add_argument("--layers", action="store_true", help="every layer's milliseconds, the dearest first")
    parser.add_argument("--no-precision", action="store_true", help="not what 8 and 4 bit would cost")
    add_model_flags(parser)
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    from livemusviz.diffusion.bench import run_bench
    from livemusviz.errors import UserError
    from livemusviz.sizes import parse_size

    if not 1 <= options.runs <= 10_000:
        raise UserError(f"--runs {options.runs}: give 1 to 10000")
    if options.blas_threads is not None and not 1 <= options.blas_threads <= 256:
        raise UserError(f"--blas-threads {options.blas_threads}: give 1 to 256")
    if options.init_image is not None:
        raise UserError("--init-image: bench times frames that begin with noise; leave it out")
    figures = run_bench(
        model_spec(options),
        parse_size(options.size),
        options.runs,
        peers=options.peers,
        precision=not options.no_precision,
        blas_threads=options.blas_threads,
        layers=options.layers,
    )
    if options.json:
        print_json(figures)
        return 0
    print(f"{figures['model']} at {figures['size']}, backend {figures['backend']}, BLAS {_blas(figures)}")
    columns = {"ours": figures, **figures["peers"]}
    print(
        table([(stage, *(_cell(column.get(stage)) for column in columns.values())) for stage in STAGES], ("", *columns))
    )
    if figures["controls"]:
        columns_of = ("control", "processor", "picture_ms", "encode_ms", "residuals_ms", "generate_ms")
        print()
        print(table([[str(row[name]) for name in columns_of] for row in figures["controls"]], columns_of))
    if figures["layers"]:
        print()
        print(_layers(figures["layers"]))
    if figures["precision"]:
        costs = ("generate_ms", "weights_mb", "psnr_db")
        rows = [(bits, *(_cell(row.get(cost)) for cost in costs)) for bits, row in figures["precision"].items()]
        print()
        print(table(rows, ("bits", *costs)))
    return 0


def _layers(rows: list[dict[str, Any]]) -> str:
    """Return the table of layers, the dearest first, each measured by itself."""
    dearest = sorted(rows, key=lambda row: -row["ms"])
    cells = [
        (row["layer"], row["form"], "x".join(map(str, row["input"])), str(row["calls"]), f"{row['ms']:.2f}")
        for row in dearest
    ]
    return table(cells, ("layer", "form", "input", "calls", "ms by itself"))


def _blas(figures: dict[str, Any]) -> str:
    threads = figures["blas_threads"]
    return figures["blas"] if threads is None else f"{figures['blas']} on {threads} thread{'s' if threads > 1 else ''}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {number:.1f}" for name, number in value.items())
    return "-" if value is None else f"{value:.1f}"
