"""Noise and prompt to picture on small random folders: shapes, feedback, fades, and what must never happen."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.bridge.frames import Reuse
from livemusviz.diffusion import conditioning as module
from livemusviz.diffusion import model as loader
from livemusviz.diffusion.bench import run_bench
from livemusviz.diffusion.conditioning import Conditioning
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.fronts import front
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.text import MAX_PROMPTS
from livemusviz.diffusion.unet import UNet2DConditionModel
from livemusviz.errors import UserError
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, SCHEDULER, TINY_TEXT, write_model


@pytest.fixture(scope="module")
def shared(tiny_folder: Path) -> Pipeline:
    return Pipeline.load(ModelSpec(tiny_folder), 64, 96)


@pytest.fixture
def pipeline(shared: Pipeline) -> Iterator[Pipeline]:
    shared.reset()
    yield shared
    shared.reset()


def unit_noise(pipeline: Pipeline, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(pipeline.latent_shape, dtype=np.float32)


def denoised(pipeline: Pipeline, noise: np.ndarray, text: Conditioning) -> np.ndarray:
    return np.array(pipeline.denoise(mx.array(noise)[None], text))


def test_picture(pipeline: Pipeline) -> None:
    assert pipeline.latent_shape == (4, 6, 8)
    image = pipeline.generate(unit_noise(pipeline), pipeline.prompts.encode("red lava"))
    assert image.shape == (64, 96, 4) and image.dtype == np.uint8
    assert image.flags.c_contiguous and image.flags.owndata
    assert (image[..., 3] == 255).all()
    assert image[..., :3].std() > 1


def test_same_input_same_picture_and_other_input_another(pipeline: Pipeline) -> None:
    noise, text = unit_noise(pipeline), pipeline.prompts.encode("red lava")
    image = pipeline.generate(noise, text)
    np.testing.assert_array_equal(image, pipeline.generate(noise, text))
    assert (image != pipeline.generate(unit_noise(pipeline, 1), text)).mean() > 0.1
    assert (image != pipeline.generate(noise, pipeline.prompts.encode("blue ocean"))).mean() > 0.01


def test_bytes_are_rounded_and_clipped(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array([-9.0, -1.0, -0.9961, 0.0, 0.5, 0.9961, 1.0, 9.0], np.float32)
    picture = mx.array(np.resize(values, (1, 64, 96, 3)))
    monkeypatch.setattr(type(pipeline.parts.vae), "decode", lambda self, z: picture)
    image, finite = pipeline.graph.decode(mx.zeros((1, 4, 6, 8)))
    wanted = np.rint(np.clip((np.resize(values, (64, 96, 3)) + 1) * 127.5, 0, 255) + 1e-4).astype(np.uint8)
    np.testing.assert_array_equal(np.array(image)[0, ..., :3], wanted)
    assert finite.item()


def test_feedback_keeps_part_of_the_last_denoised_latents(pipeline: Pipeline) -> None:
    text = pipeline.prompts.encode("marble")
    first, second = unit_noise(pipeline), unit_noise(pipeline, 1)
    x0_first, x0_second = denoised(pipeline, first, text), denoised(pipeline, second, text)
    pipeline.generate(first, text, 0.9)
    np.testing.assert_allclose(np.array(pipeline._state.latents), x0_first, atol=1e-6)
    pipeline.generate(second, text, 0.25)
    kept = 0.75 * x0_second + 0.25 * x0_first
    np.testing.assert_allclose(np.array(pipeline._state.latents), kept, atol=1e-5)
    pipeline.generate(second, text, 0.0)
    np.testing.assert_allclose(np.array(pipeline._state.latents), x0_second, atol=1e-5)


def test_reset_forgets(pipeline: Pipeline) -> None:
    text = pipeline.prompts.encode("marble")
    fresh = pipeline.generate(unit_noise(pipeline), text)
    pipeline.generate(unit_noise(pipeline, 1), text)
    pipeline.reset()
    np.testing.assert_array_equal(pipeline.generate(unit_noise(pipeline), text, 0.8), fresh)


def test_full_feedback_freezes_the_picture(pipeline: Pipeline) -> None:
    text = pipeline.prompts.encode("marble")
    image = pipeline.generate(unit_noise(pipeline), text)
    np.testing.assert_array_equal(pipeline.generate(unit_noise(pipeline, 1), text, 1.0), image)


def test_blend_ends_are_the_prompts_themselves(pipeline: Pipeline) -> None:
    a, b = pipeline.prompts.encode("blue ocean"), pipeline.prompts.encode("red lava")
    assert pipeline.prompts.blend(a, b, 0.0) is a
    assert pipeline.prompts.blend(a, b, 1.0) is b
    half = pipeline.prompts.blend(a, b, 0.5)
    assert np.isfinite(np.array(half.tokens)).all()
    np.testing.assert_allclose(np.array(half.tokens)[0, 0], np.array(a.tokens)[0, 0], atol=1e-5)
    plain = pipeline.parts.unet.conditions(mx.array([999.0]), half.tokens)
    for told, wanted in zip(half.conditions[0], plain, strict=True):
        np.testing.assert_allclose(np.array(told), np.array(wanted), atol=1e-5)


def test_prompts_are_encoded_once_and_the_cache_is_bounded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_CONDITIONINGS", 3)
    monkeypatch.setattr(module, "CACHED_TEXTS", 3)
    pipeline.prompts._conditionings.clear()
    text = pipeline.prompts.encode("red lava")
    assert pipeline.prompts.encode("  red lava\x00 ") is text
    for i in range(3):
        pipeline.prompts.encode(f"prompt {i}")
    assert len(pipeline.prompts._conditionings) == len(pipeline.prompts._texts) == 3
    assert pipeline.prompts.encode("red lava") is not text


def test_a_list_of_prompts(pipeline: Pipeline) -> None:
    """Only the ratios of the weights count; one prompt alone is that prompt; the start token holds."""
    red, blue = pipeline.prompts.encode("red lava"), pipeline.prompts.encode("blue ocean")
    half = np.array(pipeline.prompts.encode((("red lava", 1.0), ("blue ocean", 1.0))).tokens)
    np.testing.assert_allclose(half, np.array(pipeline.prompts.blend(red, blue, 0.5).tokens), atol=1e-5)
    doubled = pipeline.prompts.encode((("red lava", 2.0), ("marble", 0.0), ("blue ocean", 2.0)))
    np.testing.assert_allclose(np.array(doubled.tokens), half, atol=1e-5)
    np.testing.assert_array_equal(np.array(pipeline.prompts.encode((("red lava", 7.0),)).tokens), np.array(red.tokens))
    np.testing.assert_allclose(half[0, 0], np.array(red.tokens)[0, 0], atol=1e-5)
    for bad in ((), (("red", 0.0),), (("red", float("inf")),), (("red", 1.0),) * (MAX_PROMPTS + 1)):
        with pytest.raises(UserError):
            pipeline.prompts.encode(bad)


def test_the_condition_is_not_computed_again_in_a_frame(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pipeline.prompts.encode("red lava")
    for name in ("conditions", "keys_values"):
        monkeypatch.setattr(UNet2DConditionModel, name, lambda *a: pytest.fail("the prompt read again in a frame"))
    pipeline.generate(unit_noise(pipeline), text)


def test_moving_any_knob_compiles_nothing(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled function runs its Python body only while it is traced: the UNet's calls count the compilations."""
    if shutil.which("g++") is None:
        pytest.skip("MLX compiles for the CPU with g++")
    traces: list[str] = []
    for name in ("with_deep", "shallow"):
        call = getattr(UNet2DConditionModel, name)

        def counting(self: Any, *args: Any, call: Any = call, name: str = name) -> Any:
            traces.append(name)
            return call(self, *args)

        monkeypatch.setattr(UNet2DConditionModel, name, counting)
    pipeline = Pipeline.load(ModelSpec(tiny_folder), 64, 64, compiled=True)
    pipeline.warm_up()
    assert traces == ["with_deep", "shallow"] * 2  # of one prompt, and of two in one picture
    a, b = pipeline.prompts.encode("blue"), pipeline.prompts.encode("red")
    for i in range(6):
        noise = unit_noise(pipeline, i)
        for text in (pipeline.prompts.blend(a, b, i / 5), pipeline.prompts.beside(a, b, front(noise, i / 5), i / 5)):
            options = FrameOptions(reuse=Reuse(i % 3), drift=(1.0 + i, 0.1, 0.0, i))
            pipeline.generate(noise, text, i / 7, options)
    pipeline.reset()
    compiled = pipeline.generate(unit_noise(pipeline), a, 0.123)
    assert len(traces) == 4
    plain = Pipeline.load(ModelSpec(tiny_folder), 64, 64, compiled=False).generate(unit_noise(pipeline), a)
    assert np.abs(compiled.astype(int) - plain).max() <= 1


