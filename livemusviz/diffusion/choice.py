"""Names the models that a running show can change to, and finds them. File work alone, any thread; nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from livemusviz.diffusion.catalogue import cached_models, models_in
from livemusviz.diffusion.folder import EMBEDDED, find_autoencoder, model_name, resolve_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError, suggest


@dataclass(frozen=True)
class ModelChoice:
    """Holds the models of a show. Names alone come from outside: no path is ever looked up.

    first : that the show begins with; the others are loaded with its choices, but for what belongs to its folder.
    folders : with models in or under them.  vae : as the user chose it, see `find_autoencoder`.
    """

    first: ModelSpec
    folders: tuple[Path, ...] = ()
    vae: str = "auto"

    def names(self) -> tuple[str, ...]:
        """Return the models that are there now, the first one and the embedded one before the others."""
        return tuple(dict.fromkeys(name for name, _ in self._found()))

    def find(self, name: str) -> ModelSpec:
        """Return the model of that name. UserError if there is none, or no autoencoder for it."""
        found = dict(reversed(list(self._found())))
        if name not in found:
            shown = name[:64]
            raise UserError(f"model '{shown}': not in the Hugging Face cache or --models; {suggest(shown, found)}")
        folder = found[name]
        if folder == self.first.folder:
            return self.first
        if name == EMBEDDED:
            return ModelSpec(folder)  # steps and guidance were chosen for another kind of model
        vae = self.vae if self.vae == "own" else "auto"  # another's folder may be of other latents
        return replace(self.first, folder=folder, vae=find_autoencoder(folder, vae))

    def _found(self) -> Iterator[tuple[str, Path]]:
        """Yield the names and folders; of those of one name the first one counts."""
        yield model_name(self.first.folder), self.first.folder
        yield EMBEDDED, resolve_model(EMBEDDED)
        for path in (*cached_models(), *(path for folder in self.folders for path in models_in(folder))):
            yield model_name(path), path
