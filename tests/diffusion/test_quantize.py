"""Packed weights: what is packed, how close it stays, and folders that `models convert` writes."""

import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from livemusviz.cli import main
from livemusviz.diffusion import convert as converter
from livemusviz.diffusion.bench import psnr
from livemusviz.diffusion.convert import convert
from livemusviz.diffusion.layers import Conv2d
from livemusviz.diffusion.model import ModelParts, load_model
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
from tests.diffusion.parity_tools import save_folder


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
    again, packed, plain = (p.generate(noise, p.prompts.encode("red lava")) for p in made)
    np.testing.assert_array_equal(again, packed)
    assert decibels < psnr(packed, plain) < np.inf


def test_convert_refuses_what_is_there_and_leaves_nothing_half_written(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        convert(ModelSpec(tiny_folder, bits=4), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        convert(ModelSpec(tiny_folder, bits=4), tmp_path / "file" / "folder")
    with disk_full(), pytest.raises(UserError, match="cannot be written .*make room"):
        convert(ModelSpec(tiny_folder), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def disk_full(free: int = 20_000) -> Iterator[None]:
    """No file grows beyond `free` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_interrupted_convert_leaves_nothing(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mx, "save_safetensors", interrupt)
    with pytest.raises(KeyboardInterrupt):
        convert(ModelSpec(tiny_folder), tmp_path / "folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("files", [(), ("precious",)])
def test_a_folder_that_comes_while_the_model_loads_is_left_alone(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...]
) -> None:
    def slowly(spec: ModelSpec) -> ModelParts:
        (tmp_path / "folder").mkdir()
        for name in files:
            (tmp_path / "folder" / name).write_text("x")
        return load_model(spec)

    monkeypatch.setattr(converter, "load_model", slowly)
    with pytest.raises(UserError, match="exists already"):
        convert(ModelSpec(tiny_folder), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == list(files)


def test_a_packed_folder_stays_in_its_bits(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "packed"
    convert(ModelSpec(tiny_folder, bits=4), packed)
    for bits in (8, 16, None):
        with pytest.raises(UserError, match="packed in 4 bits already"):
            convert(ModelSpec(packed, bits=bits), tmp_path / "other")
    assert main(["models", "convert", str(packed), "--bits", "4", "-o", str(tmp_path / "again"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits"] == 4
    weights = "unet/diffusion_pytorch_model.safetensors"
    first, again = load_file(packed / weights), load_file(tmp_path / "again" / weights)
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_the_bits_told_are_those_written(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livemusviz.diffusion.quantize.packable", lambda module: False)
    assert main(["models", "convert", str(tiny_folder), "--bits", "4", "-o", str(tmp_path / "plain"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits"] == 16


def test_plain_weights_keep_the_names_of_the_original(tiny_folder: Path, tmp_path: Path) -> None:
    """transformers before version 5 looks for its prefix, and takes random weights where it is not."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "old"))
    path = folder / "text_encoder/model.safetensors"
    save_file({"text_model." + name: value for name, value in load_file(path).items()}, path)
    convert(ModelSpec(folder), tmp_path / "new")
    assert load_file(tmp_path / "new/text_encoder/model.safetensors").keys() == load_file(path).keys()


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["sd15", "sdxl-turbo"])
def test_diffusers_reads_what_is_plain(name: str, tmp_path: Path) -> None:
    """Its 1x1 convolutions, the UNet's projections and all shortcuts, are matrices here."""
    pytest.importorskip("torch")
    diffusers, transformers = pytest.importorskip("diffusers"), pytest.importorskip("transformers")
    folder, vae, target = tmp_path / "model", tmp_path / "vae", tmp_path / "plain"
    save_folder(folder, name)
    diffusers.AutoencoderKL(
        block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=8,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4,
    ).save_pretrained(vae)  # fmt: skip
    convert(ModelSpec(folder, vae=vae, bits=16), target)
    kinds = {"unet": diffusers.UNet2DConditionModel, "vae": diffusers.AutoencoderKL}
    kinds |= {"text_encoder": transformers.CLIPTextModel}
    for part, kind in kinds.items():
        original = kind.from_pretrained(vae if part == "vae" else folder / part).state_dict()
        found = kind.from_pretrained(target / part).state_dict()
        assert found.keys() == original.keys()
        for key, value in original.items():
            np.testing.assert_array_equal(found[key].float().numpy(), value.half().float().numpy(), err_msg=key)
    load_model(ModelSpec(target))


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
