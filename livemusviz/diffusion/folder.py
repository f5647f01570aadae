"""Finds a model by name on this machine, and checks that its folder is complete. Never asks the network.

Pure file work, any thread: nothing heavy is imported.
"""

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from livemusviz.diffusion.original import model_folder
from livemusviz.errors import UserError
from livemusviz.regular import read_regular

EMBEDDED = "embedded"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
TINY_AUTOENCODERS = {0.18215: "madebyollin/taesd", 0.13025: "madebyollin/taesdxl"}
"""Tiny autoencoders by the scale of their latents: an AutoencoderKL's `scaling_factor`."""
VARIANTS = ("", ".fp16")
"""Parts of the names of a component's weights, in the order in which they are looked for."""
STABLE_DIFFUSION = re.compile(r"(StableDiffusion(?!3)|LatentConsistencyModel)")
"""Begins the names of the pipelines whose parts are those of Stable Diffusion 1, 2 and XL."""
MAX_INDEX = 1 << 20  # bytes
COMPONENTS = ("unet", "text_encoder", "tokenizer", "scheduler")


def index_names(stem: str, variant: str) -> tuple[str, ...]:
    """Return the names that an index of sharded weights has had in diffusers, today's first. variant : one of
    `VARIANTS`."""
    today = f"{stem}.safetensors.index{variant}.json"
    if not variant:
        return (today,)
    return today, f"{stem}{variant}.safetensors.index.json", f"{stem}.safetensors{variant}.index.json"


def user_path(text: str, flag: str) -> Path:
    """Return a path with `~` expanded; it need not exist. flag : the flag that named it.

    Raises UserError for a path that no file of this machine can have.
    """
    try:
        if not text:
            raise ValueError("it is empty")
        path = Path(text).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, ValueError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        shown = f"{text[:64]!r}" + (f"... of {len(text)} characters" if len(text) > 64 else "")
        raise UserError(f"{flag} {shown}: no usable path ({reason}); give another") from None
    return path


def resolve_model(name: str) -> Path:
    """Return the folder of a model: "embedded", a folder's path, or `org/name` already in the Hugging Face cache; and
    the folder that stands for a single file.

    Raises UserError that says what to do.
    """
    if name == EMBEDDED:
        folder = Path(__file__).parent / EMBEDDED
        if not folder.is_dir():
            raise UserError("the embedded model is not in this installation; install livemusviz again")
        return folder
    path = user_path(name, "model")
    if path.is_dir():
        return path
    if path.is_file():
        return model_folder(path)
    if not HUB_NAME.fullmatch(name) or ".." in name:
        raise UserError(f"{name}: no such model folder; give '{EMBEDDED}', a folder, or org/name from the HF cache")
    return cached_snapshot(name)


def check_folder(folder: Path, needs_vae: bool = True) -> None:
    """Raise a UserError if a folder is not a Stable Diffusion pipeline in diffusers layout with its parts."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such model folder")
    if not (folder / "model_index.json").is_file():
        raise UserError(f"{folder}: no model_index.json in it, so it is not a model folder in diffusers layout")
    needed = COMPONENTS + (("vae",) if needs_vae else ())
    missing = [part for part in needed if not (folder / part).is_dir()]
    kind = _pipeline(folder) if missing else ""
    if kind and not STABLE_DIFFUSION.match(kind):
        raise UserError(
            f"{folder}: a {kind}, which is not implemented (no {', '.join(missing)} in it); give a model of "
            "Stable Diffusion 1, 2 or XL"
        )
    if missing:
        raise UserError(f"{folder}: no {', '.join(missing)} in it; the model must be complete")


def _pipeline(folder: Path) -> str:
    """Return diffusers' name of a folder's pipeline, "" where it has none that can be read."""
    try:
        index = json.loads(read_regular(folder / "model_index.json", MAX_INDEX))
    except (OSError, ValueError, RecursionError):
        return ""
    kind = index.get("_class_name") if isinstance(index, dict) else None
    return kind[:64] if isinstance(kind, str) and kind.isidentifier() else ""


def tiny_autoencoder_for(folder: Path) -> str | None:
    """Return the name of a tiny autoencoder for the latents of a model's full one, if one is known."""
    path = folder / "vae" / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
        if config.get("_class_name") != "AutoencoderKL" or config.get("latent_channels", 4) != 4:
            return None
        return TINY_AUTOENCODERS.get(config.get("scaling_factor", 0.18215))
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return None


def find_autoencoder(folder: Path, choice: str) -> Path | None:
    """Return the folder of another autoencoder for a model, None for its own.

    choice : "own"; "auto", a tiny one from the cache where one fits; a path; or `org/name` from the cache. A path may
    lead to a whole model, of which its autoencoder is taken. Raises UserError that says what to do.
    """
    if choice == "own":
        return None
    if choice == "auto":
        tiny = tiny_autoencoder_for(folder)
        if tiny is None:
            return None
        try:
            return cached_snapshot(tiny, "config.json")
        except UserError:
            if any((folder / "vae").glob("*.safetensors")):
                return None
            raise UserError(
                f"{folder}: its autoencoder has no weights; fetch {tiny}, or the model with --vae own"
            ) from None
    path = user_path(choice, "--vae")
    if not path.is_dir():
        if not HUB_NAME.fullmatch(choice) or ".." in choice:
            raise UserError(
                f"--vae {choice}: no such folder; give 'auto', 'own', a folder, or org/name from the HF cache"
            )
        path = cached_snapshot(choice, "config.json")
    return path if (path / "config.json").is_file() else path / "vae"


def model_name(folder: Path) -> str:
    """Return a short name for people: "embedded", org/name for a cache snapshot, else the folder's own name."""
    if folder.resolve() == (Path(__file__).parent / EMBEDDED).resolve():
        return EMBEDDED
    for parent in folder.parents:
        if parent.name.startswith("models--"):
            return parent.name.removeprefix("models--").replace("--", "/", 1)
    return folder.resolve().name


def hub_cache() -> Path:
    """Return the folder of the Hugging Face cache."""
    for name, inside in (("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")):
        if os.environ.get(name):
            return user_path(os.environ[name], name) / inside
    return user_path("~/.cache", "HOME") / "huggingface/hub"


def cached_snapshot(name: str, marker: str = "model_index.json") -> Path:
    """Return the snapshot of `org/name` that the cache's `main` points at, or the newest with a file `marker`.

    Raises UserError that says what to do.
    """
    store = hub_cache() / f"models--{name.replace('/', '--')}"
    try:
        snapshot = _main_snapshot(store, marker) or newest_snapshot(store, marker)
    except OSError as error:
        raise UserError(f"{name[:64]}: cannot be looked for in {hub_cache()} ({error.strerror})") from None
    if snapshot is None:
        raise UserError(
            f"{name}: not in the Hugging Face cache ({hub_cache()}); fetch it first: livemusviz models fetch {name}"
        )
    return snapshot


def _main_snapshot(store: Path, marker: str) -> Path | None:
    reference = store / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = store / "snapshots" / reference.read_text(encoding="utf-8", errors="replace").strip()[:64]
    return snapshot if (snapshot / marker).exists() and snapshot.parent == store / "snapshots" else None


def newest_snapshot(store: Path, marker: str = "model_index.json") -> Path | None:
    """Of a repository's folder in the cache, the newest snapshot with a file `marker`, if there is one."""
    snapshots = store / "snapshots"
    names = [path for path in snapshots.iterdir() if (path / marker).is_file()] if snapshots.is_dir() else []
    return max(names, key=lambda path: (path / marker).stat().st_mtime, default=None)
