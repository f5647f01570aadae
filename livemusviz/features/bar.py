"""Finds the place of a beat in a bar of four. Pure; runs on the features thread.

In: flux and chroma since the last beat. Out: place of the beat, 0..3. A bar is likely to begin where the bass is struck
and the harmony changes, not on the snare, and where the music began; each of the four places has a score of that.
Without harmony the first and third beat of a rock bar are hard to tell apart; a tap by hand decides.
"""

from __future__ import annotations

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR

FORGET = 0.9  # share of a place's score that is kept from bar to bar
HARMONY, SNARE = 0.6, 0.5  # weights; the bass has 1
BEGINNING = 1.0  # added to the place on which the music began
LEAD = 0.15  # by which the score of another place must exceed that of the current first


class BarFollower:
    """Scores the four places. Call `observe` for each hop and `beat` for each beat."""

    def __init__(self) -> None:
        self._scores = np.zeros(BEATS_A_BAR)
        self._first = 0
        self._bass = self._treble = 0.0  # largest flux around the beat
        self._bass_mean = self._treble_mean = 1e-3
        self._sounding, self._before = np.zeros(12), np.zeros(12)

    def begin(self, count: int) -> None:
        """Take beat number `count` as the start of the music, which is most likely the first of a bar."""
        self._scores[count % BEATS_A_BAR] += BEGINNING
        self._choose()

    def observe(self, phase: float, bass: float, treble: float, chroma: np.ndarray) -> None:
        """Add one hop.

        phase : of the beat, [0, 1).  bass, treble : flux.  chroma : (12,).
        """
        if phase < 0.12 or phase > 0.9:
            self._bass, self._treble = max(self._bass, bass), max(self._treble, treble)
        else:
            self._sounding += chroma

    def beat(self, count: int) -> None:
        """Score beat number `count`. Call it half a beat later, when its flux is known."""
        self._bass_mean += 0.1 * (self._bass - self._bass_mean)
        self._treble_mean += 0.1 * (self._treble - self._treble_mean)
        accent = self._bass / max(self._bass_mean, 1e-6) - SNARE * self._treble / max(self._treble_mean, 1e-6)
        accent += HARMONY * _change(self._before, self._sounding)
        place = count % BEATS_A_BAR
        self._scores[place] = FORGET * self._scores[place] + (1.0 - FORGET) * accent
        self._choose()
        self._bass = self._treble = 0.0
        self._before, self._sounding = self._sounding, np.zeros(12)

    def place(self, count: int) -> int:
        """Return the place in the bar of beat number `count`, 0 for the first."""
        return (count - self._first) % BEATS_A_BAR

    def _choose(self) -> None:
        best = int(np.argmax(self._scores))
        if self._scores[best] > self._scores[self._first] + LEAD:
            self._first = best


def _change(a: np.ndarray, b: np.ndarray) -> float:
    """Return 1 - cosine of two chromas; 0 if either is empty."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return 1.0 - float(a @ b) / norm if norm > 0.0 else 0.0


def first_place(beats: np.ndarray, begin: int, bass: np.ndarray, treble: np.ndarray, chromas: np.ndarray) -> int:
    """Return the place, 0..3, of the beats that begin the bars of a whole track, by the same scores.

    beats : times in hops, two at least.
    begin : index of the beat on which the music begins.
    bass, treble : flux, (hops,).
    chromas : (hops, 12).
    """
    around = np.clip(beats[:, None].astype(int) + np.arange(-5, 7), 0, len(bass) - 1)
    struck, snare = bass[around].max(axis=1), treble[around].max(axis=1)
    edges = np.clip(beats.astype(int), 0, len(chromas) - 1)
    sounding = [chromas[a:b].sum(axis=0) for a, b in zip(edges, [*edges[1:], len(chromas)], strict=True)]
    change = np.array([0.0] + [_change(a, b) for a, b in zip(sounding, sounding[1:], strict=False)])
    accents = struck / max(struck.mean(), 1e-6) - SNARE * snare / max(snare.mean(), 1e-6) + HARMONY * change
    scores = [accents[place::BEATS_A_BAR].mean() for place in range(min(BEATS_A_BAR, len(accents)))]
    scores[begin % BEATS_A_BAR % len(scores)] += BEGINNING / 2
    return int(np.argmax(scores))
