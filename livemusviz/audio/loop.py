"""Captures blocks in the audio callback. Runs on PortAudio's thread (or on a file's), in the audio process.

In: blocks of float32 (frames, channels) at the source's rate, and their capture time. Out: packed `Hop`s of HOP frames,
stereo, at SAMPLE_RATE, each with level and gain, written to a lock-free ring. It never waits and never raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from livemusviz.audio.timing import StreamTime
from livemusviz.bridge.sound import CHANNELS, HOP, SAMPLE_RATE
from livemusviz.features.frontend import FrontEnd

log = logging.getLogger(__name__)

ABSURD = 16.0  # full scales; a sample beyond is damage, not loudness
SETTLE = 0.1  # s at the start of a stream that only set its clock


@dataclass
class Health:
    """Holds the counts of the callback. Only the callback writes them; any thread may read."""

    overflows: int = 0  # input overflows the driver reported
    damaged: int = 0  # blocks with NaN, infinite or absurd samples
    failures: int = 0  # callbacks that raised
    gaps: int = 0  # times that sound was lost
    blocks: int = 0  # blocks that came
    zeros: float = 0.0  # s for which every sample has been exactly zero
    samples: int = 0  # frames that came, at the source's rate
    sounded: bool = False  # a sample was not zero


class Capture:
    """Call it with each block. `gain` may be set at any time."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        rate: float = SAMPLE_RATE,
        epoch: float = 0.0,
        first: int = 0,
        gain: float = 1.0,
        settle: float = SETTLE,
    ) -> None:
        """write : takes each packed hop.  epoch : s, time of sample 0.  first : least index of the first sample."""
        self.gain = gain
        self.health = Health()
        self._write, self._epoch, self._settle = write, epoch, settle
        self._rate = float(rate)
        self._resampler = _resampler(self._rate)
        self._front_end = FrontEnd()
        self._time = StreamTime()
        self._captured = self._made = 0  # frames that came, and frames at SAMPLE_RATE that went out
        self._next = first
        self._placed = False
        self._rest = np.zeros((0, CHANNELS), np.float32)

    def __call__(self, block: np.ndarray, began: float, overflow: bool = False) -> None:
        """block : float (frames, channels), of any size.  began : s, capture time of its first frame."""
        try:
            self.health.overflows += overflow
            self._take(block, began)
            self.health.blocks += 1
        except Exception:
            self.health.failures += 1
            if self.health.failures == 1:
                log.exception("the audio callback failed; it goes on with the next block")

    def _take(self, block: np.ndarray, began: float) -> None:
        seconds, position = len(block) / self._rate, self._captured / self._rate
        self._captured += len(block)
        self.health.samples = self._captured
        stereo = self._clean(block)
        sounds = bool(stereo.any())
        self.health.zeros = 0.0 if sounds else self.health.zeros + seconds
        self.health.sounded |= sounds
        if self._resampler is not None:
            stereo = self._resampler.resample_chunk(stereo)
        if position < self._settle:
            self._time.settle(position, began)
            self._made += len(stereo)
            return
        lost = self._time.step(position, began, seconds)
        if lost > 0.0:
            self.health.gaps += 1
            self._next += round(lost * SAMPLE_RATE)
        self._publish(stereo)

    def _publish(self, stereo: np.ndarray) -> None:
        if len(self._rest):
            stereo = np.concatenate([self._rest, stereo])
        start = 0
        while len(stereo) - start >= HOP:
            self._hop(stereo[start : start + HOP])
            start += HOP
        self._rest = stereo[start:]

    def _hop(self, samples: np.ndarray) -> None:
        time = self._time.at(self._made / SAMPLE_RATE)
        if not self._placed:
            self._placed, self._next = True, max(self._next, round((time - self._epoch) * SAMPLE_RATE))
        loud = np.clip(samples * np.float32(self.gain), -1.0, 1.0)
        self._write(self._front_end.process(time, self._next, loud).pack())
        self._next += HOP
        self._made += HOP

    def _clean(self, block: np.ndarray) -> np.ndarray:
        """Return the block as finite float32 (frames, 2): the first two channels, or one twice."""
        stereo = np.asarray(block, np.float32)[:, :CHANNELS]
        if not np.abs(stereo).max(initial=0.0) <= ABSURD:  # also true of NaN
            self.health.damaged += 1
            stereo = np.where(np.abs(stereo) <= ABSURD, stereo, np.float32(0.0))
        return stereo if stereo.shape[1] == CHANNELS else np.repeat(stereo[:, :1], CHANNELS, axis=1)


def _resampler(rate: float) -> Any | None:
    """Return a streaming resampler to SAMPLE_RATE, or None where none is needed.

    soxr's "LQ" answers each block at once (0.5 ms behind); "HQ" hands out bursts 9-20 ms late.
    """
    if rate == SAMPLE_RATE:
        return None
    import soxr

    return soxr.ResampleStream(rate, SAMPLE_RATE, CHANNELS, dtype="float32", quality="LQ")
