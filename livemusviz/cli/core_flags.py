"""Flags that override parts of the budget of cores."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from livemusviz.budget import PRESETS, Wishes
from livemusviz.sizes import within

LIMITS: dict[str, tuple[float, float]] = {
    "fps": (1, 240),
    "blas_threads": (1, 256),
    "encoder_threads": (1, 64),
    "first_rung": (0, 9),
    "engine_niceness": (0, 19),
}
OPENBLAS = "OPENBLAS_NUM_THREADS"


def add_core_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each part of the budget."""
    cores = parser.add_argument_group("the cores (left out, decided from what the machine has; `doctor` tells)")
    cores.add_argument("--fps", type=float, metavar="N", help="display frames a second (60; 30 on few cores)")
    add_blas_flag(cores)
    cores.add_argument("--encoder-threads", type=int, metavar="N", help="threads of the recorder's encoder on a CPU")
    cores.add_argument("--encoder-preset", choices=PRESETS, help="of that encoder, from cheap to small files")
    cores.add_argument("--first-rung", type=int, metavar="N", help="where the quality ladder begins (0: everything)")
    cores.add_argument("--engine-niceness", type=int, metavar="N", help="of the model's threads, 0..19 (Linux)")


def add_blas_flag(parser: argparse._ActionsContainer) -> None:
    """Add the flag that `bench` has too."""
    parser.add_argument("--blas-threads", type=int, metavar="N", help="threads of the model's BLAS on a CPU")


def core_wishes(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Wishes:
    """Return what the flags set. OPENBLAS_NUM_THREADS counts as `--blas-threads`. UserError outside the limits."""
    for name, (low, high) in LIMITS.items():
        value = getattr(options, name)
        if value is not None:
            within(f"--{name.replace('_', '-')}", value, low, high)
    return Wishes(
        fps=options.fps,
        blas_threads=options.blas_threads or _threads_of(environment),
        encoder_threads=options.encoder_threads,
        encoder_preset=options.encoder_preset,
        first_rung=options.first_rung,
        engine_niceness=options.engine_niceness,
    )


def _threads_of(environment: Mapping[str, str]) -> int | None:
    """Return the count in the variable that OpenBLAS itself reads; None where there is none that it would take."""
    text = environment.get(OPENBLAS, "")
    return int(text) if text.isdecimal() and int(text) > 0 else None
