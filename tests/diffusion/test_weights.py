"""Bad model folders, as a ladder from nothing to nearly right: each ends in one line that names the file."""

import json
import math
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from livemusviz.diffusion import keys
from livemusviz.diffusion.catalogue import ModelEntry, list_models
from livemusviz.diffusion.folder import (
    cached_snapshot,
    check_folder,
    find_autoencoder,
    hub_cache,
    model_name,
    resolve_model,
)
from livemusviz.diffusion.model import load_model
from livemusviz.diffusion.spec import ModelSpec, parse_lora
from livemusviz.diffusion.weights import read_header
from livemusviz.errors import UserError
from tests.diffusion.model_folders import TINY_UNET

SCHEDULE = "scheduler/scheduler_config.json"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
SOME_TENSOR = "down_blocks.0.resnets.0.conv1.weight"


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model folder of the test's own, to be spoilt."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def edit_tensors(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def edit_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def truncate(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def eight_bytes(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 2))


def header_bomb(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 40) + b'{"a":' * 1000)


def overlapping_offsets(folder: Path) -> None:
    """Two tensors on the same bytes: mlx's own reader would take it."""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"a": entry, "b": entry}).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def only_bin(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "unet/diffusion_pytorch_model.bin")


def shard(folder: Path, names: dict[str, str], double: bool = False) -> None:
    """The weights as x.safetensors (and once more as z.safetensors) under an index with these names."""
    (folder / WEIGHTS).rename(folder / "unet/x.safetensors")
    if double:
        shutil.copy(folder / "unet/x.safetensors", folder / "unet/z.safetensors")
    (folder / (WEIGHTS + ".index.json")).write_text(json.dumps({"weight_map": names}))


LADDER: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: (f / "model_index.json").unlink(), "no model_index.json"),
    (lambda f: (f / "model_index.json").write_bytes(b"\xff\xfe"), "model_index.json: not readable as JSON"),
    (lambda f: (f / "model_index.json").write_text("[" * 100_000), "model_index.json: not readable as JSON"),
    (lambda f: (f / "model_index.json").write_text("[]"), "must hold a JSON object"),
    (lambda f: (f / "model_index.json").write_bytes(bytes(2 << 20)), "larger than"),
    (lambda f: edit_json(f / "model_index.json", text_encoder_3=["transformers", "X"]), "text_encoder_3"),
    (lambda f: shutil.rmtree(f / "vae"), "no vae in it"),
    (lambda f: (f / "unet/config.json").unlink(), "config.json: not found"),
    (lambda f: (f / WEIGHTS).write_bytes(b""), "not a valid safetensors file"),
    (eight_bytes, "not a valid safetensors file"),
    (header_bomb, "not a valid safetensors file"),
    (truncate, "not a valid safetensors file"),
    (overlapping_offsets, "not a valid safetensors file"),
    (only_bin, "only .safetensors is read"),
    (lambda f: shard(f, {}), "no weight_map"),
    (lambda f: shard(f, {"a": "../x.safetensors"}), "is not the name of a safetensors file"),
    (lambda f: shard(f, {"a": "y.safetensors"}), "y.safetensors: not found"),
    (lambda f: shard(f, {"a": "x.safetensors", "b": "z.safetensors"}, double=True), "stored twice"),
    (lambda f: (f / WEIGHTS).unlink(), "no diffusion_pytorch_model.safetensors"),
    (lambda f: edit_tensors(f, lambda t: t.pop(SOME_TENSOR)), f"{SOME_TENSOR} is missing"),
    (lambda f: edit_tensors(f, lambda t: t.update(evil=np.zeros(1, np.float16))), "evil is not in this model"),
    (lambda f: edit_tensors(f, lambda t: t.update({SOME_TENSOR: t[SOME_TENSOR][:, :1]})), "has shape [16, 1, 3, 3]"),
    (lambda f: edit_tensors(f, lambda t: t.update({SOME_TENSOR: t[SOME_TENSOR].astype(np.int8)})), "dtype I8"),
    (lambda f: edit_tensors(f, lambda t: t.update({"text_model." + k: v for k, v in list(t.items())})), "stored twice"),
    (lambda f: edit_json(f / "unet/config.json", _class_name="UNet3D"), "class UNet3D is not implemented"),
    (lambda f: edit_json(f / "vae/config.json", _class_name="AutoencoderKL"), "is not known here"),
    (lambda f: edit_json(f / "vae/config.json", _class_name="VQModel"), "class VQModel is not implemented"),
    (lambda f: edit_json(f / "unet/config.json", quantization={"bits": 3}), "convert it again"),
    (lambda f: edit_json(f / "text_encoder/config.json", architectures=["T5"]), "class T5 is not implemented"),
    (lambda f: edit_json(f / "unet/config.json", block_out_channels=7), "not of the kind expected"),
    (lambda f: edit_json(f / "unet/config.json", act_fn="mish"), "activation 'mish'"),
    (lambda f: edit_json(f / "unet/config.json", coordinate_channels=0), "plus coordinate_channels 8"),
    (lambda f: edit_json(f / "scheduler/scheduler_config.json", _class_name="PNDM"), "class PNDM"),
    (lambda f: edit_json(f / "scheduler/scheduler_config.json", use_karras_sigmas=True), "use_karras_sigmas"),
    (lambda f: (f / "tokenizer/tokenizer.json").write_text("{}"), "not a usable tokenizer"),
    (lambda f: (f / "tokenizer/tokenizer.json").unlink(), "neither tokenizer.json nor vocab.json"),
    (
        lambda f: edit_json(f / "tokenizer/tokenizer_config.json", **{"pad_token": "<nil>"}),
        "'<nil>' is not in the vocabulary",
    ),
]


