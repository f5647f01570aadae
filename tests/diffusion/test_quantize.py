"""Packed weights: what is packed, how close it stays, and folders that `models convert` writes."""

import json
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from safetensors import safe_open

from livemusviz.cli import main
from livemusviz.diffusion.bench import psnr
from livemusviz.diffusion.convert import convert
from livemusviz.diffusion.layers import Conv2d
from livemusviz.diffusion.model import load_model
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.quantize import (
    PackedConv2d,
    PackedEmbedding,
    PackedLinear,
    choose_bits,
    packable,
    prepare_packed,
    weight_bytes,
)
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError


def normal(*shape: int, seed: int = 0) -> mx.array:
    return mx.array(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def far(found: mx.array, wanted: mx.array) -> float:
    a, b = np.array(found), np.array(wanted)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def test_bits() -> None:
    assert choose_bits(None) == 16 and choose_bits(4) == 4
    with pytest.raises(UserError, match="5 bits"):
        choose_bits(5)


@pytest.mark.parametrize(("bits", "within"), [(8, 0.01), (4, 0.12)])
def test_each_kind_of_layer_stays_close(bits: int, within: float) -> None:
    layers = (nn.Linear(128, 64), Conv2d(64, 32, 3, padding=1), Conv2d(64, 32, 3, stride=2), nn.Embedding(50, 64))
    inputs = (normal(3, 128), normal(1, 7, 9, 64), normal(1, 7, 9, 64), mx.array([[3, 4, 49]]))
    kinds = (PackedLinear, PackedConv2d, PackedConv2d, PackedEmbedding)
    for layer, x, kind in zip(layers, inputs, kinds, strict=True):
        holder = nn.Sequential(layer)
        prepare_packed(holder, bits, mx.float32)
        packed = holder.layers[0]
        assert type(packed) is kind
        packed.update(packed.pack(layer.weight))
        assert far(packed(x), layer(x)) < within
        if isinstance(layer, Conv2d):
            told = normal(1, 1, 1, 32)
            assert far(packed(x, told), layer(x, told)) < within


@pytest.mark.parametrize(
    "layer", [nn.Linear(100, 64), Conv2d(4, 320, 3), Conv2d(320, 4, 3), nn.LayerNorm(64), nn.Linear(64, 3)]
)
def test_what_stays_plain(layer: nn.Module) -> None:
    assert not packable(layer)


def test_most_of_a_real_model_is_packed(embedded_like_folder: Path) -> None:
    unets = {bits: load_model(ModelSpec(embedded_like_folder, bits=bits)).unet for bits in (16, 8, 4)}
    unet = unets[4]
    assert isinstance(unet.down_blocks[0].resnets[0].conv1, PackedConv2d)
    assert isinstance(unet.down_blocks[0].resnets[0].time_proj, PackedLinear)
    assert type(unet.conv_in) is Conv2d
    sizes = {bits: weight_bytes(unet) for bits, unet in unets.items()}
    assert sizes[4] < 0.6 * sizes[8] < 0.18 * sizes[16]


@pytest.mark.parametrize(("bits", "decibels"), [(8, 40), (4, 20)])
def test_a_converted_folder_draws_what_packing_at_load_draws(
    embedded_like_folder: Path, tmp_path: Path, bits: int, decibels: float
) -> None:
    target = tmp_path / "packed"
    size = convert(ModelSpec(embedded_like_folder, bits=bits), target)
    assert size == sum(p.stat().st_size for p in target.rglob("*") if p.is_file())
    assert json.loads((target / "unet/config.json").read_text())["quantization"]["bits"] == bits
    with safe_open(target / "unet/diffusion_pytorch_model.safetensors", "numpy") as file:
        names = set(file.keys())
        assert file.get_slice("down_blocks.0.resnets.0.conv1.weight").get_dtype() == "U32"
        assert file.get_slice("conv_in.weight").get_shape() == [128, 34, 3, 3]
    assert {"down_blocks.0.resnets.0.conv1.scales", "down_blocks.0.resnets.0.conv1.biases"} <= names
    made = [
        Pipeline.load(spec, 64, 64)
        for spec in (ModelSpec(target), ModelSpec(embedded_like_folder, bits=bits), ModelSpec(embedded_like_folder))
    ]
    assert made[0].parts.bits == bits
    noise = np.array(normal(*made[0].latent_shape))
    again, packed, plain = (p.generate(noise, p.encode_prompt("red lava")) for p in made)
    np.testing.assert_array_equal(again, packed)
    assert decibels < psnr(packed, plain) < np.inf


def test_convert_refuses_what_is_there_and_leaves_nothing_half_written(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        convert(ModelSpec(tiny_folder, bits=4), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        convert(ModelSpec(tiny_folder, bits=4), tmp_path / "file" / "folder")


def test_models_on_the_command_line(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert main(["models", "convert", str(tiny_folder), "--bits", "8", "-o", str(tmp_path / "small"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits"] == 8
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/model_index.json").write_text("{")
    assert main(["models", "list", str(tmp_path), "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert found["embedded"]["problem"] == "" and found["embedded"]["size_mb"] > 1
    assert found["small"]["bits"] == 8 and found["small"]["scheduler"] == "EulerDiscreteScheduler"
    assert "unet" in found["broken"]["problem"]
    assert main(["models", "list", str(tmp_path)]) == 0
    assert "small" in capsys.readouterr().out
    assert main(["models", "list", str(tmp_path / "nowhere")]) == 2
    assert main(["models", "convert", "org/nothing", "-o", str(tmp_path / "x")]) == 2
    assert "models fetch org/nothing" in capsys.readouterr().err
