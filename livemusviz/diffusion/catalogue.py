"""Which models are on this machine, and which of a repository's files a model needs. Pure file work, any thread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from livemusviz.diffusion.folder import EMBEDDED, check_folder, hub_cache, model_name, resolve_model
from livemusviz.errors import UserError

WEIGHTED = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
"""Components with weights, and what their files are called."""
PLAIN = ("scheduler", "tokenizer", "tokenizer_2")
PLAIN_FILES = (".json", ".txt")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model on this machine. problem : why it cannot be loaded, or "". size_mb : of its weights on disk."""

    name: str
    folder: str
    pipeline: str
    scheduler: str
    bits: int
    size_mb: float
    problem: str


def list_models(folders: Iterable[Path]) -> list[ModelEntry]:
    """The embedded model, those in the Hugging Face cache, and those in or under the given folders (one level)."""
    found = [resolve_model(EMBEDDED)]
    for store in sorted(hub_cache().glob("models--*")):
        snapshots = sorted(store.glob("snapshots/*/model_index.json"), key=lambda p: p.stat().st_mtime)
        found += [snapshots[-1].parent] if snapshots else []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        candidates = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
        found += [path for path in candidates if (path / "model_index.json").is_file()]
    return [_entry(folder) for folder in dict.fromkeys(found)]


def _entry(folder: Path) -> ModelEntry:
    try:
        check_folder(folder, needs_vae=False)
        problem = _missing_weights(folder)
    except UserError as error:
        problem = str(error)
    bits = _json(folder / "unet" / "config.json").get("quantization", {}).get("bits", 16)
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    index, scheduler = _json(folder / "model_index.json"), _json(folder / "scheduler" / "scheduler_config.json")
    return ModelEntry(
        name=model_name(folder),
        folder=str(folder),
        pipeline=str(index.get("_class_name", "")),
        scheduler=str(scheduler.get("_class_name", "")),
        bits=bits,
        size_mb=round(size / 1e6, 1),
        problem=problem,
    )


def _missing_weights(folder: Path) -> str:
    for part in WEIGHTED:
        if part != "vae" and (folder / part).is_dir() and not any((folder / part).glob("*.safetensors")):
            return f"no safetensors in {part}"
    return ""


def _json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def files_needed(names: Sequence[str], *, vae: bool = True) -> list[str]:
    """Of all files in a repository, those that a model is loaded from: its configs, and one set of weights a component.

    The float16 variant is taken where there is one: half the download for the same picture. vae : its weights too; its
    config is always among them. A repository of an autoencoder alone has its files at the top.
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
    """The files of one set of a component's weights, the best there is."""
    shard = r"(-\d{5}-of-\d{5})?"
    for variant, index in ((r"\.fp16", ".fp16"), ("", "")):
        pattern = re.compile(rf"{part}/{stem}({variant}{shard}|{shard}{variant})\.safetensors")
        found = [name for name in names if pattern.fullmatch(name)]
        if found:
            one = [name for name in found if "-of-" not in name]
            return one or [*found, f"{part}/{stem}.safetensors.index{index}.json"]
    if any(name.startswith(f"{part}/") and name.endswith((".bin", ".ckpt", ".pt")) for name in names):
        raise UserError(
            f"its {part} has no safetensors, and a pickle can run any code: on a machine you trust, load it with "
            "diffusers and save it by pipe.save_pretrained(folder, safe_serialization=True)"
        )
    raise UserError(f"its {part} has no weights")
