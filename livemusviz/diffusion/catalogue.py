"""Lists the models on this machine, and the files of a repository that a model needs. Pure file work, any thread."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from livemusviz.diffusion.configs import QUANTIZATION, class_name, refuse_other_task
from livemusviz.diffusion.folder import (
    EMBEDDED,
    VARIANTS,
    check_folder,
    find_autoencoder,
    hub_cache,
    index_names,
    model_name,
    newest_snapshot,
    resolve_model,
    user_path,
)
from livemusviz.diffusion.original import is_reference, model_folder, referred_file
from livemusviz.diffusion.schedulers import CHOICES, needs_choice
from livemusviz.errors import UserError

WEIGHTED = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
"""Components with weights, and the names of their files."""
PLAIN = ("scheduler", "tokenizer", "tokenizer_2")
PLAIN_FILES = (".json", ".txt")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """Describes one model on this machine.

    name : as --model takes it.
    folder : of its files.
    pipeline, scheduler : diffusers' names of them.
    bits : of its weights.
    size_mb : of its weights on disk, MB.
    problem : why it cannot be loaded, or "".
    """

    name: str
    folder: str
    pipeline: str
    scheduler: str
    bits: int
    size_mb: float
    problem: str


def list_models(folders: Iterable[Path]) -> list[ModelEntry]:
    """Return the embedded model, those in the Hugging Face cache, and those in or under the given folders (one level).

    Raises UserError for a folder that is none; the entry of a broken model holds the problem.
    """
    found = [resolve_model(EMBEDDED), *cached_models()]
    for folder in (user_path(str(folder), "models list") for folder in folders):
        found += models_in(folder)
    return [_entry(folder) for folder in dict.fromkeys(found)]


def cached_models() -> list[Path]:
    """Return the newest snapshot of each model in the Hugging Face cache."""
    found = []
    for store in sorted(hub_cache().glob("models--*")):
        with suppress(OSError):
            snapshot = newest_snapshot(store)
            found += [snapshot] if snapshot else []
    return found


def models_in(folder: Path) -> list[Path]:
    """Return the model folders in a folder, one level deep, and itself if it is one; and the single files in it.

    UserError if it is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    try:
        candidates = [folder, *sorted(folder.iterdir())]
    except OSError as error:
        raise UserError(f"{folder}: cannot be looked into ({error.strerror})") from None
    found = [path for path in candidates if os.path.isfile(path / "model_index.json")]
    for path in (path for path in candidates if path.suffix == ".safetensors"):
        with suppress(UserError):  # it holds something else, as a LoRA
            found.append(model_folder(path))
    return found


def _entry(folder: Path) -> ModelEntry:
    index, scheduler = _json(folder / "model_index.json"), _json(folder / "scheduler" / "scheduler_config.json")
    return ModelEntry(
        name=model_name(folder),
        folder=str(folder),
        pipeline=str(index.get("_class_name", "")),
        scheduler=str(scheduler.get("_class_name", "")),
        bits=stored_bits(folder),
        size_mb=round(weights_size(folder) / 1e6, 1),
        problem=_problem(folder),
    )


def stored_bits(folder: Path) -> int:
    """Bits that a model's UNet is packed in on disk, 16 if it is not packed or does not say so in full."""
    packed = _json(folder / "unet" / "config.json").get(QUANTIZATION)
    bits = packed.get("bits") if isinstance(packed, dict) else None
    return bits if isinstance(bits, int) else 16


def weights_size(folder: Path) -> int:
    """Return the bytes on disk; 0 for a link that leads nowhere."""
    size = 0
    files = {*folder.rglob("*.safetensors"), *map(referred_file, filter(is_reference, folder.rglob("*.json")))}
    for path in files:
        with suppress(OSError):
            size += path.stat().st_size
    return size


def _problem(folder: Path) -> str:
    """Return the first error that loading would meet in the folder or in a header of its weights, or "".

    Reads no weights.
    """
    try:
        from livemusviz.diffusion.model import packing  # mlx, which `models fetch` goes without
        from livemusviz.diffusion.weights import find_weights, read_header, read_json_object

        vae = find_autoencoder(folder, "auto")
        check_folder(folder, needs_vae=vae is None)
        refuse_other_task(read_json_object(folder / "unet" / "config.json"), str(folder / "unet" / "config.json"))
        second = _json(folder / "model_index.json").get("text_encoder_2")
        for part, stem in WEIGHTED.items():
            if part == "text_encoder_2" and not (isinstance(second, list) and any(second[:1])):
                continue
            where = vae if part == "vae" and vae else folder / part
            packing(where, 16)
            for path in find_weights(where, stem):
                read_header(path)
        scheduler = read_json_object(folder / "scheduler" / "scheduler_config.json", infinite=True)
        if needs_choice(scheduler):
            return f"needs --scheduler {CHOICES}: {class_name(scheduler.get('_class_name'))} is not implemented"
    except (UserError, OSError, ImportError) as error:
        return " ".join(str(error).split())
    return ""


def _json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}  # reading a pipe could block
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def files_needed(names: Sequence[str], *, vae: bool = True) -> list[str]:
    """Of all files in a repository, those that a model is loaded from: its configs, and one set of weights a component.

    The float16 variant is taken where there is one: half the download for the same picture. vae : its weights too; its
    config is always among them. A repository of an autoencoder or a ControlNet alone has its files at the top.
    Raises UserError for a repository that holds no model, or weights that are not safetensors.
    """
    present = set(names)
    if "model_index.json" not in present:
        if {"config.json", "diffusion_pytorch_model.safetensors"} <= present:
            return ["config.json", "diffusion_pytorch_model.safetensors"]
        raise UserError("no model_index.json in it, so it is no model in diffusers layout; name one of its files")
    needed = ["model_index.json"]
    for name in names:
        path = PurePosixPath(name)
        part = path.parts[0] if len(path.parts) == 2 else ""
        if (part in PLAIN and path.suffix in PLAIN_FILES) or (part in WEIGHTED and path.name == "config.json"):
            needed.append(name)
    for part, stem in WEIGHTED.items():
        if f"{part}/config.json" in present and (vae or part != "vae"):
            needed += _weights(part, stem, names)
    return needed


def _weights(part: str, stem: str, names: Sequence[str]) -> list[str]:
    """Return the files of one set of a component's weights, the best there is."""
    shard = r"(-\d{5}-of-\d{5})?"
    for variant in reversed(VARIANTS):
        dotted = re.escape(variant)
        pattern = re.compile(rf"{part}/{stem}({dotted}{shard}|{shard}{dotted})\.safetensors")
        found = [name for name in names if pattern.fullmatch(name)]
        if found:
            one = [name for name in found if "-of-" not in name]
            known = [f"{part}/{name}" for name in index_names(stem, variant)]
            return one or [*found, next((name for name in known if name in names), known[0])]
    if any(name.startswith(f"{part}/") and name.endswith((".bin", ".ckpt", ".pt")) for name in names):
        raise UserError(
            f"its {part} has no safetensors, and a pickle can run any code: on a machine you trust, load it with "
            "diffusers and save it by pipe.save_pretrained(folder, safe_serialization=True)"
        )
    raise UserError(f"its {part} has no weights")
