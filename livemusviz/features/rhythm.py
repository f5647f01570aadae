"""Describes the rhythm of the last seconds in units of the beat, for the octave choice. Runs on the features thread.

In: the strokes and the activation of each step, and where in the beats it lies. Out: correlations and profiles that
tell a tempo from its half and its double: how dense the strokes are in a beat, and after how many beats they recur.
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.features.strokes import GROUPS, STEP

SECONDS = 8.0  # of rhythm
KEPT = round(SECONDS / STEP)  # steps
BANDS = len(GROUPS) + 2  # strokes of the groups and of all, and the beat network's activation
BINS = 12  # of a beat: halves, thirds and quarters are whole
LAGS = (2, 3, 4, 6, 8, 9, 12, 18, 24, 30, 36, 48, 72, 96)  # bins; of the correlations
MOST = 24  # beats that are described at most
USUAL_BPM = 115.0
CONTRASTS = BINS * BANDS
DESCRIPTIONS = len(LAGS) * BANDS + 2 * BINS * BANDS + 3 + BANDS


class BeatHistory:
    """Keeps the strokes of the last `SECONDS` and their places: beats counted from the first, as floats."""

    def __init__(self) -> None:
        self._rows = np.zeros((2 * KEPT, BANDS), np.float32)
        self._places = np.zeros(2 * KEPT)
        self._end = 0

    def __len__(self) -> int:
        return min(self._end, KEPT)

    @property
    def place(self) -> float:
        """Return the place of the last step, beats."""
        return float(self._places[self._end - 1])

    def clear(self) -> None:
        """Forget all steps."""
        self._end = 0

    def add(self, strokes: np.ndarray, activation: float, place: float) -> None:
        """Add a step.

        strokes : float (5,), 0..1, from `strokes.Strokes`.  activation : 0..1, of the beat network.
        place : beats, not less than that of the last step.
        """
        if self._end == len(self._rows):
            self._rows[:KEPT], self._places[:KEPT] = self._rows[KEPT:], self._places[KEPT:]
            self._end = KEPT
        row = self._rows[self._end]
        row[:-1], row[-1] = strokes, activation
        self._places[self._end] = place
        self._end += 1

    def lay(self, place: float, period: float) -> None:
        """Place all steps anew, as at a steady tempo.

        place : beats, of the last step.  period : s, of a beat.
        """
        self._places[: self._end] = place - np.arange(self._end)[::-1] * (STEP / period)

    def scale(self, factor: float, shift: float) -> None:
        """Count in other beats: each place becomes `place * factor + shift`."""
        self._places *= factor
        self._places += shift

    def describe(self, period: float, factor: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the description of the rhythm, float32 (DESCRIPTIONS,), and the contrast of even and odd beats.

        The contrast, float32 (CONTRASTS,), is that of the mean strokes in each bin of the beat; it changes its sign if
        the beats are counted from another one.
        period : s, of a beat.  factor, shift : describe by other beats, as after `scale`.
        """
        strokes, first = self._fold(factor, shift)
        even_odd = _profile(strokes, first)
        contrast = even_odd[0] - even_odd[1]
        octaves = math.log2(60.0 * factor / period / USUAL_BPM)
        whole = [octaves, octaves * octaves, min(len(strokes) / BINS / 16.0, 1.5), *strokes.mean(axis=0)]
        parts = (_correlations(strokes), even_odd.mean(axis=0), np.abs(contrast))
        description = np.concatenate([*(part.ravel() for part in parts), whole])
        return description.astype(np.float32), contrast.ravel().astype(np.float32)

    def _fold(self, factor: float, shift: float) -> tuple[np.ndarray, int]:
        """Return the largest strokes in each bin of the last beats, (bins, BANDS), and the number of the first bin."""
        kept = slice(self._end - len(self), self._end)
        bins = np.floor((self._places[kept] * factor + shift) * BINS).astype(np.int64)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(bins)) + 1])
        first = max(int(bins[0]), int(bins[-1]) + 1 - MOST * BINS)
        strokes = np.zeros((int(bins[-1]) + 1 - int(bins[0]), BANDS), np.float32)
        strokes[bins[starts] - bins[0]] = np.maximum.reduceat(self._rows[kept], starts, axis=0)
        return strokes[first - int(bins[0]) :], first


def _correlations(strokes: np.ndarray) -> np.ndarray:
    """Return the correlation of the smoothed strokes (bins, BANDS) with themselves: (LAGS, BANDS), in -1..1 or so.

    It is 0 where there is less than a beat to compare.
    """
    smooth = strokes.copy()
    smooth[1:] += 0.5 * strokes[:-1]
    smooth[:-1] += 0.5 * strokes[1:]
    smooth -= smooth.mean(axis=0)
    found = np.zeros((len(LAGS), BANDS), np.float32)
    for row, lag in zip(found, LAGS, strict=True):
        if len(smooth) > lag + BINS:
            row[:] = np.einsum("tb,tb->b", smooth[lag:], smooth[:-lag]) / (len(smooth) - lag)
    return found / (np.square(smooth).mean(axis=0) + 1e-3)


def _profile(strokes: np.ndarray, first: int) -> np.ndarray:
    """Return the mean strokes in each bin of even and of odd beats, (2, BINS, BANDS); 0 where there is none."""
    cycle = 2 * BINS
    before, after = first % cycle, -(first + len(strokes)) % cycle
    padded = np.pad(strokes, ((before, after), (0, 0))).reshape(-1, cycle, BANDS)
    heard = np.pad(np.ones(len(strokes), np.float32), (before, after)).reshape(-1, cycle)
    mean = padded.sum(axis=0) / np.maximum(heard.sum(axis=0), 1.0)[:, None]
    return mean.reshape(2, BINS, BANDS)
