"""Judges how generated pictures are enlarged: `python -m benchmarks.upscale`.

The model's own pictures of 512x512 of the 48 prompts of the embedded model's sheet, averaged over 2x2 pixels to 256x256
and enlarged again. (At 256x256 the model draws another picture: as large forms in fewer pixels.) Prints the mean PSNR
against the originals and the time of one picture on a canvas of 640x360.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from livemusviz.diffusion import backend

backend.prepare_backend()

from livemusviz.diffusion.folder import EMBEDDED, resolve_model  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402
from livemusviz.display.base import cover  # noqa: E402
from livemusviz.display.context import headless_context  # noqa: E402
from livemusviz.display.layers import Layer  # noqa: E402
from livemusviz.display.plain import PlainShaders  # noqa: E402
from training.grid import PROMPTS  # noqa: E402

LARGE, SMALL, CANVAS, RUNS = 512, 256, (640, 360), 60


def main() -> int:
    """Print the table."""
    pipeline = Pipeline.load(ModelSpec(resolve_model(EMBEDDED)), LARGE, LARGE)
    ctx = headless_context()
    plain, whole, seen = PlainShaders(ctx), Layer(ctx, (LARGE, LARGE)), Layer(ctx, CANVAS)
    texture = ctx.texture((SMALL, SMALL), 4)
    texture.repeat_x = texture.repeat_y = False
    decibels: dict[str, list[float]] = {"fit": [], "enlarge": []}
    for seed, prompt in enumerate(PROMPTS):
        noise = np.random.default_rng(seed).standard_normal(pipeline.latent_shape, dtype=np.float32)
        picture = pipeline.generate(noise, pipeline.prompts.encode(prompt)).astype(np.float32)
        small = picture.reshape(SMALL, LARGE // SMALL, SMALL, LARGE // SMALL, 4).mean(axis=(1, 3))
        texture.write(small.round().astype(np.uint8).tobytes())
        for name, found in decibels.items():
            getattr(plain, name)(texture, whole, (1.0, 1.0))
            shown = np.frombuffer(whole.target.read(components=4), np.uint8).reshape(picture.shape)
            found.append(float(10 * np.log10(255**2 / ((shown - picture)[..., :3] ** 2).mean())))
    for name, found in decibels.items():
        durations = []
        for _ in range(RUNS):
            start = time.thread_time()
            getattr(plain, name)(texture, seen, cover((SMALL, SMALL), CANVAS))
            ctx.finish()
            durations.append(time.thread_time() - start)
        print(f"{name:8} {statistics.mean(found):6.2f} dB  {1e3 * statistics.median(durations):5.2f} ms")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
