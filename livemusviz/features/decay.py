"""Lets features decay while no sound arrives. Pure; show process, any thread."""

from __future__ import annotations

import math

from livemusviz.bridge.features import AudioFeatures


def decayed(last: AudioFeatures, time: float, sample: int, tau: float = 0.3) -> AudioFeatures:
    """Return `last` at a later time, with no sound since.

    time : s.  sample : index of the last sample.  tau : s, time constant with which levels decay.
    """
    keep = math.exp(-max(0.0, time - last.time) / tau)
    return AudioFeatures(
        time=time,
        sample=sample,
        level=last.level * keep,
        rms=last.rms * keep,
        bass=last.bass * keep,
        mid=last.mid * keep,
        treble=last.treble * keep,
        onset_strength=last.onset_strength * keep,
        onsets=last.onsets,
        energy=last.energy * keep,
        bass_hit=last.bass_hit * keep,
        mid_hit=last.mid_hit * keep,
        treble_hit=last.treble_hit * keep,
        bass_presence=last.bass_presence * keep,
        mid_presence=last.mid_presence * keep,
        treble_presence=last.treble_presence * keep,
        chroma=tuple(weight * keep for weight in last.chroma),
        tuning=last.tuning,
        beats=last.beats,
        intensity=last.intensity * keep,
        sections=last.sections,
    )
