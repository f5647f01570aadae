"""Turns hops into `AudioFeatures`, causally. Runs on the features thread, or on the caller's in tests.

In: `Hop` (samples, level and gain from the callback). Out: one `AudioFeatures` a hop.

Levels are relative to a slow average of themselves: 1.0 is the recent mean. The energy is r^2 / (1 + r^2) of the
relative loudness r: 0.5 at the mean, 0.8 at twice the level, 0.2 at half, 0 at rest.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR, NO_CHROMA, PITCH_CLASSES, AudioFeatures, Chroma
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features import chroma
from livemusviz.features.bar import BarFollower
from livemusviz.features.beat import BeatEstimate, BeatTracker
from livemusviz.features.flux import Flux
from livemusviz.features.follow import Follower, SlowAverage, WholeAverage, weight
from livemusviz.features.form import Form
from livemusviz.features.hop import Hop
from livemusviz.features.measure import Measurer
from livemusviz.features.onset import OnsetFinder

HOP_SECONDS = HOP / SAMPLE_RATE
LATELY = 20.0  # s; of the slow averages
LEVEL_MAX = 4.0
FAINT = 0.1  # relative loudness of a rest; averages then learn at a tenth of the rate, in silence not at all
SILENCE = 1e-4  # RMS; the least average
BAND_FLOOR = 0.02  # of the mean loudness; a weaker band counts as absent
STRENGTH_DECAY = 0.15  # s
HIT_DECAY = 0.12  # s
PRESENCE = (-64.0, -50.0)  # dBFS between which the energy fades in, so that a noise floor moves nothing
BAND_PRESENCE = (0.15, 0.6)  # relative level at which a band is absent, and present
CHROMA_ATTACK, CHROMA_RELEASE = 0.03, 0.12  # s


class Relative:
    """Divides a level by its own slow average and limits the result to `LEVEL_MAX`."""

    def __init__(self, attack: float, release: float, average: SlowAverage | WholeAverage | None = None) -> None:
        """Make it at level 0.

        attack, release : s, of the level.  average : by default over about `LATELY` seconds.
        """
        self._level = Follower(attack, release)
        self._average = average or SlowAverage(LATELY)

    @property
    def absolute(self) -> float:
        """Return the smoothed level, in the unit of the input."""
        return self._level.value

    @property
    def usual(self) -> float:
        """Return the slow average, in the unit of the input."""
        return self._average.value

    @property
    def faint(self) -> bool:
        """Return True if the level is far below its average."""
        return self._level.value < FAINT * self._average.value

    def step(self, level: float, dt: float, learn: float, floor: float = SILENCE) -> float:
        """Return the relative level after `dt` seconds.

        learn : s, by which the average is updated.  floor : least average, in the unit of the level.
        """
        value = self._level.step(level, dt)
        self._average.step(value, learn)
        return min(value / max(self._average.value, floor), LEVEL_MAX)


class Loudness:
    """Computes the energy, and from the loudness the learning time and the floor of the bands."""

    def __init__(self, average: WholeAverage | None = None) -> None:
        self._relative = Relative(0.12, 0.28, average)

    def learns(self, sound: bool) -> float:
        """Return the seconds by which averages may be updated in the coming hop."""
        return HOP_SECONDS * (0.0 if not sound else 0.1 if self._relative.faint else 1.0)

    @property
    def floor(self) -> float:
        """Return the linear RMS below which a band counts as absent."""
        return max(BAND_FLOOR * self._relative.usual, SILENCE)

    def step(self, rms: float, learn: float) -> float:
        """Add one hop and return the energy, 0..1.

        rms : linear, 0 in silence.  learn : s, from `learns`.
        """
        ratio = self._relative.step(rms, HOP_SECONDS, learn)
        low, high = PRESENCE
        decibels = 20.0 * math.log10(max(self._relative.absolute, 1e-9))
        presence = max(0.0, min(1.0, (decibels - low) / (high - low)))
        return presence * ratio * ratio / (1.0 + ratio * ratio)


class Band:
    """Computes level, hit and presence of one band."""

    def __init__(self, average: WholeAverage | None = None) -> None:
        self._relative = Relative(0.01, 0.12, average)
        self._presence = Follower(attack=0.25, release=0.8)
        self._hit = 0.0

    def step(self, level: float, onset: float, learn: float, floor: float) -> tuple[float, float, float]:
        """Add one hop. Return the relative level, the hit (0..1) and the presence (0..1).

        level : linear RMS.  onset : strength, 0 for none.  learn, floor : from `Loudness`.
        """
        relative = self._relative.step(level, HOP_SECONDS, learn, floor)
        self._hit = max(onset, self._hit * (1.0 - weight(HOP_SECONDS, HIT_DECAY)))
        low, high = BAND_PRESENCE
        there = max(0.0, min(1.0, (relative - low) / (high - low)))
        return relative, self._hit, self._presence.step(there, HOP_SECONDS)


class Pitch:
    """Smooths the chroma. It moves whenever the chroma has been analysed anew."""

    DT = chroma.STEP

    def __init__(self) -> None:
        self.value = np.zeros(PITCH_CLASSES)
        self._smoothed: Chroma = NO_CHROMA
        self._until_next = 0

    def step(self, newest: Chroma) -> Chroma:
        """Add one hop and return the smoothed chroma.

        newest : 12 weights, analysed every `chroma.STRIDE` hops.
        """
        self._until_next -= 1
        if self._until_next > 0:
            return self._smoothed
        self._until_next = chroma.STRIDE
        target = np.array(newest)
        up, down = weight(self.DT, CHROMA_ATTACK), weight(self.DT, CHROMA_RELEASE)
        self.value += np.where(target > self.value, up, down) * (target - self.value)
        self.value[self.value < 1e-4] = 0.0
        self._smoothed = tuple(self.value.tolist())
        return self._smoothed


class Bar:
    """Computes the phase of a bar of four."""

    REST = 2.0  # s of silence after which the music begins anew
    SURE_AFTER = 5.0  # s of sound after which its start is taken as the first beat of a bar

    def __init__(self) -> None:
        self._follower = BarFollower()
        self._scored = 0  # the last beat that was scored
        self._quiet = self.REST
        self._sounding = 0.0  # s since the music began
        self._begun = False

    def step(self, beat: BeatEstimate, flux: Flux, pitch: np.ndarray, sound: bool) -> float:
        """Add one hop and return the phase of the bar, [0, 1); 0 while the tempo is unknown.

        pitch : chroma, float (12,).  sound : True if the noise gate is open.
        """
        self._quiet = 0.0 if sound else self._quiet + HOP_SECONDS
        self._sounding = self._sounding + HOP_SECONDS if self._quiet < self.REST else 0.0
        if beat.bpm == 0.0:
            self._begun = False
            return 0.0
        if not self._begun and self._sounding > self.SURE_AFTER:
            self._begun = True
            self._follower.begin(round(beat.beats + beat.phase - self._sounding * beat.bpm / 60.0))
        self._follower.observe(beat.phase, flux.bass, flux.mid + flux.treble, pitch)
        if beat.phase >= 0.5 and beat.beats != self._scored:
            self._scored = beat.beats
            self._follower.beat(beat.beats)
        return (self._follower.place(beat.beats) + beat.phase) / BEATS_A_BAR


class Extractor:
    """Runs all analyses on one hop after the other."""

    def __init__(self, onsets: int = 0, method: str = "superflux") -> None:
        """Make the analyses.

        onsets : where the count of onsets starts.  method : of onset detection, one of `onset.METHODS`.
        `sensitivity` may be set at any time: > 0, it divides the thresholds of onsets.
        """
        self.onsets, self.sensitivity = onsets, 1.0
        self._measurer = Measurer()
        self._finder = OnsetFinder(method)
        self._loudness = Loudness()
        self._level = Relative(attack=0.02, release=0.15)
        self._bands = (Band(), Band(), Band())
        self._beat, self._bar, self._pitch = BeatTracker(), Bar(), Pitch()
        self._form = Form()
        self._strength = self._novelty = 0.0

    def step(self, hop: Hop) -> AudioFeatures:
        measure = self._measurer.step(hop)
        flux = measure.flux
        found = self._finder.step(flux, measure.mono, hop.gain, hop.rms, self.sensitivity)
        learn, floor = self._loudness.learns(hop.sound), self._loudness.floor
        bass, mid, treble = (
            band.step(level, onset, learn, floor)
            for band, level, onset in zip(self._bands, measure.bands, found[1:4], strict=True)
        )
        chroma_seen = self._pitch.step(measure.chroma)
        rms = hop.rms if hop.sound else 0.0
        intensity, sections = self._form.step(measure, rms, hop.sound)
        beat = self._beat.step(flux.full, measure.narrow, hop.sound)
        self.onsets += found.all > 0.0
        kept = 1.0 - weight(HOP_SECONDS, STRENGTH_DECAY)
        faded = self._strength * kept
        self._strength = max(found.all, found.rising, faded)
        self._novelty = max(self._finder.novelty, self._novelty * kept)
        return AudioFeatures(
            time=hop.time + HOP_SECONDS,
            sample=hop.sample + HOP - 1,
            level=self._level.step(rms, HOP_SECONDS, learn),
            rms=hop.rms,
            bass=bass[0],
            mid=mid[0],
            treble=treble[0],
            onset=found.all > 0.0,
            onset_strength=self._strength,
            onsets=self.onsets,
            energy=self._loudness.step(rms, learn),
            bpm=beat.bpm,
            beat_phase=beat.phase,
            bpm_confidence=beat.confidence,
            silent=not hop.sound,
            bass_hit=bass[1],
            mid_hit=mid[1],
            treble_hit=treble[1],
            bass_presence=bass[2],
            mid_presence=mid[2],
            treble_presence=treble[2],
            centroid=measure.centroid,
            flatness=measure.flatness,
            chroma=chroma_seen,
            tuning=measure.tuning,
            beats=beat.beats,
            bar_phase=self._bar.step(beat, flux, self._pitch.value, hop.sound),
            intensity=intensity,
            sections=sections,
            novelty=self._novelty,
        )
