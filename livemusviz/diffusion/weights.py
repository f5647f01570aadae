"""Reads a diffusers folder into our networks: safetensors only, and every tensor accounted for. Engine thread.

The header is read by the `safetensors` library first, which is stricter than mlx's own reader; names and shapes
are compared in full; only then are the tensors loaded. Every fault is a UserError of one line.
"""

import logging
import math
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from livemusviz import documents
from livemusviz.diffusion import headers as files_headers
from livemusviz.diffusion import keys
from livemusviz.diffusion.folder import VARIANTS, index_names
from livemusviz.diffusion.headers import FLOATS, TensorInfo, file_bytes, one_line, shown
from livemusviz.diffusion.original import REFERENCE, is_reference, read_referred, read_referred_header
from livemusviz.diffusion.quantize import Packed
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MAX_CONFIG_BYTES = 1 << 20
MAX_DIGITS = 40
"""Of a whole number in a config; transformers writes 10^30 for "no limit"."""
MAX_FILE_NAME = 255
"""Bytes; a longer one is an error to ask for."""
PICKLES = (".bin", ".ckpt", ".pt", ".pth")
CONVERT = (
    "only .safetensors is read, because a pickle can run any code; convert it on a machine you trust with diffusers: "
    "pipe.save_pretrained(folder, safe_serialization=True)"
)


def read_json_object(path: Path, infinite: bool = False, most: int = MAX_CONFIG_BYTES) -> dict[str, Any]:
    """Return a JSON object from a model folder, of at most `most` bytes. Raises UserError.

    infinite : NaN and Infinity are read too, as diffusers writes them for what is unbounded; else numbers are finite.
    """
    read = float if infinite else _finite
    try:
        if file_bytes(path) > most:
            raise UserError(f"{path}: larger than {most} bytes, so it is no model's config")
        value = documents.read_json(path.read_text(encoding="utf-8-sig"), parse_float=read, parse_constant=read)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the model must be a complete folder in diffusers layout") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({one_line(error)})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: must hold a JSON object, holds a {type(value).__name__}")
    documents.check_numbers(str(path), value, largest=10**MAX_DIGITS)
    return value


def _finite(text: str) -> float:
    """Return a JSON number; NaN, Infinity and 1e999 raise ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is no finite number")
    return value


def find_weights(folder: Path, stem: str) -> list[Path]:
    """Return the weights in a component's folder: `stem`.safetensors, its shards, or the fp16 variant of either.

    Raises UserError; pickles are refused.
    """
    if is_reference(folder / f"{stem}{REFERENCE}"):
        return [folder / f"{stem}{REFERENCE}"]
    for variant in VARIANTS:
        if (folder / f"{stem}{variant}.safetensors").is_file():
            return [folder / f"{stem}{variant}.safetensors"]
        for name in index_names(stem, variant):
            if (folder / name).is_file():
                return _shards(folder / name)
    pickles = [p.name for p in sorted(folder.glob("*")) if p.suffix in PICKLES]
    if pickles:
        raise UserError(f"{folder / pickles[0]}: {CONVERT}")
    raise UserError(f"{folder}: no {stem}.safetensors in it; the model must be a complete folder in diffusers layout")


def _shards(index: Path) -> list[Path]:
    """Return the files an index names, all beside it and all there."""
    names = read_json_object(index).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()) or not names:
        raise UserError(f"{index}: no weight_map of tensor names to files in it; fetch it again")
    files = sorted(set(names.values()))
    for name in files:
        too_long = len(name.encode(errors="replace")) > MAX_FILE_NAME
        if Path(name).name != name or not name.endswith(".safetensors") or too_long:
            raise UserError(f"{index}: '{shown(name)}' is not the name of a safetensors file beside it")
        if not (index.parent / name).is_file():
            raise UserError(f"{index.parent / shown(name)}: not found, but {index.name} names it; fetch it again")
    return [index.parent / name for name in files]


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Return names, shapes and dtypes of all tensors in a file, or in what a reference stands for. Raises UserError."""
    return read_referred_header(path) if is_reference(path) else files_headers.read_header(path)


def _read_tensors(path: Path) -> dict[str, mx.array]:
    """Return a file's tensors, lazy. Raises UserError."""
    try:
        return cast(dict[str, mx.array], mx.load(str(path)))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: mlx cannot read it ({one_line(error)}); fetch it again") from None


