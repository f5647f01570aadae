"""Takes features and sound in once a display frame, as late as the room hears them. Main thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from livemusviz.audio.host import AudioHost
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import CHANNELS, SOUND_KEPT
from livemusviz.features.delay import FeatureDelay


class AudioIntake:
    """`step` once a display frame.

    features : the newest, with `onset` if there was one since the last step.
    sound : float32 (SOUND_KEPT, CHANNELS), the newest samples.
    """

    def __init__(self, host: AudioHost) -> None:
        self._host, self._blocks = host, host.block_reader()
        self._delay = FeatureDelay()
        self.features = AudioFeatures.rest(host.epoch)
        self.sound = np.zeros((SOUND_KEPT, CHANNELS), np.float32)

    def step(self, now: float, late: float) -> None:
        """Take in what was captured up to `late` s (>= 0) before `now`."""
        self._host.poll()
        arrived = self._delay.step(self._host.features(), now - late)
        newest = arrived[-1] if arrived else self.features
        self.features = replace(newest, onset=any(each.onset for each in arrived))
        blocks = [block.samples for block in self._blocks.read()]
        if blocks:
            self.sound = np.concatenate([self.sound, *blocks])[-SOUND_KEPT:]