@pytest.mark.parametrize(("spoil", "told"), LADDER, ids=[told for _, told in LADDER])
def test_ladder(folder: Path, spoil: Callable[[Path], object], told: str) -> None:
    spoil(folder)
    with pytest.raises(UserError) as raised:
        load_model(ModelSpec(folder))
    message = str(raised.value)
    assert told in message
    assert str(folder) in message
    assert "\n" not in message and len(message) < 500


def test_untouched_folder_loads_in_fp32_on_a_cpu(folder: Path) -> None:
    parts = load_model(ModelSpec(folder))
    assert parts.dtype == mx.float32
    assert parts.unet.conv_in.weight.dtype == mx.float32
    stored = load_file(folder / WEIGHTS)[SOME_TENSOR].astype(np.float32)
    loaded = np.array(parts.unet.down_blocks[0].resnets[0].conv1.weight)
    np.testing.assert_array_equal(loaded, stored.transpose(0, 2, 3, 1))


def test_shards_and_the_fp16_variant_load_as_one_file_does(folder: Path) -> None:
    whole = np.array(load_model(ModelSpec(folder)).unet.conv_in.weight)
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    (folder / WEIGHTS).unlink()
    for i, part in enumerate((names[::2], names[1::2])):
        save_file({name: tensors[name] for name in part}, folder / f"unet/part-{i}.safetensors")
    shards = {name: f"part-{i % 2}.safetensors" for i, name in enumerate(names)}
    for spelling in (".safetensors.index.fp16", ".fp16.safetensors.index", ".safetensors.fp16.index"):
        index = folder / f"unet/diffusion_pytorch_model{spelling}.json"
        index.write_text(json.dumps({"weight_map": shards}))
        np.testing.assert_array_equal(np.array(load_model(ModelSpec(folder)).unet.conv_in.weight), whole)
        index.unlink()
    save_file(tensors, folder / "unet/diffusion_pytorch_model.fp16.safetensors")
    np.testing.assert_array_equal(np.array(load_model(ModelSpec(folder)).unet.conv_in.weight), whole)


def test_a_byte_order_mark_is_no_part_of_a_config(folder: Path) -> None:
    """Windows' editors write one."""
    for path in folder.rglob("*.json"):
        if path.name != "tokenizer.json":  # the tokenizers library reads that one
            path.write_text(path.read_text(), encoding="utf-8-sig")
    assert load_model(ModelSpec(folder)).unet.config.channels == (16, 32)


