"""The front end of the analysis: high-pass, noise gate, automatic gain. Runs on the audio callback's thread.

In: hops of float32 (HOP, CHANNELS) at SAMPLE_RATE. Out: `Hop` with level, gain and gate. About 15 microseconds a hop.
"""

from __future__ import annotations

import math

import aubio
import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.follow import AutomaticGain, NoiseGate
from livemusviz.features.hop import Hop

LOWEST = 20.0  # Hz; below lies the DC offset
HOP_SECONDS = HOP / SAMPLE_RATE


class FrontEnd:
    """Runs high-pass, noise gate and automatic gain on each hop."""

    def __init__(self) -> None:
        self._high_pass = high_pass(LOWEST)
        self._gate = NoiseGate()
        self._gain = AutomaticGain()

    def process(self, time: float, sample: int, samples: np.ndarray) -> Hop:
        """Return the hop with its measures.

        time : s, capture time of the first row.  sample : its index.
        samples : float32 (HOP, CHANNELS), finite, in [-1, 1].
        """
        mono = self._high_pass((samples[:, 0] + samples[:, 1]) * np.float32(0.5))
        rms = math.sqrt(float(np.dot(mono, mono)) / HOP)
        sound = self._gate.step(rms, HOP_SECONDS)
        gain = self._gain.step(rms, HOP_SECONDS, sound) if sound else 0.0
        return Hop(time, sample, samples, rms, gain, sound)


def high_pass(frequency: float) -> aubio.digital_filter:
    """Return a second-order Butterworth high-pass at `frequency` Hz (bilinear transform). It removes the DC part."""
    k = math.tan(math.pi * frequency / SAMPLE_RATE)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    filter_ = aubio.digital_filter(3)
    filter_.set_biquad(norm, -2.0 * norm, norm, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm)
    return filter_
