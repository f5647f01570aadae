"""Tracks tempo and beat causally, and predicts the next beat. Runs on the features thread.

In: the SuperFlux curve, a value a hop. Out: beats a minute, phase in [0, 1), confidence in [0, 1], count of beats.

The tracker is a hidden Markov model. A state is a pair (tempo, position in the beat), for all tempi from 55 to 215 bpm.
Every 11 ms the probability of each state moves one position on; at the end of a beat the tempo may change a little; and
each state is weighted by the likelihood of the observed activation: onsets are likely near the beat, and unlikely
elsewhere. The state space is that of Whiteley, Cemgil and Godsill (ISMIR 2006), with the transition model of Krebs,
Boeck and Widmer (ISMIR 2015), filtered forwards. The result is the tempo with most of the probability around it, and
the mean phase there. It is a prediction, without look-ahead or delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.curves import phase_error

STRIDE = 2  # hops a step of the filter
STEP = STRIDE * HOP / SAMPLE_RATE  # s
BPM_RANGE = (55.0, 215.0)
BPM_PRIOR, OCTAVES_PRIOR = 120.0, 0.8  # of the prior: normal in octaves of tempo
TRANSITION_LAMBDA = 60.0  # of tempo changes between beats: p ~ exp(-TRANSITION_LAMBDA |ratio - 1|)
OBSERVATION_LAMBDA = 16  # parts of a beat; onsets are expected in the first
MISSED = 0.05  # likelihood of a beat without an onset
LARGEST_SECONDS = 4.0  # time constant with which the largest flux decays
MEAN_SECONDS = 0.5  # time constant of the mean flux
LEAST = 0.02  # flux; the largest is never taken as less
NEIGHBOURS = 2  # tempi to each side of the likeliest whose states are averaged


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


class Activation:
    """Turns the flux into an activation in 0..1, one for every `STRIDE` hops.

    It is the excess of the flux over its running mean, divided by its largest recent value.
    """

    def __init__(self) -> None:
        self._keep, self._learn = math.exp(-STEP / LARGEST_SECONDS), 1.0 - math.exp(-STEP / MEAN_SECONDS)
        self._largest, self._mean = LEAST, 0.0

    def step(self, flux: float) -> float:
        self._largest = max(flux, self._largest * self._keep, LEAST)
        self._mean += (flux - self._mean) * self._learn
        return max(0.0, flux - self._mean) / self._largest


class States:
    """The state space of the hidden Markov model: a bar of positions for each tempo.

    intervals : steps in a beat, one a tempo, int (tempi,).
    starts, ends : the first and the last state of each tempo, int (tempi,).
    places : position in the beat of each state, [0, 1), float (states,).
    on_beat : the states near the beat, int.
    change : transition probabilities between tempi, float32 (from, to).
    prior : probability of each state before the first observation, float32 (states,).
    """

    def __init__(self) -> None:
        slowest, fastest = (60.0 / (bpm * STEP) for bpm in BPM_RANGE)
        self.intervals = np.arange(math.floor(fastest), math.ceil(slowest) + 1)
        self.ends = np.cumsum(self.intervals) - 1
        self.starts = self.ends - self.intervals + 1
        self.places = np.concatenate([np.arange(n) / n for n in self.intervals])
        self.on_beat = np.flatnonzero(self.places < 1.0 / OBSERVATION_LAMBDA)
        ratio = self.intervals[None, :] / self.intervals[:, None]
        change = np.exp(-TRANSITION_LAMBDA * np.abs(ratio - 1.0))
        self.change = (change / change.sum(axis=1, keepdims=True)).astype(np.float32)  # row: from; column: to
        octaves = np.log2(60.0 / (self.intervals * STEP) / BPM_PRIOR)
        prior = np.exp(-0.5 * (octaves / OCTAVES_PRIOR) ** 2)
        self.prior = np.repeat(prior / prior.sum() / self.intervals, self.intervals).astype(np.float32)

    @staticmethod
    def likelihood(activation: float) -> tuple[float, float]:
        """Return the likelihood of an activation (0..1) on the beat, and off it."""
        on = MISSED + (1.0 - 2.0 * MISSED) * activation
        return on, (1.0 - on) / (OBSERVATION_LAMBDA - 1)


class BeatFilter:
    """Filters the state probabilities and reads tempo, phase and confidence from them.

    period : s, of a beat.  phase : [0, 1).  confidence : 0..1.
    """

    def __init__(self) -> None:
        self._states = states = States()
        self._waves = np.exp(2j * np.pi * states.places).astype(np.complex64)
        self.reset()

    def reset(self) -> None:
        """Return to the prior probabilities."""
        self._p = self._states.prior.copy()
        self.period, self.phase, self.confidence = 0.5, 0.0, 0.0  # s, [0, 1), 0..1

    def step(self, activation: float) -> None:
        """Advance by `STEP` seconds and weight the states by `activation`, 0..1."""
        states, p = self._states, self._p
        entering = p[states.ends] @ states.change
        p[1:] = p[:-1].copy()
        p[states.starts] = entering
        on, off = states.likelihood(activation)
        p[states.on_beat] *= np.float32(on / off)
        p /= p.sum()
        self._agree()

    def _agree(self) -> None:
        """Read tempo, mean phase and confidence from the tempi around the likeliest."""
        states = self._states
        by_tempo = np.add.reduceat(self._p, states.starts)
        likeliest = int(np.argmax(np.convolve(by_tempo, (0.5, 1.0, 0.5), "same")))
        low, high = max(0, likeliest - NEIGHBOURS), min(len(by_tempo), likeliest + NEIGHBOURS + 1)
        near = slice(states.starts[low], states.ends[high - 1] + 1)
        mean = complex(np.dot(self._p[near], self._waves[near]))
        weights = by_tempo[low:high]
        self.period = float(weights @ states.intervals[low:high] / weights.sum()) * STEP
        self.phase = math.atan2(mean.imag, mean.real) / (2.0 * math.pi) % 1.0
        self.confidence = abs(mean)


class BeatTracker:
    """Runs a phase at the filter's tempo. The filter's phase attracts it; it never jumps and never runs backwards."""

    PULL = 0.065  # s; time constant of the attraction
    MAX_PULL = 0.9  # of the tempo: the largest change of speed by the attraction
    SURE, UNSURE = 0.6, 0.35  # confidence above which the tempo becomes known, and below which unknown
    FORGET = 4.0  # s without sound, after which the tempo is unknown again
    STEADY = 0.5  # s; time constant of the reported confidence

    def __init__(self) -> None:
        self._filter, self._activation = BeatFilter(), Activation()
        self._flux: list[float] = []
        self._quiet = 2.0 * self.FORGET
        self._known = False
        self._confidence = self._phase = self._error = 0.0
        self._beats = 0

    def step(self, flux: float, sound: bool) -> BeatEstimate:
        """Add one hop and return the beat.

        flux : of the whole spectrum.  sound : True if the noise gate is open.
        """
        dt = HOP / SAMPLE_RATE
        self._quiet = 0.0 if sound else self._quiet + dt
        self._flux.append(flux)
        if len(self._flux) == STRIDE:
            self._observe(max(self._flux))
            self._flux.clear()
        if not self._known:
            return BeatEstimate(0.0, 0.0, self._confidence, self._beats)
        self._run(dt)
        return BeatEstimate(60.0 / self._filter.period, self._phase, self._confidence, self._beats)

    def _observe(self, flux: float) -> None:
        if self._quiet > self.FORGET:
            self._filter.reset()
            self._known, self._confidence = False, 0.0
            return
        filter_ = self._filter
        filter_.step(self._activation.step(flux))
        self._confidence += (filter_.confidence - self._confidence) * (1.0 - math.exp(-STEP / self.STEADY))
        if not self._known and self._confidence > self.SURE:
            self._known, self._phase = True, filter_.phase
        elif self._known and self._confidence < self.UNSURE:
            self._known = False
        self._error = phase_error(filter_.phase - self._phase)

    def _run(self, dt: float) -> None:
        step = dt / self._filter.period
        pull = self._error * dt / self.PULL
        pull = max(-self.MAX_PULL * step, min(self.MAX_PULL * step, pull))
        self._error -= pull
        self._phase += step + pull
        if self._phase >= 1.0:
            self._phase -= 1.0
            self._beats += 1
