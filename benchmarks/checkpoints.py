"""Times full-size checkpoints with random weights, ours beside torch's, in one run: checkpoints.py [NAME ...].

For each architecture (sd-turbo, sdxs-512), one step, batch 1: a frame from noise to pixels on the host, the UNet and
the decoder; ours in 16 and in 4 bit, specialised against plain; weights in memory, and the peak memory of a 384x384
frame in 4 bit. Pictures are 256x256 on a CPU and 512x512 on a GPU. On a CUDA card torch runs in half precision,
channels last, compiled with CUDA graphs; on a CPU in fp32.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from livemusviz.diffusion import backend

backend.prepare_backend()

import mlx.core as mx  # noqa: E402
import numpy as np  # noqa: E402

from livemusviz.diffusion.bench import median_ms  # noqa: E402
from livemusviz.diffusion.convert import convert  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402
from tests.diffusion.parity_tools import FULL_UNETS, save_full_folder  # noqa: E402

ON_CPU = backend.backend_name() == "cpu"
RUNS = 3 if ON_CPU else 50
MEMORY_SIZE = 384
GIB = 1 << 30


def row(name: str, frame: float, unet: float, decode: float, rest: str = "") -> None:
    times = f"frame {frame:8.1f} ms ({1e3 / frame:6.2f} fps)  UNet {unet:8.1f} ms  decode {decode:7.1f} ms"
    print(f"  {name:22} {times}  {rest}", flush=True)


def ours(folder: Path, size: int) -> None:
    pipeline = Pipeline.load(ModelSpec(folder), size, size)
    unet, text = pipeline.parts.unet, pipeline.prompts.encode("red lava")
    noise = np.random.default_rng(0).standard_normal(pipeline.latent_shape, dtype=np.float32)
    x = mx.array(noise)[None].astype(pipeline.parts.dtype)
    timestep = mx.array([999.0])

    def fast(x: mx.array) -> mx.array:
        return unet(x, text.conditions[0], text.inputs[1])

    def plain(x: mx.array) -> mx.array:
        return unet.predict(x, timestep, text.tokens)

    if not ON_CPU:
        fast, plain = mx.compile(fast), mx.compile(plain)
    told = median_ms(lambda: mx.eval(fast(x)), RUNS)
    whole = median_ms(lambda: mx.eval(plain(x)), RUNS)
    decode = median_ms(lambda: np.array(pipeline.graph.decode(x.astype(mx.float32))[0]), RUNS)
    frame = median_ms(lambda: pipeline.generate(noise, text), RUNS)
    bits = pipeline.parts.bits
    memory = f"{pipeline.parts.weight_bytes / 1e9:.3f} GB of weights; plain UNet {whole / told:.2f} times as long"
    row(f"mlx {pipeline.backend}, {bits} bit", frame, told, decode, memory)


def peak_memory(folder: Path) -> None:
    """Of one frame in 4 bit."""
    mx.clear_cache()
    mx.reset_peak_memory()
    pipeline = Pipeline.load(ModelSpec(folder), MEMORY_SIZE, MEMORY_SIZE)
    pipeline.generate(np.zeros(pipeline.latent_shape, np.float32), pipeline.prompts.encode("red lava"))
    print(f"  4 bit, {MEMORY_SIZE}x{MEMORY_SIZE}: peak {mx.get_peak_memory() / GIB:.2f} GiB")


def theirs(folder: Path, size: int) -> None:
    import diffusers
    import torch

    cuda = torch.cuda.is_available() and not ON_CPU
    device, dtype = ("cuda", torch.float16) if cuda else ("cpu", torch.float32)
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype).to(device)
    vae = diffusers.AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=dtype).to(device)
    x = torch.randn(1, 4, size // 8, size // 8).to(device, dtype)
    tokens = torch.randn(1, 77, unet.config.cross_attention_dim).to(device, dtype)
    t = torch.tensor(999, device=device)

    def step(x: torch.Tensor) -> torch.Tensor:
        return unet(x, t, tokens).sample

    def picture(x: torch.Tensor) -> torch.Tensor:
        rgb = vae.decode(x).sample
        return (rgb * 127.5 + 128).clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).contiguous()

    if cuda:
        unet, vae = unet.to(memory_format=torch.channels_last), vae.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
        step, picture = (torch.compile(part, mode="reduce-overhead") for part in (step, picture))

    def finished(made: torch.Tensor) -> torch.Tensor:
        if cuda:
            torch.cuda.synchronize()
        return made

    with torch.inference_mode():
        frame = median_ms(lambda: picture(step(x).clone()).cpu(), RUNS)
        told = median_ms(lambda: finished(step(x)), RUNS)
        decode = median_ms(lambda: picture(x).cpu(), RUNS)
    row(f"torch {device}, {'fp16' if cuda else 'fp32'}", frame, told, decode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FULL_UNETS))
    parser.add_argument("--size", type=int, default=256 if ON_CPU else 512)
    args = parser.parse_args()
    for name in args.names or FULL_UNETS:
        print(f"{name} at {args.size}x{args.size}, BLAS {backend.blas_name()}")
        with tempfile.TemporaryDirectory() as scratch:
            folder, packed = save_full_folder(Path(scratch) / "model", name), Path(scratch) / "packed"
            theirs(folder, args.size)
            ours(folder, args.size)
            on_disk = convert(ModelSpec(folder, bits=4), packed)
            ours(packed, args.size)
            print(f"  4 bit: {on_disk / 1e9:.3f} GB on disk")
            peak_memory(packed)


if __name__ == "__main__":
    main()
