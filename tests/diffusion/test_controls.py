"""ControlNets in a pipeline: faders, pictures, intervals, refusals; on small random folders."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx.utils import tree_flatten

from livemusviz.bridge.frames import ControlLevel, Reuse
from livemusviz.bridge.sources import SourcePicture
from livemusviz.diffusion.bench import run_bench
from livemusviz.diffusion.control_units import ControlUnits
from livemusviz.diffusion.controlnet import ControlNetConfig, ControlNetModel, PictureEncoder
from livemusviz.diffusion.opening import EngineSpec, open_pipeline
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ControlSpec, ModelSpec, parse_control
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
from tests.diffusion.model_folders import ATTENTIVE_UNET, write_controlnet

model, pipeline = controlled.model, controlled.pipeline

PUBLISHED = {
    "Stable Diffusion 1.5": ({"cross_attention_dim": 768, "attention_head_dim": 8}, 361_279_120),
    "Stable Diffusion 2.1": ({"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20]}, 364_228_240),
    "Stable Diffusion XL": (
        {
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
            "attention_head_dim": [5, 10, 20],
            "cross_attention_dim": 2048,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        1_251_014_160,
    ),
}
"""Configs at full width, and their parameters."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_controlnet(tmp_path_factory.mktemp("nets") / "edges", ATTENTIVE_UNET)


@pytest.fixture(scope="module")
def shared(model: Path, net: Path) -> Pipeline:
    return Pipeline.load(ModelSpec(model, controls=(ControlSpec(net),)), *SIZE)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts the evaluations of ControlNets and the pictures that they encode."""
    counted: list[str] = []
    call, encode = ControlNetModel.__call__, PictureEncoder.__call__

    def counting(self: Any, *given: Any) -> Any:
        counted.append("residuals")
        return call(self, *given)

    def encoding(self: Any, *given: Any) -> Any:
        counted.append("picture")
        return encode(self, *given)

    monkeypatch.setattr(ControlNetModel, "__call__", counting)
    monkeypatch.setattr(PictureEncoder, "__call__", encoding)
    return counted


def test_a_picture_changes_the_frame_as_far_as_its_scale(pipeline: Pipeline) -> None:
    drawn = check_scales(pipeline)
    pipeline.controls.set_picture(0, picture(9))
    assert (draw(pipeline) != drawn).any()


def test_scale_0_computes_nothing_and_gives_the_frame_of_the_model_alone(
    pipeline: Pipeline, model: Path, calls: list[str]
) -> None:
    check_scale_0(pipeline, model)
    assert calls == []


def test_residuals_are_kept_for_the_interval(pipeline: Pipeline, calls: list[str]) -> None:
    pipeline.controls.set_picture(0, picture())
    pipeline.controls.set_levels([ControlLevel(1.0, 3)])
    frames = [draw(pipeline) for _ in range(7)]
    assert calls == ["picture", "residuals", "residuals", "residuals"]
    np.testing.assert_array_equal(frames[0], frames[6])
    pipeline.controls.set_levels([ControlLevel(0.4, 3)])
    assert (draw(pipeline) != frames[0]).any()  # kept at scale 1, used at 0.4
    assert calls.count("residuals") == 3


def test_a_frame_that_reuses_features_reuses_residuals(pipeline: Pipeline, calls: list[str]) -> None:
    pipeline.controls.set_picture(0, picture())
    full = draw(pipeline)
    np.testing.assert_array_equal(draw(pipeline, Reuse.DEEP_FEATURES), full)
    assert calls == ["picture", "residuals"]
    pipeline.controls.set_picture(0, picture(9))
    assert (draw(pipeline, Reuse.LATENTS) != full).any()  # a new picture asks for a full frame
    assert calls == ["picture", "residuals"] * 2


def test_a_unit_without_a_picture_follows_the_live_one_or_the_last_frame(pipeline: Pipeline, calls: list[str]) -> None:
    alone = draw(pipeline)
    assert calls == []
    assert (draw(pipeline) != alone).any()  # now by the first frame
    live = SourcePicture.of(picture(), 1, 0.0)
    pipeline.controls.take_live(live)
    by_live = draw(pipeline)
    pipeline.controls.set_picture(0, picture())
    np.testing.assert_array_equal(draw(pipeline), by_live)
    pipeline.controls.set_picture(0, None)
    pipeline.controls.take_live(live)
    draw(pipeline)
    before = len(calls)
    pipeline.controls.take_live(live)
    draw(pipeline)
    assert calls[before:] == ["residuals"]  # the same picture is encoded once


def test_a_picture_of_another_size_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match="this pipeline takes"):
        pipeline.controls.set_picture(0, picture()[:32])


def test_batches_are_drawn_with_the_same_structure(pipeline: Pipeline) -> None:
    check_batches(pipeline)


def test_moving_faders_compiles_nothing(model: Path, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python body of a compiled function runs only while it is traced."""
    traces = count_traces(monkeypatch, (UNet2DConditionModel, "encode"), (ControlNetModel, "__call__"))
    pipeline = Pipeline.load(ModelSpec(model, controls=(ControlSpec(net),)), *SIZE, compiled=True)
    pipeline.controls.set_picture(0, picture())
    pipeline.warm_up()
    warm = len(traces)
    assert warm > 0
    for i in range(12):
        pipeline.controls.set_levels([ControlLevel(0.25 * (i % 4), 1 + i % 3)])
        draw(pipeline)
    assert len(traces) == warm


