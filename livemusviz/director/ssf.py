"""Similarity filter: decides how much of a frame to compute, by its novelty and the energy of the music. Pure.

StreamDiffusion's stochastic similarity filter (Kodaira et al. 2023, arXiv 2312.12491, section 3.5) skips a frame with
the probability

    p = max(0, (s - eta) / (1 - eta))

where s is the cosine similarity of the frame's input to the last computed one. In the paper eta is fixed, and a
frame is computed or skipped. Here the tolerance 1 - eta falls geometrically with the energy of the music, and a
frame that is not computed in full reuses as much as still shows motion (`bridge.frames.Reuse`):

    NONE           of an earlier frame: the whole UNet is evaluated
    DEEP_FEATURES  of the last full frame, under the UNet's outer layers (DeepCache, Ma et al. 2024, over time)
    LATENTS        towards which the present ones move on, to be decoded: no UNet
    FRAME          the last picture stays
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.frames import Reuse

TOLERANCE_REST = 1e-1  # 1 - eta at energy 0
TOLERANCE_FULL = 1e-9  # 1 - eta at energy 1
ONSET_HOLD = 0.12  # s after an onset in which every frame is computed in full
MAX_FRAMES = 15  # slots in a row without a picture
MAX_LATENTS = 3  # in a row; the latents have arrived by then
MAX_DEEP_FEATURES = 4  # in a row
STALE = 1.0  # s without a full frame, after which the next frame with any motion is full
DEEP_FEATURES_FROM, LATENTS_FROM = 0.4, 0.06  # of the tolerance: least movement of the input


@dataclass(frozen=True, slots=True)
class Moment:
    """Describes the input of one frame.

    similarity : -1..1, cosine of the input and the last computed one; no more than that of the pictures from outside.
    energy : 0..1, of the music.
    since_onset : s since the last onset or beat.
    changed : True if the prompt, its fade, the seed or the strength moved.
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
        self._in_a_row = {Reuse.FRAME: 0, Reuse.LATENTS: 0, Reuse.DEEP_FEATURES: 0}

    def decide(self, moment: Moment, strength: float) -> Reuse:
        """Return how much a frame may reuse.

        strength : 0..1, scales the probability of a skip; 0 computes every frame in full.
        """
        draw = float(self._rng.random())  # one a frame, needed or not: no decision shifts the next
        reuse = self._wanted(moment, strength, draw)
        row = self._in_a_row
        if reuse is Reuse.FRAME and row[reuse] >= MAX_FRAMES:
            reuse = Reuse.NONE
        if reuse is Reuse.LATENTS and row[reuse] >= MAX_LATENTS:
            reuse = Reuse.DEEP_FEATURES
        if reuse is Reuse.DEEP_FEATURES and row[reuse] >= MAX_DEEP_FEATURES:
            reuse = Reuse.NONE
        for level in row:
            row[level] = row[level] + 1 if reuse is level else 0 if reuse < level else row[level]
        return reuse

    @staticmethod
    def _wanted(moment: Moment, strength: float, draw: float) -> Reuse:
        if moment.changed or moment.since_onset < ONSET_HOLD:
            return Reuse.NONE
        if draw >= strength * skip_probability(moment.similarity, moment.energy):
            return Reuse.NONE
        moved = (1.0 - moment.similarity) / tolerance(moment.energy)
        if moved < LATENTS_FROM:
            return Reuse.FRAME
        if moment.since_full > STALE:
            return Reuse.NONE
        return Reuse.DEEP_FEATURES if moved >= DEEP_FEATURES_FROM else Reuse.LATENTS


def tolerance(energy: float) -> float:
    """Return 1 - eta of the formula above for an energy of 0..1."""
    return float(TOLERANCE_REST * (TOLERANCE_FULL / TOLERANCE_REST) ** min(1.0, max(0.0, energy)))


def skip_probability(similarity: float, energy: float) -> float:
    """Return p of the formula above, 0..1. It falls with the energy (0..1) and rises with the similarity (-1..1)."""
    return min(1.0, max(0.0, 1.0 - (1.0 - similarity) / tolerance(energy)))
