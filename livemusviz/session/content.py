"""Describes the shaders, presets and playlist that a session can use. Pure; `assets` finds the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livemusviz.director.playlist import Entry
from livemusviz.director.presets import Preset
from livemusviz.errors import UserError
from livemusviz.isf.header import Header


@dataclass(frozen=True, slots=True)
class Content:
    """Holds the shaders and presets, and a function that returns a preset by its name."""

    shaders: Mapping[str, Header]
    """Every shader by name."""
    entries: tuple[Entry, ...]
    """Presets to step through, at least one."""
    load: Callable[[str], Preset]
    """Returns the preset of a name; UserError if there is none or it is bad."""
    built_in: frozenset[str] = frozenset()
    """Shaders whose inputs are parameters even if no preset names them."""

    def needed_shaders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the shaders that the entries' presets need, in their order, and a line for each preset that is bad."""
        needed: list[str] = []
        problems: list[str] = []
        for entry in self.entries:
            try:
                look = self.load(entry.preset).look
            except UserError as error:
                problems.append(str(error))
                continue
            needed += [*(look.chain or ()), *(name for name in (look.transition, look.idle) if name)]
        return tuple(dict.fromkeys(needed)), tuple(problems)
