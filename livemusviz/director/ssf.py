"""The energy-gated stochastic similarity filter: decides whether a frame is worth computing. Pure.

StreamDiffusion's filter (Kodaira et al. 2023, arXiv 2312.12491, section 3.5) skips a frame with the probability

    p = max(0, (s - eta) / (1 - eta))

where s is the cosine similarity of this frame's input to the last computed one. There eta is fixed; here it rises with
the energy of the music, 1 - eta falling geometrically: at rest even a slowly moving input is skipped, at full energy
only one that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE_REST = 1e-1  # 1 - eta at energy 0
TOLERANCE_FULL = 1e-9  # 1 - eta at energy 1
ONSET_HOLD = 0.12  # s after an onset in which every frame is computed
MAX_SKIPS = 15  # in a row


@dataclass(frozen=True, slots=True)
class Moment:
    """What the filter looks at.

    similarity : -1..1, of the input to the last computed one.  energy : 0..1.  since_onset : s.
    changed : the prompt, its fade or the seed moved.
    """

    similarity: float
    energy: float
    since_onset: float
    changed: bool


class SimilarityFilter:
    """Seeded, so that the same music skips the same frames. `strength` 0 computes everything."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._skips = 0

    def computes(self, moment: Moment, strength: float) -> bool:
        """True if this frame is to be computed. strength : 0..1, scales the probability of a skip."""
        probability = strength * skip_probability(moment.similarity, moment.energy)
        draw = self._rng.random()  # drawn every time, so that one early decision does not shift all later ones
        must = moment.changed or moment.since_onset < ONSET_HOLD or self._skips >= MAX_SKIPS
        compute = must or draw >= probability
        self._skips = 0 if compute else self._skips + 1
        return compute


def skip_probability(similarity: float, energy: float) -> float:
    """p of the formula above, 0..1; falls with energy (0..1), rises with similarity (-1..1)."""
    tolerance = TOLERANCE_REST * (TOLERANCE_FULL / TOLERANCE_REST) ** min(1.0, max(0.0, energy))
    return min(1.0, max(0.0, 1.0 - (1.0 - similarity) / tolerance))
