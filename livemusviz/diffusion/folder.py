"""Finds a model by name on this machine, and checks that its folder is complete. Never asks the network.

Pure file work, any thread: nothing heavy is imported.
"""

import os
import re
from pathlib import Path

from livemusviz.errors import UserError

EMBEDDED = "embedded"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")


def resolve_model(name: str) -> Path:
    """The folder of a model: "embedded", a path, or `org/name` already in the Hugging Face cache.

    Raises UserError that says what to do.
    """
    if name == EMBEDDED:
        folder = Path(__file__).parent / EMBEDDED
        if not folder.is_dir():
            raise UserError("the embedded model is not in this installation; install livemusviz again")
        return folder
    path = Path(name).expanduser()
    if name and path.is_dir():
        return path
    if path.is_file():
        raise UserError(f"{path}: a model is a folder in diffusers layout, this is a file")
    if not HUB_NAME.fullmatch(name) or ".." in name:
        raise UserError(f"{name}: no such model folder; give '{EMBEDDED}', a folder, or org/name from the HF cache")
    return _cached_snapshot(name)


def check_folder(folder: Path) -> None:
    """Raises UserError if a folder is not a Stable Diffusion pipeline in diffusers layout with its five parts."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such model folder")
    if not (folder / "model_index.json").is_file():
        raise UserError(f"{folder}: no model_index.json in it, so it is not a model folder in diffusers layout")
    missing = [part for part in COMPONENTS if not (folder / part).is_dir()]
    if missing:
        raise UserError(f"{folder}: no {', '.join(missing)} in it; the model must be complete")


def model_name(folder: Path) -> str:
    """A short name for people: "embedded", org/name for a cache snapshot, else the folder's own name."""
    if folder.resolve() == (Path(__file__).parent / EMBEDDED).resolve():
        return EMBEDDED
    for parent in folder.parents:
        if parent.name.startswith("models--"):
            return parent.name.removeprefix("models--").replace("--", "/", 1)
    return folder.resolve().name


def _hub_cache() -> Path:
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "huggingface" / "hub"


def _cached_snapshot(name: str) -> Path:
    """The snapshot of `org/name` that the cache's `main` points at, or the newest one there is."""
    store = _hub_cache() / f"models--{name.replace('/', '--')}"
    reference = store / "refs" / "main"
    if reference.is_file():
        snapshot = store / "snapshots" / reference.read_text(encoding="utf-8", errors="replace").strip()[:64]
        if snapshot.is_dir() and snapshot.parent == store / "snapshots":
            return snapshot
    snapshots = sorted((store / "snapshots").glob("*/model_index.json"), key=lambda p: p.stat().st_mtime)
    if snapshots:
        return snapshots[-1].parent
    raise UserError(f"{name}: not in the Hugging Face cache ({_hub_cache()}); fetch it first, or give a folder")
