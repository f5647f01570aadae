"""Feeds an encoder with one recording: pictures on a grid and sound on a timeline, from the first to the last.

Runs on the recorder thread; no thread, clock or disk of its own, so tests drive it with any encoder and any time.
Times are seconds on the `perf_counter` scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from livemusviz.bridge.packets import EncodedPicture
from livemusviz.bridge.sound import SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.record.timeline import AudioTimeline, Slot, VideoGrid

LATE = 0.3  # s after which a picture or a block that has not come is taken as missing
BEHIND = 1.0  # s the encoder may lag before slots without a new picture are left out


class StreamEncoder(Protocol):
    """Writes the file: `LiveEncoder`, or a stand-in."""

    frames: int
    on_packet: Callable[[EncodedPicture], object] | None
    """Gets every encoded picture, its time counted from the first slot."""

    def video(self, pixels: np.ndarray, slot: int) -> None: ...
    def audio(self, samples: np.ndarray) -> None: ...
    def close(self) -> None: ...


class TimedEncoder:
    """Give it pictures and blocks as they come, call `advance` often, and `finish` once."""

    def __init__(self, encoder: StreamEncoder, start: float, fps: int, size: tuple[int, int]) -> None:
        self._encoder, self._start, self._fps, self._size = encoder, start, fps, size
        self._grid = VideoGrid(start, fps)
        self._sound = AudioTimeline(start)

    @property
    def frames(self) -> int:
        """Return the number of pictures that the encoder has written."""
        return self._encoder.frames

    @property
    def sound_end(self) -> float:
        """Up to when (s) there is sound in the file."""
        return self._start + self._sound.position / SAMPLE_RATE

    @property
    def pictures_end(self) -> float:
        """Return the time (s) of the first picture that was not encoded yet."""
        return self._start + self._grid.next / self._fps

    def leave(self, time: float) -> None:
        """Encode what belongs before `time` (s), and leave the pictures from there on to another encoder."""
        self._encode(self._grid.fill(time))
        self._grid.skip(time)

    def picture(self, picture: CanvasPicture, now: float) -> None:
        self._encode(self._grid.place(picture, self._in_time(now)))

    def block(self, block: AudioBlock, now: float) -> None:
        """Append a block; one that claims to come from the future is left out."""
        if block.time <= now + BEHIND:
            self._encoder.audio(self._sound.place(block))

    def advance(self, now: float) -> None:
        """Fill what is missing from before `now - LATE`, so that the file on disk keeps up whatever fails."""
        self._encode(self._grid.fill(now - LATE, self._in_time(now)))
        self._encoder.audio(self._sound.fill(now - LATE))

    def finish(self, end: float) -> None:
        """Bring both streams to `end` and close the file. Far behind, the last picture is shown up to there: it is
        encoded where it belongs and once more in the last slot."""
        if self._grid.empty:
            width, height = self._size
            black = np.zeros((height, width, 4), np.uint8)
            self._encode(self._grid.place(CanvasPicture(black, self._start)))
        end = max(end, self._start + 1 / self._fps)
        slots = self._grid.fill(end, self._in_time(end))
        last = self._grid.next - 1
        if slots and slots[-1][0] < last:
            slots.append((last, slots[-1][1]))
        self._encode(slots)
        self._encoder.audio(self._sound.fill(end))
        self._encoder.close()

    def _in_time(self, now: float) -> bool:
        return now - self._start - self._grid.next / self._fps <= BEHIND

    def _encode(self, slots: list[Slot]) -> None:
        for number, pixels in slots:
            self._encoder.video(pixels, number)
