"""Follows levels by elapsed time: one-pole followers, averages, the noise gate, the automatic gain. Pure; any thread.

In: linear levels (RMS, full scale 1.0) and the seconds since the last one. Out: smoothed or relative levels. Every
constant is a time in seconds, so the result does not depend on the rate of the calls.
"""

from __future__ import annotations

import math

import numpy as np

GATE_OPEN = 10 ** (-64 / 20)  # RMS above which the gate opens
GATE_CLOSE = 10 ** (-70 / 20)  # RMS below which it closes, after GATE_HOLD
GATE_HOLD = 0.15  # s
TARGET = 10 ** (-12 / 20)  # RMS of loud passages after the automatic gain
GAIN_MAX = 10 ** (32 / 20)


def weight(dt: float, tau: float) -> float:
    """Return the share of the way that a one-pole low-pass goes to its input in `dt` seconds: 1 - exp(-dt / tau).

    tau : s, the time constant; 0 goes all the way.
    """
    return 1.0 if tau <= 0.0 else -math.expm1(-dt / tau)


class Follower:
    """Follows a level with time constant `attack` (s) upwards and `release` (s) downwards."""

    def __init__(self, attack: float, release: float, value: float = 0.0) -> None:
        self._attack, self._release, self.value = attack, release, value

    def step(self, target: float, dt: float) -> float:
        """Advance by `dt` seconds towards `target` and return the value."""
        tau = self._attack if target > self.value else self._release
        self.value += weight(dt, tau) * (target - self.value)
        return self.value


class SlowAverage:
    """Averages over about `tau` seconds, and is right from the first value on.

    While it is younger than `tau` it is the plain mean of all values (weight dt / age).
    """

    def __init__(self, tau: float) -> None:
        self._tau = tau
        self._age = 0.0
        self.value = 0.0

    def step(self, level: float, dt: float) -> float:
        """Add a level that lasted `dt` seconds and return the average."""
        self._age = min(self._age + dt, self._tau)
        self.value += max(weight(dt, self._tau), dt / self._age) * (level - self.value) if dt > 0 else 0.0
        return self.value


class WholeAverage:
    """Stands in for a `SlowAverage` where the average of the whole track is known beforehand."""

    def __init__(self, value: float) -> None:
        self.value = value

    def step(self, level: float, dt: float) -> float:
        """Return the known average; both arguments are ignored."""
        return self.value


class NoiseGate:
    """Tells sound from silence, with hysteresis: it opens at once and closes after `GATE_HOLD` seconds of quiet."""

    def __init__(self) -> None:
        self.open = False
        self._quiet = 0.0

    def step(self, rms: float, dt: float) -> bool:
        """Advance by `dt` seconds at level `rms` and return True if there is sound."""
        if rms >= GATE_OPEN:
            self.open, self._quiet = True, 0.0
        elif rms >= GATE_CLOSE:
            self._quiet = 0.0
        else:
            self._quiet += dt
            self.open = self.open and self._quiet < GATE_HOLD
        return self.open


class AutomaticGain:
    """Computes the gain that brings recent loud passages to `TARGET`; detection then does not depend on the mixer.

    It follows the loudness upwards within 50 ms and downwards over 12 s. While the noise gate is closed the gain stays,
    so that silence is never amplified. The first sound sets it at once.
    """

    def __init__(self) -> None:
        self._loud = Follower(attack=0.05, release=12.0)
        self.gain = 1.0

    def step(self, rms: float, dt: float, gate_open: bool) -> float:
        """Return the linear gain for a hop of level `rms` that lasts `dt` seconds."""
        if gate_open:
            if self._loud.value == 0.0:
                self._loud.value = rms
            self._loud.step(rms, dt)
            self.gain = min(TARGET / max(self._loud.value, 1e-9), GAIN_MAX)
        return self.gain


class GainRamp:
    """Applies a gain that changes from hop to hop, without steps that a detector would take for clicks."""

    def __init__(self, hop: int) -> None:
        self._ramp = np.arange(1, hop + 1, dtype=np.float32) / np.float32(hop)
        self._last = 0.0

    def __call__(self, mono: np.ndarray, gain: float) -> np.ndarray:
        """Return the hop with the gain applied: linear from the last gain to `gain`, at once if the last was 0.

        mono : float32 (hop,).
        """
        last = self._last or gain
        self._last = gain
        return mono * (np.float32(last) + np.float32(gain - last) * self._ramp)
