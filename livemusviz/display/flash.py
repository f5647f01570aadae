"""Rules for flashes: how many transitions a picture may make, and when it makes one. Pure: no clock, no pixels.

A *transition* is a change of relative luminance by a tenth or more of the maximum while the darker state is below
0.80, or a change of saturated red (see `flash_signals`). Two opposing transitions are a flash.

* WCAG 2.2, success criterion 2.3.1 (https://www.w3.org/TR/WCAG22/#three-flashes-or-below-threshold): at most three
  flashes in any second, counted where a quarter of a window of a third by a third of the screen flashes.
* ITU-R BT.1702-3 and EA IRIS (https://github.com/electronicarts/IRIS): the mean of the screen, each run of it one way
  a transition (`flash_mean`), at most six in a second; four or more a second may not go on for four of five seconds.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from livemusviz.display.state import State

MODES = ("off", "wcag", "broadcast")

LUMINANCE_CHANGE = 0.1  # of the maximum relative luminance
RED_CHANGE = 20.0 / 320.0  # of max(0, R - G - B), linear, where R / (R + G + B) >= 0.8
CHROMA_CHANGE = 0.2  # of the distance in the CIE 1976 u'v' diagram
DARK = 0.8  # where the darker of two states is this bright, their change is no transition
SATURATED = 0.8  # R / (R + G + B) of a saturated red
FAINT = 0.004  # R + G + B, linear, below which a colour is taken for black
MARGIN = 0.004  # error of 8-bit pictures, in shares of the maximum

PERIOD = 1.05  # s; a little over the second of the rules, as frames have a length
TRANSITIONS = 6  # in a period: three flashes
AT_ONCE = 4  # of these may follow each other at once; the others keep the distance of an even series
CALM_TRANSITIONS = 3  # in a period, once the extended rule is at work
BUSY = 4  # transitions in a period that the extended rule counts as going on
BUSY_SECONDS, BUSY_WINDOW = 2.9, 5.0  # s of the last 5; one more period stays under IRIS's four seconds
CALM_SECONDS = 2.0  # s without a refusal, after which the extended rule rests again

WHITE_UV = (0.1978, 0.4683)  # u', v' of D65
LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


class TransitionBudget:
    """Count the transitions of one signal and say whether one more may be shown. Times in s.

    extended : apply the rule on series of four or more transitions a second.
    """

    def __init__(self, extended: bool) -> None:
        self._extended = extended
        self._times: deque[float] = deque()
        self._refused: float | None = None  # last refusal while the extended rule was at work

    def allows(self, now: float) -> bool:
        """Return whether a transition may be shown at `now`."""
        recent = [time for time in self._times if now - time < PERIOD]
        most, at_once = TRANSITIONS, AT_ONCE
        if self._extended and self._is_restrained(now):
            most, at_once = CALM_TRANSITIONS, CALM_TRANSITIONS - 1
        evenly = not recent or now - recent[-1] >= PERIOD / most
        return len(recent) < at_once or (len(recent) < most and evenly)

    def refuse(self, now: float) -> None:
        """Note that a transition was held back at `now`: a restrained signal stays restrained."""
        if self._extended and self._is_restrained(now):
            self._refused = now

    def add(self, now: float) -> None:
        """Note that a transition was shown at `now`."""
        self._times.append(now)
        while now - self._times[0] > BUSY_WINDOW + PERIOD:
            self._times.popleft()

    def exchange(self, state: State) -> None:
        """Save or restore the transitions so far."""
        self._times = deque(state.value("times", list(self._times)))
        self._refused = state.value("refused", self._refused)

    def _is_restrained(self, now: float) -> bool:
        if self._refused is not None and now - self._refused < CALM_SECONDS:
            return True
        return busy_seconds(self._times, now) >= BUSY_SECONDS


def busy_seconds(times: deque[float], now: float) -> float:
    """Return for how many of the last `BUSY_WINDOW` seconds at least `BUSY` transitions lay within a period.

    times : s, ascending. The count is `BUSY` from the last of `BUSY` transitions until the first leaves the period.
    """
    total, end = 0.0, now - BUSY_WINDOW
    series = list(times)
    for first, last in zip(series, series[BUSY - 1 :], strict=False):
        start, stop = max(last, end), min(first + PERIOD, now)
        if stop > start:
            total, end = total + stop - start, stop
    return total


def flash_signals(cells: np.ndarray) -> np.ndarray:
    """Return luminance, red and red chroma of cells: float (3, H, W), each 0..1.

    cells : float (H, W, 4): means of linear R, G and B, 0..1, and of max(0, R - G - B) of the saturated reds.
    Red chroma is the distance of a saturated red from white in the u'v' diagram (WCAG 2.2), else 0.
    """
    rgb = cells[..., :3]
    total = rgb.sum(-1)
    luminance = rgb @ LUMINANCE_WEIGHTS
    x = rgb @ (0.4124, 0.3576, 0.1805)
    z = rgb @ (0.0193, 0.1192, 0.9505)
    below = np.maximum(x + 15.0 * luminance + 3.0 * z, 1e-9)
    distance = np.hypot(4.0 * x / below - WHITE_UV[0], 9.0 * luminance / below - WHITE_UV[1])
    saturated = (rgb[..., 0] >= SATURATED * total) & (total >= FAINT)
    return np.stack([luminance, cells[..., 3], np.where(saturated, distance, 0.0)])
