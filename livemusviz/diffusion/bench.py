"""How long each stage of a frame takes, as data; torch beside it where it is installed. Runs on the caller's thread.

The product never imports torch: the peer is a script in `benchmarks/`, outside the package, run as a process.
"""

import importlib.util
import json
import logging
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.diffusion import backend
from livemusviz.diffusion.folder import resolve_model

log = logging.getLogger(__name__)

PROMPT = "a storm of light over a dark sea"
WARM_UP_RUNS = 3
PEER_TIMEOUT = 600.0
PEER_NEEDS = ("torch", "diffusers", "transformers")
MEBIBYTE = 1 << 20


def run_bench(
    model: str, size: tuple[int, int], runs: int = 30, *, bits: int | None = None, peers: bool = True
) -> dict[str, Any]:
    """Time a model at a picture size (width, height), `runs` times each stage.

    Returns `model`, `size` ("256x256"), `backend`, `blas`, `text_ms`, `unet_ms`, `decode_ms` (medians),
    `generate_ms` {p50, p99}, `peak_memory_mb` (loading included: of the whole process on a CPU, of the device's arrays
    on a GPU), and `peers`: {"torch": the same figures} where torch, diffusers and transformers are installed, else {}.
    Raises UserError for a model or a size that cannot be used.
    """
    backend.prepare()
    import mlx.core as mx

    from livemusviz.diffusion.pipeline import Pipeline

    folder = resolve_model(model)
    width, height = size
    mx.reset_peak_memory()
    pipeline = Pipeline.load(folder, height, width, bits=bits)
    pipeline.warm_up()
    noise = np.random.default_rng(0).standard_normal(pipeline.latent_shape, dtype=np.float32)
    latents, text = mx.array(noise)[None], pipeline.encode_prompt(PROMPT)
    x0 = pipeline.denoise(latents, text.tokens, text.conditions)
    mx.eval(latents, x0)
    figures: dict[str, Any] = {
        "model": pipeline.name,
        "size": f"{width}x{height}",
        "backend": pipeline.backend,
        "blas": backend.blas_name(),
        "text_ms": median_ms(lambda: pipeline.embed_prompt(PROMPT), runs),
        "unet_ms": median_ms(lambda: mx.eval(pipeline.denoise(latents, text.tokens, text.conditions)), runs),
        "decode_ms": median_ms(lambda: mx.eval(pipeline.decode(x0)), runs),
        "generate_ms": spread_ms(lambda: pipeline.generate(noise, text, 0.2), runs),
        "peak_memory_mb": round(_peak_memory(pipeline.backend) / MEBIBYTE, 1),
        "peers": {},
    }
    torch = _torch_peer(folder, size, runs) if peers else None
    if torch is not None:
        figures["peers"]["torch"] = torch
    return figures


def milliseconds(work: Callable[[], object], runs: int) -> list[float]:
    """The duration of each of `runs` calls, in order of length, after a few uncounted ones."""
    for _ in range(min(WARM_UP_RUNS, runs)):
        work()
    durations = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        durations.append((time.perf_counter() - start) * 1e3)
    return sorted(durations)


def median_ms(work: Callable[[], object], runs: int) -> float:
    return round(percentile(milliseconds(work, runs), 50), 2)


def spread_ms(work: Callable[[], object], runs: int) -> dict[str, float]:
    durations = milliseconds(work, runs)
    return {name: round(percentile(durations, p), 2) for name, p in (("p50", 50), ("p99", 99))}


def percentile(ordered: list[float], p: float) -> float:
    """The value that p percent of an ascending list do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]


def _peak_memory(backend_in_use: str) -> int:
    """Bytes. torch's figure in `benchmarks/torch_peer.py` is taken in the same way."""
    import mlx.core as mx

    if backend_in_use != "cpu":
        return mx.get_peak_memory()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _torch_peer(folder: Path, size: tuple[int, int], runs: int) -> dict[str, Any] | None:
    """The same stages of the same folder in torch; None where it is not installed or does not run."""
    script = Path(__file__).parents[2] / "benchmarks" / "torch_peer.py"
    if not script.is_file() or not all(importlib.util.find_spec(name) for name in PEER_NEEDS):
        return None
    command = [sys.executable, str(script), str(folder), str(size[0]), str(size[1]), str(runs)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_TIMEOUT, check=True)  # noqa: S603
        return json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        log.warning("torch could not run this model: %s", reason.strip().splitlines()[-1] if reason.strip() else error)
        return None
