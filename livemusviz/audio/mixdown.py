"""Mixes any number of a device's inputs to stereo. Runs in the audio callback.

In: float32 (frames, channels). Out: float32 (frames, 2): odd inputs on the left, even ones on the right, or one input
on both sides. A side that several inputs sound on is lowered by the root of their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from livemusviz.bridge.sound import CHANNELS

SOUNDING = 1e-3  # peak from which an input counts as sounding: -60 dB of full scale
ABSURD = 16.0  # full scales; a sample beyond is damage, not loudness


class Mixdown:
    """Call it with each block. `peaks` : float32 (channels,), the highest so far of every input, mixed or not."""

    def __init__(self, opened: int, channels: Sequence[int] = (), first_pair: bool = False) -> None:
        """opened : inputs in a block.  channels : those to mix, from 1; () is all.

        first_pair : where inputs 1 and 2 sound, the others are left out (a system's mixer repeats them there).
        """
        self.peaks = np.zeros(opened, np.float32)
        self.channels = tuple(channels) or tuple(range(1, opened + 1))
        self._first_pair = first_pair and not channels
        self._sounding: tuple[bool, ...] = (False,) * opened
        self._sides = self._split()

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Return the block as stereo; a block of one or two inputs as it is."""
        peaks = np.abs(block).max(axis=0, initial=0.0)
        sane = peaks <= ABSURD
        self.peaks = np.where(sane, np.maximum(self.peaks, peaks), self.peaks)
        if block.shape[1] <= CHANNELS and len(self.channels) == block.shape[1]:
            return block
        sounding = tuple((self.peaks > SOUNDING).tolist())
        if sounding != self._sounding:
            self._sounding = sounding
            self._sides = self._split()
        mixed = np.empty((len(block), CHANNELS), np.float32)
        for side, (places, scale) in enumerate(self._sides):
            whole = places[sane[places]] if sane[places].any() else places  # damage in one input is not mixed in
            mixed[:, side] = block[:, whole].sum(axis=1) * scale
        return mixed

    def silent(self) -> bool:
        """Return True if the chosen inputs are silent, or the first two where all are mixed."""
        watched = self.channels if len(self.channels) < len(self.peaks) else self.channels[:CHANNELS]
        return not any(self.peaks[channel - 1] > SOUNDING for channel in watched)

    def sounding(self) -> tuple[int, ...]:
        """Return the inputs that have sounded, from 1."""
        return tuple(i + 1 for i, peak in enumerate(self.peaks) if peak > SOUNDING)

    def _split(self) -> list[tuple[np.ndarray, np.float32]]:
        """Return the places in a block, from 0, that go to the left and to the right, and by how much."""
        channels = self.channels
        if self._first_pair and any(self._sounding[:CHANNELS]):
            channels = channels[:CHANNELS]
        left = [channel - 1 for channel in channels[0::2]]
        right = [channel - 1 for channel in channels[1::2]] or left
        return [self._side(left), self._side(right)]

    def _side(self, places: list[int]) -> tuple[np.ndarray, np.float32]:
        sounding = sum(self._sounding[place] for place in places)
        return np.array(places), np.float32(1.0 / math.sqrt(max(1, sounding)))
