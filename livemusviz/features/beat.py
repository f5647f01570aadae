"""A first tempo estimate: aubio's beat tracker, steadied, and a beat phase that never jumps. Features thread.

In: levelled mono hops. Out: beats a minute, phase in [0, 1), confidence in [0, 1].
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

import aubio
import numpy as np

from livemusviz.bridge.types import HOP, SAMPLE_RATE

WINDOW = 1024
BEATS = 8  # beats whose tempo must agree before the estimate is sure
AGREE = 0.04  # relative; two tempi closer than this are the same
SURE = 0.5  # share of the beats that must agree for there to be a tempo at all
PULL = 0.4  # s; time constant with which the phase is pulled to the heard beats
MAX_PULL = 0.25  # of the tempo: how much faster or slower the phase may run for it
FORGET = 4.0  # s without sound, after which the tempo is unknown again


@dataclass(frozen=True, slots=True)
class Beat:
    """bpm : 0 while unknown.  phase : [0, 1), 0 on the beat.  confidence : 0..1."""

    bpm: float = 0.0
    phase: float = 0.0
    confidence: float = 0.0


class BeatFollower:
    """aubio.tempo proposes beats; the phase runs on the median tempo and is drawn gently to the beats."""

    def __init__(self) -> None:
        self._tempo = aubio.tempo("default", WINDOW, HOP, SAMPLE_RATE)
        self._heard: deque[float] = deque(maxlen=BEATS)
        self._samples = 0
        self._quiet = 0.0
        self._phase = self._owed = 0.0  # turns

    def step(self, mono: np.ndarray, sound: bool) -> Beat:
        """mono : float32 (HOP,), levelled.  sound : whether the gate is open."""
        dt = HOP / SAMPLE_RATE
        found = self._tempo(mono)[0] > 0.0
        self._samples += HOP
        self._quiet = 0.0 if sound else self._quiet + dt
        if self._quiet > FORGET:
            self._heard.clear()
        bpm, confidence = self._estimate()
        if found and sound:
            self._heard.append(float(self._tempo.get_bpm()))
            bpm, confidence = self._estimate()
            since = (self._samples - self._tempo.get_last()) / SAMPLE_RATE
            error = (since * bpm / 60.0 - self._phase) % 1.0
            self._owed = error - 1.0 if error > 0.5 else error
        self._run(bpm, dt)
        return Beat(bpm, self._phase, confidence)

    def _estimate(self) -> tuple[float, float]:
        """Median tempo of the last beats, and the share of them that agree with it."""
        if len(self._heard) < BEATS // 2:
            return 0.0, 0.0
        bpm = median(self._heard)
        agreeing = sum(abs(heard - bpm) <= AGREE * bpm for heard in self._heard) / BEATS
        return (bpm, agreeing) if bpm > 0.0 and agreeing >= SURE else (0.0, 0.0)

    def _run(self, bpm: float, dt: float) -> None:
        step = bpm / 60.0 * dt
        pull = max(-MAX_PULL * step, min(MAX_PULL * step, self._owed * dt / PULL))
        self._owed -= pull
        self._phase = (self._phase + step + pull) % 1.0
