"""Onsets by aubio, and what must be measured in the audio callback. Runs on the callback's thread.

In: hops of float32 (HOP, CHANNELS) at SAMPLE_RATE. Out: `Hop` with level, gain and onset. About 40 microseconds a hop.

Method, window and compression were chosen on annotated recordings (onset F at 50 ms, marks closer than 50 ms counted
as one), an electronic kick, and steady tones, where nothing may fire: 0.890 on drums and 0.758 on mixes, 22 ms late,
against 0.866, 0.738 and 27 ms of aubio's default. Spectral flux is faster (16 ms) and better on drums (0.90), but fires
all the time on a steady bass and on the tail of a kick, and so does hfc with adaptive whitening.
"""

from __future__ import annotations

import math
from collections import deque

import aubio
import numpy as np

from livemusviz.bridge.types import HOP, SAMPLE_RATE
from livemusviz.features.follow import AutomaticGain, Follower, GainRamp, Gate
from livemusviz.features.hop import Hop

METHOD = "hfc"  # high-frequency content: Masri 1996, "Computer modeling of sound for transformation and synthesis"
WINDOW = 512
COMPRESSION = 5.0  # of log(1 + c |X|)
REFRACTORY = 0.05  # s; ours, not aubio's: an onset that is turned down must not cover the one that follows
WEAKEST = 0.25  # strength of the faintest onset
ATTACK_HOPS = 8  # 43 ms: the attack, and what was before it, at the moment the detector reports
FAINT_RISE = 0.003  # of the largest rise of lately: the last ripple of a tail is no onset
LOWEST = 20.0  # Hz; below is no sound but an offset
# aubio drops an onset if it is silent again when it reports it, 20 ms later. A short click must pass, so its idea of
# silence is set below a constant that keeps every hop above it; our own gate tells silence.
AUBIO_SILENCE = -120.0  # dB
KEEP_ALIVE = np.float32(1e-5)
HOP_SECONDS = HOP / SAMPLE_RATE


class OnsetDetector:
    """aubio's onset detector with a strength for each onset."""

    def __init__(self) -> None:
        self._onset = aubio.onset(METHOD, WINDOW, HOP, SAMPLE_RATE)
        self._onset.set_compression(COMPRESSION)
        self._onset.set_minioi_s(HOP_SECONDS)
        self._onset.set_silence(AUBIO_SILENCE)
        self._levels: deque[float] = deque([0.0] * ATTACK_HOPS, ATTACK_HOPS)
        self._largest = Follower(attack=0.0, release=6.0)
        self._since = REFRACTORY  # s since the last onset

    def step(self, mono: np.ndarray, level: float) -> float:
        """mono : float32 (HOP,), levelled by the automatic gain, and its RMS `level`.

        0 for no onset, else its strength in [0.25, 1]: how far the level rose, by the largest rise of lately. (The
        detection function itself would call every kick weak and every hi-hat strong.)
        """
        found = self._onset(mono + KEEP_ALIVE)[0] > 0.0
        self._levels.append(level)
        rise = max(self._levels) - min(self._levels)
        largest = self._largest.step(rise, HOP_SECONDS)
        self._since += HOP_SECONDS
        if not found or rise <= FAINT_RISE * largest or self._since < REFRACTORY:
            return 0.0
        self._since = 0.0
        return WEAKEST + (1.0 - WEAKEST) * rise / largest


class Ear:
    """Gate, automatic gain and onset detector in a row: what the callback does to each hop."""

    def __init__(self) -> None:
        self._high_pass = high_pass(LOWEST)
        self._gate = Gate()
        self._gain = AutomaticGain()
        self._level = GainRamp(HOP)
        self._onsets = OnsetDetector()

    def hear(self, time: float, sample: int, samples: np.ndarray) -> Hop:
        """samples : float32 (HOP, CHANNELS), finite, in [-1, 1]. `time` and `sample` are those of its first row."""
        mono = self._high_pass(samples.mean(axis=1))
        rms = math.sqrt(float(np.dot(mono, mono)) / HOP)
        sound = self._gate.step(rms, HOP_SECONDS)
        gain = self._gain.step(rms, HOP_SECONDS, sound) if sound else 0.0
        onset = self._onsets.step(self._level(mono, gain), rms * gain)
        return Hop(time, sample, samples, rms, gain, onset, sound)


def high_pass(frequency: float) -> aubio.digital_filter:
    """A second-order Butterworth high-pass at `frequency` Hz (bilinear transform), which takes the DC part away."""
    k = math.tan(math.pi * frequency / SAMPLE_RATE)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    filter_ = aubio.digital_filter(3)
    filter_.set_biquad(norm, -2.0 * norm, norm, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm)
    return filter_
