"""The committed embedded model in the product's pipeline, beside the same folder in torch:
same pictures, and the same way back through the autoencoder."""

from typing import Any

import numpy as np
import pytest

from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.tokenizer import PromptTokenizer

FOLDER = resolve_model(EMBEDDED)


@pytest.fixture(scope="module")
def reference() -> Any:
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name)
    from training.export import load

    return load(FOLDER)


@pytest.mark.parity
@pytest.mark.parametrize(("prompt", "h", "w"), [("red lava", 16, 16), ("a jellyfish at night", 18, 32)])
def test_torch_paints_the_same_picture(reference: Any, prompt: str, h: int, w: int) -> None:
    import torch

    from livemusviz.diffusion.pipeline import Pipeline
    from training import tokens
    from training.pictures import PAN, ZOOM, coordinates_seen, planes

    pipeline = Pipeline.load(ModelSpec(FOLDER), 16 * h, 16 * w)
    noise = np.random.default_rng(4).standard_normal(pipeline.latent_shape, dtype=np.float32)
    ours = pipeline.generate(noise, pipeline.prompts.encode(prompt))[..., :3].astype(int)
    ids = torch.tensor([tokens.encode(tokens.load(FOLDER / "tokenizer/tokenizer.json"), prompt)])
    seen = planes(*coordinates_seen(noise.transpose(2, 0, 1), PAN, ZOOM))
    with torch.no_grad():
        picture, _ = reference(ids, torch.from_numpy(noise).permute(2, 0, 1)[None], torch.from_numpy(seen)[None])
    theirs = (picture[0].permute(1, 2, 0).numpy() * 127.5 + 128).clip(0, 255).astype(np.uint8).astype(int)
    assert ours.std() > 20
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parity
def test_torch_encodes_to_the_same_latents(reference: Any) -> None:
    import mlx.core as mx
    import torch

    from livemusviz.diffusion.model import load_model

    vae = load_model(ModelSpec(FOLDER)).vae
    picture = np.random.default_rng(5).uniform(-1, 1, (1, 48, 80, 3)).astype(np.float32)
    ours = np.array(vae.encode(mx.array(picture)))  # type: ignore[union-attr]
    with torch.no_grad():
        theirs = reference.vae.encoder(torch.from_numpy(picture).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    assert ours.shape == (1, 3, 5, 32)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_picture_survives_the_autoencoder() -> None:
    import mlx.core as mx

    from livemusviz.diffusion.pipeline import Pipeline

    pipeline = Pipeline.load(ModelSpec(FOLDER), 256, 256)
    noise = np.random.default_rng(6).standard_normal(pipeline.latent_shape, dtype=np.float32)
    picture = pipeline.generate(noise, pipeline.prompts.encode("violet crystals"))[..., :3] / 127.5 - 1
    vae = pipeline.parts.vae
    again = np.clip(np.array(vae.decode(vae.encode(mx.array(picture.astype(np.float32))[None])))[0], -1, 1)
    assert np.abs(again - picture).mean() < 0.55 * np.abs(picture - picture.mean((0, 1))).mean()


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("aurora over a dark sea, glowing!", []),
        ("ein roter Vulkan \u00fcber dem Meer", ["ein", "roter", "Vulkan", "\u00fcber", "dem"]),
        ("\U0001f30b lava (qwxz), qwxz", ["\U0001f30b", "qwxz"]),
        ("sea " * 200 + "qwxz", ["qwxz"]),  # beyond what the model reads
    ],
)
def test_words_that_mean_nothing_to_the_model_are_known(prompt: str, unknown: list[str]) -> None:
    assert PromptTokenizer(FOLDER / "tokenizer", 77).unknown_words(prompt) == unknown


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_it_draws_nearly_the_same(bits: int) -> None:
    from livemusviz.diffusion.pipeline import Pipeline

    pictures = []
    for each in (16, bits):
        pipeline = Pipeline.load(ModelSpec(FOLDER, bits=each), 128, 128)
        noise = np.random.default_rng(6).standard_normal(pipeline.latent_shape, dtype=np.float32)
        pictures.append(pipeline.generate(noise, pipeline.prompts.encode("violet crystals")).astype(float))
    apart = np.abs(pictures[1] - pictures[0]).mean()
    assert 0.0 < apart < 12.0
