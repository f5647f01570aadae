"""Fades between far prompts: each place shows one of them, and no picture on the way is mud."""

from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from benchmarks.fades import FAR, by_tokens, lowest, pictures, shown
from livemusviz.bridge.frames import Controls, Reuse
from livemusviz.diffusion.blocks import Region
from livemusviz.diffusion.conditioning import Conditioning
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.fronts import front
from livemusviz.diffusion.loop import conditioning
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig
from tests.diffusion.model_folders import (
    ATTENTIVE_UNET,
    ATTENTIVE_VAE,
    SCHEDULER,
    TINY_TEXT,
    TINY_UNET,
    write_model,
)

LEAST = 0.7
"""Share of the smaller end's saturation and contrast that every picture of a fade keeps."""


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(ModelSpec(resolve_model("embedded")), 256, 256)


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fades") / "model"
    return write_model(folder, ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, SCHEDULER)


def noise_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


# --- the front ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(16, 16, 32), (9, 16, 4), (4, 6, 32), (1, 1, 4), (64, 64, 4)])
def test_the_front_takes_the_picture_cell_by_cell(shape: tuple[int, int, int]) -> None:
    noise = noise_of(shape)
    shares = np.stack([front(noise, fade) for fade in np.linspace(0.0, 1.0, 21)])
    assert shares.shape == (21, *shape[:2], 1) and shares.dtype == np.float32
    assert (shares[0] == 0).all() and (shares[-1] == 1).all()
    assert (np.diff(shares, axis=0) >= 0).all()
    if shape[0] > 1:
        np.testing.assert_allclose(shares.mean(axis=(1, 2, 3)), np.linspace(0, 1, 21), atol=0.09)


def test_most_places_are_of_one_prompt_and_the_front_is_smooth() -> None:
    share = front(noise_of((32, 32, 4)), 0.5)[..., 0]
    assert ((share > 0) & (share < 1)).mean() < 0.2
    assert np.abs(np.diff(share > 0.5, axis=0)).sum() < 100  # a few hills, not speckles


def test_a_front_moves_as_little_as_its_noise() -> None:
    noise, other = noise_of((16, 16, 8)), noise_of((16, 16, 8), 1)
    near = np.cos(0.02) * noise + np.sin(0.02) * other
    assert np.abs(front(near, 0.5) - front(noise, 0.5)).mean() < 0.02
    assert np.abs(front(other, 0.5) - front(noise, 0.5)).mean() > 0.2


# --- near and far ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", FAR)
def test_other_things_are_far(pipeline: Pipeline, pair: tuple[str, str]) -> None:
    assert pipeline.prompts.far(*pair)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("glowing red lava", "red lava"),
        ("red lava", "orange lava"),
        ("deep blue ocean", "deep blue ocean at night"),
        ("deep blue ocean", "turquoise ocean"),
        ("green forest", "dark green forest"),
        ("neon city at night", "neon city"),
        ("red lava", "red lava"),
        ((("ocean", 0.5), ("lava", 0.5)), (("ocean", 0.4), ("lava", 0.6))),
        ("red lava", (("red lava", 1.0), ("gold", 0.3))),
    ],
)
def test_variations_of_one_thing_are_near_and_fade_by_their_embeddings(pipeline: Pipeline, a: str, b: str) -> None:
    assert not pipeline.prompts.far(a, b)
    controls = Controls(noise_of(pipeline.latent_shape), b, a, 0.4, 0.0, True, 0.0)
    found = conditioning(pipeline, controls)
    wanted = pipeline.prompts.blend(pipeline.prompts.encode(a), pipeline.prompts.encode(b), 0.4)
    assert not found.inputs.regions
    np.testing.assert_array_equal(np.array(found.tokens), np.array(wanted.tokens))


def test_notes_that_are_mixed_into_both_prompts_change_no_fade(pipeline: Pipeline) -> None:
    for share in (0.1, 0.5, 0.9):
        both = [((text, 1 - share), ("gold", share)) for text in ("deep blue ocean", "glowing red lava")]
        assert pipeline.prompts.far(*both)


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [FAR[0], FAR[6], FAR[8]])
def test_no_picture_of_a_fade_between_far_prompts_is_mud(pipeline: Pipeline, pair: tuple[str, str]) -> None:
    made = pictures(pipeline, shown, pair, seed=3)
    assert lowest(made).min() >= LEAST
    first, last = (pipeline.generate(noise_of(pipeline.latent_shape, 3), pipeline.prompts.encode(t)) for t in pair)
    np.testing.assert_array_equal(made[0], first)
    np.testing.assert_array_equal(made[-1], last)


