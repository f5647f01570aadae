"""How much of a frame is worth computing: graded skipping, gated by the energy of the music. Pure.

StreamDiffusion's stochastic similarity filter (Kodaira et al. 2023, arXiv 2312.12491, section 3.5) skips a frame with
the probability

    p = max(0, (s - eta) / (1 - eta))

where s is the cosine similarity of this frame's input to the last computed one. There eta is fixed and skipping is all
or nothing; here 1 - eta, the tolerance, falls geometrically with the energy of the music, and what is not computed in
full gets the least that still looks alive:

    FULL     the whole UNet
    SHALLOW  its outer layers, with the deep features of the last full frame (DeepCache, Ma et al. 2024, over time)
    GLIDE    no UNet: the latents glide on towards the last computed ones, and are decoded
    NOTHING  the last picture stays
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

TOLERANCE_REST = 1e-1  # 1 - eta at energy 0
TOLERANCE_FULL = 1e-9  # 1 - eta at energy 1
ONSET_HOLD = 0.12  # s after an onset in which every frame is computed in full
MAX_NOTHING = 15  # slots in a row without a picture
MAX_GLIDES = 3  # pictures in a row without a UNet; by then the latents have arrived
MAX_SHALLOW = 4  # ... and with its outer layers only
STALE = 1.0  # s without a full frame, after which the next that is not at rest is one
SHALLOW_FROM, GLIDE_FROM = 0.4, 0.06  # of the tolerance: how far the input must have moved


class Grade(IntEnum):
    """What a frame costs, in rising order."""

    NOTHING = 0
    GLIDE = 1
    SHALLOW = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """What the filter looks at.

    similarity : -1..1, of the input to the last computed one.  energy : 0..1.  since_onset, since_full : s.
    changed : the prompt, its fade or the seed moved.
    """

    similarity: float
    energy: float
    since_onset: float
    changed: bool
    since_full: float = 0.0


class SimilarityFilter:
    """Seeded, so that the same music skips the same frames. `strength` 0 computes everything."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._in_a_row = {Grade.NOTHING: 0, Grade.GLIDE: 0, Grade.SHALLOW: 0}

    def grade(self, moment: Moment, strength: float) -> Grade:
        """How much of this frame is to be computed. strength : 0..1, scales the probability of a skip."""
        grade = self._wanted(moment, strength, float(self._rng.random()))  # drawn every time: no decision shifts others
        row = self._in_a_row
        if grade is Grade.NOTHING and row[grade] >= MAX_NOTHING:
            grade = Grade.FULL
        if grade is Grade.GLIDE and row[grade] >= MAX_GLIDES:
            grade = Grade.SHALLOW
        if grade is Grade.SHALLOW and row[grade] >= MAX_SHALLOW:
            grade = Grade.FULL
        for lesser in row:
            row[lesser] = row[lesser] + 1 if grade is lesser else 0 if grade > lesser else row[lesser]
        return grade

    @staticmethod
    def _wanted(moment: Moment, strength: float, draw: float) -> Grade:
        if moment.changed or moment.since_onset < ONSET_HOLD:
            return Grade.FULL
        if draw >= strength * skip_probability(moment.similarity, moment.energy):
            return Grade.FULL
        moved = (1.0 - moment.similarity) / tolerance(moment.energy)
        if moved < GLIDE_FROM:
            return Grade.NOTHING
        if moment.since_full > STALE:
            return Grade.FULL
        return Grade.SHALLOW if moved >= SHALLOW_FROM else Grade.GLIDE


def tolerance(energy: float) -> float:
    """1 - eta of the formula above for an energy of 0..1."""
    return float(TOLERANCE_REST * (TOLERANCE_FULL / TOLERANCE_REST) ** min(1.0, max(0.0, energy)))


def skip_probability(similarity: float, energy: float) -> float:
    """p of the formula above, 0..1; falls with energy (0..1), rises with similarity (-1..1)."""
    return min(1.0, max(0.0, 1.0 - (1.0 - similarity) / tolerance(energy)))
