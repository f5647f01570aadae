"""Carries the analysis of the sound from the audio process to the show, packed into a shared-memory ring.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import get_type_hints

PITCH_CLASSES = 12
BEATS_A_BAR = 4  # of the bars that the analysis finds
Chroma = tuple[float, ...]
"""PITCH_CLASSES weights from C upwards, each 0..1."""
NO_CHROMA: Chroma = (0.0,) * PITCH_CLASSES


@dataclass(frozen=True, slots=True)
class AudioFeatures:
    """Describes the sound of one hop. Loudness is relative to a slow average: 1.0 is as loud as lately."""

    time: float
    """s, capture time of the last sample of the hop."""
    sample: int = 0
    """Index of that sample since the stream began."""
    level: float = 0.0
    """>= 0, loudness relative to its slow average."""
    rms: float = 0.0
    """Linear full scale, after --gain and before the automatic gain."""
    bass: float = 0.0
    """>= 0, relative to its slow average."""
    mid: float = 0.0
    """>= 0, relative to its slow average."""
    treble: float = 0.0
    """>= 0, relative to its slow average."""
    onset: bool = False
    """True if an onset was found in this hop."""
    onset_strength: float = 0.0
    """0..1, an envelope that jumps on an onset and then decays."""
    onsets: int = 0
    """Onsets since the stream began."""
    energy: float = 0.0
    """0..1, drives the walk and the frame skipping; 0 is rest."""
    bpm: float = 0.0
    """Tempo; 0 when unknown."""
    beat_phase: float = 0.0
    """[0, 1), 0 on the beat."""
    bpm_confidence: float = 0.0
    """0..1."""
    silent: bool = True
    """True below the noise gate, or without any input."""
    bass_hit: float = 0.0
    """0..1, an envelope that jumps on an onset in the bass and then decays."""
    mid_hit: float = 0.0
    """0..1, the same in the middle."""
    treble_hit: float = 0.0
    """0..1, the same in the treble."""
    bass_presence: float = 0.0
    """0..1, slow: the share of the usual bass that is there; falls to 0 when the bass drops out."""
    mid_presence: float = 0.0
    """0..1, slow, the same of the middle."""
    treble_presence: float = 0.0
    """0..1, slow, the same of the treble."""
    centroid: float = 0.0
    """Hz, the spectrum's centre of gravity; 0 in silence."""
    flatness: float = 0.0
    """0..1: 0 is a tone, 1 is noise."""
    chroma: Chroma = NO_CHROMA
    """The strongest pitch class is 1; all are 0 without pitch."""
    tuning: float = 0.0
    """Semitones from A = 440 Hz, -0.5..0.5."""
    beats: int = 0
    """Beats since the tempo was first known; goes up where beat_phase wraps."""
    bar_phase: float = 0.0
    """[0, 1), 0 on the first beat of a bar of four."""
    intensity: float = 0.0
    """0..1, slow; rises through a build, falls in a break."""
    sections: int = 0
    """Changes of section so far."""
    novelty: float = 0.0
    """>= 0, the peaks of the onset curve with a decay. At a sensitivity of 1 the threshold is 1. Live only."""

    @classmethod
    def rest(cls, time: float) -> AudioFeatures:
        """Return the features of silence at `time`."""
        return cls(time=time)

    def pack(self) -> bytes:
        """Return the features as `PACKED_FEATURES_BYTES` bytes, for a shared-memory ring."""
        return _PACKING.pack(*(getattr(self, name) for name in _SCALARS), *self.chroma)

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> AudioFeatures:
        """Return the features that `pack` made `data` of. struct.error if it has another length."""
        values = _PACKING.unpack(data)
        return cls(**dict(zip(_SCALARS, values, strict=False)), chroma=values[len(_SCALARS) :])


_CODES: dict[object, str] = {float: "d", int: "q", bool: "?"}  # of `struct`, by the field's declared type
_SCALARS = {name: _CODES[kind] for name, kind in get_type_hints(AudioFeatures).items() if name != "chroma"}
_PACKING = struct.Struct("<" + "".join(_SCALARS.values()) + f"{PITCH_CLASSES}d")
PACKED_FEATURES_BYTES = _PACKING.size
