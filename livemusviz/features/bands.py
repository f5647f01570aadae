"""Computes the levels of three frequency bands, and centroid and flatness of the spectrum. Pure; features thread.

In: squared magnitudes of `spectrum.ShortSpectrum`. Out: linear RMS of each band, centroid (Hz), flatness (0..1).
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.features.spectrum import FREQUENCIES, WINDOW

EDGES = (20.0, 150.0, 2000.0, 12000.0)  # Hz: kick and bass | voices and chords | snare, hats, air
_STARTS = np.ceil(np.array(EDGES) * WINDOW / SAMPLE_RATE).astype(int)
_AUDIBLE = slice(_STARTS[0], _STARTS[-1])
# Parseval for a one-sided spectrum of magnitudes scaled to the amplitude of a sine, window w:
# mean square = sum M^2 (sum w)^2 / (2 N sum w^2).
_SCALE = float(np.hanning(WINDOW).sum() ** 2 / (2 * WINDOW * np.sum(np.hanning(WINDOW) ** 2)))
_FLOOR = 1e-12  # power of a bin that counts as nothing


def band_levels(power: np.ndarray) -> tuple[float, float, float]:
    """Return the RMS of bass, mid and treble. A full-scale sine in one band gives 0.71.

    power : squared magnitudes, float32 (WINDOW // 2 + 1,).
    """
    bass, mid, treble = np.sqrt(np.add.reduceat(power, _STARTS)[:3] * _SCALE)
    return float(bass), float(mid), float(treble)


def centroid_and_flatness(power: np.ndarray) -> tuple[float, float]:
    """Return the centroid in Hz and the flatness in 0..1, between 20 Hz and 12 kHz. Both are 0 in silence.

    The centroid is the magnitudes' centre of gravity; the flatness is the geometric over the arithmetic mean of the
    power. (Peeters 2004, "A large set of audio features", sections 6.1.1 and 9.1.)
    """
    audible = power[_AUDIBLE]
    total = float(audible.sum())
    if total < _FLOOR:
        return 0.0, 0.0
    magnitude = np.sqrt(audible)
    centroid = float(magnitude @ FREQUENCIES[_AUDIBLE]) / float(magnitude.sum())
    geometric = float(np.exp(np.mean(np.log(audible + 1e-6 * total))))
    return centroid, min(1.0, geometric / (total / len(audible)))
