"""Tracks tempo and beat causally, and predicts the next beat. Runs on the features thread.

In: the flux of each hop, whole and in narrow bands. Out: beats a minute, phase in [0, 1), confidence in [0, 1], count
of beats. `beatnet` tells how likely a beat is now, `metre` filters tempo and position; the tracker makes a steady
phase of them. The result is a prediction, without look-ahead or delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.curves import phase_error
from livemusviz.features.beatnet import POOLED, BeatNetwork
from livemusviz.features.metre import MetreFilter
from livemusviz.features.strokes import INPUTS, STEP, BeatInputs, Strokes


@dataclass(frozen=True, slots=True)
class BeatEstimate:
    """Holds the tempo and beat of one hop.

    bpm : beats a minute; 0 while unknown.
    phase : [0, 1), 0 on the beat.
    confidence : 0..1.
    beats : beats that have passed so far.
    """

    bpm: float = 0.0
    phase: float = 0.0
    confidence: float = 0.0
    beats: int = 0


class MetreListener:
    """Runs inputs, network and filter, hop by hop."""

    def __init__(self) -> None:
        self._inputs, self._strokes, self._network = BeatInputs(), Strokes(), BeatNetwork()
        self._pooled, self._steps = np.zeros(INPUTS, np.float32), 0
        self._activation = 0.0
        self.filter = MetreFilter()

    def reset(self) -> None:
        """Forget the music, as for a new song."""
        self._network.reset()
        self.filter.reset()
        self._activation = 0.0

    def step(self, full: float, narrow: np.ndarray) -> bool:
        """Add one hop. Return True if the filter has advanced.

        full : flux of the whole spectrum.  narrow : mean rise of each narrow band, float32 (len(NARROW),).
        """
        inputs = self._inputs.step(full, narrow)
        if inputs is None:
            return False
        np.maximum(self._pooled, inputs, out=self._pooled)
        self._steps += 1
        if self._steps == POOLED:
            self._activation = self._network.step(self._pooled)
            self._pooled[:], self._steps = 0.0, 0
        self.filter.step(self._strokes.step(inputs), self._activation)
        return True


class OctaveHold:
    """Holds the octave of the tempo while the filter's goes to its double or half for less than some bars.

    period : s, of the held beat.
    """

    MEMORY = 8.0  # s; time constant with which votes for an octave are forgotten
    SAME = 0.15  # relative; periods this close are of one tempo
    RESONANCE, OCTAVES = 120.0, 0.9  # bpm, and width, of the tempi that people prefer: their votes weigh more
    CLEARLY = 1.3  # times the votes of the held octave that another needs

    def __init__(self) -> None:
        self._votes = {0.5: 0.0, 1.0: 0.0, 2.0: 0.0}  # s; of the held period's half, itself, its double
        self.period = 0.0

    def step(self, period: float, phase: float, confidence: float, own: float) -> float:
        """Advance by `STEP` and return the phase that the filter means for the held beat, [0, 1).

        period, phase, confidence : of the filter.  own : phase of the held beat so far.
        """
        factor = next((f for f in self._votes if abs(period - f * self.period) < self.SAME * f * self.period), None)
        if factor is None:  # another tempo altogether
            self._votes = dict.fromkeys(self._votes, 0.0)
            factor, self.period = 1.0, period
        keep = math.exp(-STEP / self.MEMORY)
        self._votes = {f: keep * vote for f, vote in self._votes.items()}
        resonance = math.log2(60.0 / period / self.RESONANCE) / self.OCTAVES
        self._votes[factor] += STEP * confidence * math.exp(-0.5 * resonance**2)
        if factor != 1.0 and self._votes[factor] > self.CLEARLY * self._votes[1.0]:
            self._votes = {1.0 / factor: self._votes[1.0], 1.0: self._votes[factor], factor: 0.0}
            factor = 1.0
        self.period = period / factor
        if factor == 0.5:  # two beats of the filter are one: the nearer half
            return min(phase / 2.0, phase / 2.0 + 0.5, key=lambda half: abs(phase_error(half - own)))
        return phase * factor % 1.0


class BeatTracker:
    """Runs a phase at the filter's tempo. The filter's phase attracts it; it never jumps and never runs backwards."""

    PULL = 0.065  # s; time constant of the attraction
    MAX_PULL = 0.9  # of the tempo: the largest change of speed by the attraction
    SURE, UNSURE = 0.5, 0.3  # confidence above which the tempo becomes known, and below which unknown
    FORGET = 4.0  # s without sound, after which the tempo is unknown again
    STEADY = 0.5  # s; time constant of the reported confidence

    def __init__(self) -> None:
        self._listener, self._octave = MetreListener(), OctaveHold()
        self._quiet = 2.0 * self.FORGET
        self._known = False
        self._confidence = self._phase = self._error = 0.0
        self._beats = 0

    def step(self, full: float, narrow: np.ndarray, sound: bool) -> BeatEstimate:
        """Add one hop and return the beat.

        full : flux of the whole spectrum.  narrow : mean rise of each narrow band, float32 (len(NARROW),).
        sound : True if the noise gate is open.
        """
        dt = HOP / SAMPLE_RATE
        self._quiet = 0.0 if sound else self._quiet + dt
        if self._quiet > self.FORGET:
            self._forget()
        elif self._listener.step(full, narrow):
            self._observe()
        if not self._known:
            return BeatEstimate(0.0, 0.0, self._sureness, self._beats)
        self._run(dt)
        return BeatEstimate(60.0 / self._octave.period, self._phase, self._sureness, self._beats)

    @property
    def _sureness(self) -> float:
        """Return the confidence above chance, 0..1: the filter's mean vector is never 0, not even in noise."""
        return max(0.0, self._confidence - self.UNSURE) / (1.0 - self.UNSURE)

    def _forget(self) -> None:
        if self._confidence > 0.0:
            self._listener.reset()
        self._known, self._confidence = False, 0.0

    def _observe(self) -> None:
        metre = self._listener.filter
        phase = self._octave.step(metre.period, metre.phase, metre.confidence, self._phase)
        self._confidence += (metre.confidence - self._confidence) * (1.0 - math.exp(-STEP / self.STEADY))
        if not self._known and self._confidence > self.SURE:
            self._known, self._phase = True, phase
        elif self._known and self._confidence < self.UNSURE:
            self._known = False
        self._error = phase_error(phase - self._phase)

    def _run(self, dt: float) -> None:
        step = dt / self._octave.period
        pull = self._error * dt / self.PULL
        pull = max(-self.MAX_PULL * step, min(self.MAX_PULL * step, pull))
        self._error -= pull
        self._phase += step + pull
        if self._phase >= 1.0:
            self._phase -= 1.0
            self._beats += 1
