"""Measures each stage of a frame, beside torch where it is installed. Runs on the caller's thread.

The product never imports torch: the peer is a script in `benchmarks/`, outside the package, run as a process.
"""

import importlib.util
import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.diffusion import backend
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.platforms import peak_memory

log = logging.getLogger(__name__)

PROMPT = "a storm of light over a dark sea"
PROMPTS = (PROMPT, "red lava", "a galaxy of violet and gold", "emerald aurora")
WARM_UP_RUNS = 3
PEER_TIMEOUT = 600.0
PEER_NEEDS = ("torch", "diffusers", "transformers")
MEBIBYTE = 1 << 20


def run_bench(
    model: ModelSpec,
    size: tuple[int, int],
    runs: int = 30,
    *,
    peers: bool = True,
    precision: bool = True,
    blas_threads: int | None = None,
    layers: bool = False,
) -> dict[str, Any]:
    """Time a model at a picture size (width, height), `runs` times each stage.

    blas_threads : for OpenBLAS and for torch; None is their own choice.

    Returns `model`, `size` ("256x256"), `backend`, `blas`, `blas_threads` (None without OpenBLAS), `text_ms`,
    `unet_ms`, `decode_ms` (medians), `generate_ms` {p50, p99}, all with ControlNets at scale 0, `controls` (see
    `control_times`), `peak_memory_mb` (loading included: of the whole process
    on a CPU, of the device's arrays on a GPU), `weights_mb`, `precision` (see `_precision`; {} if not asked for or if
    the folder is packed), `layers` (see `layer_times`; [] if not asked for), and `peers`: {"torch": the same figures}
    where torch, diffusers and transformers are installed and the model is to run as they would run it, else {}.
    Raises UserError for a model or a size that cannot be used.
    """
    backend.prepare_backend(blas_threads=blas_threads)
    import mlx.core as mx

    from livemusviz.diffusion.control_times import control_times, turn_off
    from livemusviz.diffusion.layer_times import layer_times
    from livemusviz.diffusion.pipeline import Pipeline

    width, height = size
    mx.reset_peak_memory()
    pipeline = Pipeline.load(model, height, width)
    pipeline.warm_up()
    turn_off(pipeline)
    noise = np.random.default_rng(0).standard_normal(pipeline.latent_shape, dtype=np.float32)
    latents, text = mx.array(noise)[None], pipeline.prompts.encode(PROMPT)
    x0 = pipeline.denoise(latents, text)
    mx.eval(latents, x0)
    figures: dict[str, Any] = {
        "model": pipeline.name,
        "size": f"{width}x{height}",
        "backend": pipeline.backend,
        "blas": backend.blas_name(),
        "blas_threads": backend.blas_threads(),
        "text_ms": median_ms(lambda: pipeline.prompts.encode_anew(PROMPT), runs),
        "unet_ms": median_ms(lambda: mx.eval(pipeline.denoise(latents, text)), runs),
        "decode_ms": median_ms(lambda: mx.eval(pipeline.graph.decode(x0)), runs),
        "generate_ms": spread_ms(lambda: pipeline.generate(noise, text, 0.2), runs),
        "controls": control_times(pipeline, noise, text, lambda work: median_ms(work, runs)),
        "peak_memory_mb": round(_peak_memory(pipeline.backend) / MEBIBYTE, 1),
        "weights_mb": round(pipeline.parts.weight_bytes / MEBIBYTE, 1),
        "layers": [],
        "precision": _precision(model, size, runs) if precision else {},
        "peers": {},
    }
    if layers:
        plain = Pipeline(pipeline.parts, height, width, compiled=False)
        figures["layers"] = layer_times(plain, noise, text, runs)
    torch = _torch_peer(model, size, runs, blas_threads) if peers else None
    if torch is not None:
        figures["peers"]["torch"] = torch
    return figures


def _precision(model: ModelSpec, size: tuple[int, int], runs: int) -> dict[str, dict[str, float | None]]:
    """Measure 16, 8 and 4 bit: `generate_ms` (median), `weights_mb`, `psnr_db` of the pictures against 16 bit.

    `psnr_db` is None where no pixel differs. {} for a folder that is packed: it would be compared with itself.
    """
    from livemusviz.diffusion.model import packing
    from livemusviz.diffusion.pipeline import Pipeline

    if packing(model.folder / "unet", 16) != 16:
        log.info("the folder is packed already, so 16, 8 and 4 bit are not compared")
        return {}
    width, height = size
    rows: dict[str, dict[str, float | None]] = {}
    wanted: list[np.ndarray] = []
    for bits in (16, 8, 4):
        pipeline = Pipeline.load(replace(model, bits=bits), height, width)
        noises = np.random.default_rng(1).standard_normal((4, *pipeline.latent_shape), dtype=np.float32)
        texts = [pipeline.prompts.encode(prompt) for prompt in PROMPTS]
        pictures = [pipeline.generate(noise, text) for noise, text in zip(noises, texts, strict=True)]
        wanted = wanted or pictures
        draw = partial(pipeline.generate, noises[0], texts[0])
        row: dict[str, float | None] = {
            "generate_ms": median_ms(draw, runs),
            "weights_mb": round(pipeline.parts.weight_bytes / MEBIBYTE, 1),
        }
        if bits != 16:
            likeness = psnr(np.stack(pictures), np.stack(wanted))
            row["psnr_db"] = round(likeness, 1) if math.isfinite(likeness) else None  # JSON knows no infinity
        rows[str(bits)] = row
    return rows


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures in dB; infinite for equal ones."""
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def milliseconds(work: Callable[[], object], runs: int) -> list[float]:
    """Return the duration of each of `runs` calls, in order of length, after a few uncounted ones."""
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
    """Return the value that p percent of an ascending list do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]


def _peak_memory(backend_in_use: str) -> int:
    """Bytes. torch's figure in `benchmarks/torch_peer.py` is taken in the same way."""
    import mlx.core as mx

    if backend_in_use != "cpu":
        return mx.get_peak_memory()
    return peak_memory()


def _torch_peer(
    model: ModelSpec, size: tuple[int, int], runs: int, threads: int | None = None
) -> dict[str, Any] | None:
    """Return the same stages of the same folder in torch; None where it is not installed, would do other work or does
    not run.

    It knows a folder's own networks in one step, and none of the choices in a ModelSpec.
    """
    script = Path(__file__).parents[2] / "benchmarks" / "torch_peer.py"
    if not script.is_file() or not all(importlib.util.find_spec(name) for name in PEER_NEEDS):
        return None
    choices = _choices(model)
    if choices:
        log.info("torch is left out: its script runs the folder as it is in one step, without %s", ", ".join(choices))
        return None
    command = [sys.executable, str(script), str(model.folder), str(size[0]), str(size[1]), str(runs)]
    environment = os.environ if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=PEER_TIMEOUT, check=True, env=environment
        )
        return json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        log.warning("torch could not run this model: %s", reason.strip().splitlines()[-1] if reason.strip() else error)
        return None


def _choices(model: ModelSpec) -> list[str]:
    """Return the flags that make a model run otherwise than its plain folder in one step."""
    flags = [f"--{f.name}" for f in fields(Sampling) if getattr(model.sampling, f.name) != f.default]
    others = {"guidance": model.guidance != "none", "lora": model.loras, "vae": model.vae, "bits": model.bits in (4, 8),
              "control": model.controls}  # fmt: skip
    return flags + [f"--{name}" for name, given in others.items() if given]
