"""Prepares the flux for the beat: inputs of the beat network, and strokes in four bands. Runs on the features thread.

In: the flux of each hop. Out, every `STRIDE` hops: rises in narrow bands; and the four bands' rises whitened, each
divided by its own largest recent value, so that a soft kick under loud hi-hats counts as much as they do.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.flux import NARROW

STRIDE = 2  # hops a step
STEP = STRIDE * HOP / SAMPLE_RATE  # s
INPUTS = len(NARROW) + 1
LARGEST_SECONDS = 4.0  # time constant with which the largest flux decays
MEAN_SECONDS = 0.5  # time constant of the mean flux
LEAST = 0.02  # flux; the largest is never taken as less
GROUPS = (0, 2, 6, 10)  # first narrow band of: up to 200 Hz, to 950 Hz, to 4.5 kHz, above
LEAST_GROUP = 0.05  # rise; the largest of a group is never taken as less ...
SHARE = 0.3  # ... nor as less than this share of the largest of all groups
KEEP, LEARN = math.exp(-STEP / LARGEST_SECONDS), 1.0 - math.exp(-STEP / MEAN_SECONDS)


class Excess:
    """Turns the flux into its excess over the running mean, divided by the largest recent value: 0..1, one a step."""

    def __init__(self) -> None:
        self._largest, self._mean = LEAST, 0.0

    def step(self, flux: float) -> float:
        """Add the largest flux of a step and return its excess."""
        self._largest = max(flux, self._largest * KEEP, LEAST)
        self._mean += (flux - self._mean) * LEARN
        return max(0.0, flux - self._mean) / self._largest


class BeatInputs:
    """Gathers `STRIDE` hops into the inputs of the network."""

    def __init__(self) -> None:
        self._excess = Excess()
        self._full, self._hops = 0.0, 0
        self._row = np.zeros(INPUTS, np.float32)

    def step(self, full: float, narrow: np.ndarray) -> np.ndarray | None:
        """Add one hop. Return the inputs, float32 (INPUTS,), >= 0, at the end of a step, and None between.

        full : flux of the whole spectrum.  narrow : mean rise of each narrow band, float32 (len(NARROW),).
        """
        bands = self._row[:-1]
        if self._hops == 0:
            bands[:], self._full = narrow, full
        else:
            np.maximum(bands, narrow, out=bands)
            self._full = max(self._full, full)
        self._hops += 1
        if self._hops < STRIDE:
            return None
        self._hops = 0
        self._row[-1] = self._excess.step(self._full)
        return self._row


class Strokes:
    """Whitens the rises of four bands."""

    def __init__(self) -> None:
        self._largest = np.full(len(GROUPS), LEAST_GROUP)
        self._mean = np.zeros(len(GROUPS))
        self._counts = np.diff([*GROUPS, len(NARROW)])

    def step(self, inputs: np.ndarray) -> np.ndarray:
        """Return the square roots of the strokes of the four bands and of the excess of all, float64 (5,), 0..1.

        inputs : float32 (INPUTS,), from `BeatInputs`.
        """
        rises = np.add.reduceat(inputs[:-1], GROUPS) / self._counts
        self._largest = np.maximum(rises, self._largest * KEEP)
        least = max(LEAST_GROUP, SHARE * float(self._largest.max()))
        self._mean += (rises - self._mean) * LEARN
        whitened = np.maximum(0.0, rises - self._mean) / np.maximum(self._largest, least)
        return np.sqrt(np.append(whitened, inputs[-1]))
