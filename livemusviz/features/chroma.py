"""Finds the pitch classes that sound, in any octave and tuning. Runs on the features thread.

In: mono hops. Out: 12 weights from C, the strongest 1, all 0 without pitch; tuning in semitones from A = 440 Hz.

Spectral peaks between 55 Hz and 2.1 kHz are placed between the bins by a parabola through the logarithm (Smith and
Serra 1987, "PARSHL"). Each votes for its pitch class (Gomez 2006, "Tonal description of music audio signals", ch. 3).
The window is asymmetric: long enough to separate low semitones, with its maximum 40 ms ago.
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from livemusviz.bridge.features import NO_CHROMA, PITCH_CLASSES, Chroma
from livemusviz.bridge.sound import HOP, SAMPLE_RATE

WINDOW = 8192  # samples: 5.9 Hz a bin, 171 ms
HEAVIEST = 6144  # sample of the window's maximum
STRIDE = 4  # hops between two analyses, 21 ms
STEP = STRIDE * HOP / SAMPLE_RATE  # s
RANGE = (55.0, 2100.0)  # Hz
FAINT = 0.02  # of the highest peak; lower ones are ripples
SILENT = 3e-4  # magnitude of the highest peak that counts as pitch at all; 1.0 is a full-scale sine
CLEAR, VAGUE = 0.24, 0.15  # share of the strongest class with a chord, and with noise
TUNING_SECONDS = 8.0
REFERENCE = 440.0  # Hz


class ChromaFinder:
    """Keeps the last `WINDOW` samples and analyses them every `STRIDE` hops."""

    def __init__(self) -> None:
        self._recent = np.zeros(WINDOW, np.float32)
        self._hops: list[np.ndarray] = []
        rise, fall = np.hanning(2 * HEAVIEST)[:HEAVIEST], np.hanning(2 * (WINDOW - HEAVIEST))[WINDOW - HEAVIEST :]
        window = np.concatenate([rise, fall])
        self._window = (window * (2.0 / window.sum())).astype(np.float32)
        self._low, self._high = (round(frequency * WINDOW / SAMPLE_RATE) for frequency in RANGE)
        self._deviation = 0j  # mean of exp(2 pi i deviation), weighted
        self.chroma: Chroma = NO_CHROMA

    @property
    def tuning(self) -> float:
        """Return the tuning in semitones from A = 440 Hz, -0.5..0.5."""
        return cmath.phase(self._deviation) / (2.0 * math.pi) if self._deviation else 0.0

    def step(self, mono: np.ndarray, sound: bool) -> Chroma:
        """Add one hop and return the newest chroma.

        mono : float32 (HOP,).  sound : True if the noise gate is open.
        """
        self._hops.append(mono)
        if len(self._hops) == STRIDE:
            fresh = STRIDE * HOP
            self._recent[:-fresh] = self._recent[fresh:]
            self._recent[-fresh:] = np.concatenate(self._hops)
            self._hops.clear()
            self.chroma = self._analyse() if sound else NO_CHROMA
        return self.chroma

    def _analyse(self) -> Chroma:
        frequencies, heights = self._peaks()
        if not len(heights) or heights.max() < SILENT:
            return NO_CHROMA
        pitch = PITCH_CLASSES * np.log2(frequencies / REFERENCE) + 9.0  # A is the ninth from C
        forget = math.exp(-STEP / TUNING_SECONDS)
        fresh = complex(np.dot(heights, np.exp(2j * np.pi * pitch))) / float(heights.sum())
        self._deviation = forget * self._deviation + (1.0 - forget) * fresh
        pitch -= self.tuning
        nearest = np.round(pitch)
        votes = heights * (1.0 - 2.0 * np.abs(pitch - nearest))
        weights = np.bincount(nearest.astype(int) % PITCH_CLASSES, votes, PITCH_CLASSES)
        total, strongest = float(weights.sum()), float(weights.max())
        if total <= 0.0:
            return NO_CHROMA
        clarity = min(1.0, max(0.0, (strongest / total - VAGUE) / (CLEAR - VAGUE)))
        return tuple((weights * (clarity / strongest)).tolist())

    def _peaks(self) -> tuple[np.ndarray, np.ndarray]:
        """Return frequencies (Hz) and magnitudes of the spectral peaks in `RANGE`."""
        spectrum = np.fft.rfft(self._recent * self._window)[self._low - 1 : self._high + 2]
        magnitude = np.abs(spectrum)
        middle = magnitude[1:-1]
        at = np.flatnonzero(
            (middle > magnitude[:-2]) & (middle >= magnitude[2:]) & (middle > FAINT * middle.max(initial=0.0))
        )
        left, centre, right = (np.log(magnitude[at + i] + 1e-12) for i in range(3))
        offset = 0.5 * (left - right) / np.minimum(left - 2.0 * centre + right, -1e-9)
        return (self._low + at + offset) * (SAMPLE_RATE / WINDOW), middle[at]
