"""Style pictures in a pipeline: names, mixtures, fades, refusals; on a small random IP-Adapter and encoder."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from safetensors.numpy import load_file, save_file

from livemusviz.diffusion import keys
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.ip_adapter import IPAdapter
from livemusviz.diffusion.opening import EngineSpec, open_pipeline
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ModelSpec, StyleSpec
from livemusviz.diffusion.vision import CLIPVisionConfig, CLIPVisionModel
from livemusviz.errors import UserError
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, save, write_model

VISION: dict[str, Any] = {
    "architectures": ["CLIPVisionModelWithProjection"],
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
    "projection_dim": 12,
}
CROSSING = (16, 16, 16, 32)
"""Channels of the small UNet's cross-attentions in the file's order: down, up, middle."""
SD15 = (320, 320, 640, 640, 1280, 1280, 1280, 1280, 1280, 640, 640, 640, 320, 320, 320, 1280)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    root = tmp_path_factory.mktemp("styles")
    folder = write_model(root / "model", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT)
    vision = CLIPVisionModel(CLIPVisionConfig.read(VISION, ""))
    vision.class_embedding = mx.random.normal((16,), key=mx.random.key(0))
    save(root / "image_encoder", "model", vision, keys.CLIP_VISION, VISION)
    rng = np.random.default_rng(0)
    shapes = {"image_proj.proj.weight": (4 * 32, 12), "image_proj.proj.bias": (4 * 32,)}
    shapes |= {"image_proj.norm.weight": (32,), "image_proj.norm.bias": (32,)}
    for k, channels in enumerate(CROSSING):
        shapes |= {f"ip_adapter.{2 * k + 1}.to_{part}_ip.weight": (channels, 32) for part in "kv"}
    tensors = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, root / "ip-adapter.safetensors")
    return ModelSpec(folder, style=StyleSpec(root / "ip-adapter.safetensors", root / "image_encoder"))


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pipeline(spec: ModelSpec) -> Pipeline:
    made = Pipeline.load(spec, 64, 64)
    made.styles.add({"poster": picture(1), "engraving": picture(2)})
    return made


def draw(pipeline: Pipeline, *chosen: Any) -> np.ndarray:
    """Return a frame's latents. chosen : previous style, style, fade, scale."""
    pipeline.styles.choose(*chosen)
    noise = np.random.default_rng(1).standard_normal(pipeline.latent_shape, dtype=np.float32)
    pipeline.generate(noise, pipeline.prompts.encode("red lava"), options=FrameOptions())
    return np.array(pipeline._state.latents)


def test_a_style_changes_the_frame_as_far_as_its_scale(pipeline: Pipeline) -> None:
    plain, half, full = (draw(pipeline, "", "poster", 1.0, scale) for scale in (0.0, 0.5, 1.0))
    assert 0 < np.abs(half - plain).mean() < np.abs(full - plain).mean()
    assert (draw(pipeline, "", "engraving", 1.0, 1.0) != full).any()
    np.testing.assert_array_equal(draw(pipeline, "poster", "", 1.0, 1.0), plain)


def test_a_fade_goes_from_one_to_the_other(pipeline: Pipeline) -> None:
    ends = [draw(pipeline, "", name, 1.0, 1.0) for name in ("poster", "engraving")]
    np.testing.assert_allclose(draw(pipeline, "poster", "engraving", 0.0, 1.0), ends[0], atol=1e-5)
    np.testing.assert_allclose(draw(pipeline, "poster", "engraving", 1.0, 1.0), ends[1], atol=1e-5)
    half = draw(pipeline, "poster", "engraving", 0.5, 1.0)
    np.testing.assert_allclose(draw(pipeline, "", (("engraving", 2.0), ("poster", 2.0)), 1.0, 1.0), half, atol=1e-5)
    np.testing.assert_allclose(
        draw(pipeline, "", "poster", 0.5, 1.0), draw(pipeline, "", "poster", 1.0, 0.5), atol=1e-5
    )


