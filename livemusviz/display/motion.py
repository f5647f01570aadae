"""What the sound does to the picture: from features to the numbers the shaders take. Pure; runs on the drawing thread.

Everything is smoothed by elapsed time, so the look does not depend on the display's rate, and every clock wraps,
so that the shaders' 32-bit floats are as fine after ten hours as at the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from livemusviz.bridge.types import AudioFeatures

MAX_DT = 0.1  # s; a longer gap (a laptop that slept) counts as this much
_TURN = 2.0 * math.pi
_CLOCK_RATES = (0.17, 0.129, 0.095, 0.073)  # rad/s at rest; no simple ratios, so the drift never visibly repeats
_TINTS = (0.0, 2.1, 4.2)  # rad; where on the slow clock red, green and blue live longest in the trail


@dataclass(frozen=True, slots=True)
class Look:
    """Uniforms for one display frame. 0..1 where nothing else is said.

    zoom : >= 1, factor of the trail in this frame.  turn : rad in this frame.  keep : share of the trail left.
    phases : rad, four slow clocks in [0, 2 pi).  punch, lift : the onset's kick of the picture and its brightness.
    """

    punch: float
    lift: float
    zoom: float
    turn: float
    swirl: float
    dim: float
    keep: tuple[float, float, float]
    phases: tuple[float, float, float, float]
    seed: float
    bass: float
    treble: float
    hit: float


class Motion:
    """Follows the features from frame to frame."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._bass = 0.0
        self._treble = 0.0
        self._phases = [0.0, 1.3, 2.9, 4.1]
        self._frame = 0

    def advance(self, dt: float, features: AudioFeatures, zoom: float, pulse: float) -> Look:
        """The look `dt` seconds after the last one. `zoom`, `pulse` : 0..1, the two knobs of the effect."""
        dt = min(max(dt, 0.0), MAX_DT)
        self._energy = follow(self._energy, unit(features.energy), dt, 0.08, 0.5)
        self._bass = follow(self._bass, unit(features.bass / 2.0), dt, 0.02, 0.22)
        self._treble = follow(self._treble, unit(features.treble / 2.0), dt, 0.02, 0.15)
        self._frame = (self._frame + 1) % 64
        for i, rate in enumerate(_CLOCK_RATES):
            self._phases[i] = (self._phases[i] + dt * rate * (1.0 + 2.5 * self._energy)) % _TURN

        hit = unit(features.onset_strength)
        kick = hit * pulse
        life = 0.03 + zoom * (0.10 + 0.34 * self._energy + 0.12 * self._bass)  # s, time constant of the trail
        growth = zoom * (0.12 + 0.35 * self._energy + 0.75 * self._bass) + 2.2 * kick  # 1/s
        tint = [1.0 + 0.22 * math.cos(self._phases[0] * 3.0 + shift) for shift in _TINTS]
        red, green, blue = (math.exp(-dt * t / life) for t in tint)
        return Look(
            punch=kick,
            lift=kick,
            zoom=math.exp(growth * dt),
            turn=0.35 * zoom * self._energy * math.sin(self._phases[1] * 2.0) * dt,
            swirl=unit(zoom * (0.1 + self._energy) * dt * 30.0),
            dim=0.12 * zoom * self._energy,
            keep=(red, green, blue),
            phases=(self._phases[0], self._phases[1], self._phases[2], self._phases[3]),
            seed=self._frame * 0.618034 % 1.0,
            bass=self._bass,
            treble=self._treble,
            hit=hit,
        )


def follow(value: float, target: float, dt: float, attack: float, release: float) -> float:
    """`value` moved towards `target` for `dt` seconds with a time constant of `attack` (up) or `release` (down), s."""
    constant = attack if target > value else release
    return target + (value - target) * math.exp(-dt / constant)


def unit(value: float) -> float:
    """`value` held in 0..1; NaN becomes 0."""
    return min(max(value, 0.0), 1.0) if value == value else 0.0
