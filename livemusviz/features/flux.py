"""Computes the spectral flux of a hop: SuperFlux, causal, of the whole spectrum and of four parts. Features thread.

After Boeck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013. The flux is the positive
difference of two logarithmic spectra, two hops apart. The earlier one is first widened by a maximum over neighbouring
bands, so that a sliding voice gives no onset. In: magnitudes and gain. Out: `Flux`.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.features.bands import EDGES
from livemusviz.features.spectrum import WINDOW

PER_OCTAVE = 24
RANGE = (30.0, 17000.0)  # Hz
COMPRESSION = 3000.0  # of log10(1 + c |X|): 70 dB below the automatic gain's target still counts
LAG = 2  # hops
AIR = 4000.0  # Hz
NARROW = (0, 120, 200, 300, 450, 650, 950, 1400, 2000, 3000, 4500, 6500, 9000, 12500)  # Hz; lower edges of narrow bands


class Flux(NamedTuple):
    """Holds means of the flux over bands of filters, each >= 0.

    full : 30 Hz to 17 kHz.
    bass, mid, treble : the bands of `bands.EDGES`.
    air : from 4 kHz, where cymbals sound and voices do not.
    """

    full: float
    bass: float
    mid: float
    treble: float
    air: float


class SuperFlux:
    """Keeps the logarithmic spectra of the last hops.

    narrow : mean rise of each band of `NARROW` in the last hop, float32 (len(NARROW),), >= 0.
    """

    def __init__(self) -> None:
        self._filters, centres = _filterbank()
        self._past: deque[np.ndarray] = deque([np.zeros(len(centres), np.float32)] * LAG, LAG)
        self._starts = np.array([0, *(np.searchsorted(centres, edge) for edge in (EDGES[1], EDGES[2], AIR))])
        self._counts = np.diff([*self._starts, len(centres)]).tolist()  # filters in bass, mid, below the air, air
        self._narrow_starts = np.searchsorted(centres, NARROW)
        self._narrow_counts = np.diff([*self._narrow_starts, len(centres)]).astype(np.float32)
        self.narrow: np.ndarray = np.zeros(len(NARROW), np.float32)

    def step(self, magnitude: np.ndarray, gain: float) -> Flux:
        """Add one hop and return its flux.

        magnitude : float32 (WINDOW // 2 + 1,).  gain : linear, the automatic gain; 0 in silence.
        """
        spectrum = np.log10(1.0 + (COMPRESSION * gain) * (self._filters @ magnitude))
        before = self._past[0]
        widest = before.copy()
        np.maximum(widest[1:], before[:-1], out=widest[1:])
        np.maximum(widest[:-1], before[1:], out=widest[:-1])
        rise = np.maximum(spectrum - widest, 0.0)
        self._past.append(spectrum)
        self.narrow = np.add.reduceat(rise, self._narrow_starts) / self._narrow_counts
        bass, mid, treble, air = np.add.reduceat(rise, self._starts).tolist()
        counts = self._counts
        return Flux(
            full=(bass + mid + treble + air) / sum(counts),
            bass=bass / counts[0],
            mid=mid / counts[1],
            treble=(treble + air) / (counts[2] + counts[3]),
            air=air / counts[3],
        )


def _filterbank() -> tuple[np.ndarray, np.ndarray]:
    """Return triangular filters of unit sum, (bands, bins), and their centres in Hz.

    They are a quarter tone apart, or one bin where a bin is wider.
    """
    octaves = np.arange(np.log2(RANGE[0]) * PER_OCTAVE, np.log2(RANGE[1]) * PER_OCTAVE + 1) / PER_OCTAVE
    bins = np.unique(np.round(2.0**octaves * WINDOW / SAMPLE_RATE).astype(int))
    bins = bins[bins >= 1]
    filters = np.zeros((len(bins) - 2, WINDOW // 2 + 1), np.float32)
    at = np.arange(WINDOW // 2 + 1)
    for row, (low, centre, high) in zip(filters, zip(bins, bins[1:], bins[2:], strict=False), strict=True):
        row[:] = np.maximum(0.0, np.minimum((at - low) / (centre - low), (high - at) / (high - centre)))
    return filters / filters.sum(axis=1, keepdims=True), bins[1:-1] * (SAMPLE_RATE / WINDOW)
