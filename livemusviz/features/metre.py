"""Filters tempo and position in the metre by patterns of strokes: a bar-pointer model. Runs on the features thread.

In: the strokes and the beat network's activation of each step of 11 ms. Out: beat period, phase and confidence.

It is a hidden Markov model. A state is a tempo, a position in two beats, and one of some rhythmic patterns. (Whiteley,
Cemgil and Godsill, ISMIR 2006; Krebs, Boeck and Widmer, ISMIR 2013 and 2015.) Two beats hold what tells a tempo from
its double, and a beat from an off-beat: kick and backbeat, bass and skank. At each step the probability of each state
moves one position on; at the end of a beat tempo and pattern may change. Strokes are quantised by a codebook, and for
each pattern and position a table holds how likely each code is there. Codebook and tables come from `training/beats`.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.features.beatnet import weights
from livemusviz.features.strokes import STEP
from livemusviz.features.tempi import BPM_RANGE, TempoStates

SPACING = 0.022  # least relative distance of two tempi
BPM_PRIOR, OCTAVES_PRIOR = 115.0, 0.7  # of the prior: normal in octaves of tempo
TRANSITION_LAMBDA = 80.0  # of tempo changes between beats: p ~ exp(-TRANSITION_LAMBDA |ratio - 1|)
CHANGE_PATTERN = 0.02  # probability at the end of a beat
RESTART = 1e-4  # share of the prior that is added at each step, so that a lost beat is found again
STROKES_WEIGHT = 0.75  # exponent of the strokes' likelihood; steps are not independent
ACTIVATION_WEIGHT = 0.5  # exponent of the activation's likelihood
MISSED = 0.02  # activation that is taken for none
NEIGHBOURS = 2  # tempi to each side of the likeliest whose states are averaged
BEATS = 2  # of the cycle


class MetreStates(TempoStates):
    """The state space. Its columns are the pairs (pattern, beat of the cycle), its rows the positions in a beat.

    bins : the table's row of each position, int (rows,).
    waves : exp(2 pi i place in the beat), complex64 (rows,).
    change : transition probabilities between tempi, float32 (to, from).
    follow : transition probabilities between columns at the end of a beat, float32 (from, to).
    begin : probabilities before the first observation, float32 (rows, columns).
    likelihoods : of each code, float32 (codes, bins, columns).
    """

    def __init__(self) -> None:
        table = weights()["table"] ** STROKES_WEIGHT  # (patterns, BEATS * bins, codes)
        patterns, bins, codes = len(table), table.shape[1] // BEATS, table.shape[2]
        by_code = table.reshape(patterns * BEATS, bins, codes).transpose(2, 1, 0)
        self.likelihoods = np.ascontiguousarray(by_code, np.float32)
        super().__init__(_intervals())
        self.bins = np.concatenate([(np.arange(n) + 0.5) / n * bins for n in self.intervals]).astype(np.intp)
        self.waves = np.exp(2j * np.pi * self.places).astype(np.complex64)
        self.change = np.ascontiguousarray(self.changes(TRANSITION_LAMBDA).T, np.float32)
        pattern = (1.0 - CHANGE_PATTERN) * np.eye(patterns) + CHANGE_PATTERN / patterns
        self.follow = np.kron(pattern, np.eye(BEATS)[::-1]).astype(np.float32)  # the other beat comes next
        each = self.prior(BPM_PRIOR, OCTAVES_PRIOR)
        shares = np.repeat(weights()["share"] / BEATS, BEATS)
        self.begin = (each[:, None] * shares).astype(np.float32)


def _intervals() -> np.ndarray:
    """Return steps in a beat, increasing, `SPACING` apart where whole steps allow it."""
    found: list[int] = []
    interval, longest = 60.0 / BPM_RANGE[1] / STEP, 60.0 / BPM_RANGE[0] / STEP
    while interval <= longest + 0.5:
        if not found or round(interval) != found[-1]:
            found.append(round(interval))
        interval *= 1.0 + SPACING
    return np.array(found)


class MetreFilter:
    """Filters the state probabilities and reads tempo, phase and confidence from them.

    period : s, of a beat.  phase : [0, 1).  confidence : 0..1.
    """

    def __init__(self) -> None:
        self._states = MetreStates()
        self._codebook = weights()["codebook"].astype(np.float64)  # (codes, 5)
        self._other = np.empty_like(self._states.begin)
        self._restart = np.float32(RESTART) * self._states.begin
        self._ones = np.ones(self._states.begin.shape[1], np.float32)
        self.reset()

    def reset(self) -> None:
        """Return to the prior probabilities."""
        self._p = self._states.begin.copy()
        self.period, self.phase, self.confidence = 0.5, 0.0, 0.0

    def step(self, strokes: np.ndarray, activation: float) -> None:
        """Advance by `STEP` seconds.

        strokes : float (5,), 0..1, from `strokes.Strokes`.  activation : 0..1, of the beat network.
        """
        states, before, after = self._states, self._p, self._other
        likelihood = self._likelihood(strokes, activation)
        entering = states.change @ (before[states.ends] @ states.follow)
        np.take(likelihood, states.bins, axis=0, out=after, mode="clip")
        after[1:] *= before[:-1]
        after[states.starts] = entering * likelihood[0]
        together = after @ self._ones
        total = float(together.sum())
        after *= np.float32((1.0 - RESTART) / total)
        after += self._restart
        self._p, self._other = after, before
        self._agree(together / np.float32(total))

    def _likelihood(self, strokes: np.ndarray, activation: float) -> np.ndarray:
        """Return the likelihood of this step, float32 (bins, columns); bin 0 is the beat."""
        code = int(np.square(self._codebook - strokes).sum(axis=1).argmin())
        likelihood = self._states.likelihoods[code].copy()
        on = MISSED + (1.0 - 2.0 * MISSED) * activation
        likelihood[0] *= np.float32((on / (1.0 - on) * (len(likelihood) - 1)) ** ACTIVATION_WEIGHT)
        return likelihood

    def _agree(self, p: np.ndarray) -> None:
        """Read tempo, mean phase and confidence from the tempi around the likeliest.

        p : probabilities of the states of one beat, float32 (states,).
        """
        states = self._states
        by_tempo = np.add.reduceat(p, states.starts)
        likeliest = int(np.argmax(np.convolve(by_tempo, (0.5, 1.0, 0.5), "same")))
        low, high = max(0, likeliest - NEIGHBOURS), min(len(by_tempo), likeliest + NEIGHBOURS + 1)
        near = slice(states.starts[low], states.ends[high - 1] + 1)
        mean = complex(np.dot(p[near], states.waves[near]))
        share = by_tempo[low:high]
        self.period = float(share @ states.intervals[low:high] / share.sum()) * STEP
        self.phase = math.atan2(mean.imag, mean.real) / (2.0 * math.pi) % 1.0
        self.confidence = abs(mean)
