"""Applies LoRA files (Hu et al. 2022) to a model: fused into its weights, or beside them as a fader. Engine thread.

Read are diffusers' names and kohya's, for SDXL also with the original repository's block numbers. A layer's change is
weight alpha / rank up down, or alpha / sqrt(rank) (rsLoRA, Kalajdzievski 2023); every tensor of the file must find its
layer. The embeddings of a bundled textual inversion are left out with a warning.
"""

import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from livemusviz.diffusion import keys
from livemusviz.diffusion.layers import Conv2d, convolve
from livemusviz.diffusion.lora_scales import Scales, checked_alpha, read_scales
from livemusviz.diffusion.quantize import Packed, PackedConv2d, PackedLinear
from livemusviz.diffusion.spec import LoraSpec
from livemusviz.diffusion.weights import FLOATS, TensorInfo, read_header, shown
from livemusviz.errors import UserError

DOWN = re.compile(r"[._](lora_A|lora_down|lora\.down|lora_linear_layer\.down)\.weight$")
UP = re.compile(r"[._](lora_B|lora_up|lora\.up|lora_linear_layer\.up)\.weight$")
FOREIGN = {
    re.compile(r"hada_"): "LoHa",
    re.compile(r"lokr_"): "LoKr",
    re.compile(r"oft_"): "OFT",
    re.compile(r"\.dora_scale$|lora_magnitude_vector"): "DoRA",
    re.compile(r"lora_mid"): "LoCon with a kernel in the middle",
    re.compile(r"\.[ab][12]\.weight$"): "GLoRA",
    re.compile(r"\.on_input$"): "IA3",
    re.compile(r"\.diff(_b)?$|\.[wb]_norm$"): "a full difference",
}
"""Tensors of other methods, by their names."""
OTHERS = {
    re.compile(r"^(emb_params|clip_[lg]|<.+>|string_to_param.*)$"): "a textual inversion, which is not implemented",
    re.compile(r"^(image_proj|ip_adapter)\."): "an IP-Adapter; give it as --style-adapter",
    re.compile(r"^(control_model|controlnet_)"): "a ControlNet; give its folder as --control",
    re.compile(r"^model\.diffusion_model\."): "a whole model; give it as --model",
    re.compile(r"^(encoder|decoder)\."): "an autoencoder; give its folder as --vae",
    re.compile(r"motion_modules"): "a motion module, which is not implemented",
}
"""Tensors of what is no LoRA at all, by their names."""
ALPHAS = (*FLOATS, "I32", "I64")
"""Types in which an alpha may be stored; kohya's are whole numbers where it took the rank for them."""
BUNDLED = "bundle_emb."
"""Prefix of the names of a textual inversion that a file bundles with its LoRA."""

log = logging.getLogger(__name__)

Component = tuple[str, nn.Module, keys.Renames]
"""diffusers' name of a component ("unet"), ours of it, and how its tensors are called."""
KOHYA = {"unet": ("lora_unet_",), "text_encoder": ("lora_te_", "lora_te1_"), "text_encoder_2": ("lora_te2_",)}


class LoraUnfit(UserError):
    """Reports a LoRA that was made for another model."""


@dataclass(frozen=True, eq=False)
class Delta:
    """Holds the change of one layer, float32. down : (rank, I) or a convolution's (rank, kh, kw, I). up : (O, rank)."""

    down: mx.array
    up: mx.array
    scale: float

    def full(self, shape: tuple[int, ...]) -> mx.array:
        """Return it as a weight of `shape`."""
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


class LoraFaders:
    """Moves the weights of all live LoRAs together: each to a factor times the weight it was loaded with."""

    def __init__(self, live: dict[str, mx.array]) -> None:
        """live : 0-d weights by file, which are replaced in place."""
        self._live, self._loaded, self._factor = live, {name: float(np.array(w)) for name, w in live.items()}, 1.0

    def move(self, factor: float) -> bool:
        """Return True if this changes anything."""
        if not self._live or factor == self._factor:
            return False
        self._live.update({name: mx.array(w * factor, dtype=mx.float32) for name, w in self._loaded.items()})
        self._factor = factor
        return True


def _original(layer: nn.Module) -> nn.Module:
    """Return the layer under any number of live changes."""
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
            raise LoraUnfit(
                f"{lora.path}: {target} changes a weight of shape {[delta.up.shape[0], *delta.down.shape[1:]]}, the "
                f"model's is {list(shape)} (channels last); it was made for another model"
            )
        if lora.live:
            _set(model, path, LiveLora(layer, delta, live, name, dtype))
        else:
            _fuse(_original(layer), lora.weight * delta.full(shape))
    return len(deltas)


