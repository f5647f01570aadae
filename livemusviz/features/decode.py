"""The true beats of a whole track: the likeliest path through the tracker's own states. Pure; for the offline twin.

In: the SuperFlux curve of a track, a value a hop. Out: beat times in hops. Viterbi decoding, exact: only where a beat
ends is there a choice, so one byte a tempo and step is all that must be remembered.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.features.beat import LARGEST_SECONDS, LEAST, MEAN_SECONDS, ON_BEAT, STEP, STRIDE, States


def activation(flux: np.ndarray) -> np.ndarray:
    """As `beat.Activation`, with means and maxima that look both ways. (hops,) to (hops // STRIDE,), 0..1."""
    steps = flux[: len(flux) // STRIDE * STRIDE].reshape(-1, STRIDE).max(axis=1)
    return np.maximum(0.0, steps - centred_mean(steps, MEAN_SECONDS / STEP)) / _largest_around(steps)


def centred_mean(values: np.ndarray, width: float) -> np.ndarray:
    """Mean over about `width` values around each, fewer at the ends."""
    half = max(1, round(width / 2))
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    at = np.arange(len(values))
    low, high = np.maximum(0, at - half), np.minimum(len(values), at + half + 1)
    return (total[high] - total[low]) / (high - low)


def _largest_around(values: np.ndarray) -> np.ndarray:
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
    """Where the beats are, in hops (or parts of one) from the start of `flux` (hops,); none of less than two beats."""
    heard = activation(flux)
    if len(heard) < 2 * States().intervals[0]:
        return np.zeros(0)
    starts, lengths = _path(heard)
    beats = []
    for start, length in zip(starts, lengths, strict=True):
        window = heard[start : start + math.ceil(length * ON_BEAT) + 1]
        struck = len(window) > 0 and window.max() > 0.1
        beats.append(start + (int(np.argmax(window)) if struck else length * ON_BEAT / 2))
    return (np.array(beats) + 0.5) * STRIDE


def _path(heard: np.ndarray) -> tuple[list[int], list[int]]:
    """Steps at which the likeliest path begins a beat, and the steps each beat takes."""
    states = States()
    change = np.log(states.change.T + 1e-30)  # to row from column
    score = np.log(states.prior)
    choices = np.zeros((len(heard), len(states.intervals)), np.uint8)
    for step, value in enumerate(heard.tolist()):
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
    step = len(heard) - 1 - (state - int(states.starts[tempo]))
    begun, lengths = [], []
    while step >= 0:
        begun.append(step)
        lengths.append(int(states.intervals[tempo]))
        tempo = int(choices[step, tempo])
        step -= int(states.intervals[tempo])
    return begun[::-1], lengths[::-1]
