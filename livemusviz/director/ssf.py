"""Similarity filter: decides how much of a frame to compute, by its novelty and the energy of the music. Pure.

StreamDiffusion's stochastic similarity filter (Kodaira et al. 2023, arXiv 2312.12491, section 3.5) skips a frame with
the probability

    p = max(0, (s - eta) / (1 - eta))

where s is the cosine similarity of the frame's input to the last computed one. In the paper eta is fixed, and a
frame is computed or skipped. Here the tolerance 1 - eta falls geometrically with the energy of the music, and a
frame that is not computed in full is done at the cheapest level that still shows motion:

    FULL     the whole UNet
    SHALLOW  its outer layers, with the deep features of the last full frame (DeepCache, Ma et al. 2024, over time)
    GLIDE    no UNet: the latents move on towards the last computed ones and are decoded
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
MAX_GLIDES = 3  # in a row; the latents have arrived by then
MAX_SHALLOW = 4  # in a row
STALE = 1.0  # s without a full frame, after which the next frame with any motion is full
SHALLOW_FROM, GLIDE_FROM = 0.4, 0.06  # of the tolerance: least movement of the input


class Grade(IntEnum):
    """Levels of computation, in rising order of cost."""

    NOTHING = 0
    GLIDE = 1
    SHALLOW = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """Describes the input of one frame.

    similarity : -1..1, cosine of the input and the last computed one.
    energy : 0..1, of the music.
    since_onset : s since the last onset or beat.
    changed : True if the prompt, its fade or the seed moved.
    since_full : s since the last full frame.
    """

    similarity: float
    energy: float
    since_onset: float
    changed: bool
    since_full: float = 0.0


class SimilarityFilter:
    """Draws the decisions from a seeded generator: the same music skips the same frames."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._in_a_row = {Grade.NOTHING: 0, Grade.GLIDE: 0, Grade.SHALLOW: 0}

    def grade(self, moment: Moment, strength: float) -> Grade:
        """Return the level of computation for a frame.

        strength : 0..1, scales the probability of a skip; 0 computes every frame in full.
        """
        draw = float(self._rng.random())  # one a frame, needed or not: no decision shifts the next
        grade = self._wanted(moment, strength, draw)
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
    """Return 1 - eta of the formula above for an energy of 0..1."""
    return float(TOLERANCE_REST * (TOLERANCE_FULL / TOLERANCE_REST) ** min(1.0, max(0.0, energy)))


def skip_probability(similarity: float, energy: float) -> float:
    """Return p of the formula above, 0..1. It falls with the energy (0..1) and rises with the similarity (-1..1)."""
    return min(1.0, max(0.0, 1.0 - (1.0 - similarity) / tolerance(energy)))
