"""One hop of sound as the callback hands it to the analysis: the samples and what was measured in the callback itself.

Frozen; crosses from the callback to the features thread, and as far as the samples go to the recorder, as bytes in the
ring of blocks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.sound import CHANNELS, HOP, AudioBlock

_HEAD = struct.Struct("<dqdd?7x")
HOP_BYTES = _HEAD.size + HOP * CHANNELS * 4


@dataclass(frozen=True, slots=True)
class Hop:
    """time : s, capture time of the first sample.  sample : its index on the show's audio clock.

    samples : float32 (HOP, CHANNELS), in [-1, 1], after --gain.  rms : of the mono sum without its DC part.
    gain : factor of the automatic gain for detectors, 0 while silent.  sound : whether the noise gate is open.
    """

    time: float
    sample: int
    samples: np.ndarray
    rms: float
    gain: float
    sound: bool

    def pack(self) -> bytes:
        """As `HOP_BYTES` bytes."""
        head = _HEAD.pack(self.time, self.sample, self.rms, self.gain, self.sound)
        return head + self.samples.tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Hop:
        time, sample, rms, gain, sound = _HEAD.unpack_from(data)
        return cls(time, sample, _samples(data), rms, gain, sound)


def unpack_block(data: bytes) -> AudioBlock:
    """Only the sound of a packed hop. The samples are read-only."""
    time, sample = _HEAD.unpack_from(data)[:2]
    return AudioBlock(time, sample, _samples(data))


def _samples(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float32, HOP * CHANNELS, _HEAD.size).reshape(HOP, CHANNELS)