def test_the_old_prefix_of_transformers_is_taken_off(folder: Path) -> None:
    path = folder / "text_encoder/model.safetensors"
    before = load_model(ModelSpec(folder)).text.encoders[0](mx.array([[1, 2, 3]]))
    tensors = {"text_model." + name: a for name, a in load_file(path).items()}
    save_file(tensors | {"text_model.embeddings.position_ids": np.arange(32)[None]}, path)
    after = load_model(ModelSpec(folder)).text.encoders[0](mx.array([[1, 2, 3]]))
    np.testing.assert_array_equal(np.array(before), np.array(after))


@pytest.mark.parametrize("key", ["class_embed_type", "time_embedding_dim", "encoder_hid_dim", "a_future_key"])
def test_unet_config_value_that_changes_the_arithmetic_is_refused_by_name(folder: Path, key: str) -> None:
    edit_json(folder / "unet/config.json", **{key: 7})
    with pytest.raises(UserError, match=key):
        load_model(ModelSpec(folder))


def test_what_nothing_reads_or_changes_is_no_reason_to_refuse(folder: Path) -> None:
    """An IP-Adapter's image encoder kept in a text-to-image folder; a width that is spelled out as it is anyway."""
    width = 4 * json.loads((folder / "unet/config.json").read_text())["block_out_channels"][0]
    edit_json(folder / "unet/config.json", time_embedding_dim=width)
    encoder = ["transformers", "CLIPVisionModelWithProjection"]
    edit_json(folder / "model_index.json", image_encoder=encoder)
    assert load_model(ModelSpec(folder)).unet.config.time_dim == width
    edit_json(folder / "model_index.json", _class_name="StableUnCLIPImg2ImgPipeline")
    with pytest.raises(UserError, match="the part image_encoder"):
        load_model(ModelSpec(folder))


NAMES = {
    "unet": (
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.bias",
        "up_blocks.0.attentions.2.transformer_blocks.0.ff.net.0.proj.weight",
        "up_blocks.0.attentions.2.transformer_blocks.0.ff.net.2.weight",
        "mid_block.attentions.0.proj_in.weight",
        "down_blocks.0.downsamplers.0.conv.weight",
        "add_embedding.pool.q_proj.weight",
        "add_embedding.norm1.weight",
        "conv_norm_out.weight",
    ),
    "vae": ("decoder.layers.3.conv.0.weight", "decoder.layers.0.bias"),
    "text_encoder": (
        "encoder.layers.11.self_attn.out_proj.weight",
        "encoder.layers.0.layer_norm2.weight",
        "embeddings.token_embedding.weight",
        "final_layer_norm.bias",
    ),
}
RENAMES = {"unet": keys.UNET, "vae": keys.AUTOENCODER_TINY, "text_encoder": keys.CLIP_TEXT}


@pytest.mark.parametrize("part", NAMES)
def test_names_map_both_ways(part: str) -> None:
    for name in NAMES[part]:
        ours = keys.to_ours(name, RENAMES[part])
        assert ours is not None
        assert keys.to_torch(ours, RENAMES[part]) == name


def test_layout() -> None:
    conv = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)
    assert keys.tensor_to_ours(conv, 4).shape == keys.shape_to_ours(conv.shape, 4) == (2, 5, 7, 3)
    assert keys.tensor_to_ours(conv, 4)[1, 4, 6, 2] == conv[1, 2, 4, 6]
    pointwise = conv[:, :, :1, :1]
    np.testing.assert_array_equal(keys.tensor_to_ours(pointwise, 2), pointwise[:, :, 0, 0])


def test_header_tells_shapes_without_loading(folder: Path) -> None:
    assert read_header(folder / WEIGHTS)["conv_in.weight"].shape == (16, TINY_UNET["in_channels"], 3, 3)


