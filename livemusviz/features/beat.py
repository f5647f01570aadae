"""Tracks tempo and beat causally, and predicts the next beat. Runs on the features thread.

In: the flux of each hop, whole and in narrow bands. Out: beats a minute, phase in [0, 1), confidence in [0, 1], count
of beats. `beatnet` tells how likely a beat is now, `metre` filters tempo and position, `octave` chooses between tempo
and double; the tracker makes a steady phase of them. The result is a prediction, without look-ahead or delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.beatnet import POOLED, BeatNetwork
from livemusviz.features.metre import MetreFilter
from livemusviz.features.octave import HeldBeat, OctaveChoice
from livemusviz.features.phase import SteadyPhase
from livemusviz.features.strokes import GROUPS, INPUTS, STEP, BeatInputs, Strokes


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
    """Runs inputs, network and filter, hop by hop.

    strokes, activation : that the filter has heard last.
    """

    def __init__(self) -> None:
        self._inputs, self._strokes, self._network = BeatInputs(), Strokes(), BeatNetwork()
        self._pooled, self._steps = np.zeros(INPUTS, np.float32), 0
        self.strokes, self.activation = np.zeros(len(GROUPS) + 1), 0.0
        self.filter = MetreFilter()

    def reset(self) -> None:
        """Forget the music, as for a new song."""
        self._network.reset()
        self.filter.reset()
        self.activation = 0.0

    def step(self, full: float, narrow: np.ndarray) -> bool:
        """Add one hop. Return True if the filter has advanced.

        full : flux of the whole spectrum.  narrow : mean rise of each narrow band, float32 (len(NARROW),).
        """
        inputs = self._inputs.step(full, narrow)
        if inputs is None:
            return False
        self.hear(inputs)
        return True

    def hear(self, inputs: np.ndarray) -> None:
        """Advance the filter by `STEP`.

        inputs : float32 (INPUTS,), from `BeatInputs`.
        """
        np.maximum(self._pooled, inputs, out=self._pooled)
        self._steps += 1
        if self._steps == POOLED:
            self.activation = self._network.step(self._pooled)
            self._pooled[:], self._steps = 0.0, 0
        self.strokes = self._strokes.step(inputs)
        self.filter.step(self.strokes, self.activation)


class BeatTracker:
    """Runs a phase at the filter's tempo. The filter's phase attracts it; it never jumps and never runs backwards."""

    SURE, UNSURE = 0.5, 0.3  # confidence above which the tempo becomes known, and below which unknown
    FORGET = 4.0  # s without sound, after which the tempo is unknown again
    STEADY = 0.5  # s; time constant of the reported confidence

    def __init__(self, choice: OctaveChoice | None = None) -> None:
        """Begin in silence.

        choice : of the octave, other than that of the live analysis, for training.
        """
        self._listener, self._held, self._clock = MetreListener(), HeldBeat(choice), SteadyPhase()
        self._quiet = 2.0 * self.FORGET
        self._known = False
        self._confidence = 0.0

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
        if self._known:
            self._clock.run(dt, self._held.period)
        beats, phase = divmod(self._clock.turns, 1.0)
        bpm = 60.0 / self._held.period if self._known else 0.0
        return BeatEstimate(bpm, phase if self._known else 0.0, self._sureness, int(beats))

    def hear(self, inputs: np.ndarray) -> None:
        """Advance by `STEP` without running the phase, for training.

        inputs : float32 (INPUTS,), from `BeatInputs`.
        """
        self._listener.hear(inputs)
        self._observe()

    @property
    def _sureness(self) -> float:
        """Return the confidence above chance, 0..1: the filter's mean vector is never 0, not even in noise."""
        return max(0.0, self._confidence - self.UNSURE) / (1.0 - self.UNSURE)

    def _forget(self) -> None:
        if self._confidence > 0.0:
            self._listener.reset()
            self._held.reset()
        self._known, self._confidence = False, 0.0

    def _observe(self) -> None:
        heard = self._listener
        phase = self._held.step(heard.filter, heard.strokes, heard.activation, self._known)
        self._confidence += (heard.filter.confidence - self._confidence) * (1.0 - math.exp(-STEP / self.STEADY))
        if not self._known and self._confidence > self.SURE:
            self._known = True
            self._clock.turns = math.floor(self._clock.turns) + phase
        elif self._known and self._confidence < self.UNSURE:
            self._known = False
        self._clock.aim(phase)
