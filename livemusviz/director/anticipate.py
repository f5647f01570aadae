"""What will be heard when the picture is seen. Pure.

A generated frame is on the screen a good part of a tenth of a second after it was begun. Where the beat is sure, the
director draws for that moment: beats kick the walk as early as the engine is slow, and the frame lands on the beat.
Everything else is answered when it is heard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from livemusviz.bridge.features import AudioFeatures

SURE = 0.6  # confidence from which beats are drawn ahead
NEAR = 0.14  # of a beat: an onset so near to one belongs to it
FORGET = 0.7  # of a beat's usual strength kept from beat to beat
RESTED = 2  # beats in a row that passed in silence, after which none is played: the band has stopped
FAINT = 0.05  # a beat that is usually weaker is not played: the drums rest
MAX_LEAD = 1.0  # s
RECOUNT = 2  # beats; a larger jump is another source's count
STALE = 0.8  # s; older features (all may be held back for the PA) say nothing about the next beat
BANDS = ("bass_hit", "mid_hit", "treble_hit")
Hits = tuple[float, float, float]
NONE: Hits = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Timing:
    """seconds : from a frame's start to the middle of its appearance on the screen.  period : between frames, s."""

    seconds: float = 0.0
    period: float = 1.0 / 30.0


@dataclass(frozen=True, slots=True)
class Struck:
    """What strikes this frame. hits : 0..1, bass, mid, treble.  heard : an onset came in.  beat : a beat lands."""

    hits: Hits = NONE
    heard: bool = False
    beat: bool = False


class Anticipation:
    """One step for each slot of the engine."""

    def __init__(self) -> None:
        self._onsets: int | None = None
        self._landed: int | None = None  # the last beat that was drawn
        self._usual: list[float] = [0.0, 0.0, 0.0]  # how hard beats are struck in each band
        self._struck: list[float] = [0.0, 0.0, 0.0]  # ... this one
        self._beat: int | None = None
        self._sounding = False  # since the last beat
        self._silent_beats = 0

    def step(self, now: float, features: AudioFeatures, timing: Timing) -> Struck:
        """now : s.  timing : as measured."""
        heard = self._onsets is not None and features.onsets != self._onsets
        self._onsets = features.onsets
        hits = _hits(features)
        self._learn(features, hits, heard)
        if not sure(features, now):
            self._landed = None
            return Struck(hits if heard else NONE, heard, False)
        position = landing(now, features, timing) + 0.5 * timing.period * features.bpm / 60.0
        whole = math.floor(position)
        if self._landed is None or abs(whole - self._landed) > RECOUNT:
            self._landed = whole
        landed = whole > self._landed
        self._landed = max(whole, self._landed)
        usual = (self._usual[0], self._usual[1], self._usual[2])
        plays = max(usual) > FAINT
        played = (0.0, 0.0, 0.0) if not (landed and plays) else usual
        if heard and not (plays and _on_beat(features)):
            played = max(played[0], hits[0]), max(played[1], hits[1]), max(played[2], hits[2])
        return Struck(played, heard, landed and plays)

    def _learn(self, features: AudioFeatures, hits: Hits, heard: bool) -> None:
        """How hard the beats are struck, by what is heard near them."""
        if features.bpm <= 0.0:
            self._usual, self._struck, self._beat = [0.0] * 3, [0.0] * 3, None
            return
        self._sounding = self._sounding or not features.silent
        nearest = features.beats + (features.beat_phase > 0.5)
        if self._beat is not None and nearest != self._beat:
            self._usual = [FORGET * u + (1.0 - FORGET) * s for u, s in zip(self._usual, self._struck, strict=True)]
            self._struck = [0.0] * 3
            self._silent_beats = 0 if self._sounding else self._silent_beats + 1
            self._sounding = False
            if self._silent_beats >= RESTED:
                self._usual = [0.0] * 3
        self._beat = nearest
        if heard and _on_beat(features):
            self._struck = [max(s, h) for s, h in zip(self._struck, hits, strict=True)]


def sure(features: AudioFeatures, now: float) -> bool:
    """Whether the next beat is known well enough to draw it before it is heard."""
    return features.bpm > 0.0 and features.bpm_confidence >= SURE and now - features.time < STALE


def landing(now: float, features: AudioFeatures, timing: Timing) -> float:
    """Position in beats at the moment a frame begun now is seen."""
    ahead = now + max(-MAX_LEAD, min(MAX_LEAD, timing.seconds)) - features.time
    return features.beats + features.beat_phase + ahead * features.bpm / 60.0


def next_start(now: float, features: AudioFeatures, timing: Timing) -> float:
    """When, s, the next frame should begin so that a later one lands on the coming beat without haste: the frames until
    then are spread evenly. 0 where the beat is not sure, or too far off to matter."""
    if not sure(features, now):
        return 0.0
    position = landing(now, features, timing)
    left = (math.floor(position + 0.5 * timing.period * features.bpm / 60.0) + 1.0 - position) * 60.0 / features.bpm
    frames = math.floor(left / timing.period + 0.05)
    return now + left / frames if frames >= 1 else 0.0


def _on_beat(features: AudioFeatures) -> bool:
    return min(features.beat_phase, 1.0 - features.beat_phase) < NEAR


def _hits(features: AudioFeatures) -> Hits:
    """How hard each band is struck, with the onset's own strength where no band stands out."""
    bass, mid, treble = (getattr(features, name) for name in BANDS)
    strength = features.onset_strength
    if max(bass, mid, treble) <= 0.0:
        return strength, strength, strength
    return strength * (0.3 + 0.7 * bass), strength * (0.3 + 0.7 * mid), strength * (0.3 + 0.7 * treble)
