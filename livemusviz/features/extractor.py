"""From hops to `AudioFeatures`, causally. Runs on the features thread, or on the caller's in tests.

In: `Hop` (sound, level and gain from the callback). Out: `AudioFeatures`, one a hop.

Levels are relative to a slow average of themselves, so 1.0 is as loud as lately. The energy is r^2 / (1 + r^2) of the
relative loudness r: 0.5 in a groove that goes on, 0.8 at twice its level, 0.2 at half, 0 at rest.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.bridge.features import NO_CHROMA, PITCH_CLASSES, AudioFeatures, Chroma
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features import chroma
from livemusviz.features.bar import BEATS_A_BAR, BarFollower
from livemusviz.features.beat import Beat, BeatTracker
from livemusviz.features.flux import Flux
from livemusviz.features.follow import Follower, SlowAverage, WholeAverage, weight
from livemusviz.features.form import Form
from livemusviz.features.hop import Hop
from livemusviz.features.measure import Measurer
from livemusviz.features.onset import OnsetFinder

HOP_SECONDS = HOP / SAMPLE_RATE
LATELY = 20.0  # s; what "lately" means
LEVEL_MAX = 4.0
FAINT = 0.1  # relative loudness that counts as a rest: the averages then learn at a tenth, in silence not at all
SILENCE = 1e-4  # RMS; no average is taken as less
BAND_FLOOR = 0.02  # of the usual loudness: a band weaker than this counts as absent
STRENGTH_DECAY = 0.15  # s
HIT_DECAY = 0.12  # s
PRESENCE = (-64.0, -50.0)  # dBFS of the loudness between which the energy fades in: a noise floor moves nothing
BAND_PRESENCE = (0.15, 0.6)  # of a band's usual level, between which it is absent and present
CHROMA_ATTACK, CHROMA_RELEASE = 0.03, 0.12  # s


class Relative:
    """A level by its own slow average: 1.0 is as loud as lately, limited to `LEVEL_MAX`."""

    def __init__(self, attack: float, release: float, average: SlowAverage | WholeAverage | None = None) -> None:
        """average : what is usual; by default the average of about the last `LATELY` seconds."""
        self._level = Follower(attack, release)
        self._average = average or SlowAverage(LATELY)

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


class Loudness:
    """The energy that drives walk and skipping, and what the rest of the chain must know of the loudness."""

    def __init__(self, average: WholeAverage | None = None) -> None:
        self._relative = Relative(0.12, 0.28, average)

    def learns(self, sound: bool) -> float:
        """Seconds that averages may take to heart of the coming hop."""
        return HOP_SECONDS * (0.0 if not sound else 0.1 if self._relative.faint else 1.0)

    @property
    def floor(self) -> float:
        """Linear RMS below which a band counts as absent."""
        return max(BAND_FLOOR * self._relative.usual, SILENCE)

    def step(self, rms: float, learn: float) -> float:
        """rms : linear, 0 in silence.  The energy, 0..1."""
        ratio = self._relative.step(rms, HOP_SECONDS, learn)
        low, high = PRESENCE
        decibels = 20.0 * math.log10(max(self._relative.absolute, 1e-9))
        presence = max(0.0, min(1.0, (decibels - low) / (high - low)))
        return presence * ratio * ratio / (1.0 + ratio * ratio)


class Band:
    """Level, hit and presence of one band."""

    def __init__(self, average: WholeAverage | None = None) -> None:
        self._relative = Relative(0.01, 0.12, average)
        self._presence = Follower(attack=0.25, release=0.8)
        self._hit = 0.0

    def step(self, level: float, onset: float, learn: float, floor: float) -> tuple[float, float, float]:
        """level : linear RMS.  onset : strength, 0 for none.  Relative level, hit (0..1), presence (0..1)."""
        relative = self._relative.step(level, HOP_SECONDS, learn, floor)
        self._hit = max(onset, self._hit * (1.0 - weight(HOP_SECONDS, HIT_DECAY)))
        low, high = BAND_PRESENCE
        there = max(0.0, min(1.0, (relative - low) / (high - low)))
        return relative, self._hit, self._presence.step(there, HOP_SECONDS)


class Pitch:
    """The chroma, smoothed so that it may be seen. It moves whenever the chroma has been looked at again."""

    DT = chroma.STEP

    def __init__(self) -> None:
        self.value = np.zeros(PITCH_CLASSES)
        self._told: Chroma = NO_CHROMA
        self._until_next = 0

    def step(self, heard: Chroma) -> Chroma:
        """One hop. heard : of the last look, which is taken every `chroma.STRIDE` hops."""
        self._until_next -= 1
        if self._until_next > 0:
            return self._told
        self._until_next = chroma.STRIDE
        target = np.array(heard)
        up, down = weight(self.DT, CHROMA_ATTACK), weight(self.DT, CHROMA_RELEASE)
        self.value += np.where(target > self.value, up, down) * (target - self.value)
        self.value[self.value < 1e-4] = 0.0
        self._told = tuple(self.value.tolist())
        return self._told


class Bar:
    """From beats to the phase of a bar of four."""

    REST = 2.0  # s of silence, after which the music begins anew
    SURE_AFTER = 5.0  # s of sound, after which its beginning is taken for the first beat of a bar

    def __init__(self) -> None:
        self._follower = BarFollower()
        self._heard = 0  # the beat whose surroundings have been judged
        self._quiet = self.REST
        self._sounding = 0.0  # s since the music began
        self._begun = False

    def step(self, beat: Beat, flux: Flux, pitch: np.ndarray, sound: bool) -> float:
        self._quiet = 0.0 if sound else self._quiet + HOP_SECONDS
        self._sounding = self._sounding + HOP_SECONDS if self._quiet < self.REST else 0.0
        if beat.bpm == 0.0:
            self._begun = False
            return 0.0
        if not self._begun and self._sounding > self.SURE_AFTER:
            self._begun = True
            self._follower.begin(round(beat.beats + beat.phase - self._sounding * beat.bpm / 60.0))
        self._follower.hear(beat.phase, flux.bass, flux.mid + flux.treble, pitch)
        if beat.phase >= 0.5 and beat.beats != self._heard:
            self._heard = beat.beats
            self._follower.beat(beat.beats)
        return (self._follower.place(beat.beats) + beat.phase) / BEATS_A_BAR


class Extractor:
    """The chain of analyses. `onsets` goes on counting from what it is given."""

    def __init__(self, onsets: int = 0, method: str = "superflux") -> None:
        """method : how onsets are found, one of `onset.METHODS`."""
        self.onsets = onsets
        self._measurer = Measurer()
        self._finder = OnsetFinder(method)
        self._loudness = Loudness()
        self._level = Relative(attack=0.02, release=0.15)
        self._bands = (Band(), Band(), Band())
        self._beat, self._bar, self._pitch = BeatTracker(), Bar(), Pitch()
        self._form = Form()
        self._strength = 0.0

    def step(self, hop: Hop) -> AudioFeatures:
        measure = self._measurer.step(hop)
        flux = measure.flux
        found = self._finder.step(flux, measure.mono, hop.gain, hop.rms)
        learn, floor = self._loudness.learns(hop.sound), self._loudness.floor
        bass, mid, treble = (
            band.step(level, onset, learn, floor)
            for band, level, onset in zip(self._bands, measure.bands, found[1:4], strict=True)
        )
        chroma_seen = self._pitch.step(measure.chroma)
        rms = hop.rms if hop.sound else 0.0
        intensity, sections = self._form.step(measure, rms, hop.sound)
        beat = self._beat.step(flux.full, hop.sound)
        self.onsets += found.all > 0.0
        faded = self._strength * (1.0 - weight(HOP_SECONDS, STRENGTH_DECAY))
        self._strength = max(found.all, found.rising, faded)
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
        )
