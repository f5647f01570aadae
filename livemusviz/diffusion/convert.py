"""Writes a model folder with packed weights, in the same layout, that loads without a float copy. Engine thread.

A packed layer's `.weight` holds integers, beside it stand `.scales` and `.biases`, in the layout of memory; plain
weights are stored as the original stores them, under their names and in their shapes, in float16. The component's
config.json describes the packing under "quantization".
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from livemusviz.diffusion import keys
from livemusviz.diffusion.configs import QUANTIZATION
from livemusviz.diffusion.model import (
    AUTOENCODERS,
    DIFFUSERS_STEM,
    TRANSFORMERS_STEM,
    ModelParts,
    load_model,
    packing,
)
from livemusviz.diffusion.quantize import GROUP_SIZE, Packed, choose_bits
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.weights import find_weights, read_header, read_json_object
from livemusviz.errors import UserError, one_line
from livemusviz.platforms import rename_folder

COPIED = ("model_index.json", "scheduler", "tokenizer", "tokenizer_2")
TAKEN = "exists already; give a folder that does not"


def convert(spec: ModelSpec, target: Path) -> int:
    """Write `spec`'s model, LoRAs fused, at `spec.bits` into a new folder; returns its bytes on disk.

    Raises UserError if the target exists or cannot be written, or for a model that cannot be loaded or is packed in
    other bits. It is written beside the target and renamed: nothing half written is left behind, nothing replaced.
    """
    if target.exists():
        raise UserError(f"{target}: {TAKEN}")
    if any(lora.live for lora in spec.loras):
        raise UserError("a live LoRA cannot be written into the weights; leave --lora-live out")
    _check_bits(spec)
    parts = load_model(spec)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{target.name[:32]}-"
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix, ignore_cleanup_errors=True) as beside:
            made = Path(beside) / "model"
            _write_model(parts, made)
            size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
            _rename(made, target)
    except (OSError, RuntimeError) as error:  # mlx raises the latter for a file that it cannot write
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"{target}: cannot be written ({reason}); make room or give another folder") from None
    return size


def _check_bits(spec: ModelSpec) -> None:
    """Raise a UserError for a folder that is packed already, in other bits than are asked for."""
    bits = choose_bits(spec.bits)
    for folder in (spec.folder / part for part in ("unet", "text_encoder", "text_encoder_2")):
        stored = packing(folder, bits) if folder.is_dir() else bits
        if stored != bits:
            raise UserError(f"{folder}: it is packed in {stored} bits already, not {bits}; convert the original")


def _write_model(parts: ModelParts, target: Path) -> None:
    folder = parts.folder
    target.mkdir()
    for name in COPIED:
        _copy(folder / name, target / name)
    for n, encoder in zip(("", "_2"), parts.text.encoders, strict=False):
        component = f"text_encoder{n}"
        _write(target / component, folder / component, encoder, keys.CLIP_TEXT, TRANSFORMERS_STEM)
    _write(target / "unet", folder / "unet", parts.unet, keys.UNET, DIFFUSERS_STEM)
    source = parts.spec.vae or folder / "vae"
    kind = str(read_json_object(source / "config.json")["_class_name"])
    _write(target / "vae", source, parts.vae, AUTOENCODERS[kind][1], DIFFUSERS_STEM)
    _name_autoencoder(target / "model_index.json", kind)


def _rename(made: Path, target: Path) -> None:
    """Raise a UserError if the target exists by now."""
    try:
        rename_folder(made, target)
    except FileExistsError:
        raise UserError(f"{target}: {TAKEN}") from None


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copyfile(source, target)


def _name_autoencoder(path: Path, kind: str) -> None:
    index = read_json_object(path)
    library = "livemusviz" if kind == "AutoencoderPixelShuffle" else "diffusers"
    path.write_text(json.dumps(index | {"vae": [library, kind]}, indent=2), encoding="utf-8")


def _write(folder: Path, source: Path, model: nn.Module, renames: keys.Renames, stem: str) -> None:
    folder.mkdir()
    packed = {path: module for path, module in model.named_modules() if isinstance(module, Packed)}
    headers = [read_header(path) for path in find_weights(source, stem)]
    original = {keys.to_ours(torch, renames): (torch, info) for header in headers for torch, info in header.items()}
    tensors = {}
    for name, value in cast(list[tuple[str, mx.array]], tree_flatten(model.parameters())):
        layer, _, part = name.rpartition(".")
        if layer in packed and part != "bias":
            tensors[keys.to_torch(name, renames)] = value
        else:
            torch, info = original[name]
            tensors[torch] = _to_torch(value).reshape(info.shape).astype(mx.float16)
    mx.save_safetensors(str(folder / f"{stem}.safetensors"), tensors)
    config: dict[str, Any] = read_json_object(source / "config.json")
    config.pop(QUANTIZATION, None)
    if packed:
        config[QUANTIZATION] = {"group_size": GROUP_SIZE, "bits": next(iter(packed.values())).bits}
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _to_torch(value: mx.array) -> mx.array:
    """Return a plain weight in torch's order: a convolution's input channels before its rows and columns."""
    return value.transpose(0, 3, 1, 2) if value.ndim == 4 else value
