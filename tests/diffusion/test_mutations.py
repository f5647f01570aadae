"""Thousands of damaged configs and LoRA files: each is loaded, or refused by one line, and soon."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import pytest
from safetensors.numpy import save

from livemusviz.diffusion import model as loader
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import LoraSpec, ModelSpec
from livemusviz.diffusion.tokenizer import PromptTokenizer
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, write_model
from tests.diffusion.test_lora import KEY, tensors
from tests.mutations.mutate import FEW, MANY, Case, check

CONFIGS: dict[str, Callable[[Path], object]] = {
    "unet/config.json": lambda path: loader._unet(path.parent, mx.float32),
    "vae/config.json": lambda path: loader._autoencoder(path.parent, mx.float32),
    "text_encoder/config.json": lambda path: loader._text_encoder(path.parent, mx.float32),
    "scheduler/scheduler_config.json": lambda path: [
        loader._scheduler(path, ModelSpec(path.parent, sampling=Sampling(kind, 2)))
        for kind in ("euler", "lcm", "tcd", "ddim")
    ],
    "tokenizer/tokenizer_config.json": lambda path: PromptTokenizer(path.parent, 32)("red lava"),
    "model_index.json": lambda path: loader.load_model(ModelSpec(path.parent)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT)


def config_case(folder: Path, part: str) -> Case:
    """One config of a folder that is otherwise good, read in its place."""

    def read(damaged: Path) -> object:
        shutil.copyfile(damaged, folder / part)
        return CONFIGS[part](folder / part)

    rich = json.loads((folder / part).read_text())
    return Case([(folder / part).read_bytes(), json.dumps(rich, indent=2).encode()], read, ".json")


def lora_case(folder: Path) -> Case:
    """The header of a LoRA file, its length as it should be, in front of good tensors; and whole files."""
    metadata = {"lora_adapter_metadata": json.dumps({"unet.use_rslora": True, "unet.alpha_pattern": {"conv1": 3.0}})}
    whole = save(tensors() | {f"{KEY}.alpha": tensors()[f"{KEY}.lora_A.weight"].reshape(-1)[:1]}, metadata)
    length = struct.unpack("<Q", whole[:8])[0]
    header, body = whole[8 : 8 + length], whole[8 + length :]
    parts = loader.load_model(ModelSpec(folder))
    components = [("unet", parts.unet, loader.keys.UNET)]

    def read(damaged: Path) -> None:
        data = damaged.read_bytes()
        if not data.startswith(whole[:8]):
            damaged.write_bytes(struct.pack("<Q", len(data)) + data + body)
        loader.apply_lora(components, LoraSpec(damaged, 0.5), {}, mx.float32)

    return Case([header, header, whole], read, ".safetensors")


@pytest.mark.parametrize("part", CONFIGS)
def test_damaged_configs(part: str, folder: Path, tmp_path: Path) -> None:
    check(config_case(folder, part), tmp_path, FEW // 2)


def test_damaged_loras(folder: Path, tmp_path: Path) -> None:
    check(lora_case(folder), tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("part", CONFIGS)
def test_many_damaged_configs(part: str, folder: Path, tmp_path: Path) -> None:
    check(config_case(folder, part), tmp_path, MANY)


@pytest.mark.slow
def test_many_damaged_loras(folder: Path, tmp_path: Path) -> None:
    check(lora_case(folder), tmp_path, MANY)
