"""Reads a diffusers folder into our networks: safetensors only, and every tensor accounted for. Engine thread.

The header is read by the `safetensors` library first, which is stricter than mlx's own reader; names and shapes
are compared in full; only then are the tensors loaded. Whatever is wrong ends in a UserError of one line.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from safetensors import SafetensorError, safe_open

from livemusviz.diffusion import keys
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MAX_CONFIG_BYTES = 1 << 20
MAX_TENSORS = 20_000
DTYPES = ("F16", "BF16", "F32")
PICKLES = (".bin", ".ckpt", ".pt", ".pth")
CONVERT = (
    "only .safetensors is read, because a pickle can run any code; convert it on a machine you trust with diffusers: "
    "pipe.save_pretrained(folder, safe_serialization=True)"
)


@dataclass(frozen=True)
class TensorInfo:
    """A tensor as its file's header declares it."""

    shape: tuple[int, ...]
    dtype: str


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a model folder, at most 1 MiB. Raises UserError."""
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise UserError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, so it is no model's config")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the model must be a complete folder in diffusers layout") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({_one_line(error)})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: must hold a JSON object, holds a {type(value).__name__}")
    return value


def find_weights(folder: Path, stem: str) -> Path:
    """`stem`.safetensors or its fp16 variant in a component's folder. Raises UserError; pickles are refused."""
    for name in (f"{stem}.safetensors", f"{stem}.fp16.safetensors"):
        if (folder / name).is_file():
            return folder / name
    if (folder / f"{stem}.safetensors.index.json").exists():
        raise UserError(f"{folder}: weights in several files are not read yet; save them as one {stem}.safetensors")
    pickles = [p.name for p in sorted(folder.glob("*")) if p.suffix in PICKLES]
    if pickles:
        raise UserError(f"{folder / pickles[0]}: {CONVERT}")
    raise UserError(f"{folder}: no {stem}.safetensors in it; the model must be a complete folder in diffusers layout")


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Names, shapes and dtypes of all tensors in a file, which is checked but not loaded. Raises UserError."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if len(names) > MAX_TENSORS:
                raise UserError(f"{path}: {len(names)} tensors, at most {MAX_TENSORS} are read")
            slices = {name: file.get_slice(name) for name in names}
            return {n: TensorInfo(tuple(s.get_shape()), s.get_dtype()) for n, s in slices.items()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a valid safetensors file ({_one_line(error)}); fetch it again") from None


def load_weights(model: nn.Module, path: Path, renames: keys.Renames, dtype: mx.Dtype) -> None:
    """Fill `model` from a checkpoint, converting to `dtype`, and evaluate it.

    Raises UserError that names the first missing, unknown or misshapen tensor and how many there are.
    """
    parameters = cast(dict[str, mx.array], tree_flatten(model.parameters(), destination={}))
    expected = {name: tuple(a.shape) for name, a in parameters.items()}
    header = read_header(path)
    ours = {torch: name for torch in header if (name := keys.to_ours(torch, renames)) is not None}
    _check(path, header, ours, expected, renames)
    try:
        tensors = cast(dict[str, mx.array], mx.load(str(path)))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: mlx cannot read it ({_one_line(error)}); fetch it again") from None
    loaded = [
        (name, keys.tensor_to_ours(tensors[torch], len(expected[name])).astype(dtype)) for torch, name in ours.items()
    ]
    model.load_weights(loaded, strict=True)
    mx.eval(model.parameters())
    log.debug("%s: %d tensors", path, len(loaded))


def _check(
    path: Path,
    header: dict[str, TensorInfo],
    ours: dict[str, str],
    expected: dict[str, tuple[int, ...]],
    renames: keys.Renames,
) -> None:
    present = set(ours.values())
    if len(present) != len(ours):
        raise UserError(f"{path}: the same tensor is stored twice, with and without '{keys.PREFIX}'")
    missing = sorted(keys.to_torch(name, renames) for name in expected if name not in present)
    if missing:
        raise UserError(f"{path}: tensor {missing[0]} is missing{_more(missing)}; config.json and weights do not match")
    extra = sorted(torch for torch, name in ours.items() if name not in expected)
    if extra:
        raise UserError(f"{path}: tensor {extra[0]} is not in this model{_more(extra)}; config.json does not match")
    for torch, name in ours.items():
        found, want = header[torch], expected[name]
        if keys.shape_to_ours(found.shape, len(want)) != want:
            raise UserError(
                f"{path}: tensor {torch} has shape {list(found.shape)}, which does not fit {list(want)} "
                "(channels last); config.json and weights do not match"
            )
        if found.dtype not in DTYPES:
            raise UserError(f"{path}: tensor {torch} has dtype {found.dtype}; {', '.join(DTYPES)} are read")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
