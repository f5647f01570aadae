"""Tempo and beat: a causal tracker that knows where the next beat will be. Runs on the features thread.

In: the SuperFlux curve, a value a hop. Out: beats a minute, phase in [0, 1), confidence in [0, 1], count of beats.

A hidden state is a pair (tempo, place in the beat); all tempi from 55 to 215 bpm are followed at once. Every 11 ms each
state's probability moves one place on, changes its tempo a little where a beat ends, and is weighted with how well it
explains what was heard: onsets are likely near the beat, quiet elsewhere (the state space of Whiteley, Cemgil, Godsill,
ISMIR 2006, with the transitions of Krebs, Boeck, Widmer, ISMIR 2015, filtered forwards). What is told is the tempo
that most of the probability agrees on, and the mean phase there. It is a prediction: no look-ahead, no delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE

STRIDE = 2  # hops a step of the filter
STEP = STRIDE * HOP / SAMPLE_RATE  # s
BPM_RANGE = (55.0, 215.0)
BPM_PRIOR, OCTAVES_PRIOR = 120.0, 0.8  # the tempo before anything is heard: normal in octaves
STEADINESS = 60.0  # of the tempo from beat to beat: p ~ exp(-STEADINESS |ratio - 1|)
ON_BEAT = 1.0 / 16.0  # of a beat; where onsets are expected
DOUBT = 0.05  # probability that even a silent beat is one
LARGEST_SECONDS = 4.0  # in which the largest flux is forgotten
MEAN_SECONDS = 0.5
LEAST = 0.02  # flux; what is always taken as the largest at least
NEIGHBOURS = 2  # tempi to each side that are one with the likeliest


@dataclass(frozen=True, slots=True)
class Beat:
    """bpm : 0 while unknown.  phase : [0, 1), 0 on the beat.  confidence : 0..1.  beats : passed so far."""

    bpm: float = 0.0
    phase: float = 0.0
    confidence: float = 0.0
    beats: int = 0


class Activation:
    """How far the flux stands out of its mean, by the largest flux of lately: 0..1, one for every `STRIDE` hops."""

    def __init__(self) -> None:
        self._keep, self._learn = math.exp(-STEP / LARGEST_SECONDS), 1.0 - math.exp(-STEP / MEAN_SECONDS)
        self._largest, self._mean = LEAST, 0.0

    def step(self, flux: float) -> float:
        self._largest = max(flux, self._largest * self._keep, LEAST)
        self._mean += (flux - self._mean) * self._learn
        return max(0.0, flux - self._mean) / self._largest


class States:
    """The state space: `intervals` (steps a beat) one after the other, each with as many places as it has steps."""

    def __init__(self) -> None:
        slowest, fastest = (60.0 / (bpm * STEP) for bpm in BPM_RANGE)
        self.intervals = np.arange(math.floor(fastest), math.ceil(slowest) + 1)
        self.ends = np.cumsum(self.intervals) - 1
        self.starts = self.ends - self.intervals + 1
        self.places = np.concatenate([np.arange(n) / n for n in self.intervals])
        self.on_beat = np.flatnonzero(self.places < ON_BEAT)
        ratio = self.intervals[None, :] / self.intervals[:, None]
        change = np.exp(-STEADINESS * np.abs(ratio - 1.0))
        self.change = (change / change.sum(axis=1, keepdims=True)).astype(np.float32)  # from row to column
        octaves = np.log2(60.0 / (self.intervals * STEP) / BPM_PRIOR)
        prior = np.exp(-0.5 * (octaves / OCTAVES_PRIOR) ** 2)
        self.prior = np.repeat(prior / prior.sum() / self.intervals, self.intervals).astype(np.float32)

    @staticmethod
    def likelihood(activation: float) -> tuple[float, float]:
        """How likely this activation (0..1) is on the beat, and off it."""
        on = DOUBT + (1.0 - 2.0 * DOUBT) * activation
        return on, (1.0 - on) * ON_BEAT / (1.0 - ON_BEAT)


class BeatFilter:
    """The probabilities of all states, and what they agree on."""

    def __init__(self) -> None:
        self._states = states = States()
        self._waves = np.exp(2j * np.pi * states.places).astype(np.complex64)
        self.reset()

    def reset(self) -> None:
        """Know nothing again."""
        self._p = self._states.prior.copy()
        self.period, self.phase, self.confidence = 0.5, 0.0, 0.0  # s, [0, 1), 0..1

    def step(self, activation: float) -> None:
        """One step of `STEP` seconds on, in which `activation` was heard."""
        states, p = self._states, self._p
        entering = p[states.ends] @ states.change
        p[1:] = p[:-1].copy()
        p[states.starts] = entering
        on, off = states.likelihood(activation)
        p[states.on_beat] *= np.float32(on / off)
        p /= p.sum()
        self._agree()

    def _agree(self) -> None:
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
    """The filter, and a phase that runs on its tempo and is drawn to its phase without ever jumping or turning back."""

    PULL = 0.065  # s; time constant
    MAX_PULL = 0.9  # of the tempo: how much faster or slower the phase may run for it
    SURE, UNSURE = 0.6, 0.35  # confidence from which the tempo is known, and below which it no longer is
    FORGET = 4.0  # s without sound, after which the tempo is unknown again
    STEADY = 0.5  # s; time constant of the told confidence

    def __init__(self) -> None:
        self._filter, self._activation = BeatFilter(), Activation()
        self._flux: list[float] = []
        self._quiet = 2.0 * self.FORGET
        self._known = False
        self._confidence = self._phase = self._error = 0.0
        self._beats = 0

    def step(self, flux: float, sound: bool) -> Beat:
        """One hop. flux : of the whole spectrum.  sound : whether the gate is open."""
        dt = HOP / SAMPLE_RATE
        self._quiet = 0.0 if sound else self._quiet + dt
        self._flux.append(flux)
        if len(self._flux) == STRIDE:
            self._listen(max(self._flux))
            self._flux.clear()
        if not self._known:
            return Beat(0.0, 0.0, self._confidence, self._beats)
        self._run(dt)
        return Beat(60.0 / self._filter.period, self._phase, self._confidence, self._beats)

    def _listen(self, flux: float) -> None:
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
        self._error = (filter_.phase - self._phase + 0.5) % 1.0 - 0.5

    def _run(self, dt: float) -> None:
        step = dt / self._filter.period
        pull = self._error * dt / self.PULL
        pull = max(-self.MAX_PULL * step, min(self.MAX_PULL * step, pull))
        self._error -= pull
        self._phase += step + pull
        if self._phase >= 1.0:
            self._phase -= 1.0
            self._beats += 1
