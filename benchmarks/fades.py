"""Compares ways from one prompt to another by saturation and contrast: `python -m benchmarks.fades [SHEET.png]`.

Prints, for each way and each of twelve pairs of far prompts, the lowest saturation and contrast on the way as shares of
the smaller end's: below 0.7 the fade goes through mud. SHEET.png shows nine pictures of each pair by the show's way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from livemusviz.diffusion import backend

backend.prepare_backend()

import mlx.core as mx  # noqa: E402

from livemusviz.bridge.frames import Controls  # noqa: E402
from livemusviz.diffusion.folder import EMBEDDED, resolve_model  # noqa: E402
from livemusviz.diffusion.fronts import front  # noqa: E402
from livemusviz.diffusion.interpolate import METHODS  # noqa: E402
from livemusviz.diffusion.loop import conditioning  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402

SIZE, POINTS, SEEDS = 256, 17, (1, 3, 5)
FAR = (
    ("deep blue ocean", "glowing red lava"),
    ("aurora over a night sky", "golden rain"),
    ("emerald forest", "purple nebula"),
    ("black ink in water", "stained glass window"),
    ("neon city at night", "green jellyfish"),
    ("sunset over the sea", "blue crystals"),
    ("red roses", "cyan lightning"),
    ("desert dunes", "violet kaleidoscope"),
    ("fire", "ice"),
    ("pink clouds", "turquoise waves"),
    ("yellow stripes", "blue galaxy"),
    ("white marble", "orange mandala"),
)

Way = Callable[[Pipeline, np.ndarray, str, str, float], np.ndarray]
"""Returns the picture, uint8 (height, width, 4), of a noise at 0..1 on the way between two prompts."""


def shown(pipeline: Pipeline, noise: np.ndarray, first: str, second: str, t: float) -> np.ndarray:
    """Draw as the show and films do."""
    controls = Controls(noise, second, first, t, 0.0, True, 0.0)
    return pipeline.generate(noise, conditioning(pipeline, controls))


def by_tokens(method: str) -> Way:
    """Return the way along the embeddings of the tokens. method : see `interpolate.METHODS`."""

    def way(pipeline: Pipeline, noise: np.ndarray, first: str, second: str, t: float) -> np.ndarray:
        a, b = (pipeline.prompts.encode(text) for text in (first, second))
        between = a.encoding.toward(b.encoding, mx.array(t), method)
        return pipeline.generate(noise, pipeline.prompts._make(between))

    return way


def by_pooled(pipeline: Pipeline, noise: np.ndarray, first: str, second: str, t: float) -> np.ndarray:
    """Draw with the pooled embedding on the arc between those of both prompts."""
    unet, prompts = pipeline.parts.unet, pipeline.prompts
    a, b = (prompts.encode(text) for text in (first, second))
    pooled = METHODS["slerp"](*(unet.added_embedding(each.tokens) for each in (a, b)), mx.array(t))
    embedding, unet.added_embedding = unet.added_embedding, lambda tokens: pooled
    try:
        return pipeline.generate(noise, prompts._make(a.encoding))
    finally:
        unet.added_embedding = embedding


def by_latents(share: Callable[[np.ndarray, float], np.ndarray]) -> Way:
    """Return the way that mixes the clean latents of both prompts, which costs the UNet twice."""

    def way(pipeline: Pipeline, noise: np.ndarray, first: str, second: str, t: float) -> np.ndarray:
        a, b = (pipeline.denoise(mx.array(noise)[None], pipeline.prompts.encode(text)) for text in (first, second))
        image, _ = pipeline.graph.decode(a + mx.array(share(noise, t)) * (b - a))
        return np.array(image[0])

    return way


def by_display(pipeline: Pipeline, noise: np.ndarray, first: str, second: str, t: float) -> np.ndarray:
    """Draw the first prompt up to 0.4, the second from 0.6 on, and a cross-fade of both pictures between."""
    a, b = (pipeline.generate(noise, pipeline.prompts.encode(text)).astype(np.float32) for text in (first, second))
    return (a + min(1.0, max(0.0, (t - 0.4) / 0.2)) * (b - a)).astype(np.uint8)


WAYS: dict[str, Way] = {
    "tokens, slerp": by_tokens("slerp"),
    "tokens, lerp": by_tokens("lerp"),
    "pooled, slerp": by_pooled,
    "latents, everywhere": by_latents(lambda noise, t: np.full((1, 1, 1), t, np.float32)),
    "latents, front": by_latents(front),
    "display, middle": by_display,
    "show": shown,
}


def look(picture: np.ndarray) -> tuple[float, float]:
    """Return a picture's mean saturation (HSV) and its contrast (standard deviation of luminance), each 0..1."""
    rgb = picture[..., :3].astype(np.float32) / 255
    high, low = rgb.max(axis=-1), rgb.min(axis=-1)
    saturation = (high - low) / np.maximum(high, 1e-6)
    return float(saturation.mean()), float((rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)).std())


def lowest(pictures: list[np.ndarray]) -> np.ndarray:
    """Return the lowest saturation and contrast on a way, as shares of the smaller end's: float (2,)."""
    looks = np.array([look(picture) for picture in pictures])
    return np.asarray((looks / np.minimum(looks[0], looks[-1])).min(axis=0))


def pictures(pipeline: Pipeline, way: Way, pair: tuple[str, str], seed: int, points: int = POINTS) -> list[np.ndarray]:
    """Return the pictures at `points` places from the first prompt of a pair to the second."""
    noise = np.random.default_rng(seed).standard_normal(pipeline.latent_shape, dtype=np.float32)
    return [way(pipeline, noise, *pair, float(t)) for t in np.linspace(0.0, 1.0, points)]


def main() -> int:
    """Print the table; write the sheet if one is asked for."""
    pipeline = Pipeline.load(ModelSpec(resolve_model(EMBEDDED)), SIZE, SIZE)
    print(f"{'way':22}{'saturation':>12}{'contrast':>10}{'fades below 0.7':>17}")
    for name, way in WAYS.items():
        shares = np.array([[lowest(pictures(pipeline, way, pair, seed)) for seed in SEEDS] for pair in FAR])
        worst, mud = shares.min(axis=(0, 1)), int((shares.min(axis=(1, 2)) < 0.7).sum())
        print(f"{name:22}{worst[0]:12.2f}{worst[1]:10.2f}{mud:12} of {len(FAR)}", flush=True)
    if len(sys.argv) > 1:
        rows = [np.concatenate(pictures(pipeline, shown, pair, SEEDS[1], 9), axis=1) for pair in FAR]
        sheet = Image.fromarray(np.concatenate(rows)[..., :3])
        sheet.resize((sheet.width // 2, sheet.height // 2)).save(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
