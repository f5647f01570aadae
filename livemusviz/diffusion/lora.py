"""LoRA files (Hu et al. 2022) onto a loaded model: fused into its weights, or beside them as a fader. Engine thread.

Read are diffusers' names and kohya's, for SDXL also with the original repository's block numbers. A layer's change is
weight alpha / rank up down; every tensor of the file must find its layer.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from safetensors import SafetensorError, safe_open

from livemusviz.diffusion import keys
from livemusviz.diffusion.layers import Conv2d, convolve
from livemusviz.diffusion.quantize import Packed, PackedConv2d, PackedLinear
from livemusviz.diffusion.spec import LoraSpec
from livemusviz.diffusion.weights import read_header
from livemusviz.errors import UserError

DOWN = re.compile(r"[._](lora_A|lora_down|lora\.down|lora_linear_layer\.down)\.weight$")
UP = re.compile(r"[._](lora_B|lora_up|lora\.up|lora_linear_layer\.up)\.weight$")
FOREIGN = ("hada_", "lokr_", "oft_", ".dora_scale", "lora_mid", "lora_magnitude_vector", ".diff", ".diff_b")
"""Parts of names that belong to other methods."""

Component = tuple[str, nn.Module, keys.Renames]
"""diffusers' name of a component ("unet"), ours of it, and how its tensors are called."""
KOHYA = {"unet": ("lora_unet_",), "text_encoder": ("lora_te_", "lora_te1_"), "text_encoder_2": ("lora_te2_",)}


@dataclass(frozen=True, eq=False)
class Delta:
    """The change of one layer, float32. down : (rank, I) or a convolution's (rank, kh, kw, I). up : (O, rank)."""

    down: mx.array
    up: mx.array
    scale: float

    def full(self, shape: tuple[int, ...]) -> mx.array:
        """As a weight of `shape`."""
        return (self.scale * (self.up @ self.down.reshape(self.down.shape[0], -1))).reshape(shape)


class LiveLora(nn.Module):
    """A layer with a change beside it. `weights[name]`, 0-d, is read at every call: moving it compiles nothing."""

    def __init__(self, base: nn.Module, delta: Delta, weights: dict[str, mx.array], name: str, dtype: mx.Dtype) -> None:
        super().__init__()
        self.base = base
        self.down, self.up = delta.down.astype(dtype), (delta.scale * delta.up).astype(dtype)
        self._weight = lambda: weights[name]

    @property
    def bias(self) -> mx.array:
        return self.base.bias

    def __call__(self, x: mx.array, bias: mx.array | None = None) -> mx.array:
        y = self.base(x) if bias is None else self.base(x, bias)
        h = convolve(_original(self.base), x, self.down) if self.down.ndim == 4 else x @ self.down.T
        return y + self._weight().astype(x.dtype) * (h @ self.up.T)


def _original(layer: nn.Module) -> nn.Module:
    """The layer under any number of live changes."""
    while isinstance(layer, LiveLora):
        layer = layer.base
    return layer


def apply_lora(components: list[Component], lora: LoraSpec, live: dict[str, mx.array], dtype: mx.Dtype) -> int:
    """Change the layers that a file names; returns how many. Raises UserError for a file that does not fit.

    live : gets the file's weight under a name of its own if `lora.live`; whoever sets it there moves the fader.
    """
    layers = {name: layer for component in components for name, layer in _layers(component).items()}
    deltas = read_lora(lora.path, layers)
    name = f"{lora.path.stem} {len(live) + 1}"  # many repositories call their only file the same
    if lora.live:
        live[name] = mx.array(lora.weight, dtype=mx.float32)
    for target, delta in deltas.items():
        model, path = layers[target]
        layer = _get(model, path)
        shape = _weight_shape(layer)
        if delta.up.shape[0] != shape[0] or tuple(delta.down.shape[1:]) != shape[1:]:
            raise UserError(
                f"{lora.path}: {target} changes a weight of shape {[delta.up.shape[0], *delta.down.shape[1:]]}, the "
                f"model's is {list(shape)} (channels last); it was made for another model"
            )
        if lora.live:
            _set(model, path, LiveLora(layer, delta, live, name, dtype))
        else:
            _fuse(_original(layer), lora.weight * delta.full(shape))
    return len(deltas)


