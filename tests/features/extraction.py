"""Helpers for the tests of the analysis: play sound through it without a clock, and match onsets with their marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import HOP, SAMPLE_RATE


def extract(sound: np.ndarray, gain: float = 1.0) -> list[AudioFeatures]:
    """sound : float (n,) or (n, 2) at SAMPLE_RATE, from time 0 on."""
    audio = InProcessAudio(gain=gain)
    stereo = sound if sound.ndim == 2 else np.repeat(sound[:, None], 2, axis=1)
    blocks = (stereo[start : start + HOP].astype(np.float32) for start in range(0, len(stereo) - HOP + 1, HOP))
    return list(audio.feed_all(blocks))


def onset_times(features: Sequence[AudioFeatures]) -> list[float]:
    """When each onset was reported, s."""
    return [f.time for f in features if f.onset]


def sine(frequency: float, seconds: float, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def f_measure(marks: Sequence[float], found: Sequence[float], window: float = 0.05) -> tuple[float, float]:
    """F-measure of a largest matching within +-`window` seconds, and the median delay of the matched ones in seconds.

    Both sorted. In one dimension, pairing the earliest possible ones is a largest matching.
    """
    delays = []
    i = j = 0
    while i < len(marks) and j < len(found):
        if abs(found[j] - marks[i]) <= window:
            delays.append(found[j] - marks[i])
            i, j = i + 1, j + 1
        elif found[j] < marks[i]:
            j += 1
        else:
            i += 1
    if not delays:
        return 0.0, 0.0
    return 2 * len(delays) / (len(marks) + len(found)), float(np.median(delays))


def merged(marks: Sequence[float], apart: float = 0.05) -> list[float]:
    """Marks that follow another within `apart` seconds are one onset with it, as a flam or a kick under a hat is."""
    kept: list[float] = []
    for mark in sorted(marks):
        if not kept or mark - kept[-1] > apart:
            kept.append(mark)
    return kept
