"""Writes a model folder with packed weights, in the same layout, that loads without a float copy. Engine thread.

A packed layer's `.weight` holds integers, beside it stand `.scales` and `.biases`, in the layout of memory; what stays
plain is stored as diffusers stores it, in float16. The component's config.json says so under "quantization".
"""

import json
import shutil
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from livemusviz.diffusion import keys
from livemusviz.diffusion.configs import QUANTIZATION
from livemusviz.diffusion.model import AUTOENCODERS, DIFFUSERS_STEM, TRANSFORMERS_STEM, load_model
from livemusviz.diffusion.quantize import GROUP_SIZE, Packed
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.weights import read_json
from livemusviz.errors import UserError

COPIED = ("model_index.json", "scheduler", "tokenizer", "tokenizer_2")


def convert(spec: ModelSpec, target: Path) -> int:
    """Write `spec`'s model, LoRAs fused, at `spec.bits` into a new folder; returns its bytes on disk.

    Raises UserError if the target exists or cannot be written, or for a model that cannot be loaded. Nothing half
    written is left behind.
    """
    if target.exists():
        raise UserError(f"{target}: exists already; give a folder that does not")
    if any(lora.live for lora in spec.loras):
        raise UserError("a live LoRA cannot be written into the weights; leave --lora-live out")
    parts = load_model(spec)
    try:
        target.mkdir(parents=True)
        for name in COPIED:
            _copy(spec.folder / name, target / name)
        for n, encoder in zip(("", "_2"), parts.text.encoders, strict=False):
            component = f"text_encoder{n}"
            _write(target / component, spec.folder / component, encoder, keys.CLIP_TEXT, TRANSFORMERS_STEM)
        _write(target / "unet", spec.folder / "unet", parts.unet, keys.UNET, DIFFUSERS_STEM)
        source = spec.vae or spec.folder / "vae"
        kind = str(read_json(source / "config.json")["_class_name"])
        _write(target / "vae", source, parts.vae, AUTOENCODERS[kind][1], DIFFUSERS_STEM)
        _name_autoencoder(target / "model_index.json", kind)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from None
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copyfile(source, target)


def _name_autoencoder(path: Path, kind: str) -> None:
    index = read_json(path)
    library = "livemusviz" if kind == "AutoencoderPixelShuffle" else "diffusers"
    path.write_text(json.dumps(index | {"vae": [library, kind]}, indent=2))


def _write(folder: Path, source: Path, model: nn.Module, renames: keys.Renames, stem: str) -> None:
    folder.mkdir()
    packed = {path: module for path, module in model.named_modules() if isinstance(module, Packed)}
    tensors = {}
    for name, value in cast(list[tuple[str, mx.array]], tree_flatten(model.parameters())):
        layer, _, part = name.rpartition(".")
        kept = value if layer in packed and part != "bias" else _to_torch(value).astype(mx.float16)
        tensors[keys.to_torch(name, renames)] = kept
    mx.save_safetensors(str(folder / f"{stem}.safetensors"), tensors)
    config: dict[str, Any] = read_json(source / "config.json")
    config.pop(QUANTIZATION, None)
    if packed:
        config[QUANTIZATION] = {"group_size": GROUP_SIZE, "bits": next(iter(packed.values())).bits}
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def _to_torch(value: mx.array) -> mx.array:
    """A plain weight as torch lays it out: a convolution's input channels before its rows and columns."""
    return value.transpose(0, 3, 1, 2) if value.ndim == 4 else value
