"""T2I-Adapters in a pipeline: faders, pictures, refusals, parameters; on small random folders."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from livemusviz.bridge.frames import ControlLevel, Reuse
from livemusviz.diffusion import t2i_adapter
from livemusviz.diffusion.bench import run_bench
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ControlSpec, ModelSpec
from livemusviz.diffusion.t2i_adapter import T2IAdapter, T2IAdapterConfig, halved
from livemusviz.diffusion.unet import UNet2DConditionModel
from livemusviz.errors import UserError
from tests.diffusion import controlled
from tests.diffusion.controlled import (
    SIZE,
    check_batches,
    check_refusal,
    check_scale_0,
    check_scales,
    count_traces,
    draw,
    picture,
)
from tests.diffusion.model_folders import (
    ATTENTIVE_UNET,
    ATTENTIVE_VAE,
    TINY_TEXT,
    write_controlnet,
    write_model,
    write_t2i_adapter,
)

model, pipeline = controlled.model, controlled.pipeline
PUBLISHED = {
    "Stable Diffusion 1.5": ({"adapter_type": "full_adapter"}, 77_369_280),
    "Stable Diffusion XL": ({"adapter_type": "full_adapter_xl", "downscale_factor": 16}, 79_028_160),
}
"""Configs at full width, and their parameters."""


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_t2i_adapter(tmp_path_factory.mktemp("adapters") / "sketch", [16, 32])


@pytest.fixture(scope="module")
def shared(model: Path, adapter: Path) -> Pipeline:
    return Pipeline.load(ModelSpec(model, controls=(ControlSpec(adapter),)), *SIZE)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Lists the shapes of the pictures that adapters encode."""
    shapes: list[tuple[int, ...]] = []
    unshuffled = t2i_adapter.unshuffled

    def counting(x: mx.array, factor: int) -> mx.array:
        shapes.append(tuple(x.shape))
        return unshuffled(x, factor)

    monkeypatch.setattr(t2i_adapter, "unshuffled", counting)
    return shapes


def test_a_picture_changes_the_frame_as_far_as_its_scale(pipeline: Pipeline) -> None:
    check_scales(pipeline)


def test_features_are_computed_once_a_picture(pipeline: Pipeline, encoded: list[tuple[int, ...]]) -> None:
    pipeline.controls.set_picture(0, picture())
    first = draw(pipeline)
    for _ in range(3):
        np.testing.assert_array_equal(draw(pipeline), first)
    pipeline.controls.set_levels([ControlLevel(0.4)])
    assert (draw(pipeline) != first).any()
    assert len(encoded) == 1
    pipeline.controls.set_picture(0, picture(9))
    draw(pipeline)
    assert len(encoded) == 2


def test_new_pictures_wait_until_the_interval_is_over(pipeline: Pipeline, encoded: list[tuple[int, ...]]) -> None:
    pipeline.controls.set_levels([ControlLevel(1.0, 3)])
    frames = []
    for seed in range(4):
        pipeline.controls.set_picture(0, picture(seed))
        frames.append(draw(pipeline))
    assert len(encoded) == 2
    np.testing.assert_array_equal(frames[2], frames[0])
    assert (frames[3] != frames[0]).any()


def test_scale_0_computes_nothing_and_gives_the_frame_of_the_model_alone(
    pipeline: Pipeline, model: Path, encoded: list[tuple[int, ...]]
) -> None:
    check_scale_0(pipeline, model)
    assert encoded == [] and pipeline.controls.inputs() == []


def test_a_frame_that_reuses_deep_features_has_the_picture_too(
    pipeline: Pipeline, encoded: list[tuple[int, ...]]
) -> None:
    pipeline.controls.set_picture(0, picture())
    full = draw(pipeline)
    np.testing.assert_array_equal(draw(pipeline, Reuse.DEEP_FEATURES), full)
    pipeline.controls.set_picture(0, picture(9))
    assert (draw(pipeline, Reuse.LATENTS) != full).any()  # a new picture asks for a full frame
    assert len(encoded) == 2