def test_shallow_frame_of_the_same_noise_is_the_full_one_and_of_near_noise_is_near_it(pipeline: Pipeline) -> None:
    text, noise = pipeline.prompts.encode("red lava"), unit_noise(pipeline)
    full = pipeline.generate(noise, text)
    np.testing.assert_array_equal(pipeline.generate(noise, text, options=FrameOptions(reuse=Reuse.DEEP_FEATURES)), full)
    near = noise + 0.1 * unit_noise(pipeline, 1)
    shallow = pipeline.generate(near, text, options=FrameOptions(reuse=Reuse.DEEP_FEATURES)).astype(int)
    wanted = pipeline.generate(near, text).astype(int)
    assert 0 < np.abs(shallow - wanted).mean() < np.abs(full - wanted).mean()


def test_glide_goes_on_towards_the_last_denoised_latents_without_the_unet(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = pipeline.prompts.encode("red lava")
    pipeline.generate(unit_noise(pipeline), text)
    goal = pipeline.generate(unit_noise(pipeline, 1), text)
    pipeline.reset()
    pipeline.generate(unit_noise(pipeline), text)
    pipeline.generate(unit_noise(pipeline, 1), text, 0.9)
    for name in ("with_deep", "shallow"):
        monkeypatch.setattr(UNet2DConditionModel, name, lambda *a: pytest.fail("the UNet was asked"))
    away = [
        np.abs(
            pipeline.generate(unit_noise(pipeline, 9), text, 0.5, FrameOptions(reuse=Reuse.LATENTS)).astype(int) - goal
        ).mean()
        for _ in range(6)
    ]
    assert away == sorted(away, reverse=True) and away[-1] < 0.2 * away[0]


def test_without_memory_every_level_is_full(pipeline: Pipeline) -> None:
    text, noise = pipeline.prompts.encode("red lava"), unit_noise(pipeline)
    full = pipeline.generate(noise, text)
    for reuse in (Reuse.LATENTS, Reuse.DEEP_FEATURES):
        pipeline.reset()
        np.testing.assert_array_equal(pipeline.generate(noise, text, options=FrameOptions(reuse=reuse)), full)


def test_drift_moves_what_is_fed_back_and_nothing_else(pipeline: Pipeline) -> None:
    text, noise = pipeline.prompts.encode("red lava"), unit_noise(pipeline)

    def second(feedback: float, drift: tuple[float, float, float, float]) -> np.ndarray:
        pipeline.reset()
        pipeline.generate(unit_noise(pipeline, 1), text)
        return pipeline.generate(noise, text, feedback, FrameOptions(drift=drift))

    still, moved = (1.0, 0.0, 0.0, 0.0), (1.2, 0.3, 0.1, 0.0)
    np.testing.assert_array_equal(second(0.0, moved), second(0.0, still))
    assert (second(0.8, moved) != second(0.8, still)).mean() > 0.1


def test_noise_of_another_shape(pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match="this pipeline takes"):
        pipeline.generate(np.zeros((4, 4, 8), np.float32), pipeline.prompts.encode(""))


@pytest.mark.parametrize(("height", "width"), [(0, 64), (63, 64), (64, 4096), (64, 72), (32, 64)])
def test_size_out_of_range(tiny_folder: Path, height: int, width: int) -> None:
    with pytest.raises(UserError, match="multiple of 16"):
        Pipeline.load(ModelSpec(tiny_folder), height, width)


def test_several_steps_and_quantized_weights(tiny_folder: Path) -> None:
    pipeline = Pipeline.load(ModelSpec(tiny_folder, bits=8, sampling=Sampling(steps=2)), 64, 64)
    pipeline.warm_up("two steps")
    text = pipeline.prompts.encode("two steps")
    assert len(text.conditions) == 2
    assert pipeline.generate(unit_noise(pipeline), text)[..., :3].std() > 1


def test_a_folder_with_a_tiny_autoencoder_and_cross_attention(tmp_path: Path) -> None:
    folder = write_model(
        tmp_path / "m", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, SCHEDULER | {"prediction_type": "epsilon"}
    )
    pipeline = Pipeline.load(ModelSpec(folder), 72, 64)
    assert pipeline.latent_shape == (9, 8, 4)
    images = [pipeline.generate(unit_noise(pipeline), pipeline.prompts.encode(p)) for p in ("blue ocean", "red lava")]
    assert images[0].shape == (72, 64, 4)
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize(("height", "width"), [(256, 256), (352, 640)])
def test_the_embedded_model_paints(height: int, width: int) -> None:
    """Its own folder, at two sizes: no flat picture, and another prompt makes another one."""
    if not (Path(module.__file__).parent / "embedded").is_dir():
        pytest.skip("no embedded model in this checkout")
    pipeline = Pipeline.load(ModelSpec(resolve_model("embedded")), height, width)
    assert pipeline.name == "embedded"
    noise = unit_noise(pipeline)
    blue, red = (pipeline.generate(noise, pipeline.prompts.encode(p)) for p in ("deep blue ocean", "red lava"))
    assert blue.shape == (height, width, 4)
    assert blue[..., :3].std() > 4 and red[..., :3].std() > 4
    assert (blue != red).any()


def test_bench_has_the_promised_keys(tiny_folder: Path) -> None:
    figures = run_bench(ModelSpec(tiny_folder), (96, 64), 3, peers=False)
    assert figures["size"] == "96x64" and figures["backend"] == "cpu" and figures["peers"] == {}
    assert figures["model"] == tiny_folder.name
    for key in ("text_ms", "unet_ms", "decode_ms", "peak_memory_mb"):
        assert figures[key] > 0
    assert 0 < figures["generate_ms"]["p50"] <= figures["generate_ms"]["p99"]


def test_half_precision_as_a_gpu_computes_it(
    tiny_folder: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "backend_name", lambda: "cuda")
    half = Pipeline.load(ModelSpec(tiny_folder), 64, 96)
    assert half.parts.dtype == mx.float16 and half.parts.unet.conv_in.weight.dtype == mx.float16
    noise, prompt = unit_noise(pipeline), "red lava"
    for feedback in (0.0, 0.5):
        found = half.generate(noise, half.prompts.encode(prompt), feedback).astype(int)
        assert np.abs(found - pipeline.generate(noise, pipeline.prompts.encode(prompt), feedback)).max() <= 3


def test_a_whole_life_on_another_thread(tiny_folder: Path, pipeline: Pipeline) -> None:
    """As the engine lives: loaded, warmed up and used on one thread that is not the main one."""

    def life() -> np.ndarray:
        ours = Pipeline.load(ModelSpec(tiny_folder), 64, 96)
        ours.warm_up()
        return ours.generate(unit_noise(ours), ours.prompts.encode("red lava"))

    with ThreadPoolExecutor(1) as pool:
        image = pool.submit(life).result(30)
    np.testing.assert_array_equal(image, pipeline.generate(unit_noise(pipeline), pipeline.prompts.encode("red lava")))


@pytest.mark.slow
@pytest.mark.parity
def test_bench_runs_torch_beside(embedded_like_folder: Path) -> None:
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name)
    figures = run_bench(ModelSpec(embedded_like_folder), (128, 64), 3)
    assert set(figures["peers"]["torch"]) >= {"text_ms", "unet_ms", "decode_ms", "generate_ms", "peak_memory_mb"}
