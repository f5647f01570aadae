"""Holds the settings of a live recording's encoder. Plain values; loads no video library."""

from __future__ import annotations

from dataclasses import dataclass, field

CODECS = ("h264_videotoolbox", "h264_nvenc", "libx264")  # the first that opens is used


@dataclass(frozen=True, slots=True)
class Effort:
    """Cost of encoding on the CPU. threads : at least 1.  preset : of x264, "ultrafast" is the cheapest."""

    threads: int = 2
    preset: str = "ultrafast"


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Holds the settings of an encoder.

    width, height : pixels; an odd last row or column is left out (4:2:0).
    fps : pictures a second, of the grid.
    codecs : in the order in which they are tried.
    effort : of an encoder that runs on the CPU.
    key_period : s between key frames. A fragment of a file starts with one: a kill loses the last fragment and what
    waits for the encoder.
    bit_rate : bits/s of the pictures at most; None sets no limit.
    """

    width: int
    height: int
    fps: int = 30
    codecs: tuple[str, ...] = CODECS
    effort: Effort = field(default_factory=Effort)
    key_period: float = 0.5
    bit_rate: int | None = None
