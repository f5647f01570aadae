"""Defines the protocol of a sink, and what its process is given. Frozen values; standard library and numpy only.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.record.settings import Effort
from livemusviz.sinks.spec import SinkSpec

Canvas_contra = TypeVar("Canvas_contra", contravariant=True)


class Sink(Protocol[Canvas_contra]):
    """Takes canvases to one place. All calls are on one thread. What cannot be is an OSError or a UserError."""

    def open(self, now: float) -> None:
        """Begin at `now`, s. May be called again after `close`."""

    def send(self, canvas: Canvas_contra, now: float) -> None:
        """Send a texture or a picture. Its `time` is that of the sound that it goes with."""

    def close(self) -> None:
        """Give everything back. Safe without `open`."""


class PictureSink(Sink[CanvasPicture], Protocol):
    """Takes pictures and sound, in a process of its own. encoded : pictures that it encoded."""

    encoded: int

    def hear(self, blocks: Sequence[AudioBlock], now: float) -> None:
        """Send the sound captured since the last call; called often, with no blocks too."""


TextureSink = Sink[CanvasTexture]


@dataclass(frozen=True, slots=True)
class SinkWiring:
    """Holds what the process of a sink needs.

    spec : the output.
    size : (width, height) of the canvas, pixels.
    pictures, sound, status : names of the rings; it writes the last one. sound "" : there is none.
    packets : name of the ring with the recorder's encoded pictures, "" if there is none.
    effort : of an encoder.
    pipe : closes when the sink is to end.
    """

    spec: SinkSpec
    size: tuple[int, int]
    pictures: str
    sound: str
    status: str
    pipe: Any
    packets: str = ""
    effort: Effort = field(default_factory=Effort)