def read_lora(path: Path, layers: dict[str, Any]) -> dict[str, Delta]:
    """Return the changes in a file by the name of their layer, which must be in `layers`. Raises UserError."""
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: a LoRA is a .safetensors file; anything else could run code")
    down, up, alphas = _read_tensors(path)
    named = down.keys() | up.keys() | alphas.keys()
    unknown = sorted(named - layers.keys())
    if unknown:
        raise LoraUnfit(
            f"{path}: {shown(unknown[0])} is no layer of this model ({len(unknown)} such); it was made for another"
        )
    if not named:
        raise UserError(f"{path}: no layer of a LoRA in it; fetch it again")
    for name in sorted(named):
        if name not in down or name not in up:
            raise UserError(f"{path}: {name} lacks its {'up' if name in down else 'down'} half; fetch it again")
    scales = read_scales(path)
    return {name: _delta(path, name, down[name], up[name], scales, alphas.get(name)) for name in down}


def _read_tensors(path: Path) -> tuple[dict[str, mx.array], dict[str, mx.array], dict[str, float]]:
    """Return the down halves, the up halves and the alphas, by the name of their layer; all finite. Raises
    UserError."""
    header = read_header(path)
    bundled = {name.split(".")[1] for name in header if name.startswith(BUNDLED)}
    header = {name: info for name, info in header.items() if not name.startswith(BUNDLED)}
    for name, info in header.items():
        _check_tensor(path, name, info)
    if bundled:
        words = shown(", ".join(sorted(bundled)))
        log.warning("%s: the textual inversions bundled with it (%s) are left out; its layers are applied", path, words)
    try:
        tensors = cast(dict[str, mx.array], mx.load(str(path)))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: mlx cannot read it ({shown(str(error))}); fetch it again") from None
    down: dict[str, mx.array] = {}
    up: dict[str, mx.array] = {}
    alphas: dict[str, float] = {}
    for name in header:
        tensor = tensors.pop(name).astype(mx.float32)
        if not mx.isfinite(tensor).all().item():
            raise UserError(f"{path}: {shown(name)} holds NaN or infinity; fetch it again")
        if DOWN.search(name):
            down[_layer_name(DOWN.sub("", name))] = tensor
        elif UP.search(name):
            up[_layer_name(UP.sub("", name))] = tensor
        else:
            alphas[_layer_name(name.removesuffix(".alpha"))] = checked_alpha(path, name, tensor.reshape(()).item())
    return down, up, alphas


def _check_tensor(path: Path, name: str, info: TensorInfo) -> None:
    """Refuse a tensor by its description in the header."""
    other = next((kind for names, kind in OTHERS.items() if names.search(name)), None)
    if other is not None:
        raise UserError(f"{path}: {shown(name)} is not a tensor of a LoRA: it is {other}")
    method = next((method for names, method in FOREIGN.items() if names.search(name)), None)
    if method is not None:
        raise UserError(
            f"{path}: {shown(name)} belongs to another method than LoRA ({method}), which is not implemented"
        )
    half = DOWN.search(name) or UP.search(name)
    if not half and not name.endswith(".alpha"):
        raise UserError(f"{path}: {shown(name)} is not a tensor of a LoRA")
    dtypes = FLOATS if half else ALPHAS
    if info.dtype not in dtypes:
        raise UserError(f"{path}: tensor {shown(name)} has dtype {info.dtype}; {', '.join(dtypes)} is read")
    if not half and math.prod(info.shape) != 1:
        raise UserError(f"{path}: {shown(name)} has shape {shown(str(list(info.shape)))}; an alpha is one number")


def _delta(path: Path, name: str, down: mx.array, up: mx.array, scales: Scales, alpha: float | None) -> Delta:
    if up.ndim == 4 and up.shape[2:] == (1, 1):
        up = up[:, :, 0, 0]
    if up.ndim != 2 or down.ndim not in (2, 4) or up.shape[1] != down.shape[0]:
        halves = f"{list(down.shape)} and {list(up.shape)}"
        raise UserError(f"{path}: {name} has halves {shown(halves)}, which do not multiply; fetch it again")
    rank = down.shape[0]
    if rank == 0:
        raise UserError(f"{path}: {name} is of rank 0, so it changes nothing; fetch it again")
    if down.ndim == 4:
        down = down[:, :, 0, 0] if down.shape[2:] == (1, 1) else down.transpose(0, 2, 3, 1)
    return Delta(down, up, scales.of(name, rank, alpha))


def _layer_name(name: str) -> str:
    """diffusers' older ways of naming a layer, as its newer one; kohya's names stay."""
    name = name.removeprefix("base_model.model.").replace(".processor.", ".")
    return re.sub(r"\.to_out$", ".to_out.0", re.sub(r"\.(to_q|to_k|to_v|to_out)_lora$", r".\1", name))


def _layers(component: Component) -> dict[str, tuple[nn.Module, str]]:
    """Return every layer of a component that a LoRA may change, under all its names: the model and our path in it."""
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
