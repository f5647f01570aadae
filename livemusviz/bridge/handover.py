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

    values : all parameters, and the shaders' inputs that were set by hand; {} before the show has sent any.
    recording : the file that was being written, None without one.
    seconds : duration of the show so far, s.
    restarts : number of shows that died.
    short_lives : number of shows in a row that died young.
    ended : True if the show has come to its end; then no other show takes over.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    recording: Path | None = None
    seconds: float = 0.0
    restarts: int = 0
    short_lives: int = 0
    ended: bool = False
