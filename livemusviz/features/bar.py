"""Where in the bar of four a beat stands. Pure; runs on the features thread.

In: what was struck and what sounded since the last beat. Out: place of the beat, 0..3. Bars begin where the bass comes
in and the harmony changes, not on the snare, and most often where the music began; each of the four places keeps a
score of that. Without harmony, first and third beat of a rock bar are hard to tell apart: a tap decides.
"""

from __future__ import annotations

import numpy as np

BEATS_A_BAR = 4
FORGET = 0.9  # of a place's score kept from bar to bar
HARMONY, SNARE = 0.6, 0.5  # weights beside the bass's 1
BEGINNING = 1.0  # added to the place on which the music began
LEAD = 0.15  # by which another place must beat the one that counts as first


class BarFollower:
    """Feed it `hear` each hop and `beat` at each beat."""

    def __init__(self) -> None:
        self._scores = np.zeros(BEATS_A_BAR)
        self._first = 0
        self._bass = self._treble = 0.0  # largest flux around the beat
        self._bass_usual = self._treble_usual = 1e-3
        self._sounding, self._before = np.zeros(12), np.zeros(12)

    def begin(self, count: int) -> None:
        """The music began with beat number `count`, which is most likely a first one."""
        self._scores[count % BEATS_A_BAR] += BEGINNING
        self._choose()

    def hear(self, phase: float, bass: float, treble: float, chroma: np.ndarray) -> None:
        """One hop at `phase` of the beat: flux in bass and treble, chroma (12,)."""
        if phase < 0.12 or phase > 0.9:
            self._bass, self._treble = max(self._bass, bass), max(self._treble, treble)
        else:
            self._sounding += chroma

    def beat(self, count: int) -> None:
        """Beat number `count` was a moment ago (half a beat)."""
        self._bass_usual += 0.1 * (self._bass - self._bass_usual)
        self._treble_usual += 0.1 * (self._treble - self._treble_usual)
        accent = self._bass / max(self._bass_usual, 1e-6) - SNARE * self._treble / max(self._treble_usual, 1e-6)
        accent += HARMONY * _change(self._before, self._sounding)
        place = count % BEATS_A_BAR
        self._scores[place] = FORGET * self._scores[place] + (1.0 - FORGET) * accent
        self._choose()
        self._bass = self._treble = 0.0
        self._before, self._sounding = self._sounding, np.zeros(12)

    def place(self, count: int) -> int:
        """Place in the bar of beat number `count`, 0 first."""
        return (count - self._first) % BEATS_A_BAR

    def _choose(self) -> None:
        best = int(np.argmax(self._scores))
        if self._scores[best] > self._scores[self._first] + LEAD:
            self._first = best


def _change(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cosine of two chromas, 0 if either is empty."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return 1.0 - float(a @ b) / norm if norm > 0.0 else 0.0


def first_place(beats: np.ndarray, begin: int, bass: np.ndarray, treble: np.ndarray, chromas: np.ndarray) -> int:
    """The place, 0..3, of the beats that begin bars in a whole track, by the same accents.

    beats : times in hops, two at least.  begin : the beat on which the music begins.

    bass, treble : flux, (hops,).  chromas : (hops, 12).
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