def test_a_name_that_there_is_not_changes_nothing(pipeline: Pipeline) -> None:
    before = draw(pipeline, "", "poster", 1.0, 1.0)
    with pytest.raises(UserError, match="style 'postr': no such style picture.*'poster'"):
        pipeline.styles.choose("poster", "postr", 1.0, 1.0)
    noise = np.random.default_rng(1).standard_normal(pipeline.latent_shape, dtype=np.float32)
    pipeline.generate(noise, pipeline.prompts.encode("red lava"))
    np.testing.assert_array_equal(np.array(pipeline._state.latents), before)


def test_a_picture_is_encoded_once_and_a_mixture_made_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(pipeline, "", "poster", 1.0, 1.0)
    made: list[int] = []
    monkeypatch.setattr(IPAdapter, "keys_values", lambda *_: made.append(1))
    for scale in (0.2, 0.9, 1.4):
        draw(pipeline, "", "poster", 1.0, scale)
    assert made == []


def test_pictures_of_another_size_or_without_an_adapter_are_refused(pipeline: Pipeline, spec: ModelSpec) -> None:
    with pytest.raises(UserError, match="reads pictures of 16x16"):
        pipeline.styles.add({"wide": np.zeros((16, 32, 3), np.uint8)})
    with pytest.raises(UserError, match="no IP-Adapter"):
        Pipeline.load(ModelSpec(spec.folder), 64, 64).styles.add({"poster": picture(1)})


@pytest.mark.parametrize("change", ["missing", "narrow", "fewer", "other file", "no encoder"])
def test_what_does_not_fit_costs_a_show_only_the_styles(change: str, spec: ModelSpec, tmp_path: Path) -> None:
    assert spec.style is not None
    tensors = load_file(spec.style.adapter)
    encoder = tmp_path / "none" if change == "no encoder" else spec.style.encoder
    if change == "missing":
        tensors.pop("image_proj.norm.bias")
    elif change == "narrow":
        tensors["ip_adapter.1.to_k_ip.weight"] = np.zeros((16, 48), np.float32)
    elif change == "fewer":
        tensors = {name: value for name, value in tensors.items() if not name.startswith("ip_adapter.7")}
    elif change == "other file":
        tensors = {"lora.weight": np.zeros((4, 4), np.float32)}
    save_file(tensors, tmp_path / "odd.safetensors")
    wanted = ModelSpec(spec.folder, style=StyleSpec(tmp_path / "odd.safetensors", encoder))
    pipeline, about = open_pipeline(wanted, EngineSpec(wanted, wanted, 64, 64, style_pictures={"poster": picture(1)}))
    assert pipeline.styles.names == ()
    assert "the styles are left out" in about["remark"] and "\n" not in about["remark"]


def test_a_show_begins_with_the_pictures_it_is_given(spec: ModelSpec) -> None:
    pipeline, about = open_pipeline(spec, EngineSpec(spec, spec, 64, 64, style_pictures={"poster": picture(1)}))
    assert pipeline.styles.names == ("poster",) and "remark" not in about
    assert "style" not in pipeline.unused_params()


def test_parameters_of_the_published_file() -> None:
    """22.3 M for Stable Diffusion 1.5, whose encoder gives 1024 numbers."""
    shapes: dict[str, tuple[int, ...]] = {"projection.proj.weight": (4 * 768, 1024)}
    shapes |= {f"attentions.{k}.k.weight": (channels, 768) for k, channels in enumerate(SD15)}
    count = sum(value.size for _, value in tree_flatten(IPAdapter(shapes).parameters()))
    assert count == 22_319_616
    assert round(count / 1e6, 1) == 22.3


def test_the_vision_encoders_config_must_be_whole() -> None:
    with pytest.raises(UserError, match="needs patch_size"):
        CLIPVisionConfig.read({key: value for key, value in VISION.items() if key != "patch_size"}, "config.json")
