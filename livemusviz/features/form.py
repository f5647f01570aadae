"""Follows the large form of the music: a slow intensity, and the changes of section. Pure; features thread.

In: `Measure` of each hop. Out: intensity in 0..1 and a count of sections. An intensity of 0.5 is the mean of the last
minute; it rises through a build and falls in a break.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.follow import SlowAverage, weight
from livemusviz.features.measure import Measure

STRIDE = 8  # hops
STEP = STRIDE * HOP / SAMPLE_RATE  # s
SHORT, USUAL = 2.5, 60.0  # s; the averages of "now" and of the time before
LOUD, DENSE, BRIGHT = 1.0, 0.7, 0.5  # weights, per octave, of level, onset flux and centroid
STEEP = 1.1  # slope of the logistic curve
LIMIT = 3.0  # octaves
RISE, FALL = 0.6, 0.9  # s; time constants of the reported intensity

NOW, BEFORE = 1.5, 8.0  # s; the two averages whose distance shows a new section
UNLIKE = 1.15  # distance above which a new section begins
APART = 8.0  # s, the least length of a section
UNITS = np.array([1.0, 1.0, 1.0, 0.8, 1.0])  # octaves of bass, mid, treble, centroid, flux that are a distance of 1


class Form:
    """Computes intensity and sections from the means of `STRIDE` hops at a time."""

    def __init__(self) -> None:
        self._intensity, self._sections = Intensity(), Sections()
        self._sums = [0.0] * 6
        self._hops = self._sounding = 0

    def step(self, measure: Measure, rms: float, sound: bool) -> tuple[float, int]:
        """Add one hop. Return the intensity and the count of sections.

        rms : linear, 0 in silence.  sound : True if the noise gate is open.
        """
        sums = (rms, measure.flux.full, measure.centroid, *measure.bands)
        self._sums = [total + value for total, value in zip(self._sums, sums, strict=True)]
        self._hops += 1
        self._sounding += sound
        if self._hops == STRIDE:
            level, flux, centroid, bass, mid, treble = (total / STRIDE for total in self._sums)
            sound = self._sounding > STRIDE // 2
            self._intensity.step(level, flux, centroid, STEP, sound)
            self._sections.step((bass, mid, treble), centroid, flux, STEP, sound)
            self._sums, self._hops, self._sounding = [0.0] * 6, 0, 0
        return self._intensity.value, self._sections.count


class Intensity:
    """Compares level, onset density and brightness of now with those of the last minute.

    The three ratios in octaves are summed with weights and pass through a logistic curve.
    """

    def __init__(self) -> None:
        self._now = [SlowAverage(SHORT) for _ in range(3)]
        self._usual = [SlowAverage(USUAL) for _ in range(3)]
        self.value = 0.0

    def step(self, level: float, flux: float, centroid: float, dt: float, sound: bool) -> float:
        """Advance by `dt` seconds and return the intensity, 0..1.

        level : linear RMS.  flux : of the whole spectrum.  centroid : Hz.  sound : True if the noise gate is open.
        """
        target = 0.0
        if sound:
            octaves = 0.0
            for now, usual, value, share in zip(
                self._now, self._usual, (level, flux, centroid), (LOUD, DENSE, BRIGHT), strict=True
            ):
                now.step(value, dt)
                usual.step(value, dt)
                octave = math.log2(max(now.value, 1e-6) / max(usual.value, 1e-6))
                octaves += share * max(-LIMIT, min(LIMIT, octave))
            target = 1.0 / (1.0 + math.exp(-2.0 * STEEP * octaves))
        self.value += weight(dt, RISE if target > self.value else FALL) * (target - self.value)
        return self.value


class Sections:
    """Counts changes of section. A change is reported about two seconds late, so that a short event is none."""

    def __init__(self) -> None:
        self.count = 0
        self._now = np.zeros(len(UNITS))
        self._before = np.zeros(len(UNITS))
        self._age = 0.0  # s of sound in this section

    def step(self, bands: tuple[float, float, float], centroid: float, flux: float, dt: float, sound: bool) -> int:
        """Advance by `dt` seconds and return the count.

        bands : linear RMS of bass, mid, treble.  centroid : Hz.  flux : of the whole spectrum.
        sound : True if the noise gate is open.
        """
        if not sound:
            return self.count
        observed = np.log2(np.maximum((*bands, centroid, flux), (1e-3, 1e-3, 1e-3, 50.0, 1e-3)))
        self._age += dt
        self._now += max(weight(dt, NOW), dt / self._age if self._age < NOW else 0.0) * (observed - self._now)
        self._before += max(weight(dt, BEFORE), dt / self._age if self._age < BEFORE else 0.0) * (
            observed - self._before
        )
        distance = float(np.sqrt(np.mean(np.square((self._now - self._before) / UNITS))))
        if self._age > APART and distance > UNLIKE:
            self.count += 1
            self._age = 0.0
            self._before[:] = self._now
        return self.count
