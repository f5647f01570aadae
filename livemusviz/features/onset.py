"""Detects onsets, in the whole spectrum and in each band, and their strengths. Runs on the features thread.

In: `Flux` and level of each hop. Out: strengths, 0 without an onset. There are two detectors: "superflux", on the flux,
and "aubio", on the samples.

The thresholds were chosen on half of the annotated clips; `benchmarks/hearing.py` names them and measures all.
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
REFRACTORY = 0.05  # s, the least time between two onsets
WEAKEST = 0.45  # strength of the faintest onset
LARGEST_SECONDS = 6.0  # s, time constant with which the largest rise decays
RELATIVE = 1.5  # factor of the recent mean flux in the threshold ...
LATELY = round(0.5 / HOP_SECONDS)  # hops of that mean
PEAK = round(0.03 / HOP_SECONDS)  # hops before an onset that hold no larger value
LEAST_FULL, LEAST_AIR = 0.08, 0.03  # ... and its constant part, which keeps out the ripple of a decay
LEAST_BANDS = (0.25, 0.12, 0.06)  # bass, mid, treble; the fewer the filters the rougher the curve
ATTACK_HOPS = 8  # 43 ms: the attack, and what was before it
FAINT_RISE = 0.003  # of the largest recent rise: less is the ripple of a decay


class Onsets(NamedTuple):
    """Holds the strengths of one hop: 0.25..1 for an onset, 0 for none.

    all : of the whole spectrum.
    bass, mid, treble : of one band.
    rising : the strength so far of an onset whose attack goes on, 0 otherwise.
    """

    all: float = 0.0
    bass: float = 0.0
    mid: float = 0.0
    treble: float = 0.0
    rising: float = 0.0


class Detector(Protocol):
    """Decides for each hop if it holds an onset.

    novelty : the last hop's curve over its threshold, at a sensitivity of 1; 0 where a detector shows none.
    """

    novelty: float

    def step(self, flux: Flux, mono: np.ndarray, gain: float, sensitivity: float) -> bool:
        """Return True for an onset. sensitivity : > 0, divides the threshold."""


class Excess:
    """Divides a curve by an adaptive threshold. Values over 1 exceed it.

    The threshold is a constant plus `RELATIVE` times the mean of the last `LATELY` hops.
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._lately: deque[float] = deque([0.0] * (LATELY + 1), LATELY + 1)
        self._sum = 0.0

    def step(self, value: float) -> float:
        self._sum = max(0.0, self._sum + value - self._lately[0])
        self._lately.append(value)
        return value / (self._least + RELATIVE * self._sum / len(self._lately))


class Peak:
    """Picks peaks causally: the first hop over 1 that is no smaller than the `PEAK` hops before it.

    Peaks closer than `REFRACTORY` seconds to the last one are left out.
    """

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
    """Detects onsets in the flux of the whole spectrum and in that of the air band.

    The air band counts on its own, because a ride cymbal under a loud drum is lost in the whole spectrum's mean.
    """

    def __init__(self) -> None:
        self._full, self._air, self._peak = Excess(LEAST_FULL), Excess(LEAST_AIR), Peak()
        self.novelty = 0.0

    def step(self, flux: Flux, mono: np.ndarray, gain: float, sensitivity: float) -> bool:
        self.novelty = max(self._full.step(flux.full), self._air.step(flux.air))
        return self._peak.step(self.novelty * sensitivity)


class AubioDetector:
    """Detects onsets with aubio's high-frequency content (Masri 1996), with the compression that measured best."""

    WINDOW, COMPRESSION = 512, 5.0
    # aubio drops an onset if the sound is silent again when it reports it, 20 ms later. So that a short click passes,
    # its silence threshold lies below a constant that is added to every hop. Silence is decided by our own gate.
    SILENCE, KEEP_ALIVE = -120.0, np.float32(1e-5)

    def __init__(self) -> None:
        self._onset = aubio.onset("hfc", self.WINDOW, HOP, SAMPLE_RATE)
        self._onset.set_compression(self.COMPRESSION)
        self._onset.set_minioi_s(HOP_SECONDS)
        self._onset.set_silence(self.SILENCE)
        self._level = GainRamp(HOP)
        self._since = REFRACTORY  # s; our own, so that a rejected onset does not hide the next one
        self._threshold, self._sensitivity = self._onset.get_threshold(), 1.0
        self.novelty = 0.0  # aubio's is in units of its own

    def step(self, flux: Flux, mono: np.ndarray, gain: float, sensitivity: float) -> bool:
        if sensitivity != self._sensitivity:
            self._sensitivity = sensitivity
            self._onset.set_threshold(self._threshold / sensitivity)
        self._since += HOP_SECONDS
        found = self._onset(self._level(mono, gain) + self.KEEP_ALIVE)[0] > 0.0 and self._since >= REFRACTORY
        if found:
            self._since = 0.0
        return found


class Strength:
    """Computes the strength of an onset: the rise of the level, divided by the largest recent rise.

    (By the flux, every kick would be weak and every hi-hat strong.) An onset is detected before its attack ends, so the
    strength is updated for the rest of the attack.
    """

    def __init__(self) -> None:
        self._levels: deque[float] = deque([0.0] * ATTACK_HOPS, ATTACK_HOPS)
        self._largest = Follower(attack=0.0, release=LARGEST_SECONDS)
        self._attack = 0  # hops of the last onset's attack still to come
        self._least = 0.0

    def step(self, found: bool, level: float) -> tuple[float, float]:
        """Return the strength of an onset in this hop, and that so far of one whose attack goes on; 0 for none.

        found : True if the detector fired.  level : RMS times the automatic gain.
        """
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
    """Detects onsets in one band. The strength is the flux, divided by the largest recent flux."""

    def __init__(self, least: float) -> None:
        self._excess, self._peak = Excess(least), Peak()
        self._largest = Follower(attack=0.0, release=LARGEST_SECONDS)

    def step(self, flux: float, sensitivity: float) -> float:
        """Return the strength of an onset, 0 for none. sensitivity : > 0, divides the threshold."""
        largest = self._largest.step(flux, HOP_SECONDS)
        found = self._peak.step(self._excess.step(flux) * sensitivity)
        return WEAKEST + (1.0 - WEAKEST) * flux / largest if found else 0.0


class OnsetFinder:
    """Runs the detector, the strength and the three bands, hop by hop."""

    def __init__(self, method: str = "superflux") -> None:
        """Make the detectors.

        method : one of `METHODS`, for the whole spectrum; the bands always use "superflux".
        """
        self._detector: Detector = AubioDetector() if method == "aubio" else SuperFluxDetector()
        self._strength = Strength()
        self._bands = tuple(BandOnsets(least) for least in LEAST_BANDS)

    @property
    def novelty(self) -> float:
        """Return the onset curve of the last hop over its threshold, at a sensitivity of 1; 0 with "aubio"."""
        return self._detector.novelty

    def step(self, flux: Flux, mono: np.ndarray, gain: float, rms: float, sensitivity: float = 1.0) -> Onsets:
        """Return the onsets of one hop.

        mono : float32 (HOP,).  gain : linear, the automatic gain.  rms : linear, of the hop.  sensitivity : > 0,
        divides all thresholds.
        """
        found = self._detector.step(flux, mono, gain, sensitivity)
        strength, rising = self._strength.step(found, rms * gain)
        bands = (flux.bass, flux.mid, flux.treble)
        bass, mid, treble = (band.step(value, sensitivity) for band, value in zip(self._bands, bands, strict=True))
        return Onsets(strength, bass, mid, treble, rising)
