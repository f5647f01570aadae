"""Measures one hop: everything that compares it with the hops just before and with nothing older. Features thread.

In: `Hop`. Out: `Measure`. The live extractor and the offline analysis both start from these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from livemusviz.bridge.features import Chroma
from livemusviz.features.bands import band_levels, centroid_and_flatness
from livemusviz.features.chroma import ChromaFinder
from livemusviz.features.flux import Flux, SuperFlux
from livemusviz.features.hop import Hop
from livemusviz.features.spectrum import ShortSpectrum


class Measure(NamedTuple):
    """Holds the measures of one hop.

    mono : float32 (HOP,), the mean of the two channels.
    bands : linear RMS of bass, mid and treble.
    centroid : Hz, 0 in silence.
    flatness : 0..1, 0 in silence.
    flux : see `flux.Flux`.
    narrow : see `flux.SuperFlux`.
    chroma : 12 weights, 0..1.
    tuning : semitones from A = 440 Hz, -0.5..0.5.
    """

    mono: np.ndarray
    bands: tuple[float, float, float]
    centroid: float
    flatness: float
    flux: Flux
    narrow: np.ndarray
    chroma: Chroma
    tuning: float


class Measurer:
    """Keeps the past samples and spectra that the transforms need."""

    def __init__(self) -> None:
        self._spectrum, self._flux, self._chroma = ShortSpectrum(), SuperFlux(), ChromaFinder()

    def step(self, hop: Hop) -> Measure:
        mono = (hop.samples[:, 0] + hop.samples[:, 1]) * np.float32(0.5)
        magnitude = self._spectrum.step(mono)
        power = np.square(magnitude)
        centroid, flatness = centroid_and_flatness(power) if hop.sound else (0.0, 0.0)
        flux = self._flux.step(magnitude, hop.gain)
        chroma = self._chroma.step(mono, hop.sound)
        return Measure(
            mono, band_levels(power), centroid, flatness, flux, self._flux.narrow, chroma, self._chroma.tuning
        )
