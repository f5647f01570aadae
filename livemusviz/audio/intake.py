"""Takes in features and sound once a display frame, delayed as the PA delays the sound. Main thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from livemusviz.audio.host import AudioHost
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import CHANNELS, SOUND_KEPT
from livemusviz.errors import UserError
from livemusviz.features.delay import FeatureDelay


class AudioIntake:
    """`step` once a display frame.

    features : the newest, with `onset` if there was one since the last step.
    input : the one that was asked for last, "" is the one that the show began with.
    sound : float32 (SOUND_KEPT, CHANNELS), the newest samples.
    """

    def __init__(self, host: AudioHost) -> None:
        self._host, self._blocks = host, host.block_reader()
        self.input = ""
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

    def follow_input(self, wanted: str) -> str:
        """Ask for another input when `wanted` has changed. Return why it cannot be opened, or "".

        The answer may come in a later call. After a refusal, `input` is the one that goes on.
        """
        refused = self._host.take_refusal()
        if wanted != self.input:
            self.input = wanted
            try:
                self._host.set_input(wanted)
            except UserError as error:
                refused = str(error)
        if refused:
            self.input = self._host.chosen
        return refused
