"""Onsets: when something is struck, over all and in each band, and how hard. Runs on the features thread.

In: `Flux` and the level of each hop. Out: strengths, 0 where nothing begins. Two detectors to choose from: our own on
the SuperFlux curve ("superflux"), and aubio's ("aubio"), which listens to the samples.

The thresholds were chosen on half of the annotated clips (`benchmarks/hearing.py` names them and measures all).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

import aubio
import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.flux import Flux
from livemusviz.features.follow import Follower, GainRamp

HOP_SECONDS = HOP / SAMPLE_RATE
METHODS = ("superflux", "aubio")
REFRACTORY = 0.05  # s
WEAKEST = 0.45  # strength of the faintest onset
LARGEST_SECONDS = 6.0  # time constant in which the largest rise is forgotten
RELATIVE = 1.5  # times the mean flux of lately must be exceeded ...
LATELY = round(0.5 / HOP_SECONDS)  # hops
PEAK = round(0.03 / HOP_SECONDS)  # hops; no larger value may lie so close before
LEAST_FULL, LEAST_AIR = 0.08, 0.03  # ... and this besides, so that a tail's ripple is none
LEAST_BANDS = (0.25, 0.12, 0.06)  # bass, mid, treble; the fewer the filters the rougher the curve
ATTACK_HOPS = 8  # 43 ms: the attack, and what was before it
FAINT_RISE = 0.003  # of the largest rise of lately: the last ripple of a tail is no onset


class Onsets(NamedTuple):
    """Strengths in [0.25, 1], 0 for no onset in this hop.  rising : of the last onset, while its attack still grows."""

    all: float = 0.0
    bass: float = 0.0
    mid: float = 0.0
    treble: float = 0.0
    rising: float = 0.0


class Detector(Protocol):
    """Says whether an onset is in this hop."""

    def step(self, flux: Flux, mono: np.ndarray, gain: float) -> bool: ...


class Excess:
    """How far a curve stands out of its own mean of lately: over 1 is beyond the threshold."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._lately: deque[float] = deque([0.0] * (LATELY + 1), LATELY + 1)
        self._sum = 0.0

    def step(self, value: float) -> float:
        self._sum = max(0.0, self._sum + value - self._lately[0])
        self._lately.append(value)
        return value / (self._least + RELATIVE * self._sum / len(self._lately))


class Peak:
    """Fires on the first hop that crosses 1 and is no smaller than the hops before it: no look-ahead."""

    def __init__(self) -> None:
        self._before: deque[float] = deque([0.0] * PEAK, PEAK)
        self._since = REFRACTORY + HOP_SECONDS

    def step(self, excess: float) -> bool:
        self._since += HOP_SECONDS
        found = excess >= 1.0 and excess >= max(self._before) and self._since > REFRACTORY
        self._before.append(excess)
        if found:
            self._since = 0.0
        return found


class SuperFluxDetector:
    """The whole spectrum, and the cymbals' part of it on its own: a ride under a loud drum is lost in the mean."""

    def __init__(self) -> None:
        self._full, self._air, self._peak = Excess(LEAST_FULL), Excess(LEAST_AIR), Peak()

    def step(self, flux: Flux, mono: np.ndarray, gain: float) -> bool:
        return self._peak.step(max(self._full.step(flux.full), self._air.step(flux.air)))


class AubioDetector:
    """aubio's high-frequency content (Masri 1996), with the compression that did best on recordings."""

    WINDOW, COMPRESSION = 512, 5.0
    # aubio drops an onset if it is silent again when it reports it, 20 ms later. A short click must pass, so its idea
    # of silence is set below a constant that keeps every hop above it; our own gate tells silence.
    SILENCE, KEEP_ALIVE = -120.0, np.float32(1e-5)

    def __init__(self) -> None:
        self._onset = aubio.onset("hfc", self.WINDOW, HOP, SAMPLE_RATE)
        self._onset.set_compression(self.COMPRESSION)
        self._onset.set_minioi_s(HOP_SECONDS)
        self._onset.set_silence(self.SILENCE)
        self._level = GainRamp(HOP)
        self._since = REFRACTORY  # s; ours: an onset that is turned down must not cover the one that follows

    def step(self, flux: Flux, mono: np.ndarray, gain: float) -> bool:
        self._since += HOP_SECONDS
        found = self._onset(self._level(mono, gain) + self.KEEP_ALIVE)[0] > 0.0 and self._since >= REFRACTORY
        if found:
            self._since = 0.0
        return found


class Strength:
    """How hard: how far the level rose, by the largest rise of lately. (The flux would call every kick weak and every
    hi-hat strong.) The onset is found before its attack is over, so the strength grows on for the rest of it."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque([0.0] * ATTACK_HOPS, ATTACK_HOPS)
        self._largest = Follower(attack=0.0, release=LARGEST_SECONDS)
        self._attack = 0  # hops of the last onset's attack still to come
        self._least = 0.0

    def step(self, found: bool, level: float) -> tuple[float, float]:
        """(strength of an onset in this hop or 0, strength so far of one whose attack goes on or 0)."""
        before = min(self._levels)
        self._levels.append(level)
        rise = max(self._levels) - min(self._levels)
        largest = self._largest.step(rise, HOP_SECONDS)
        if found and rise > FAINT_RISE * largest:
            self._attack, self._least = ATTACK_HOPS // 2, before
            return WEAKEST + (1.0 - WEAKEST) * rise / largest, 0.0
        if self._attack == 0:
            return 0.0, 0.0
        self._attack -= 1
        return 0.0, min(1.0, WEAKEST + (1.0 - WEAKEST) * max(0.0, level - self._least) / max(largest, 1e-9))


class BandOnsets:
    """Onsets in one band; strength is the flux by the largest of lately."""

    def __init__(self, least: float) -> None:
        self._excess, self._peak = Excess(least), Peak()
        self._largest = Follower(attack=0.0, release=LARGEST_SECONDS)

    def step(self, flux: float) -> float:
        largest = self._largest.step(flux, HOP_SECONDS)
        found = self._peak.step(self._excess.step(flux))
        return WEAKEST + (1.0 - WEAKEST) * flux / largest if found else 0.0


class OnsetFinder:
    """All of the above for one hop after the other."""

    def __init__(self, method: str = "superflux") -> None:
        """method : one of `METHODS`; the bands' onsets are always ours."""
        self._detector: Detector = AubioDetector() if method == "aubio" else SuperFluxDetector()
        self._strength = Strength()
        self._bands = tuple(BandOnsets(least) for least in LEAST_BANDS)

    def step(self, flux: Flux, mono: np.ndarray, gain: float, rms: float) -> Onsets:
        """mono : float32 (HOP,), its RMS, and the automatic gain for it."""
        found = self._detector.step(flux, mono, gain)
        strength, rising = self._strength.step(found, rms * gain)
        bands = (flux.bass, flux.mid, flux.treble)
        bass, mid, treble = (band.step(value) for band, value in zip(self._bands, bands, strict=True))
        return Onsets(strength, bass, mid, treble, rising)
