"""Divides a prompt of two things ("a planet above mountains") into a subject and a background, each with its place.

For models that take a prompt as one vector, which says what is there but not where. numpy only, any thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from livemusviz.bridge.frames import Prompt
from livemusviz.diffusion.coordinates import cell_places, in_view
from livemusviz.diffusion.fronts import hills, soft_share
from livemusviz.diffusion.text import weighted

ABOVE = re.compile(r"\b(?:over|above|behind)\b", re.IGNORECASE)
BELOW = re.compile(r"\b(?:under|underneath|below|beneath)\b", re.IGNORECASE)
WITHIN = re.compile(r"\b(?:in front of|inside|in(?= (?:an?|the)\b))\b", re.IGNORECASE)
NO_SUBJECT = {"", "a", "an", "the", "all", "and", "from", "seen", "view"}
"""Words that leave no subject at the end of what stands before the preposition: "all over", "from above"."""
NO_BACKGROUND = {
    "again", "and", "background", "center", "centre", "color", "colors", "colour", "colours", "dark", "dawn",
    "distance", "evening", "foreground", "form", "it", "middle", "morning", "motion", "night", "over", "shade",
    "shades", "shape", "style", "that", "there", "this", "time",
}  # fmt: skip
"""Words that name no background at the end of what stands after it: "in the distance", "over and over again"."""
FILLS_A_SKY = {"aurora", "auroras", "borealis", "clouds", "lightning", "lights", "rain", "snow", "stars", "storm"}
"""Subjects that are not put in the middle of a sky: one picture shows both."""

HORIZON = 0.1
"""Lower end of the upper part, below the middle of the view, in halves of the shorter side."""
RADIUS = 0.62
"""Of the part in the middle of the view, in halves of the shorter side."""
SOFTNESS, RELIEF = 0.2, 0.1
"""Width of an edge, and how far the hills of the noise move it, in halves of the shorter side."""


@dataclass(frozen=True)
class Composition:
    """Holds a prompt of two things. within : True draws the subject in the middle, False above the background."""

    subject: Prompt
    background: Prompt
    within: bool


@lru_cache(256)
def composition(prompt: Prompt) -> Composition | None:
    """Return the two things of a prompt, or None where it has no preposition that places one by another.

    Of a weighted list both halves are lists; a text of one thing is in both, and the first with two decides the place.
    """
    parts = [(_parts(text), text, weight) for text, weight in weighted(prompt)]
    first = next((found for found, _, _ in parts if found is not None), None)
    if first is None:
        return None
    if len(parts) == 1:
        return first
    whole = [(found or Composition(text, text, first.within), weight) for found, text, weight in parts]
    return Composition(
        tuple((str(found.subject), weight) for found, weight in whole),
        tuple((str(found.background), weight) for found, weight in whole),
        first.within,
    )


def _parts(text: str) -> Composition | None:
    """Return the two things of a text; what stands between other commas belongs to both."""
    clauses = [clause.strip() for clause in text.split(",")]
    for index, clause in enumerate(clauses):
        for pattern in (ABOVE, BELOW, WITHIN):
            found = pattern.search(clause)
            if found is None:
                continue
            before, after = clause[: found.start()].strip(), clause[found.end() :].strip()
            if _last_word(before) in NO_SUBJECT or _last_word(after) in NO_SUBJECT | NO_BACKGROUND:
                continue
            if _last_word(before) in FILLS_A_SKY and _last_word(after) == "sky":
                continue
            both = [", ".join([*clauses[:index], thing, *clauses[index + 1 :]]) for thing in (before, after)]
            subject, background = reversed(both) if pattern is BELOW else both
            return Composition(subject, background, pattern is WITHIN)
    return None


def _last_word(text: str) -> str:
    return (re.findall(r"[^\W_]+", text.lower()) or [""])[-1]


def place(noise: np.ndarray, within: bool, pan: float = 0.0, zoom: float = 0.0) -> np.ndarray:
    """Return the subject's share of each latent cell, float32 (h, w, 1), 0..1.

    The edge lies in the view that the noise chooses, see `coordinates.in_view`, and follows the noise's hills.
    noise : of the frame, float32 (h, w, c).  within, see `Composition`.
    """
    h, w, _ = noise.shape
    places = cell_places(h, w)
    if pan or zoom:
        places = in_view(places, noise, pan, zoom)
    u, v = places[..., 0], places[..., 1]
    ground = hills(noise)
    inside = (RADIUS - np.sqrt(u * u + v * v) if within else HORIZON - v) + RELIEF * ground / max(ground.std(), 1e-6)
    return soft_share(inside / SOFTNESS + 0.5)[..., None]