@pytest.mark.parametrize("pair", [FAR[6], FAR[8]])
def test_the_measure_tells_the_mud_half_way_between_embeddings(pipeline: Pipeline, pair: tuple[str, str]) -> None:
    assert lowest(pictures(pipeline, by_tokens("slerp"), pair, seed=3, points=7)).min() < LEAST


def test_each_side_of_the_front_is_drawn_as_its_prompt_alone(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    a, b = (pipeline.prompts.encode(text) for text in FAR[0])
    share = np.zeros((*pipeline.latent_shape[:2], 1), np.float32)
    share[:, 8:] = 1
    halves = pipeline.generate(noise, pipeline.prompts.beside(a, b, share, 0.5)).astype(float)
    left, right = (pipeline.generate(noise, text).astype(float) for text in (a, b))
    assert np.abs(halves[:, :80] - left[:, :80]).mean() < 0.3 * np.abs(right - left)[:, :80].mean()
    assert np.abs(halves[:, -80:] - right[:, -80:]).mean() < 0.3 * np.abs(right - left)[:, -80:].mean()


def test_a_reused_frame_shows_both_prompts_too(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    a, b = (pipeline.prompts.encode(text) for text in FAR[0])
    both = pipeline.prompts.beside(a, b, front(noise, 0.5), 0.5)
    full = pipeline.generate(noise, both)
    shallow = pipeline.generate(noise, both, options=FrameOptions(reuse=Reuse.DEEP_FEATURES))
    np.testing.assert_array_equal(shallow, full)


# --- every kind of UNet ---------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY_UNET, ATTENTIVE_UNET, TINY_UNET | {"resnet_time_scale_shift": "default"}])
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_a_region_is_the_second_prompts(config: dict[str, object], size: tuple[int, int]) -> None:
    """A share of 0 everywhere changes nothing; with 1 everywhere the prediction is the second prompt's."""
    mx.random.seed(0)
    unet = UNet2DConditionModel(UNetConfig.read(config, ""))
    texts = [mx.random.normal((1, 5, unet.config.text_dim)) for _ in range(2)]
    made = [(unet.conditions(mx.array([999.0]), text), unet.keys_values(text)) for text in texts]
    x = mx.random.normal((1, *size, unet.config.in_channels))
    alone = [np.array(unet(x, *each)) for each in made]
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    for share, wanted in zip((0.0, 1.0), alone, strict=True):
        region = Region(mx.full((1, *size, 1), share), *made[1])
        np.testing.assert_allclose(np.array(unet(x, *made[0], region=region)), wanted, atol=2e-5)
    half = Region(mx.array(front(noise_of((*size, 4)), 0.5))[None], *made[1])
    between = np.array(unet(x, *made[0], region=half))
    assert np.isfinite(between).all() and all(np.abs(between - each).max() > 1e-3 for each in alone)


@pytest.mark.parametrize(
    ("guidance", "sampling", "stream"),
    [("none", Sampling(), False), ("full", Sampling("ddim", 2), False), ("initialize", Sampling("lcm", 2), True)],
)
def test_guidance_and_stream_batches_take_a_region(
    attentive: Path, guidance: str, sampling: Sampling, stream: bool
) -> None:
    """A region of the prompt itself changes nothing, though the negative prompt has none; another one does."""
    pipeline = Pipeline.load(ModelSpec(attentive, sampling=sampling, guidance=guidance, stream=stream), 64, 64)
    noise = noise_of(pipeline.latent_shape)
    a, b = pipeline.prompts.encode("blue ocean"), pipeline.prompts.encode("red lava")
    share = front(noise, 0.5)

    def last(text: Conditioning) -> np.ndarray:
        pipeline.reset()
        for _ in range(2):
            image = pipeline.generate(noise, text, options=FrameOptions(guidance_scale=2.0))
        return image.astype(int)

    alone = last(a)
    np.testing.assert_allclose(last(pipeline.prompts.beside(a, a, share, 0.5)), alone, atol=1)
    assert (last(pipeline.prompts.beside(a, b, share, 0.5)) != alone).any()


def test_films_and_shows_draw_the_same_front(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    controls = Controls(noise, FAR[0][1], FAR[0][0], 0.5, 0.0, True, 0.0)
    found, again = (conditioning(pipeline, replace(controls, time=time)).inputs.regions[0] for time in (0.0, 9.0))
    np.testing.assert_array_equal(np.array(found.share[0]), front(noise, 0.5))
    np.testing.assert_array_equal(np.array(found.share), np.array(again.share))
