"""Carries the canvas to the outputs, and their state back. Frozen values.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from dataclasses import dataclass

OFF, STARTING, RUNNING, WAITING = "off", "starting", "running", "waiting"


@dataclass(frozen=True, slots=True)
class CanvasTexture:
    """Names the canvas on the GPU. glo : OpenGL's number of a 2D RGBA8 texture, row 0 at the bottom.

    width, height : pixels, those of the canvas at any quality.  time : s, of the sound that it goes with.
    """

    glo: int
    width: int
    height: int
    time: float


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """Holds the state of one output.

    name : as `/out/<name>` has it.
    kind : "stream", "ndi", "camera", "syphon" or "spout".
    target : where it goes, without secrets.
    state : "off", "starting", "running" or "waiting" (it failed and is tried again).
    sent : pictures so far.
    encoded : pictures that it encoded itself; 0 where nothing is encoded.
    dropped : pictures that it was too slow for.
    restarts : lives after the first.
    message : the last error, one line; "" if there was none.
    """

    name: str
    kind: str
    target: str = ""
    state: str = OFF
    sent: int = 0
    encoded: int = 0
    dropped: int = 0
    restarts: int = 0
    message: str = ""
