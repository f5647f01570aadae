"""Carries pictures from a camera, a clip or another program to whoever generates from them.

The sources put the newest into a mailbox (`bridge.latest.Latest`); a picture is new if its `seq` is. Times are seconds
on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

CELLS = 16  # parts along each side, by whose means two pictures are compared


@dataclass(frozen=True, slots=True, eq=False)
class SourcePicture:
    """A picture from outside, already of the size of a generated frame.

    pixels : uint8 (H, W, 3) RGB, C-contiguous, top row first.
    seq : counts pictures from 1.
    time : s, when it was taken.
    cells : float32 (CELLS, CELLS, 3), 0..1, the means of equal parts of it.
    """

    pixels: np.ndarray
    seq: int
    time: float
    cells: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray, seq: int, time: float) -> SourcePicture:
        """Return a picture of `pixels`, uint8 (H, W, 3) with at least CELLS rows and columns."""
        return cls(pixels, seq, time, _cells(pixels))

    def mirrored(self) -> SourcePicture:
        """Return it with left and right exchanged."""
        return replace(self, pixels=np.ascontiguousarray(self.pixels[:, ::-1]), cells=self.cells[:, ::-1])

    def difference(self, other: SourcePicture) -> float:
        """Return the largest change of a part's mean from `other` to this one, 0..1.

        The noise of a sensor averages out in a part; a hand that moves does not.
        """
        return float(np.abs(self.cells - other.cells).mean(axis=2).max())


@dataclass(frozen=True, slots=True)
class PictureInput:
    """Holds the picture that frames start from at one moment. presence : 0..1, falls to 0 while a lost source fades
    out."""

    picture: SourcePicture | None = None
    presence: float = 1.0


@dataclass(frozen=True, slots=True)
class PictureStatus:
    """Describes the source of pictures.

    state : "none", "starting", "running" or "lost".
    name : as `--picture` takes it.
    message : what is wrong with it, or "".
    pictures : taken over so far.
    restarts : of its process.
    """

    state: str = "none"
    name: str = ""
    message: str = ""
    pictures: int = 0
    restarts: int = 0


def _cells(pixels: np.ndarray) -> np.ndarray:
    """Return the means of CELLS x CELLS parts; rows and columns that are left over at the edges do not count."""
    height, width = (n // CELLS * CELLS for n in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(CELLS, height // CELLS, CELLS, width // CELLS, 3)
    return parts.mean(axis=(1, 3), dtype=np.float32) / np.float32(255.0)
