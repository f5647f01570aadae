"""Shows the progress of a render: a bar with frames a second, the time left and a small picture. Main thread; stderr.

On a terminal the picture is made of half blocks in 24-bit colour, which any modern terminal shows; elsewhere there is
one plain line each tenth of the way.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from typing import TextIO

import numpy as np

COLUMNS, ROWS = 48, 13  # of the thumbnail, in characters; each holds two pixels
BAR = 24  # characters
PERIOD = 0.5  # s between updates on a terminal
WINDOW = 40  # updates over which the speed is measured


class Progress:
    """`update` after each batch; `done` at the end."""

    def __init__(self, total: int, first: int, now: Callable[[], float], out: TextIO | None = None) -> None:
        """total : frames of the film.  first : the frame that the render begins with.  now : a clock, s."""
        self._total, self._now, self._out = total, now, out or sys.stderr
        self._terminal = _terminal(self._out)
        self._marks: deque[tuple[float, int]] = deque([(now(), first)], maxlen=WINDOW)
        self._shown_at = float("-inf")
        self._tenth = 10 * first // max(total, 1)
        self._lines = 0

    def update(self, frames: int, picture: np.ndarray) -> None:
        """frames : done so far.  picture : the newest one, uint8 (H, W, 4) RGBA."""
        now = self._now()
        if self._terminal:
            if now - self._shown_at >= PERIOD:
                self._shown_at = now
                self._marks.append((now, frames))
                self._draw([*thumbnail(picture), self._line(frames)])
        elif (tenth := 10 * frames // self._total) > self._tenth:
            self._tenth = tenth
            self._marks.append((now, frames))
            print(self._line(frames), file=self._out, flush=True)

    def done(self) -> None:
        """Remove the picture from the terminal."""
        if self._lines:
            self._out.write(f"\x1b[{self._lines}A\x1b[J")
            self._lines = 0
            self._out.flush()

    def _line(self, frames: int) -> str:
        (then, before), (now, _) = self._marks[0], self._marks[-1]
        speed = (frames - before) / (now - then) if now > then else 0.0
        filled = round(BAR * frames / self._total)
        left = clock((self._total - frames) / speed) if speed > 0 else "-:--"
        bar = "█" * filled + "░" * (BAR - filled)
        return f"{bar} {100 * frames / self._total:3.0f} %  {frames}/{self._total}  {speed:.1f} fps  {left} to go"

    def _draw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._lines}A" if self._lines else ""
        self._out.write(up + "".join(f"\r{line}\x1b[K\n" for line in lines))
        self._out.flush()
        self._lines = len(lines)


class Listening:
    """Shows how much of the track has been analysed: called with the seconds so far; on a terminal only."""

    def __init__(self, total: float, now: Callable[[], float], out: TextIO | None = None) -> None:
        """total : s, of the track, as far as its file says."""
        self._total, self._now, self._out = total, now, out or sys.stderr
        self._terminal = _terminal(self._out)
        self._shown_at = now()

    def __call__(self, seconds: float) -> None:
        if self._terminal and self._now() - self._shown_at >= PERIOD:
            self._shown_at = self._now()
            self._out.write(f"\rlistening  {clock(seconds)} of {clock(max(seconds, self._total))}\x1b[K")
            self._out.flush()

    def done(self) -> None:
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()


def _terminal(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def thumbnail(picture: np.ndarray, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """Return a picture, uint8 (H, W, 4), as lines of half blocks: the upper half in the text's colour, the lower behind
    it."""
    height, width = picture.shape[:2]
    columns = min(columns, max(1, round(2 * rows * width / height)))
    y = (np.arange(2 * rows) + 0.5) * height / (2 * rows)
    x = (np.arange(columns) + 0.5) * width / columns
    small = picture[y.astype(int)][:, x.astype(int), :3]
    lines = []
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        cells = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀" for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return lines


def clock(seconds: float) -> str:
    """Return "1:02:03" or "2:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
