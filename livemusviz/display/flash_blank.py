"""Tell the blank pictures of a strobe (white, black, one colour) from the picture that they cover. Pure: points in.

While the limiter holds back, a blank picture is not shown at all: the picture that it covers stays. A blank picture is
one that shows far less than those shortly before it, from one picture to the next: one that fades is none. What a part
shows is the deviation of its points beside their mean, so a picture that is only dimmed is not blank. Where nothing
shows anything, as two colours that take turns, none is blank.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.display.state import State

CALM = 0.35  # s without a refusal or a change between blank and not, after which the pictures are no strobe
SHARE = 0.5  # of what the pictures before it show, that a blank one does not reach
FALL = 0.25  # of the same, by which the first blank one shows less than the picture before it
FADE = 1.0  # s, time constant by which what was shown is forgotten
PARTS = (3, 4)  # rows and columns that are looked at apart, so that one that flashes makes no picture blank
STEP = 2  # of the points that are looked at
DIM = 0.15  # mean, coded, below which deviations count less: noise in the dark shows nothing
LEAST = 0.02  # mean of what the parts show, below which there is no picture to cover


class BlankWatch:
    """`is_blank` for every picture in the order of its time."""

    def __init__(self) -> None:
        self._until = float("-inf")  # s, when the pictures are no strobe any more
        self._best, self._time = np.zeros(PARTS), 0.0  # what each part showed lately, and when that was
        self._last = 0.0  # mean of what the last picture showed
        self._blank = False  # the last picture was

    def is_blank(self, now: float, refused: bool, light: np.ndarray, before: np.ndarray) -> bool:
        """Return whether a picture is one of a strobe's blank ones. Nothing is computed, and none is, at rest.

        now : s.  refused : the guard refuses it.  light, before : of it and of the picture shown last, (H, W, 3 or
        more), linear R, G and B, 0..1, at points; H divides by 6, W by 8.
        """
        if not refused and not 0.0 < self._until - now <= CALM:
            self._best, self._blank = np.zeros(PARTS), False
            return False
        shows, shown = detail(light), detail(before)
        last = self._last if self._best.any() else float(shown.mean())
        faded = self._best * math.exp(min(self._time - now, 0.0) / FADE)
        self._best, self._time = np.maximum.reduce([shows, shown, faded]), now
        best, self._last = float(self._best.mean()), float(shows.mean())
        blank = best >= LEAST and self._last < SHARE * best
        blank = blank and (self._blank or self._last < last - FALL * best)
        if refused or blank != self._blank:
            self._until = now + CALM
        self._blank = blank
        return blank

    def exchange(self, state: State) -> None:
        """Save or restore what was seen so far."""
        self._until, self._time = state.value("until", self._until), state.value("time", self._time)
        self._best, self._last = state.array("best", self._best), state.value("last", self._last)
        self._blank = state.value("blank", self._blank)


def detail(light: np.ndarray) -> np.ndarray:
    """Return what each part of a picture shows, float `PARTS`. light : as for `is_blank`."""
    coded = np.sqrt(light[::STEP, ::STEP, :3])
    height, width = coded.shape[:2]
    parts = coded.reshape(PARTS[0], height // PARTS[0], PARTS[1], width // PARTS[1], 3)
    mean = parts.mean((1, 3))
    deviation = np.sqrt(np.maximum((parts * parts).mean((1, 3)) - mean * mean, 0.0)).mean(-1)
    return np.asarray(deviation / (mean.mean(-1) + DIM))
