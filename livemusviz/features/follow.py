"""Levels that follow the sound by elapsed time, and the automatic gain. Pure; any thread, one owner.

In: linear levels (RMS, full scale 1.0) and the seconds since the last one. Out: smoothed or relative levels. Every
constant is a time in seconds, so the result does not depend on how often a follower is fed.
"""

from __future__ import annotations

import math

import numpy as np

GATE_OPEN = 10 ** (-64 / 20)  # RMS above which there is sound
GATE_CLOSE = 10 ** (-70 / 20)  # RMS below which there is none, once it lasts for GATE_HOLD
GATE_HOLD = 0.15  # s
TARGET = 10 ** (-12 / 20)  # RMS the automatic gain brings loud passages to
GAIN_MAX = 10 ** (32 / 20)


def weight(dt: float, tau: float) -> float:
    """How far a one-pole low-pass of time constant `tau` goes to its input in `dt` seconds: 1 - exp(-dt / tau)."""
    return 1.0 if tau <= 0.0 else -math.expm1(-dt / tau)


class Follower:
    """A one-pole follower: time constant `attack` (s) upwards, `release` (s) downwards."""

    def __init__(self, attack: float, release: float, value: float = 0.0) -> None:
        self._attack, self._release, self.value = attack, release, value

    def step(self, target: float, dt: float) -> float:
        tau = self._attack if target > self.value else self._release
        self.value += weight(dt, tau) * (target - self.value)
        return self.value


class SlowAverage:
    """What is usual lately: an average over about `tau` seconds that is right from its first value on.

    While it is younger than `tau` it is the plain mean of all it has heard (weight dt / age), as in a warm start.
    """

    def __init__(self, tau: float) -> None:
        self._tau = tau
        self._age = 0.0
        self.value = 0.0

    def step(self, level: float, dt: float) -> float:
        self._age = min(self._age + dt, self._tau)
        self.value += max(weight(dt, self._tau), dt / self._age) * (level - self.value) if dt > 0 else 0.0
        return self.value


class WholeAverage:
    """What is usual in a whole track: known beforehand, in the place of a `SlowAverage`."""

    def __init__(self, value: float) -> None:
        self.value = value

    def step(self, level: float, dt: float) -> float:
        return self.value


class Gate:
    """Tells sound from silence with hysteresis: opens at once, closes after `GATE_HOLD` seconds of quiet."""

    def __init__(self) -> None:
        self.open = False
        self._quiet = 0.0

    def step(self, rms: float, dt: float) -> bool:
        if rms >= GATE_OPEN:
            self.open, self._quiet = True, 0.0
        elif rms >= GATE_CLOSE:
            self._quiet = 0.0
        else:
            self._quiet += dt
            self.open = self.open and self._quiet < GATE_HOLD
        return self.open


class AutomaticGain:
    """The gain that brings the loud passages of lately to `TARGET`, so that detectors hear every desk alike.

    It follows the loudness upwards within 50 ms and lets go of it over 12 s. Closed gate: the gain stands still, so
    silence is never lifted. The first sound sets it at once.
    """

    def __init__(self) -> None:
        self._loud = Follower(attack=0.05, release=12.0)
        self.gain = 1.0

    def step(self, rms: float, dt: float, gate_open: bool) -> float:
        """The gain for this hop of level `rms`."""
        if gate_open:
            if self._loud.value == 0.0:
                self._loud.value = rms
            self._loud.step(rms, dt)
            self.gain = min(TARGET / max(self._loud.value, 1e-9), GAIN_MAX)
        return self.gain


class GainRamp:
    """Applies a gain that changes from hop to hop without a step, which a detector would take for a click."""

    def __init__(self, hop: int) -> None:
        self._ramp = np.arange(1, hop + 1, dtype=np.float32) / np.float32(hop)
        self._last = 0.0

    def __call__(self, mono: np.ndarray, gain: float) -> np.ndarray:
        """mono : float32 (hop,). From the last gain to `gain` in a straight line; from 0 at once."""
        last = self._last or gain
        self._last = gain
        return mono * (np.float32(last) + np.float32(gain - last) * self._ramp)
