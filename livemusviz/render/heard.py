"""The first pass over a track: what is heard when. One thread; memory does not depend on the track's length.

In: a track. Out: its `AudioFeatures` in order, kept on disk between the passes, and where its bars begin. Time 0 is the
track's first sample.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.types import HOP, PACKED_FEATURES_BYTES, SAMPLE_RATE, AudioFeatures
from livemusviz.record.track import Track, TrackReader

READ_AT_ONCE = 1024  # features
BEATS_A_BAR = 4
DETECTOR_LAG = 0.022  # s; how much later than the sound the causal detector tells of an onset

Progress = Callable[[float], object]  # seconds of sound analysed


class Heard:
    """seconds : length of the sound.  origin : s, time stamp of its first sample in the file.

    bars : s, where each bar of four beats begins, as far as the tempo is known.  damage : damaged packets met.
    damaged_at : s, where the first of them was, or None.
    """

    def __init__(self, track: Track, gain: float = 1.0, progress: Progress = lambda seconds: None) -> None:
        """Decode and analyse all of `track`. UserError if nothing of it can be decoded."""
        reader, audio = TrackReader(track), InProcessAudio(gain=gain)
        self._spool = tempfile.TemporaryFile(prefix="livemusviz-")  # noqa: SIM115 - lives as long as this object
        beats = _Beats()
        samples = 0
        for block in reader.blocks():
            for begin in range(0, len(block), HOP):
                self._keep(audio.feed(block[begin : begin + HOP]), beats)
            samples += len(block)
            progress(samples / SAMPLE_RATE)
        self._keep(audio.feed(np.zeros((HOP, 2), np.float32)), beats)
        self.seconds = samples / SAMPLE_RATE
        self.origin: Fraction = reader.origin
        self.damage, self.damaged_at = reader.damage, reader.damaged_at
        self.bars = beats.times[::BEATS_A_BAR]

    def features(self) -> Iterator[AudioFeatures]:
        """All features, oldest first; their time is that of the sound, the detector's lag taken off."""
        self._spool.seek(0)
        while data := self._spool.read(READ_AT_ONCE * PACKED_FEATURES_BYTES):
            for begin in range(0, len(data), PACKED_FEATURES_BYTES):
                yield AudioFeatures.unpack(data[begin : begin + PACKED_FEATURES_BYTES])

    def close(self) -> None:
        self._spool.close()

    def _keep(self, features: list[AudioFeatures], beats: _Beats) -> None:
        for heard in features:
            beats.step(heard)
            self._spool.write(heard.pack())


class _Beats:
    """Where the beat's phase wraps."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._phase = 0.0

    def step(self, heard: AudioFeatures) -> None:
        if heard.bpm > 0.0 and heard.beat_phase < self._phase - 0.5:
            self.times.append(heard.time)
        self._phase = heard.beat_phase
