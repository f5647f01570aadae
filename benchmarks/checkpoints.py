"""Times full-size checkpoints with random weights, ours beside torch's, in one run: checkpoints.py [NAME ...].

For each architecture (sd-turbo, sdxs-512) at 256x256, one step: a frame's UNet and decoder in seconds, plain against
specialised UNet, 16 bit against 4 bit, weights in memory, and the peak memory of a 384x384 frame in 4 bit.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from livemusviz.diffusion import backend

backend.prepare()

import mlx.core as mx  # noqa: E402
import numpy as np  # noqa: E402

from livemusviz.diffusion.convert import convert  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402
from tests.diffusion.parity_tools import FULL_UNETS, save_full_folder  # noqa: E402

RUNS = 3
GIB = 1 << 30


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of `RUNS` calls, after one that is not counted."""
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def ours(folder: Path) -> None:
    pipeline = Pipeline.load(ModelSpec(folder), 256, 256)
    unet, text = pipeline.parts.unet, pipeline.encode_prompt("red lava")
    x = mx.array(np.random.default_rng(0).standard_normal((1, *pipeline.latent_shape), dtype=np.float32))
    x = x.astype(pipeline.parts.dtype)
    fast = best(lambda: mx.eval(unet(x, text.conditions[0], text.instruction[1])))
    plain = best(lambda: mx.eval(unet.predict(x, mx.array([999.0]), text.tokens)))
    decode = best(lambda: mx.eval(pipeline.decode(x.astype(mx.float32))))
    print(f"  ours, {pipeline.backend}: UNet {fast:.2f} s, decode {decode:.2f} s")
    print(f"  plain path {plain:.2f} s, {plain / fast:.2f} times the specialised one")
    print(f"  weights in memory {pipeline.parts.weight_bytes / 1e9:.2f} GB")


def packed(folder: Path, target: Path) -> None:
    size = convert(ModelSpec(folder, bits=4), target)
    mx.clear_cache()
    mx.reset_peak_memory()
    pipeline = Pipeline.load(ModelSpec(target), 384, 384)
    noise = np.random.default_rng(0).standard_normal(pipeline.latent_shape, dtype=np.float32)
    text = pipeline.encode_prompt("red lava")
    seconds = best(lambda: pipeline.generate(noise, text))
    peak = mx.get_peak_memory() / GIB
    print(f"  4 bit: {size / 1e9:.3f} GB on disk, {pipeline.parts.weight_bytes / 1e9:.3f} GB in memory")
    print(f"  4 bit, 384x384: {seconds:.2f} s a frame, peak {peak:.2f} GiB")


def theirs(folder: Path) -> None:
    import diffusers
    import torch

    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    vae = diffusers.AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    x, tokens = torch.randn(1, 4, 32, 32), torch.randn(1, 77, unet.config.cross_attention_dim)
    with torch.inference_mode():
        step = best(lambda: unet(x, 999, tokens).sample)
        decode = best(lambda: vae.decode(x).sample)
    print(f"  torch, cpu fp32: UNet {step:.2f} s, decode {decode:.2f} s")


def main() -> None:
    for name in sys.argv[1:] or FULL_UNETS:
        print(f"{name} at 256x256, BLAS {backend.blas_name()}")
        with tempfile.TemporaryDirectory() as scratch:
            folder = save_full_folder(Path(scratch) / "model", name)
            theirs(folder)
            ours(folder)
            packed(folder, Path(scratch) / "packed")


if __name__ == "__main__":
    main()
