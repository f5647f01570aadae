"""The audio side without a process, a thread or a clock: samples in, features out. For the offline render and tests.

The same callback and the same analysis as live; runs on the caller's thread, and its result depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from livemusviz.audio.loop import Capture, Health
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.features.extractor import Extractor
from livemusviz.features.hop import Hop


class InProcessAudio:
    """Feed it blocks of any size; time is that of the samples, from `epoch` on."""

    def __init__(
        self,
        rate: float = SAMPLE_RATE,
        gain: float = 1.0,
        epoch: float = 0.0,
        onset: str = "superflux",
        sensitivity: float = 1.0,
    ) -> None:
        """Make the chain.

        rate : of the blocks, Hz.
        gain : linear.
        epoch : s, time of the first sample.
        onset : method of detection.
        sensitivity : of onsets.
        """
        self._packed: list[bytes] = []
        self._capture = Capture(self._packed.append, rate, epoch, gain=gain, settle=0.0)
        self._extractor = Extractor(method=onset)
        self._extractor.sensitivity = sensitivity
        self._rate, self._epoch, self._position = rate, epoch, 0

    @property
    def health(self) -> Health:
        """Return the counts of the callback."""
        return self._capture.health

    def set_gain(self, gain: float) -> None:
        self._capture.gain = gain

    def feed(self, block: np.ndarray) -> list[AudioFeatures]:
        """block : float (frames, channels). The features of the hops that it completed, mostly of HOP frames each."""
        self._capture(block, self._epoch + self._position / self._rate)
        self._position += len(block)
        features = [self._extractor.step(Hop.unpack(data)) for data in self._packed]
        self._packed.clear()
        return features

    def feed_all(self, blocks: Iterable[np.ndarray]) -> Iterator[AudioFeatures]:
        """Feed each block in turn and yield the features."""
        for block in blocks:
            yield from self.feed(block)
