"""Downloads into the Hugging Face cache: only the files a model is loaded from, with a progress bar.

A broken connection is taken up where it was; a second run fetches only the files that are missing.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from livemusviz.diffusion.catalogue import files_needed
from livemusviz.diffusion.folder import HUB_NAME, tiny_autoencoder_for
from livemusviz.errors import UserError, one_line

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10
ONE_FILE = re.compile(r"([\w.-]+/[\w.-]+)/([\w./-]+\.safetensors)")


def fetch(name: str, *, vae: str = "auto", revision: str | None = None) -> list[Path]:
    """Fetch `org/name`, or one safetensors file of it; where they are now.

    vae : "auto" fetches a tiny autoencoder in the place of a full one where one is known to fit, "own" the model's.
    Raises UserError, of one line, for a name, a repository or a network that will not do.
    """
    single = ONE_FILE.fullmatch(name)
    if single and ".." not in name:
        return [_download(single[1], [single[2]], revision) / single[2]]
    if not HUB_NAME.fullmatch(name) or ".." in name:
        raise UserError(f"{name}: give ORG/NAME, or ORG/NAME/FILE.safetensors")
    present = _file_names(name, revision)
    try:
        files = files_needed(present, vae=False)
        folder = _download(name, files, revision)
        tiny = tiny_autoencoder_for(folder) if vae == "auto" else None
        if tiny is None and files != files_needed(present):
            folder = _download(name, files_needed(present), revision)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return [folder] if tiny is None else [folder, *fetch(tiny)]


def _file_names(name: str, revision: str | None) -> list[str]:
    from huggingface_hub import HfApi

    with _told(name):  # the one question of the hub's client that it does not ask six times where nothing answers
        found = HfApi().model_info(name, revision=revision, timeout=ANSWER_SECONDS).siblings
    return [file.rfilename for file in found or ()]


def _download(name: str, files: list[str], revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    with _told(name):
        return Path(snapshot_download(name, allow_patterns=files, revision=revision))


class _told:
    """Turns whatever the hub or the network raises into one line for the user, and its client's warnings into none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        from huggingface_hub.utils import logging as client

        if not log.isEnabledFor(logging.DEBUG):
            client.set_verbosity_error()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

        if isinstance(error, GatedRepoError):
            raise UserError(f"{self._name}: agree to its terms on its page first, then log in") from None
        if isinstance(error, RepositoryNotFoundError):
            raise UserError(f"{self._name}: no such model on the hub, or it is private") from None
        client = kind is not None and kind.__module__.startswith("httpx")  # the hub's own HTTP client, of any version
        if client or isinstance(error, HfHubHTTPError | OSError | ValueError):
            text = one_line(error)
            raise UserError(f"{self._name}: not fetched ({text}); files that arrived are kept: run it again") from None
