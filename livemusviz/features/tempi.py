"""Makes the part of a state space that the live tracker and the offline decoder share: tempo and position in a beat.

Pure. (Krebs, Boeck and Widmer, ISMIR 2015, section 3: each tempo has one state for each step of its beat.)
"""

from __future__ import annotations

import numpy as np

from livemusviz.features.strokes import STEP

BPM_RANGE = (55.0, 215.0)


class TempoStates:
    """Holds the states of all positions in a beat, tempo after tempo.

    intervals : steps in a beat, one a tempo, increasing, int (tempi,).
    starts, ends : the first and the last state of each tempo, int (tempi,).
    places : position in the beat of each state, [0, 1), float (states,).
    """

    def __init__(self, intervals: np.ndarray) -> None:
        self.intervals = intervals
        self.ends = np.cumsum(intervals) - 1
        self.starts = self.ends - intervals + 1
        self.places = np.concatenate([np.arange(n) / n for n in intervals])

    def changes(self, sharpness: float) -> np.ndarray:
        """Return the transition probabilities between tempi from beat to beat, float (from, to).

        sharpness : p ~ exp(-sharpness |ratio of the tempi - 1|).
        """
        change = np.exp(-sharpness * np.abs(self.intervals[None, :] / self.intervals[:, None] - 1.0))
        return np.asarray(change / change.sum(axis=1, keepdims=True))

    def prior(self, bpm: float, octaves: float) -> np.ndarray:
        """Return the probability of each state before all observations, float (states,).

        bpm : the likeliest tempo.  octaves : standard deviation of the tempo around it, normal in octaves.
        """
        away = np.log2(60.0 / (self.intervals * STEP) / bpm)
        tempi = np.exp(-0.5 * (away / octaves) ** 2)
        return np.repeat(tempi / tempi.sum() / self.intervals, self.intervals)
