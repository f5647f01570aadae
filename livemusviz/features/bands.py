"""Levels of three frequency bands, and where the weight of the spectrum lies. Pure; runs on the features thread.

In: magnitudes of `spectrum.ShortSpectrum`. Out: linear RMS of each band, centroid (Hz), flatness (0..1).
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.features.spectrum import FREQUENCIES, WINDOW

EDGES = (20.0, 150.0, 2000.0, 12000.0)  # Hz: kick and bass | voices and chords | snare, hats, air
_STARTS = np.ceil(np.array(EDGES) * WINDOW / SAMPLE_RATE).astype(int)
_HEARD = slice(_STARTS[0], _STARTS[-1])
# Parseval for a one-sided spectrum of magnitudes scaled to the amplitude of a sine, window w:
# mean square = sum M^2 (sum w)^2 / (2 N sum w^2).
_SCALE = float(np.hanning(WINDOW).sum() ** 2 / (2 * WINDOW * np.sum(np.hanning(WINDOW) ** 2)))
_FLOOR = 1e-12  # power of a bin that counts as nothing


def band_levels(power: np.ndarray) -> tuple[float, float, float]:
    """RMS of bass, mid and treble from squared magnitudes; a full-scale sine in one band gives 0.71."""
    bass, mid, treble = np.sqrt(np.add.reduceat(power, _STARTS)[:3] * _SCALE)
    return float(bass), float(mid), float(treble)


def centroid_and_flatness(power: np.ndarray) -> tuple[float, float]:
    """Centre of gravity of the magnitudes in Hz, and geometric over arithmetic mean of the power, 20 Hz to 12 kHz.

    Both 0 of nothing. (Peeters 2004, "A large set of audio features", sections 6.1.1 and 9.1.)
    """
    heard = power[_HEARD]
    total = float(heard.sum())
    if total < _FLOOR:
        return 0.0, 0.0
    magnitude = np.sqrt(heard)
    centroid = float(magnitude @ FREQUENCIES[_HEARD]) / float(magnitude.sum())
    geometric = float(np.exp(np.mean(np.log(heard + 1e-6 * total))))
    return centroid, min(1.0, geometric / (total / len(heard)))
