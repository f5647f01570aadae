"""The committed folder keeps the contract: every file there, every tensor of the right name, shape and type. Reads
headers only."""

import json
import struct
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from training.pictures import PAN, ZOOM

FOLDER = resolve_model(EMBEDDED)


def header(path: Path) -> dict[str, tuple[str, list[int]]]:
    with path.open("rb") as file:
        entries = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return {name: (entry["dtype"], entry["shape"]) for name, entry in entries.items() if name != "__metadata__"}


def config(part: str) -> dict[str, object]:
    return json.loads((FOLDER / part).read_text())  # type: ignore[no-any-return]


def conv(name: str, out: int, into: int, size: int = 3) -> dict[str, list[int]]:
    return {f"{name}.weight": [out, into, size, size], f"{name}.bias": [out]}


def vector(name: str, size: int) -> dict[str, list[int]]:
    return {f"{name}.weight": [size], f"{name}.bias": [size]}


def matrix(name: str, out: int, into: int) -> dict[str, list[int]]:
    return {f"{name}.weight": [out, into], f"{name}.bias": [out]}


def resnet(name: str, out: int, into: int) -> dict[str, list[int]]:
    shapes = (
        vector(f"{name}.norm1", into) | conv(f"{name}.conv1", out, into) | matrix(f"{name}.time_emb_proj", 2 * out, 512)
    )
    shapes |= vector(f"{name}.norm2", out) | conv(f"{name}.conv2", out, out)
    return shapes | (conv(f"{name}.conv_shortcut", out, into, 1) if out != into else {})


def unet_shapes() -> dict[str, list[int]]:
    shapes = (
        conv("conv_in", 128, 64)
        | matrix("time_embedding.linear_1", 512, 128)
        | matrix("time_embedding.linear_2", 512, 512)
    )
    shapes |= vector("add_embedding.norm1", 96) | {"add_embedding.pool.positional_embedding": [1, 96]}
    for name in "qkv":
        shapes |= matrix(f"add_embedding.pool.{name}_proj", 96, 96)
    shapes |= matrix("add_embedding.proj", 512, 96) | vector("add_embedding.norm2", 512)
    shapes |= resnet("down_blocks.0.resnets.0", 128, 128) | conv("down_blocks.0.downsamplers.0.conv", 128, 128)
    shapes |= resnet("down_blocks.1.resnets.0", 192, 128)
    shapes |= resnet("up_blocks.0.resnets.0", 192, 384) | resnet("up_blocks.0.resnets.1", 192, 320)
    shapes |= conv("up_blocks.0.upsamplers.0.conv", 192, 192)
    shapes |= resnet("up_blocks.1.resnets.0", 128, 320) | resnet("up_blocks.1.resnets.1", 128, 256)
    return shapes | vector("conv_norm_out", 128) | conv("conv_out", 32, 128)


def vae_shapes() -> dict[str, list[int]]:
    shapes = conv("decoder.conv_in", 128, 32) | conv("decoder.expand", 768, 128, 1) | conv("decoder.conv_out", 48, 48)
    shapes |= conv("encoder.conv_in", 48, 48) | conv("encoder.reduce", 96, 768, 1) | conv("encoder.conv_out", 32, 96)
    blocks = {
        "decoder.blocks.0": (128, 128),
        "decoder.blocks.1": (128, 128),
        "decoder.fine_blocks.0": (48, 32),
        "decoder.fine_blocks.1": (48, 32),
        "encoder.fine_block": (48, 48),
        "encoder.blocks.0": (96, 96),
    }
    for name, (channels, hidden) in blocks.items():
        shapes |= conv(f"{name}.conv1", hidden, channels) | conv(f"{name}.conv2", channels, hidden)
    return shapes


def text_shapes() -> dict[str, list[int]]:
    vocabulary = config("text_encoder/config.json")["vocab_size"]
    shapes = {"embeddings.token_embedding.weight": [vocabulary, 96], "embeddings.position_embedding.weight": [32, 96]}
    for layer in ("encoder.layers.0", "encoder.layers.1"):
        shapes |= vector(f"{layer}.layer_norm1", 96) | vector(f"{layer}.layer_norm2", 96)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= matrix(f"{layer}.self_attn.{name}", 96, 96)
        shapes |= matrix(f"{layer}.mlp.fc1", 192, 96) | matrix(f"{layer}.mlp.fc2", 96, 192)
    return {f"text_model.{name}": shape for name, shape in (shapes | vector("final_layer_norm", 96)).items()}


@pytest.mark.parametrize(
    ("file", "shapes"),
    [
        ("unet/diffusion_pytorch_model.safetensors", unet_shapes),
        ("vae/diffusion_pytorch_model.safetensors", vae_shapes),
        ("text_encoder/model.safetensors", text_shapes),
    ],
)
def test_weights_have_the_contracts_names_and_shapes_in_fp16(file: str, shapes) -> None:  # type: ignore[no-untyped-def]
    found = header(FOLDER / file)
    assert {name: shape for name, (_, shape) in found.items()} == shapes()
    assert {dtype for dtype, _ in found.values()} == {"F16"}


def test_configs_say_what_the_loader_needs() -> None:
    index, unet, vae, scheduler, text = (
        config(part)
        for part in (
            "model_index.json",
            "unet/config.json",
            "vae/config.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
        )
    )
    assert index["_class_name"] == "StableDiffusionPipeline" and index["vae"] == [
        "livemusviz",
        "AutoencoderPixelShuffle",
    ]
    assert (unet["in_channels"], unet["out_channels"], unet["coordinate_channels"], unet["sample_size"]) == (
        64,
        32,
        32,
        16,
    )
    assert (unet["coordinate_pan"], unet["coordinate_zoom"]) == (PAN, ZOOM)
    assert (unet["act_fn"], unet["resnet_time_scale_shift"], unet["addition_embed_type"]) == (
        "relu",
        "scale_shift",
        "text",
    )
    assert vae["_class_name"] == "AutoencoderPixelShuffle" and vae["scaling_factor"] == 1.0 and vae["upscale"] == [4, 4]
    assert (scheduler["_class_name"], scheduler["prediction_type"], scheduler["timestep_spacing"]) == (
        "EulerDiscreteScheduler",
        "sample",
        "trailing",
    )
    assert (text["hidden_size"], text["num_hidden_layers"], text["max_position_embeddings"], text["hidden_act"]) == (
        96,
        2,
        32,
        "quick_gelu",
    )


def test_tokenizer_loads_and_frames_the_text() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer/tokenizer.json"))
    assert 5000 <= tokenizer.get_vocab_size() <= 8000
    found = tokenizer.encode("Deep Blue OCEAN").tokens
    assert found == ["<|startoftext|>", "deep", "blue", "ocean", "<|endoftext|>"]
    assert config("tokenizer/tokenizer_config.json")["model_max_length"] == 32
    text = config("text_encoder/config.json")
    assert text["vocab_size"] > max(tokenizer.get_vocab().values())
    assert text["eos_token_id"] == tokenizer.token_to_id("<|endoftext|>")


def test_folder_is_small_enough_for_the_wheel() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 16e6
