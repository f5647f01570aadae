"""Computes one short Fourier transform a hop, for every analysis but that of notes. Features thread.

In: mono hops, float32 (HOP,). Out: magnitudes of the last 21 ms, linear: 1.0 is a full-scale sine.
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE

WINDOW = 1024  # samples: 47 Hz a bin, 21 ms
FREQUENCIES = np.arange(WINDOW // 2 + 1) * (SAMPLE_RATE / WINDOW)  # Hz


class ShortSpectrum:
    """Keeps the last `WINDOW` samples."""

    def __init__(self) -> None:
        self._recent = np.zeros(WINDOW, np.float32)
        window = np.hanning(WINDOW)
        self._window = (window * (2.0 / window.sum())).astype(np.float32)

    def step(self, mono: np.ndarray) -> np.ndarray:
        """Add one hop and return the magnitudes at `FREQUENCIES`: float32 (WINDOW // 2 + 1,)."""
        self._recent[:-HOP] = self._recent[HOP:]
        self._recent[-HOP:] = mono
        return np.abs(np.fft.rfft(self._recent * self._window))
