"""Carries sound from the audio process to the show: its clock, its blocks, how the input is.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 48_000  # Hz; the show's audio clock. Every source is resampled to it.
HOP = 256  # samples; one block, one AudioFeatures
CHANNELS = 2
SOUND_KEPT = 1024  # samples of the newest sound, for shaders that draw it


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """The sound itself.

    time : s, capture time of the first sample.  sample : its index on the show's audio clock (a gap
    in the indices is a gap in the sound).  samples : float32 (HOP, CHANNELS), in [-1, 1], after --gain.
    """

    time: float
    sample: int
    samples: np.ndarray


@dataclass(frozen=True, slots=True)
class AudioStatus:
    """Holds the state of the audio side.

    state : "starting", "running" or "lost".
    device : its name.
    overflows : input overflows that the driver reported.
    blocks : blocks captured.
    restarts : respawned processes.
    message : one line for the log and the HUD.
    """

    state: str = "starting"
    device: str = ""
    overflows: int = 0
    blocks: int = 0
    restarts: int = 0
    message: str = ""
