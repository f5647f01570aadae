"""Three frequency bands from one short Fourier transform a hop. Runs on the features thread.

In: mono hops, float32 (HOP,). Out: the linear RMS of bass, mid and treble.
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.types import HOP, SAMPLE_RATE

WINDOW = 1024  # samples: 47 Hz a bin, 21 ms
EDGES = (20.0, 150.0, 2000.0, 12000.0)  # Hz: kick and bass | voices and chords | snare, hats, air


class Bands:
    """Keeps the last `WINDOW` samples and measures the bands of them."""

    def __init__(self) -> None:
        self._recent = np.zeros(WINDOW, np.float32)
        self._window = np.hanning(WINDOW).astype(np.float32)
        # Parseval for a one-sided spectrum: mean square = 2 sum |X|^2 / (N sum w^2), where N sum w^2 undoes the window.
        self._scale = 2.0 / (WINDOW * float(np.sum(self._window**2)))
        self._starts = np.ceil(np.array(EDGES) * WINDOW / SAMPLE_RATE).astype(int)

    def step(self, mono: np.ndarray) -> tuple[float, float, float]:
        """RMS of bass, mid and treble over the last 21 ms, linear; a full-scale sine in one band gives 0.71."""
        self._recent[:-HOP] = self._recent[HOP:]
        self._recent[-HOP:] = mono
        spectrum = np.fft.rfft(self._recent * self._window)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bass, mid, treble = np.sqrt(np.add.reduceat(power, self._starts)[:3] * self._scale)
        return float(bass), float(mid), float(treble)
