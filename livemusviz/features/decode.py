"""Decodes the beats of a whole track: the likeliest path through the tracker's states. Pure; for the offline analysis.

In: the SuperFlux curve of a track, a value a hop. Out: beat times in hops. The Viterbi decoding is exact. Tempo changes
only at the end of a beat, so the back pointers take one byte for each tempo and step.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.features.strokes import LARGEST_SECONDS, LEAST, MEAN_SECONDS, STEP, STRIDE
from livemusviz.features.tempi import BPM_RANGE, TempoStates

BPM_PRIOR, OCTAVES_PRIOR = 120.0, 0.8  # of the prior: normal in octaves of tempo
TRANSITION_LAMBDA = 60.0  # of tempo changes between beats: p ~ exp(-TRANSITION_LAMBDA |ratio - 1|)
OBSERVATION_LAMBDA = 16  # parts of a beat; onsets are expected in the first
MISSED = 0.05  # likelihood of a beat without an onset


class States(TempoStates):
    """The state space of the hidden Markov model: a bar of positions for each tempo.

    on_beat : the states near the beat, int.
    change : transition probabilities between tempi, float32 (from, to).
    begin : probability of each state before the first observation, float32 (states,).
    """

    def __init__(self) -> None:
        slowest, fastest = (60.0 / (bpm * STEP) for bpm in BPM_RANGE)
        super().__init__(np.arange(math.floor(fastest), math.ceil(slowest) + 1))
        self.on_beat = np.flatnonzero(self.places < 1.0 / OBSERVATION_LAMBDA)
        self.change = self.changes(TRANSITION_LAMBDA).astype(np.float32)
        self.begin = self.prior(BPM_PRIOR, OCTAVES_PRIOR).astype(np.float32)

    @staticmethod
    def likelihood(activation: float) -> tuple[float, float]:
        """Return the likelihood of an activation (0..1) on the beat, and off it."""
        on = MISSED + (1.0 - 2.0 * MISSED) * activation
        return on, (1.0 - on) / (OBSERVATION_LAMBDA - 1)


def beat_activation(flux: np.ndarray) -> np.ndarray:
    """Return the activation of a whole track, 0..1, from its flux: (hops,) to (hops // STRIDE,).

    As `strokes.Excess`, but mean and maximum look both ways.
    """
    steps = flux[: len(flux) // STRIDE * STRIDE].reshape(-1, STRIDE).max(axis=1)
    return np.maximum(0.0, steps - centred_mean(steps, MEAN_SECONDS / STEP)) / _largest_around(steps)


def centred_mean(values: np.ndarray, width: float) -> np.ndarray:
    """Return the mean over about `width` values around each value, over fewer at the ends."""
    half = max(1, round(width / 2))
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    at = np.arange(len(values))
    low, high = np.maximum(0, at - half), np.minimum(len(values), at + half + 1)
    return (total[high] - total[low]) / (high - low)


def _largest_around(values: np.ndarray) -> np.ndarray:
    """Return the largest value around each, decaying both ways with `LARGEST_SECONDS`."""
    keep = math.exp(-STEP / LARGEST_SECONDS)

    def decaying(sequence: list[float]) -> np.ndarray:
        largest, out = LEAST, []
        for value in sequence:
            largest = max(value, largest * keep, LEAST)
            out.append(largest)
        return np.array(out)

    listed = values.tolist()
    return np.maximum(decaying(listed), decaying(listed[::-1])[::-1])


def beat_hops(flux: np.ndarray) -> np.ndarray:
    """Return the beat times in hops from the start of `flux` (hops,), as floats; none for less than two beats."""
    activations = beat_activation(flux)
    if len(activations) < 2 * States().intervals[0]:
        return np.zeros(0)
    starts, lengths = _path(activations)
    beats = []
    for start, length in zip(starts, lengths, strict=True):
        window = activations[start : start + math.ceil(length / OBSERVATION_LAMBDA) + 1]
        struck = len(window) > 0 and window.max() > 0.1
        beats.append(start + (int(np.argmax(window)) if struck else length / OBSERVATION_LAMBDA / 2))
    return (np.array(beats) + 0.5) * STRIDE


def _path(activations: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the steps at which the likeliest path begins a beat, and the number of steps in each."""
    states = States()
    change = np.log(states.change.T + 1e-30)  # row: to; column: from
    score = np.log(states.begin)
    choices = np.zeros((len(activations), len(states.intervals)), np.uint8)
    for step, value in enumerate(activations.tolist()):
        options = change + score[states.ends]
        choice = options.argmax(axis=1)
        choices[step] = choice
        score[1:] = score[:-1].copy()
        score[states.starts] = options[np.arange(len(choice)), choice]
        on, off = states.likelihood(value)
        score[states.on_beat] += math.log(on / off)
        score -= score.max()
    state = int(np.argmax(score))
    tempo = int(np.searchsorted(states.ends, state))
    step = len(activations) - 1 - (state - int(states.starts[tempo]))
    begun, lengths = [], []
    while step >= 0:
        begun.append(step)
        lengths.append(int(states.intervals[tempo]))
        tempo = int(choices[step, tempo])
        step -= int(states.intervals[tempo])
    return begun[::-1], lengths[::-1]
