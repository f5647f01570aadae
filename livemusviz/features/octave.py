"""Holds the octave of the tempo, and chooses among a tempo, its half and its double. Runs on the features thread.

In: period and phase of the metre filter, strokes and activation of each step. Out: period and phase of the beat.
The filter's cycle of two beats is too short to tell some rhythms from their double, and its octave may change from bar
to bar. So the beat keeps its octave until a small network is sure of another by the rhythm of the last seconds. The
network was trained on music that `training/beats` composes and renders; its weights lie in beats.npz.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.curves import phase_error
from livemusviz.features.beatnet import weights
from livemusviz.features.metre import MetreFilter
from livemusviz.features.phase import SteadyPhase
from livemusviz.features.rhythm import BeatHistory
from livemusviz.features.strokes import STEP
from livemusviz.features.tempi import BPM_RANGE

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the held period: the filter's
SAME = 0.15  # relative; periods this close are of one tempo
MEMORY = 4.0  # s; time constant with which the filter's octaves are forgotten
EVERY = 46  # steps between two choices: half a second
LEAST = 170  # steps of rhythm before the first choice


class OctaveChoice:
    """Says when the held tempo is to change to its half or double, and which of two beats is the held one."""

    SECONDS = 4.0  # over which the probabilities are averaged
    PRIOR = 1.0  # s of a new tempo for which its octave is taken for right
    SURE, NOW = 0.6, 0.5  # average and present probability of another octave that change the tempo

    def __init__(self) -> None:
        arrays = weights()
        self._mean, self._scale = arrays["octave_mean"], arrays["octave_scale"]
        self._hidden, self._hidden_bias = arrays["octave_hidden"], arrays["octave_hidden_bias"]
        self._out, self._out_bias = arrays["octave_out"], arrays["octave_out_bias"]
        self._parity = arrays["octave_parity"]
        self.reset()

    def reset(self) -> None:
        """Begin with a new tempo."""
        self._average, self._age = np.array([1.0, 0.0, 0.0]), self.PRIOR

    def factor(self, history: BeatHistory, period: float, octaves: np.ndarray) -> float:
        """Return the factor by which the held tempo is to change: 1, 0.5 or 2. Call it every `EVERY` steps.

        period : s, of the held beat.  octaves : shares of the filter's periods, as `FACTORS` of it, float (5,).
        """
        now = self._probabilities(np.append(history.describe(period)[0], octaves))
        self._age = min(self._age + EVERY * STEP, self.SECONDS)
        self._average += (now - self._average) * (EVERY * STEP / self._age)
        for which, factor in ((1, 0.5), (2, 2.0)):
            in_range = BPM_RANGE[0] <= 60.0 / period * factor <= BPM_RANGE[1]
            if in_range and self._average[which] > self.SURE and now[which] > self.NOW:
                self._average, self._age = np.array([1.0, 0.0, 0.0]), self.SECONDS
                return factor
        return 1.0

    def odds(self, history: BeatHistory, period: float) -> float:
        """Return the log odds, -4..4, that the beat is where it is held, and not half a beat later."""
        return float(np.clip(self._parity @ history.describe(period, 2.0)[1], -4.0, 4.0))

    def _probabilities(self, description: np.ndarray) -> np.ndarray:
        """Return the probabilities that the tempo is the held one, its half, its double: float (3,)."""
        hidden = np.tanh(self._hidden @ ((description - self._mean) * self._scale) + self._hidden_bias)
        scores = self._out @ hidden + self._out_bias
        found = np.exp(scores - scores.max())
        return found / found.sum()


class HeldBeat:
    """Follows the filter's beat in an octave of its own.

    period : s, of the held beat; 0 before the first step.
    """

    WRONG = -1.0  # average log odds of the held one of two beats, below which the other is taken
    SECONDS = 3.0  # time constant of that average

    def __init__(self, choice: OctaveChoice | None = None) -> None:
        """Begin without a tempo.

        choice : other than that of the live analysis, for training.
        """
        self._choice = choice or OctaveChoice()
        self._history, self._clock = BeatHistory(), SteadyPhase()
        self.reset()

    def reset(self) -> None:
        """Forget the music, as for a new song."""
        self._history.clear()
        self._octaves = np.zeros(len(FACTORS))  # s; for how long the filter has been in each, less what is forgotten
        self._choice.reset()
        self._known, self._steps, self._odds = False, 0, 0.0
        self.period = 0.0

    def step(self, metre: MetreFilter, strokes: np.ndarray, activation: float, known: bool) -> float:
        """Advance by `STEP` and return the phase that the filter means for the held beat, [0, 1).

        strokes, activation : that the filter has heard.  known : False while the tempo is not sure; the octave stays.
        """
        factor = self._follow(metre)
        if factor == 0.0 or known and not self._known:
            self._begin(metre)
            factor = 1.0
        self._known = known
        self._clock.aim(self._phase(metre.phase, factor))
        self._clock.run(STEP, self.period)
        self._history.add(strokes, activation, self._clock.turns)
        self._octaves *= math.exp(-STEP / MEMORY)
        self._octaves[FACTORS.index(factor)] += STEP * metre.confidence
        self._steps += 1
        if known and self._steps % EVERY == 0 and len(self._history) >= LEAST:
            factor = self._reconsider(factor)
        return self._phase(metre.phase, factor)

    def _follow(self, metre: MetreFilter) -> float:
        """Take the filter's period in the held octave. Return which of `FACTORS` it is, or 0 for another tempo."""
        for factor in FACTORS:
            if abs(metre.period - factor * self.period) < SAME * factor * self.period:
                self.period = metre.period / factor
                return factor
        return 0.0

    def _begin(self, metre: MetreFilter) -> None:
        """Hold the filter's beat, and take its tempo for that of all that was heard so far."""
        self.period = metre.period
        self._clock.turns = math.floor(self._clock.turns) + metre.phase
        self._history.lay(self._clock.turns, self.period)
        self._octaves[:], self._odds = 0.0, 0.0
        self._choice.reset()

    def _phase(self, phase: float, factor: float) -> float:
        """Return the held beat's phase for the filter's: of several beats in one, the nearest."""
        if factor >= 1.0:
            return phase * factor % 1.0
        beats = round(1.0 / factor)
        places = [(phase + beat) / beats for beat in range(beats)]
        return min(places, key=lambda place: abs(phase_error(place - self._clock.turns)))

    def _reconsider(self, factor: float) -> float:
        """Change the octave, or the one of two beats that is held, if the rhythm says so. Return the new factor."""
        shares = self._octaves / (self._octaves.sum() + 0.1)
        change = self._choice.factor(self._history, self.period, shares)
        if change != 1.0:
            self._count(change, 0.0)
            self.period /= change
            factor *= change
            padded = np.pad(self._octaves, 1)
            self._octaves = padded[:-2] if change == 2.0 else padded[2:]
        if factor != 0.5:
            self._odds = 0.0
            return factor
        odds = self._choice.odds(self._history, self.period)
        self._odds += (odds - self._odds) * EVERY * STEP / self.SECONDS
        if odds < 0.0 if change == 0.5 else self._odds < self.WRONG:
            self._count(1.0, 0.5)
            self._odds = 0.0
        return factor

    def _count(self, factor: float, shift: float) -> None:
        """Count other beats, as `BeatHistory.scale`."""
        self._clock.turns = self._clock.turns * factor + shift
        self._history.scale(factor, shift)
