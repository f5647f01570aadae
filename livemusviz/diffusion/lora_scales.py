"""Reads the scale of each layer of a LoRA file from peft's config in its metadata. Pure file work, any thread."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from livemusviz.diffusion.weights import shown
from livemusviz.errors import UserError

METADATA = "lora_adapter_metadata"
MAX_ALPHA = 1e6
NAME = re.compile(r"[\w.]+")
WILD = re.compile(r"\^?([\w.]|\\\.|\\d\+)*(\.\*)?([\w.]|\\\.|\\d\+)*\$?")
"""The expressions that are read beside plain names: with one '.*'. Matching any other could take too long."""
MAX_WILD = 64


class Patterns:
    """Finds alphas by layers' names, or their ends from a dot on, as peft's `alpha_pattern`: the first that matches
    counts.

    Raises UserError, naming the file and `key`, for an expression or a number that is not read.
    """

    def __init__(self, path: Path, key: str, entries: Mapping[str, Any]) -> None:
        self._names: dict[str, tuple[int, float]] = {}
        self._wild: list[tuple[int, float, re.Pattern[str]]] = []
        for order, (text, value) in enumerate(entries.items()):
            alpha = checked_alpha(path, f"{key} {text}", value)
            if NAME.fullmatch(text):
                self._names[text] = order, alpha
            elif WILD.fullmatch(text) and len(self._wild) < MAX_WILD:
                self._wild.append((order, alpha, re.compile(text)))
            else:
                raise UserError(
                    f"{path}: {shown(key)} {shown(repr(text))} is not read: give layers' names, or at most {MAX_WILD} "
                    "expressions with one '.*'"
                )

    def alpha(self, layer: str) -> float | None:
        """Return the alpha of a layer, None where nothing matches."""
        starts = [0, *(dot.end() for dot in re.finditer(r"\.", layer))]
        found = [self._names[layer[start:]] for start in starts if layer[start:] in self._names]
        for order, alpha, pattern in self._wild:
            if any(pattern.fullmatch(layer, start) for start in starts):
                found.append((order, alpha))
        return min(found)[1] if found else None


@dataclass(frozen=True)
class Scales:
    """Holds the scales of a file's components ("unet", "text_encoder"...), as far as its metadata gives them.

    alphas : for all layers of a component.  patterns : for some of them.
    rooted : components whose changes are divided by the square root of the rank, not by the rank.
    """

    alphas: Mapping[str, float] = field(default_factory=dict)
    patterns: Mapping[str, Patterns] = field(default_factory=dict)
    rooted: frozenset[str] = frozenset()

    def of(self, name: str, rank: int, stored: float | None) -> float:
        """Return the factor of a layer's change. name : "unet.down_blocks...". stored : its alpha among the file's
        tensors."""
        component, _, layer = name.partition(".")
        alpha = stored
        if alpha is None and component in self.patterns:
            alpha = self.patterns[component].alpha(layer)
        if alpha is None:
            alpha = self.alphas.get(component, float(rank))
        return alpha / (math.sqrt(rank) if component in self.rooted else rank)


def read_scales(path: Path) -> Scales:
    """Return the scales in a safetensors file's metadata; none without such metadata. UserError names the key."""
    try:
        with safe_open(path, framework="numpy") as file:
            told = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    except (SafetensorError, OSError, ValueError, RecursionError):
        return Scales()
    alphas, patterns, rooted = {}, {}, set()
    for key, value in (told if isinstance(told, dict) else {}).items():
        component, _, what = key.partition(".")
        if what == "lora_alpha" and isinstance(value, int | float):
            alphas[component] = checked_alpha(path, key, value)
        elif what == "alpha_pattern" and isinstance(value, dict):
            patterns[component] = Patterns(path, key, value)
        elif what == "use_rslora" and value is True:
            rooted.add(component)
    return Scales(alphas, patterns, frozenset(rooted))


def checked_alpha(path: Path, name: str, alpha: Any) -> float:
    """Return an alpha as a float. Raises UserError, which names it, for one that is no number or too large."""
    if not isinstance(alpha, int | float) or not abs(alpha) <= MAX_ALPHA:
        raise UserError(f"{path}: {shown(name)} is {shown(str(alpha), 24)}, at most {MAX_ALPHA:g}; fetch it again")
    return float(alpha)
