"""What is left of the features when nothing is heard any more. Pure; show process, any thread."""

from __future__ import annotations

import math

from livemusviz.bridge.types import AudioFeatures


def decayed(last: AudioFeatures, time: float, sample: int, tau: float = 0.3) -> AudioFeatures:
    """What is left of `last` at the later `time` with nothing heard since; levels fade with time constant `tau` (s)."""
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
    )
