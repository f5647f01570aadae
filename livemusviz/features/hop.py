"""Holds one hop of sound as the audio callback passes it to the analysis: samples and the measures of the callback.

Frozen. It crosses from the callback to the features thread and, for its samples, to the recorder, as bytes in a ring.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.ring import RingReader
from livemusviz.bridge.sound import CHANNELS, HOP, AudioBlock

_HEAD = struct.Struct("<dqdd?7x")
HOP_BYTES = _HEAD.size + HOP * CHANNELS * 4


@dataclass(frozen=True, slots=True)
class Hop:
    """Holds one hop.

    time : s, capture time of the first sample.
    sample : index of the first sample on the show's audio clock.
    samples : float32 (HOP, CHANNELS), in [-1, 1], after --gain.
    rms : linear, of the mono sum without its DC part.
    gain : linear, the automatic gain for detectors; 0 in silence.
    sound : True if the noise gate is open.
    """

    time: float
    sample: int
    samples: np.ndarray
    rms: float
    gain: float
    sound: bool

    def pack(self) -> bytes:
        """Return the hop as `HOP_BYTES` bytes."""
        head = _HEAD.pack(self.time, self.sample, self.rms, self.gain, self.sound)
        return head + self.samples.tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Hop:
        """Return the hop that `pack` made `data` of. Its samples are read-only."""
        time, sample, rms, gain, sound = _HEAD.unpack_from(data)
        return cls(time, sample, _samples(data), rms, gain, sound)


def unpack_block(data: bytes) -> AudioBlock:
    """Return the samples of a packed hop alone; they are read-only."""
    time, sample = _HEAD.unpack_from(data)[:2]
    return AudioBlock(time, sample, _samples(data))


def read_blocks(reader: RingReader) -> list[AudioBlock]:
    """Return the blocks of the ring since the last read, oldest first."""
    blocks = []
    while (data := reader.read()) is not None:
        blocks.append(unpack_block(data))
    return blocks


def _samples(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float32, HOP * CHANNELS, _HEAD.size).reshape(HOP, CHANNELS)