def load_weights(model: nn.Module, files: list[Path], renames: keys.Renames, dtype: mx.Dtype) -> None:
    """Fill `model` from a checkpoint of one or more files, converting to `dtype`, and evaluate it.

    Packed layers (see quantize.py) are filled from packed weights as they are, from float weights by packing them one
    at a time. Raises UserError that names the first missing, unknown or misshapen tensor and how many there are.
    """
    headers = {path: read_header(path) for path in files}
    stored = [(path, torch) for path, header in headers.items() for torch in header]
    ours = {(path, torch): name for path, torch in stored if (name := keys.to_ours(torch, renames)) is not None}
    packed = {path: module for path, module in model.named_modules() if isinstance(module, Packed)}
    to_pack = {path: m for path, m in packed.items() if f"{path}.scales" not in ours.values()}
    expected = _expected(model, to_pack)
    _check(headers, ours, expected, renames)
    loaded: list[tuple[str, mx.array]] = []
    for path in files:
        tensors = read_referred(path, _read_tensors) if is_reference(path) else _read_tensors(path)
        for torch in headers[path]:
            name = ours.get((path, torch))
            if name is None:
                continue
            tensor = keys.tensor_to_ours(tensors.pop(torch), len(expected[name][0]))
            layer = name.removesuffix(".weight")
            if layer in to_pack and name.endswith(".weight"):
                loaded += [(f"{layer}.{part}", array) for part, array in to_pack[layer].pack(tensor).items()]
            else:
                loaded.append((name, _converted(tensor, name, packed, dtype)))
    model.load_weights(loaded, strict=True)
    log.debug("%s: %d tensors", files[0], len(loaded))


def _converted(tensor: mx.array, name: str, packed: dict[str, Packed], dtype: mx.Dtype) -> mx.array:
    """In `dtype`, evaluated, so that what the file holds is let go; packed weights, scales and offsets as they are."""
    layer, _, part = name.rpartition(".")
    array = tensor if layer in packed and part != "bias" else tensor.astype(dtype)
    mx.eval(array)
    return array


def _expected(model: nn.Module, to_pack: dict[str, Packed]) -> dict[str, tuple[tuple[int, ...], tuple[str, ...]]]:
    """Shape and dtypes of every tensor that the checkpoint must hold, by our names."""
    expected: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {}
    for name, value in cast(dict[str, mx.array], tree_flatten(model.parameters(), destination={})).items():
        layer, _, part = name.rpartition(".")
        if layer in to_pack and part in ("scales", "biases"):
            continue
        if layer in to_pack and part == "weight":
            expected[name] = (to_pack[layer].shape, FLOATS)
        else:
            expected[name] = (tuple(value.shape), ("U32",) if value.dtype == mx.uint32 else FLOATS)
    return expected


def _check(
    headers: dict[Path, dict[str, TensorInfo]],
    ours: dict[tuple[Path, str], str],
    expected: dict[str, tuple[tuple[int, ...], tuple[str, ...]]],
    renames: keys.Renames,
) -> None:
    first = next(iter(headers))
    present = set(ours.values())
    if len(present) != len(ours):
        raise UserError(f"{first}: the same tensor is stored twice, under its name and an older one or in two files")
    missing = sorted(keys.to_torch(name, renames) for name in expected if name not in present)
    if missing:
        raise UserError(
            f"{first}: tensor {missing[0]} is missing{_more(missing)}; config.json and weights do not match"
        )
    extra = sorted((torch, path) for (path, torch), name in ours.items() if name not in expected)
    if extra:
        more = _more([torch for torch, _ in extra])
        name = shown(extra[0][0])
        raise UserError(f"{extra[0][1]}: tensor {name} is not in this model{more}; config.json does not match")
    for (path, torch), name in ours.items():
        found, (want, dtypes) = headers[path][torch], expected[name]
        if keys.shape_to_ours(found.shape, len(want)) != want:
            shape = shown(str(list(found.shape)))
            raise UserError(
                f"{path}: tensor {shown(torch)} has shape {shape}, which does not fit {list(want)} "
                "(channels last); config.json and weights do not match"
            )
        if found.dtype not in dtypes:
            raise UserError(f"{path}: tensor {shown(torch)} has dtype {found.dtype}; {', '.join(dtypes)} is read")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
