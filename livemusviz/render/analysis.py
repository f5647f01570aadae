"""Analyses a whole track before the film is rendered. One thread.

In: a track. Out: its `AudioFeatures` in order, and where its bars begin; time 0 is the track's first sample. The
features take about 200 bytes a hop and are written to disk before the model is loaded, so the memory of a render does
not grow with its track until that is hours long.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from livemusviz.audio.track import Track, TrackReader
from livemusviz.bridge.features import PACKED_FEATURES_BYTES, AudioFeatures
from livemusviz.bridge.sound import CHANNELS, HOP, SAMPLE_RATE
from livemusviz.features.offline import FeatureTrack, analyse_hops

READ_AT_ONCE = 1024  # features

Progress = Callable[[float], object]  # seconds of sound analysed


class TrackAnalysis:
    """Analyses a track once and keeps the result.

    track : the sound file.
    seconds : length of the sound, s.
    origin : s, time stamp of its first sample in the file.
    bars : s, beginnings of the bars of four beats, as far as the tempo is known.
    damage : damaged packets.
    damaged_at : s, place of the first damaged packet, or None.
    """

    def __init__(
        self,
        track: Track,
        gain: float = 1.0,
        progress: Progress = lambda seconds: None,
        sensitivity: float = 1.0,
    ) -> None:
        """Decode and analyse all of `track`. UserError if nothing of it can be decoded."""
        self.track = track
        reader, self._samples = TrackReader(track), 0
        features = analyse_hops(self._hops(reader, progress), gain, sensitivity)
        self.seconds = self._samples / SAMPLE_RATE
        self.origin: Fraction = reader.origin
        self.damage, self.damaged_at = reader.damage, reader.damaged_at
        self.bars = bar_times(features)
        self._spool = tempfile.TemporaryFile(prefix="livemusviz-")  # noqa: SIM115 - lives as long as this object
        for each in features:
            self._spool.write(each.pack())

    def features(self) -> Iterator[AudioFeatures]:
        """Yield all features, oldest first."""
        self._spool.seek(0)
        while data := self._spool.read(READ_AT_ONCE * PACKED_FEATURES_BYTES):
            for begin in range(0, len(data), PACKED_FEATURES_BYTES):
                yield AudioFeatures.unpack(data[begin : begin + PACKED_FEATURES_BYTES])

    def close(self) -> None:
        self._spool.close()

    def _hops(self, reader: TrackReader, progress: Progress) -> Iterator[np.ndarray]:
        """Yield float32 (HOP, CHANNELS), finite; the last one is filled up with silence."""
        rest = np.zeros((0, CHANNELS), np.float32)
        for block in reader.blocks():
            self._samples += len(block)
            progress(self._samples / SAMPLE_RATE)
            sound = np.concatenate([rest, np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)])
            whole = len(sound) // HOP * HOP
            yield from sound[:whole].reshape(-1, HOP, CHANNELS)
            rest = sound[whole:]
        yield np.pad(rest, ((0, HOP - len(rest)), (0, 0)))


def bar_times(features: FeatureTrack) -> list[float]:
    """Return the times, s, at which bars begin: their phase falls back to 0."""
    phase, bpm = features.column("bar_phase"), features.column("bpm")
    begins = np.flatnonzero((np.diff(phase) < -0.5) & (bpm[1:] > 0.0)) + 1
    return [float(i * HOP / SAMPLE_RATE) for i in begins]