def test_deep_features_of_a_model_whose_first_level_is_plain(tmp_path: Path) -> None:
    """There, as in XL, the first feature is among the deep ones."""
    blocks = {"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]}
    blocks["up_block_types"] = ["CrossAttnUpBlock2D", "UpBlock2D"]
    model = write_model(tmp_path / "model", ATTENTIVE_UNET | blocks, ATTENTIVE_VAE, TINY_TEXT)
    adapter = write_t2i_adapter(tmp_path / "adapter", [16, 32], xl=True)
    pipeline = Pipeline.load(ModelSpec(model, controls=(ControlSpec(adapter),)), *SIZE)
    pipeline.controls.set_picture(0, picture())
    full = draw(pipeline)
    np.testing.assert_array_equal(draw(pipeline, Reuse.DEEP_FEATURES), full)
    pipeline.controls.set_levels([ControlLevel(0.0)])
    assert (draw(pipeline) != full).any()


def test_batches_are_drawn_with_the_same_structure(pipeline: Pipeline) -> None:
    check_batches(pipeline)


def test_moving_faders_compiles_nothing(model: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python body of a compiled function runs only while it is traced."""
    traces = count_traces(monkeypatch, (UNet2DConditionModel, "encode"), (T2IAdapter, "encode_picture"))
    net = write_controlnet(adapter.parent / "edges", ATTENTIVE_UNET)
    spec = ModelSpec(model, controls=(ControlSpec(adapter), ControlSpec(net)))
    pipeline = Pipeline.load(spec, *SIZE, compiled=True)
    for n in (0, 1):
        pipeline.controls.set_picture(n, picture())
    pipeline.warm_up()
    warm = list(traces)
    assert set(warm) == {"UNet2DConditionModel", "T2IAdapter"}
    for i in range(12):
        pipeline.controls.set_levels([ControlLevel(0.25 * (i % 4), 1 + i % 3), ControlLevel(0.5 * (i % 2))])
        if i == 6:
            pipeline.controls.set_picture(0, picture(9))
        draw(pipeline)
    assert traces == warm


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"adapter_type": "light_adapter"}, "adapter_type 'light_adapter' is not implemented; only 'full_adapter'"),
        ({"adapter_type": ["full_adapter"]}, "adapter_type"),
        ({"in_channels": 4}, "in_channels 4: must be 1 or 3"),
        ({"channels": 16}, "channels 16: must be a list of 1 to 8 numbers"),
        ({"channels": [16, 0]}, "channels 0: must be 1 to 16384"),
        ({"num_res_blocks": 0}, "num_res_blocks 0: must be 1 to 32"),
        ({"num_res_blocks": 3}, "missing|not in this model"),
        ({"downscale_factor": 1e9}, "downscale_factor .*: must be 1 to 64"),
        ({"in_channels": 1}, "shape"),
        ({"twist": 3}, "twist is not known"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_in_one_line(
    change: dict[str, Any], said: str, model: Path, adapter: Path, tmp_path: Path
) -> None:
    check_refusal(change, said, model, adapter, tmp_path / "broken")


@pytest.mark.parametrize("channels", [[16, 48], [16], [16, 32, 32], [16, 32, 32, 32]])
def test_an_adapter_of_another_kind_of_model_is_refused(channels: list[int], model: Path, tmp_path: Path) -> None:
    other = write_t2i_adapter(tmp_path / "other", channels)
    with pytest.raises(UserError, match=r"its features .* those of the model .*made for this kind of model"):
        Pipeline.load(ModelSpec(model, controls=(ControlSpec(other),)), *SIZE)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_at_full_width(name: str) -> None:
    """Nothing is evaluated, so nothing is allocated."""
    config, wanted = PUBLISHED[name]
    network = T2IAdapter(T2IAdapterConfig.read(config, name))
    assert sum(value.size for _, value in tree_flatten(network.parameters())) == wanted


def test_a_size_that_is_not_divided_is_filled_up() -> None:
    """XL's features halve a picture of 72 pixels to 5 and 3 cells, as the UNet does its 9 latent cells."""
    config = {"adapter_type": "full_adapter_xl", "downscale_factor": 16, "channels": [4] * 4, "num_res_blocks": 1}
    features = T2IAdapter(T2IAdapterConfig.read(config, "")).encode_picture(mx.zeros((1, 72, 96, 3)))
    assert [each.shape[1:3] for each in features] == [(5, 6), (5, 6), (3, 3), (3, 3)]


def test_an_odd_edge_is_the_mean_of_what_there_is() -> None:
    x = mx.arange(9, dtype=mx.float32).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(np.array(halved(x))[0, :, :, 0], [[2, 3.5], [6.5, 8]])


def test_each_stage_is_timed(model: Path, adapter: Path) -> None:
    figures = run_bench(ModelSpec(model, controls=(ControlSpec(adapter),)), (96, 64), 1, peers=False, precision=False)
    (row,) = figures["controls"]
    assert row["control"] == "sketch" and row["residuals_ms"] == 0
    assert row["encode_ms"] > 0 and row["generate_ms"] > 0
