"""From hops to `AudioFeatures`. Runs on the features thread, or on the caller's in the offline render and in tests.

In: `Hop` (sound, level, gain and onset from the callback). Out: `AudioFeatures`, one a hop. About 70 microseconds.

Levels are relative to a slow average of themselves, so 1.0 is as loud as lately. The energy is r^2 / (1 + r^2) of the
relative loudness r: 0.5 in a groove that goes on, 0.8 at twice its level, 0.2 at half, 0 at rest.
"""

from __future__ import annotations

import math

from livemusviz.bridge.types import HOP, SAMPLE_RATE, AudioFeatures
from livemusviz.features.bands import Bands
from livemusviz.features.beat import BeatFollower
from livemusviz.features.follow import Follower, GainRamp, SlowAverage, weight
from livemusviz.features.hop import Hop

HOP_SECONDS = HOP / SAMPLE_RATE
LATELY = 20.0  # s; what "lately" means
LEVEL_MAX = 4.0
FAINT = 0.1  # relative loudness that counts as a rest: the averages then learn at a tenth, in silence not at all
SILENCE = 1e-4  # RMS; no average is taken as less
BAND_FLOOR = 0.02  # of the usual loudness: a band weaker than this counts as absent
STRENGTH_DECAY = 0.15  # s
PRESENCE = (-64.0, -50.0)  # dBFS of the loudness between which the energy fades in: a noise floor moves nothing


class Relative:
    """A level by its own slow average: 1.0 is as loud as lately, limited to `LEVEL_MAX`."""

    def __init__(self, attack: float, release: float) -> None:
        self._level = Follower(attack, release)
        self._average = SlowAverage(LATELY)

    @property
    def absolute(self) -> float:
        return self._level.value

    @property
    def usual(self) -> float:
        return self._average.value

    @property
    def faint(self) -> bool:
        """Far below what is usual lately."""
        return self._level.value < FAINT * self._average.value

    def step(self, level: float, dt: float, learn: float, floor: float = SILENCE) -> float:
        """The relative level after `dt` seconds, of which the average takes `learn` seconds to heart.

        floor : the average is never taken as less, in the unit of the level.
        """
        value = self._level.step(level, dt)
        self._average.step(value, learn)
        return min(value / max(self._average.value, floor), LEVEL_MAX)


class Extractor:
    """The chain of analyses. `onsets` goes on counting from what it is given."""

    def __init__(self, onsets: int = 0) -> None:
        self.onsets = onsets
        self._loudness = Relative(attack=0.12, release=0.28)
        self._level = Relative(attack=0.02, release=0.15)
        self._bands = Bands()
        self._relative = tuple(Relative(attack=0.01, release=0.12) for _ in range(3))
        self._beat = BeatFollower()
        self._levelled = GainRamp(HOP)
        self._strength = 0.0

    def step(self, hop: Hop) -> AudioFeatures:
        mono = hop.samples.mean(axis=1)
        learn = HOP_SECONDS * (0.0 if not hop.sound else 0.1 if self._loudness.faint else 1.0)
        floor = max(BAND_FLOOR * self._loudness.usual, SILENCE)
        bass, mid, treble = (
            relative.step(level, HOP_SECONDS, learn, floor)
            for relative, level in zip(self._relative, self._bands.step(mono), strict=True)
        )
        beat = self._beat.step(self._levelled(mono, hop.gain), hop.sound)
        rms = hop.rms if hop.sound else 0.0
        self.onsets += hop.onset > 0.0
        self._strength = max(hop.onset, self._strength * (1.0 - weight(HOP_SECONDS, STRENGTH_DECAY)))
        return AudioFeatures(
            time=hop.time + HOP_SECONDS,
            sample=hop.sample + HOP - 1,
            level=self._level.step(rms, HOP_SECONDS, learn),
            rms=hop.rms,
            bass=bass,
            mid=mid,
            treble=treble,
            onset=hop.onset > 0.0,
            onset_strength=self._strength,
            onsets=self.onsets,
            energy=self._energy(rms, learn),
            bpm=beat.bpm,
            beat_phase=beat.phase,
            bpm_confidence=beat.confidence,
            silent=not hop.sound,
        )

    def _energy(self, rms: float, learn: float) -> float:
        ratio = self._loudness.step(rms, HOP_SECONDS, learn)
        low, high = PRESENCE
        decibels = 20.0 * math.log10(max(self._loudness.absolute, 1e-9))
        presence = max(0.0, min(1.0, (decibels - low) / (high - low)))
        return presence * ratio * ratio / (1.0 + ratio * ratio)