def test_resolve_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_model(str(tmp_path)) == tmp_path
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(UserError, match="not in the Hugging Face cache"):
        resolve_model("stabilityai/sd-turbo")
    store = tmp_path / "hub/models--stabilityai--sd-turbo"
    for revision in ("abc", "def"):
        (store / "snapshots" / revision).mkdir(parents=True)
    marker = store / "snapshots/def/model_index.json"
    marker.touch()
    (store / "refs").mkdir()
    (store / "refs/main").write_text("def\n")
    snapshot = resolve_model("stabilityai/sd-turbo")
    assert snapshot == store / "snapshots/def"
    assert model_name(snapshot) == "stabilityai/sd-turbo"
    (store / "refs/main").write_text("../../../..")
    assert resolve_model("stabilityai/sd-turbo") == snapshot
    marker.unlink()
    with pytest.raises(UserError, match="fetch it first"):
        resolve_model("stabilityai/sd-turbo")


@pytest.mark.parametrize("name", ["", "no such", "../../etc", "a/../b", "a/b/c", "/nowhere/at/all"])
def test_no_such_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        resolve_model(name)


NO_PATHS = [("x" * 300, "File name too long"), ("~nobody-here/x", "home directory"), ("a\0b", "null"), ("", "empty")]


@pytest.mark.parametrize(("name", "told"), NO_PATHS)
def test_no_path_at_all(name: str, told: str, tmp_path: Path) -> None:
    asked = {
        "model": resolve_model,
        "--vae": lambda text: find_autoencoder(tmp_path, text),
        "--lora": lambda text: parse_lora(text, live=False),
    }
    for flag, find in asked.items():
        with pytest.raises(UserError, match=told) as raised:
            find(name)
        assert str(raised.value).startswith(f"{flag} '") and len(str(raised.value)) < 200


def test_a_name_too_long_for_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="File name too long"):
        cached_snapshot("org/" + "x" * 300)
    monkeypatch.setenv("HF_HUB_CACHE", "~nobody-here/hub")
    with pytest.raises(UserError, match="HF_HUB_CACHE '~nobody-here/hub'"):
        hub_cache()


def listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The folder's entry among the models on this machine; its cache is empty."""
    monkeypatch.setenv("HF_HUB_CACHE", str(folder.parent / "hub"))
    return {entry.name: entry for entry in list_models([folder.parent])}[folder.name]


def dangling(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(folder / "nowhere")


LISTED: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: edit_json(f / "unet/config.json", quantization=None), ""),
    (lambda f: edit_json(f / "unet/config.json", quantization="x"), "quantization 'x'"),
    (lambda f: edit_json(f / "unet/config.json", quantization=[1]), "quantization [1]"),
    (lambda f: edit_json(f / "unet/config.json", quantization={"bits": "y"}), "quantization {'bits': 'y'}"),
    (lambda f: (f / "unet/config.json").unlink(), "config.json: not found"),
    (lambda f: (f / "vae/config.json").write_text("[" * 100_000), "vae/config.json: not readable as JSON"),
    (lambda f: pipe(f / "vae/config.json"), "vae/config.json: not a regular file"),
    (lambda f: pipe(f / "unet/config.json"), "unet/config.json: not a regular file"),
    (dangling, "no diffusion_pytorch_model.safetensors"),
    (eight_bytes, "not a valid safetensors file"),
    (only_bin, "only .safetensors is read"),
    (lambda f: (f / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"12345678"), "not a valid safetensors"),
    (lambda f: (f / "vae/diffusion_pytorch_model.safetensors").unlink(), "vae: no diffusion_pytorch_model"),
    (lambda f: (f / "text_encoder/model.safetensors").unlink(), "text_encoder: no model.safetensors"),
    (lambda f: edit_json(f / "model_index.json", text_encoder_2=["transformers", "X"]), "text_encoder_2/config.json"),
    (lambda f: edit_json(f / "model_index.json", text_encoder_2=[None, None]), ""),
    (lambda f: edit_json(f / SCHEDULE, _class_name="HeunDiscreteScheduler"), "needs --scheduler euler|lcm|tcd|ddim"),
    (lambda f: edit_json(f / SCHEDULE, lambda_min_clipped=-math.inf), ""),
    (lambda f: edit_json(f / SCHEDULE, _class_name="DPMSolver", lambda_min_clipped=-math.inf), "needs --scheduler"),
    (lambda f: edit_json(f / "unet/config.json", in_channels=9, out_channels=4, coordinate_channels=0), "inpainting"),
]