def read_lora(path: Path, layers: dict[str, Any]) -> dict[str, Delta]:
    """The changes in a file by the name of their layer, which must be in `layers`. Raises UserError."""
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: a LoRA is a .safetensors file; anything else could run code")
    header = read_header(path)
    tensors = cast(dict[str, mx.array], mx.load(str(path)))
    down: dict[str, mx.array] = {}
    up: dict[str, mx.array] = {}
    alphas: dict[str, float] = {}
    for name in header:
        if any(part in name for part in FOREIGN):
            raise UserError(f"{path}: {name} belongs to another method than LoRA, which is not implemented")
        tensor = tensors[name].astype(mx.float32)
        if DOWN.search(name):
            down[_layer_name(DOWN.sub("", name))] = tensor
        elif UP.search(name):
            up[_layer_name(UP.sub("", name))] = tensor
        elif name.endswith(".alpha"):
            alphas[_layer_name(name.removesuffix(".alpha"))] = float(np.array(tensor).item())
        else:
            raise UserError(f"{path}: {name} is not a tensor of a LoRA")
    unknown = sorted((down.keys() | up.keys()) - layers.keys())
    if unknown:
        raise UserError(
            f"{path}: {unknown[0]} is no layer of this model ({len(unknown)} such); it was made for another"
        )
    halves = sorted(down.keys() ^ up.keys())
    if halves or not down:
        raise UserError(f"{path}: {halves[0] if halves else 'no layer'} has both halves of a LoRA; fetch it again")
    told = _told_alphas(path)
    return {
        name: _delta(path, name, down[name], up[name], alphas.get(name, told.get(name.split(".")[0]))) for name in down
    }


def _delta(path: Path, name: str, down: mx.array, up: mx.array, alpha: float | None) -> Delta:
    rank = down.shape[0]
    if up.ndim == 4 and up.shape[2:] == (1, 1):
        up = up[:, :, 0, 0]
    if up.ndim != 2 or up.shape[1] != rank or down.ndim not in (2, 4):
        raise UserError(f"{path}: {name} has halves {list(down.shape)} and {list(up.shape)}, which do not multiply")
    if down.ndim == 4:
        down = down[:, :, 0, 0] if down.shape[2:] == (1, 1) else down.transpose(0, 2, 3, 1)
    return Delta(down, up, (rank if alpha is None else alpha) / rank)


def _told_alphas(path: Path) -> dict[str, float]:
    """Each component's alpha where diffusers wrote it into the file's metadata."""
    try:
        with safe_open(path, framework="numpy") as file:
            told = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    ends = ".lora_alpha"
    return {k.removesuffix(ends): float(v) for k, v in told.items() if k.endswith(ends) and isinstance(v, int | float)}


def _layer_name(name: str) -> str:
    """diffusers' older ways of naming a layer, as its newer one; kohya's names stay."""
    name = name.removeprefix("base_model.model.").replace(".processor.", ".")
    return re.sub(r"\.to_out$", ".to_out.0", re.sub(r"\.(to_q|to_k|to_v|to_out)_lora$", r".\1", name))


def _layers(component: Component) -> dict[str, tuple[nn.Module, str]]:
    """Every layer of a component that a LoRA may change, under all its names: the model and our path in it."""
    prefix, model, renames = component
    found = {}
    for path, module in model.named_modules():
        if path.endswith(".base") or not isinstance(
            module, nn.Linear | nn.Conv2d | PackedLinear | PackedConv2d | LiveLora
        ):
            continue
        torch = keys.to_torch(f"{path}.weight", renames).removesuffix(".weight")
        if prefix == "unet":
            spellings = [torch, keys.original_unet_name(torch, model.config.layers[0])]
        else:
            spellings = [torch, f"{keys.PREFIX}{torch}"]
        names = [f"{prefix}.{spelling}" for spelling in spellings]
        names += [kohya + spelling.replace(".", "_") for kohya in KOHYA[prefix] for spelling in spellings]
        found.update({name: (model, path) for name in names})
    return found


def _weight_shape(layer: nn.Module) -> tuple[int, ...]:
    layer = _original(layer)
    shape = layer.shape if isinstance(layer, Packed) else layer.weight.shape
    return (shape[0], shape[3]) if len(shape) == 4 and tuple(shape[1:3]) == (1, 1) else tuple(shape)


def _fuse(layer: nn.Module, change: mx.array) -> None:
    if isinstance(layer, Packed):
        packed = layer.pack(layer.unpacked(mx.float32) + change.reshape(layer.shape))
        layer.update(packed)
    elif isinstance(layer, nn.Linear | Conv2d):
        layer.weight = (layer.weight.astype(mx.float32) + change.reshape(layer.weight.shape)).astype(layer.weight.dtype)
        mx.eval(layer.weight)


def _get(model: nn.Module, path: str) -> Any:
    found: Any = model
    for part in path.split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return found


def _set(model: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    holder = _get(model, parent) if parent else model
    holder[int(name) if name.isdigit() else name] = layer
