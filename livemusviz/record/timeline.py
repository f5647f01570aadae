"""Places pictures and sound in a recording. Pure arithmetic on times and sample indices; numpy only.

Time 0 of the recording is `start` (s, `perf_counter` scale) for both: picture slot n is at n / fps s, sample n at
n / SAMPLE_RATE s. `VideoGrid` makes a constant-rate row of pictures from pictures at any times,
`AudioTimeline` a gapless row of samples out of blocks that may be missing, late, or on a clock that drifts.
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture

Slot = tuple[int, np.ndarray]  # number on the grid, and the pixels for it

MEMORY = 2.0  # s over which a block's time stamp is averaged: they jitter by a callback's delay
NUDGE = 0.002  # s the sound may be off before it is stretched, one sample a block
ANCHOR = 0.03  # s it may be off on average before it is cut and set anew
LOST = 1.0  # s a single block may be off before it is set anew at once
MOST = 10.0  # s of silence given out in one go


class VideoGrid:
    """Places pictures in the slots nearest their times. A later picture of a slot replaces the earlier one; a slot
    without one repeats the slot before. The first picture also fills the slots before it.

    next : the first slot that was not given out yet.
    """

    def __init__(self, start: float, fps: int) -> None:
        self._start, self._fps = start, fps
        self._held: np.ndarray | None = None
        self.next = 0

    @property
    def empty(self) -> bool:
        """Return True before the first picture."""
        return self._held is None

    def slot(self, time: float) -> int:
        return round((time - self._start) * self._fps)

    def place(self, picture: CanvasPicture, repeat: bool = True) -> list[Slot]:
        """Hold `picture` for its slot and give out the slots before it. Without `repeat` those that got no picture
        stay empty: an encoder that is behind catches up, and time stays true."""
        slot = max(self.slot(picture.time), self.next)
        done: list[Slot] = []
        if self._held is not None:
            last = slot if repeat else min(slot, self.next + 1)
            done = [(number, self._held) for number in range(self.next, last)]
            self.next = slot
        self._held = picture.pixels
        return done

    def fill(self, time: float, repeat: bool = True) -> list[Slot]:
        """Give out every slot before `time` (s), as far as there is a picture to show; `repeat` as for `place`."""
        slot = self.slot(time)
        if self._held is None or slot <= self.next:
            return []
        return self.place(CanvasPicture(self._held, time), repeat)

    def skip(self, time: float) -> None:
        """Leave out the slots before `time` (s) that were not given out yet, and hold no picture."""
        self.next, self._held = max(self.next, self.slot(time)), None


class AudioTimeline:
    """Returns samples without gaps.

    Blocks are placed by their sample index, which is exact, and the index is tied to the time by the blocks' average
    lateness: a small drift is taken up one sample a block by linear interpolation, a large one by a cut.
    position : the first sample that was not given out yet.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self._offset: int | None = None  # recording's index minus the block's
        self._last = -1  # sample index of the last block
        self._error = 0.0  # samples, averaged: how much later than placed the sound was captured
        self.position = 0

    def place(self, block: AudioBlock) -> np.ndarray:
        """Return the samples to write for `block`: silence up to it, then what of it is not past. float32 (n,
        CHANNELS)."""
        expected = (block.time - self._start) * SAMPLE_RATE
        if self._offset is None or block.sample <= self._last:
            self._anchor(block, expected)
        else:
            self._track(block, expected)
        self._last = block.sample
        samples = block.samples
        if abs(self._error) > NUDGE * SAMPLE_RATE:
            step = 1 if self._error > 0 else -1
            samples = stretch(samples, len(samples) + step)
            self._error -= step
            begin = self._begin(block)
            self._offset = (self._offset or 0) + step
        else:
            begin = self._begin(block)
        if begin < self.position:
            return self._out(samples[self.position - begin :])
        gap = np.zeros((begin - self.position, CHANNELS), np.float32)
        return self._out(np.concatenate([gap, samples]))

    def fill(self, time: float) -> np.ndarray:
        """Silence up to `time` (s), if the sound has not got there, at most `MOST` s of it. float32 (n, CHANNELS)."""
        missing = round((time - self._start) * SAMPLE_RATE) - self.position
        missing = min(max(0, missing), round(MOST * SAMPLE_RATE))
        return self._out(np.zeros((missing, CHANNELS), np.float32))

    def _begin(self, block: AudioBlock) -> int:
        return block.sample + (self._offset or 0)

    def _track(self, block: AudioBlock, expected: float) -> None:
        error = expected - self._begin(block)
        self._error += (error - self._error) * min(1.0, len(block.samples) / (MEMORY * SAMPLE_RATE))
        if abs(self._error) > ANCHOR * SAMPLE_RATE or abs(error) > LOST * SAMPLE_RATE:
            self._anchor(block, expected)

    def _anchor(self, block: AudioBlock, expected: float) -> None:
        self._offset = round(expected) - block.sample
        self._error = 0.0

    def _out(self, samples: np.ndarray) -> np.ndarray:
        self.position += len(samples)
        return samples


def stretch(samples: np.ndarray, length: int) -> np.ndarray:
    """`samples`, float32 (n, CHANNELS), as `length` samples by linear interpolation; both ends stay."""
    old, new = np.arange(len(samples)), np.linspace(0, len(samples) - 1, length)
    return np.stack([np.interp(new, old, channel) for channel in samples.T], axis=1).astype(np.float32)