def test_warming_up_leaves_faders_and_pictures_as_they_were(model: Path, net: Path) -> None:
    spec = ModelSpec(model, controls=(ControlSpec(net, scale=0.3), ControlSpec(net, scale=0.0)))
    pipeline = Pipeline.load(spec, *SIZE)
    pipeline.controls.set_picture(1, picture())
    pipeline.warm_up()
    assert [unit.level for unit in pipeline.controls.units] == [ControlLevel(0.3), ControlLevel(0.0)]
    first, second = pipeline.controls.units
    assert first.source is None and first.encoded is None
    np.testing.assert_array_equal(second.source, picture())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "class UNet2DConditionModel"),
        ({"global_pool_conditions": True}, "global_pool_conditions"),
        ({"conditioning_channels": 4}, "conditioning_channels 4"),
        ({"controlnet_conditioning_channel_order": "yuv"}, "must be rgb or bgr"),
        ({"conditioning_embedding_out_channels": "many"}, "must be 1 to 8 numbers|not of the kind"),
        ({"conditioning_embedding_out_channels": [4, 6]}, "missing|not in this model|shape"),
        ({"cross_attention_dim": 48}, "shape"),
        ({"twist": 3}, "twist is not known"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_in_one_line(
    change: dict[str, Any], said: str, model: Path, net: Path, tmp_path: Path
) -> None:
    check_refusal(change, said, model, net, tmp_path / "broken")


def test_a_net_that_is_refused_costs_a_show_only_itself(model: Path, tmp_path: Path) -> None:
    """One line for the performer; the same model goes on without it."""
    spec = ModelSpec(model, controls=(ControlSpec(tmp_path / "none"),))
    pipeline, about = open_pipeline(spec, EngineSpec(spec, spec, *SIZE, control_pictures=(picture(),)))
    assert len(pipeline.controls) == 0 and pipeline.parts.folder == model
    assert "config.json: not found" in about["remark"] and "all ControlNets are left out" in about["remark"]
    assert "\n" not in about["remark"]


def test_a_show_begins_with_the_stills_it_is_given(model: Path, net: Path) -> None:
    spec = ModelSpec(model, controls=(ControlSpec(net), ControlSpec(net)))
    pipeline, _ = open_pipeline(spec, EngineSpec(spec, spec, *SIZE, control_pictures=(None, picture())))
    assert [unit.still for unit in pipeline.controls.units] == [False, True]


def test_a_net_of_another_kind_of_model_is_refused(model: Path, tmp_path: Path) -> None:
    other = write_controlnet(tmp_path / "wide", ATTENTIVE_UNET | {"block_out_channels": [16, 48]})
    with pytest.raises(UserError, match=r"block_out_channels is \[16, 48\].*made for this kind of model"):
        Pipeline.load(ModelSpec(model, controls=(ControlSpec(other),)), *SIZE)


def test_the_first_nets_have_no_conditioning_channels(net: Path) -> None:
    config = json.loads((net / "config.json").read_text())
    assert "conditioning_channels" not in config
    assert ControlNetConfig.read(config, "").conditioning_channels == 3


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_at_full_width(name: str) -> None:
    """Nothing is evaluated, so nothing is allocated."""
    config, wanted = PUBLISHED[name]
    network = ControlNetModel(ControlNetConfig.read(config, name))
    assert sum(value.size for _, value in tree_flatten(network.parameters())) == wanted


def test_what_a_flag_asks_for(net: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert parse_control(str(net)) == ControlSpec(net)
    assert parse_control(f"{net}:canny") == ControlSpec(net, "canny")
    assert parse_control(f"{net}:0.7") == ControlSpec(net, scale=0.7)
    assert parse_control(f"{net}:soft:0") == ControlSpec(net, "soft", 0.0)
    assert parse_control(str(odd)) == ControlSpec(odd)
    assert parse_control(f"{odd}:tile:2") == ControlSpec(odd, "tile", 2.0)


@pytest.mark.parametrize("tail", [":sharp", ":canny:3", ":-1", ":nan", ":canny:soft", ":0.5:canny", "/none", ":", "::"])
def test_a_flag_that_means_nothing_is_refused(tail: str, net: Path) -> None:
    with pytest.raises(UserError, match="--control"):
        parse_control(f"{net}{tail}")


def test_more_than_four_are_refused(model: Path, net: Path) -> None:
    with pytest.raises(UserError, match="at most 4"):
        ModelSpec(model, controls=(ControlSpec(net),) * 5).validate()


def test_each_stage_is_timed(model: Path, net: Path) -> None:
    spec = ModelSpec(model, controls=(ControlSpec(net, "canny"),))
    figures = run_bench(spec, (96, 64), 1, peers=False, precision=False)
    (row,) = figures["controls"]
    assert row["control"] == "edges" and row["processor"] == "canny"
    assert all(row[name] > 0 for name in ("picture_ms", "encode_ms", "residuals_ms", "generate_ms"))


def test_faders_without_a_unit_move_nothing(pipeline: Pipeline) -> None:
    empty = ControlUnits(
        replace(pipeline.parts, controls=(), spec=replace(pipeline.parts.spec, controls=())), SIZE, False
    )
    empty.set_levels([ControlLevel()] * 4)
    empty.take_frame(picture())
    assert empty.inputs() == [] and empty.kept_inputs(()) == []
