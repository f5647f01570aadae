"""Gives the newest samples of a track at any time of a film. One thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE, SOUND_KEPT


class SoundWindow:
    """`until` for each frame of the film in turn."""

    def __init__(self, blocks: Iterator[np.ndarray]) -> None:
        """blocks : the track from its start, float32 (n, CHANNELS)."""
        self._blocks, self._next = blocks, 0  # the sample after the newest one given
        self._sound = np.zeros((SOUND_KEPT, CHANNELS), np.float32)
        self._ahead = np.zeros((0, CHANNELS), np.float32)

    def until(self, time: float) -> np.ndarray:
        """Return float32 (SOUND_KEPT, CHANNELS), the sound up to `time`, s."""
        wanted = round(time * SAMPLE_RATE) - self._next
        while len(self._ahead) < wanted and (block := next(self._blocks, None)) is not None:
            self._ahead = np.concatenate([self._ahead, block])
        new, self._ahead = self._ahead[: max(0, wanted)], self._ahead[max(0, wanted) :]
        self._next += len(new)
        self._sound = np.concatenate([self._sound, new])[-SOUND_KEPT:]
        return self._sound
