"""Carries the state of a show from the process that died to the one that takes over.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Handover:
    """Holds the state that a new show continues after one has died.

    values : all parameters, and the shaders' inputs set by hand; {} before the first word.  recording : the file being
    written.  seconds : of show so far.  restarts : deaths so far.  short_lives : how many of the last in a row died
    young.  ended : the show has come to its end, and nobody is to take over whatever comes afterwards.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    recording: Path | None = None
    seconds: float = 0.0
    restarts: int = 0
    short_lives: int = 0
    ended: bool = False
