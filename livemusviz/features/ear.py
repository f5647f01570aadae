"""What must be measured in the audio callback itself. Runs on the callback's thread.

In: hops of float32 (HOP, CHANNELS) at SAMPLE_RATE. Out: `Hop` with level, gain and gate. About 15 microseconds a hop.
"""

from __future__ import annotations

import math

import aubio
import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.follow import AutomaticGain, Gate
from livemusviz.features.hop import Hop

LOWEST = 20.0  # Hz; below is no sound but an offset
HOP_SECONDS = HOP / SAMPLE_RATE


class Ear:
    """High-pass, gate and automatic gain in a row: what the callback does to each hop."""

    def __init__(self) -> None:
        self._high_pass = high_pass(LOWEST)
        self._gate = Gate()
        self._gain = AutomaticGain()

    def hear(self, time: float, sample: int, samples: np.ndarray) -> Hop:
        """samples : float32 (HOP, CHANNELS), finite, in [-1, 1]. `time` and `sample` are those of its first row."""
        mono = self._high_pass((samples[:, 0] + samples[:, 1]) * np.float32(0.5))
        rms = math.sqrt(float(np.dot(mono, mono)) / HOP)
        sound = self._gate.step(rms, HOP_SECONDS)
        gain = self._gain.step(rms, HOP_SECONDS, sound) if sound else 0.0
        return Hop(time, sample, samples, rms, gain, sound)


def high_pass(frequency: float) -> aubio.digital_filter:
    """A second-order Butterworth high-pass at `frequency` Hz (bilinear transform), which takes the DC part away."""
    k = math.tan(math.pi * frequency / SAMPLE_RATE)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    filter_ = aubio.digital_filter(3)
    filter_.set_biquad(norm, -2.0 * norm, norm, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm)
    return filter_
