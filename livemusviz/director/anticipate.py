"""Predicts the beat that will sound when a frame is seen. Pure.

A generated frame appears on the screen almost a tenth of a second after its start. Where the tempo is known, the
director draws for that later moment: a beat kicks the walk early by the engine's latency, and the frame appears on the
beat. All other onsets are answered when they are detected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Timing

SURE = 0.6  # confidence above which beats are drawn in advance
NEAR = 0.14  # of a beat; an onset this close to a beat belongs to it
FORGET = 0.7  # share of the mean strength that is kept from beat to beat
RESTED = 2  # silent beats in a row after which none is drawn: the music has stopped
FAINT = 0.05  # mean strength below which beats are not drawn: the drums rest
MAX_LEAD = 1.0  # s
RECOUNT = 2  # beats; a larger jump is a new count
STALE = 0.8  # s; older features (they may be delayed for the PA) predict no beat
BANDS = ("bass_hit", "mid_hit", "treble_hit")
Hits = tuple[float, float, float]
NONE: Hits = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Struck:
    """Holds what moves one frame.

    hits : 0..1, of bass, mid and treble.
    onset : True if an onset was detected.
    beat : True if a predicted beat falls on this frame.
    """

    hits: Hits = NONE
    onset: bool = False
    beat: bool = False


class Anticipation:
    """Predicts beats and learns their strengths, one step for each slot of the engine."""

    def __init__(self) -> None:
        self._onsets: int | None = None
        self._landed: int | None = None  # number of the last beat that was drawn
        self._usual: list[float] = [0.0, 0.0, 0.0]  # mean strength of the beats in each band
        self._struck: list[float] = [0.0, 0.0, 0.0]  # ... of this beat
        self._beat: int | None = None
        self._sounding = False  # since the last beat
        self._silent_beats = 0

    def step(self, now: float, features: AudioFeatures, timing: Timing) -> Struck:
        """Return what moves the frame that starts now.

        now : s.  timing : latency and period of the engine, as measured.
        """
        onset = self._onsets is not None and features.onsets != self._onsets
        self._onsets = features.onsets
        hits = _hits(features)
        self._learn(features, hits, onset)
        if not sure(features, now):
            self._landed = None
            return Struck(hits if onset else NONE, onset, False)
        position = landing(now, features, timing) + 0.5 * timing.period * features.bpm / 60.0
        whole = math.floor(position)
        if self._landed is None or abs(whole - self._landed) > RECOUNT:
            self._landed = whole
        landed = whole > self._landed
        self._landed = max(whole, self._landed)
        usual = (self._usual[0], self._usual[1], self._usual[2])
        plays = max(usual) > FAINT
        played = (0.0, 0.0, 0.0) if not (landed and plays) else usual
        if onset and not (plays and _on_beat(features)):
            played = max(played[0], hits[0]), max(played[1], hits[1]), max(played[2], hits[2])
        return Struck(played, onset, landed and plays)

    def _learn(self, features: AudioFeatures, hits: Hits, onset: bool) -> None:
        """Update the mean strength of the beats from the onsets near them."""
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
        if onset and _on_beat(features):
            self._struck = [max(s, h) for s, h in zip(self._struck, hits, strict=True)]


def sure(features: AudioFeatures, now: float) -> bool:
    """Return True if the next beat is known well enough to draw it in advance."""
    return features.bpm > 0.0 and features.bpm_confidence >= SURE and now - features.time < STALE


def landing(now: float, features: AudioFeatures, timing: Timing) -> float:
    """Return the position in beats at the moment at which a frame that starts now is seen."""
    ahead = now + max(-MAX_LEAD, min(MAX_LEAD, timing.seconds)) - features.time
    return features.beats + features.beat_phase + ahead * features.bpm / 60.0


def next_start(now: float, features: AudioFeatures, timing: Timing) -> float:
    """Return the time, s, at which the next frame should start, so that one of the coming frames appears on the beat.

    The frames until that beat are spread evenly. Returns 0 if the beat is not known or is too far away.
    """
    if not sure(features, now):
        return 0.0
    position = landing(now, features, timing)
    left = (math.floor(position + 0.5 * timing.period * features.bpm / 60.0) + 1.0 - position) * 60.0 / features.bpm
    frames = math.floor(left / timing.period + 0.05)
    return now + left / frames if frames >= 1 else 0.0


def _on_beat(features: AudioFeatures) -> bool:
    return min(features.beat_phase, 1.0 - features.beat_phase) < NEAR


def _hits(features: AudioFeatures) -> Hits:
    """Return the strength in each band; the onset's own strength where no band stands out."""
    bass, mid, treble = (getattr(features, name) for name in BANDS)
    strength = features.onset_strength
    if max(bass, mid, treble) <= 0.0:
        return strength, strength, strength
    return strength * (0.3 + 0.7 * bass), strength * (0.3 + 0.7 * mid), strength * (0.3 + 0.7 * treble)