@pytest.mark.parametrize(("spoil", "told"), LISTED)
def test_a_broken_model_is_listed_with_its_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(folder)
    entry = listed(folder, monkeypatch)
    assert told in entry.problem if told else not entry.problem
    assert entry.bits == 16 and "\n" not in entry.problem


def test_a_tiny_autoencoder_in_the_cache_stands_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    edit_json(folder / "vae/config.json", _class_name="AutoencoderKL", latent_channels=4, scaling_factor=0.18215)
    assert "fetch madebyollin/taesd" in listed(folder, monkeypatch).problem
    tiny = folder.parent / "hub/models--madebyollin--taesd/snapshots/abc"
    tiny.mkdir(parents=True)
    (tiny / "config.json").write_text("{}")
    save_file({"a": np.zeros(1)}, tiny / "diffusion_pytorch_model.safetensors")
    assert listed(folder, monkeypatch).problem == ""


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


EVIL = "a\nb\x1b[31m"
UNTOLD: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: edit_tensors(f, lambda t: t.update({EVIL: np.zeros(1, np.float16)})), "a\\nb\\x1b[31m is not in"),
    (lambda f: edit_tensors(f, lambda t: t.update({"x" * 100_000: np.zeros(1, np.float16)})), "x... is not in"),
    (
        lambda f: edit_tensors(f, lambda t: t.update({SOME_TENSOR: np.zeros([1] * 60, np.float16)})),
        "..., which does not fit",
    ),
    (lambda f: shard(f, {"a": f"{EVIL}.safetensors"}), "a\\nb\\x1b[31m.safetensors: not found"),
    (lambda f: shard(f, {"a": "é" * 200 + ".safetensors"}), "is not the name of a safetensors file"),
    (lambda f: shard(f, {"a": "\ud800.safetensors"}), "\\ud800.safetensors: not found"),
    (lambda f: edit_json(f / "unet/config.json", norm_eps=float("nan")), "unet/config.json: not readable as JSON (NaN"),
    (lambda f: edit_json(f / "unet/config.json", norm_eps=-math.inf), "(-Infinity is no finite number)"),
    (lambda f: (f / "unet/config.json").write_text('{"norm_eps": 1e999}'), "(1e999 is no finite number)"),
    (lambda f: pipe(f / "unet/config.json"), "unet/config.json: not a regular file"),
    (
        lambda f: (f / "vae/config.json").write_text(f'{{"sample_size": 1{"0" * 400}}}'),
        "sample_size: a whole number of 401",
    ),
    (
        lambda f: (f / "unet/config.json").write_text(f'{{"x": {"9" * 5000}}}'),
        "a whole number of 5000 digits",
    ),
    (lambda f: edit_json(f / SCHEDULE, beta_end=math.inf), "scheduler_config.json: beta_end inf: must be 0 to 1"),
    (lambda f: edit_json(f / SCHEDULE, one_step=math.nan), "scheduler_config.json: one_step nan: must be a finite"),
]


@pytest.mark.parametrize(("spoil", "told"), UNTOLD, ids=range(len(UNTOLD)))
def test_a_files_own_text_is_shown_safely_and_nothing_is_waited_for(
    folder: Path, spoil: Callable[[Path], object], told: str
) -> None:
    test_ladder(folder, spoil, told)


def test_header_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    told = {"pipe": "not a regular file", "gone": "there is no such file", "x" * 300: "cannot be read"}
    for name, says in told.items():
        with pytest.raises(UserError, match=says):
            read_header(tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize(
    "kind",
    ["StableDiffusion3Pipeline", "FluxPipeline", "PixArtAlphaPipeline", "KolorsPipeline", "StableCascadePipeline"],
)
def test_a_pipeline_of_another_family_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    with pytest.raises(UserError, match=rf"a {kind}, which is not implemented .*Stable Diffusion 1, 2 or XL"):
        check_folder(tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(UserError, match="no unet, text_encoder, .*; the model must be complete"):
        check_folder(tmp_path)
