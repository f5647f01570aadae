"""The latent walk: angles on circles of orthogonal noise, one circle for each frequency band. Pure.

    z(a) = sum_k sqrt(share_k) (cos(a_k) u_k + sin(a_k) v_k)

All u_k and v_k are orthogonal and have the norm sqrt(n) of unit normal noise, and the shares sum to 1. So z has that
norm at every angle, and the model always gets noise of unit variance. Angles only accumulate. Bass, mid and treble
each drive a circle of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR
from livemusviz.curves import phase_error

SHARES = (0.45, 0.35, 0.2)  # of the variance: bass, mid, treble
CIRCLES = len(SHARES)
KICK_SECONDS = 0.035  # s, time constant of both stages of a kick; it is fastest 35 ms after its start
PERIODS = (1, 2, 3)  # whole turns of each circle in a loop
LOCK_SECONDS = 4.0  # s, time constant of the mean speed that is rounded to whole bars
LOCK_PULL = 0.5  # of the speed: the largest correction that keeps a circle in time
LIVELY = 0.25  # octaves by which the faster of two speeds is preferred
STICKY = 0.8  # octaves by which the speed must change before the bars a turn takes change
SWING = 0.75  # 0..1, share of a loop's motion that follows each beat
SWING_AT = 0.15  # of a beat, where it is fastest


@dataclass(frozen=True, slots=True)
class WalkMotion:
    """Describes a step of the walk: one number for each circle (bass, mid, treble).

    speeds : turns/s.
    kicks : turns that are added, smoothly.
    bars : position in bars where the tempo is known, else None; whole turns then take whole bars.
    bar_rate : bars/s.
    loop : bars after which all circles return exactly to the start; 0 for never.
    """

    speeds: tuple[float, float, float]
    kicks: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bars: float | None = None
    bar_rate: float = 0.0
    loop: int = 0


class Circles:
    """Holds the circles of one seed and gives the noise at any angles."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        """Draw the circles.

        shape : (h, w, c) of the latents.  seed : >= 0; the same seed gives the same circles.
        """
        self.shape, self.seed = shape, seed
        self._axes = _orthogonal_noise(shape, seed, axes=2 * CIRCLES)

    def noise(self, angles: Sequence[float]) -> np.ndarray:
        """Return z, float32 (h, w, c), of norm sqrt(h * w * c).

        angles : rad, one a circle.
        """
        weights = [
            math.sqrt(share) * wave(angle)
            for share, angle in zip(SHARES, angles, strict=True)
            for wave in (math.cos, math.sin)
        ]
        return np.tensordot(np.array(weights, np.float32), self._axes, axes=1)


class LatentWalk:
    """Holds the angles of the walk. It has no clock: the caller passes the time that went by."""

    def __init__(self) -> None:
        self._turns = [_Turn() for _ in range(CIRCLES)]
        self._loop = 0
        self._offsets = (0.0,) * CIRCLES  # turns, so that a loop begins at the angles of the walk
        self._at = (0.0,) * CIRCLES  # turns

    @property
    def angles(self) -> tuple[float, ...]:
        """Return the angles in rad, one a circle, unbounded."""
        return tuple(2.0 * math.pi * turns for turns in self._at)

    def advance(self, dt: float, pace: WalkMotion) -> None:
        """Turn the circles for `dt` seconds (>= 0) at a pace."""
        for turn, speed, kick in zip(self._turns, pace.speeds, pace.kicks, strict=True):
            turn.advance(dt, speed, kick, pace.bars, pace.bar_rate)
        before = self._at
        if pace.loop and pace.bars is not None:
            there = loop_turns(pace.bars, pace.loop)
            if pace.loop != self._loop:
                self._offsets = tuple(a - b for a, b in zip(before, there, strict=True))
            self._at = tuple(a + b for a, b in zip(there, self._offsets, strict=True))
        else:
            here = tuple(turn.position for turn in self._turns)
            if self._loop:
                self._offsets = tuple(a - b for a, b in zip(before, here, strict=True))
            self._at = tuple(a + b for a, b in zip(here, self._offsets, strict=True))
        self._loop = pace.loop if pace.bars is not None else 0


class _Turn:
    """Turns one circle: a base that runs at a speed, and kicks on top of it."""

    def __init__(self) -> None:
        self._base = self._kicked = 0.0  # turns
        self._waiting = self._flowing = 0.0  # turns of kicks in the first and the second stage
        self._usual: float | None = None  # turns/s
        self._octave: int | None = None  # log2 of the bars a turn takes

    @property
    def position(self) -> float:
        return self._base + self._kicked

    def advance(self, dt: float, speed: float, kick: float, bars: float | None, bar_rate: float) -> None:
        self._pay(dt, kick)
        self._usual = (
            speed if self._usual is None else self._usual + (speed - self._usual) * -math.expm1(-dt / LOCK_SECONDS)
        )
        if bars is None or bar_rate <= 0.0 or self._usual <= 0.0:
            self._octave = None
            self._base += speed * dt
            return
        wanted = math.log2(bar_rate / self._usual)
        if self._octave is None or abs(wanted - self._octave) > STICKY:
            self._octave = round(wanted - LIVELY)
        a_turn = 2.0**self._octave  # bars
        behind = phase_error(bars / a_turn - self._base)
        locked = bar_rate / a_turn
        self._base += locked * dt * (1.0 + max(-LOCK_PULL, min(LOCK_PULL, 4.0 * behind)))

    def _pay(self, dt: float, kick: float) -> None:
        """Add a kick by two leaky stages in a row: the speed rises before it falls, so a beat is no jolt."""
        self._waiting += kick
        x, keep = dt / KICK_SECONDS, math.exp(-dt / KICK_SECONDS)
        owed = self._waiting + self._flowing
        self._flowing = (self._flowing + self._waiting * x) * keep
        self._waiting *= keep
        self._kicked += owed - self._waiting - self._flowing


def loop_turns(bars: float, length: int) -> tuple[float, ...]:
    """Return the turns of each circle at a position in bars; they repeat every `length` bars, to rounding.

    Most of the motion follows each beat: within a beat, progress is x + a (sin 2 pi x0 - sin 2 pi (x + x0)) / 2 pi. Its
    speed is smooth and never negative.
    """
    beats = bars % length * BEATS_A_BAR
    beat, x = divmod(beats, 1.0)
    x0 = 0.5 - SWING_AT
    eased = x + SWING * (math.sin(2.0 * math.pi * x0) - math.sin(2.0 * math.pi * (x + x0))) / (2.0 * math.pi)
    share = (beat + eased) / (BEATS_A_BAR * length)
    return tuple(period * share for period in PERIODS)


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Interpolate on the great circle from a (t = 0) to b (t = 1). float32.

    a, b : of one shape and one norm, which is kept.
    """
    cosine = min(1.0, max(-1.0, similarity(a, b)))
    angle = math.acos(cosine)
    if math.sin(angle) < 1e-6:
        return a + np.float32(t) * (b - a)
    weights = math.sin((1.0 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
    return np.float32(weights[0]) * a + np.float32(weights[1]) * b


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine similarity of two arrays of one shape, -1..1; 0 if either is all zero."""
    a_flat, b_flat = a.ravel(), b.ravel()
    norm = float(np.linalg.norm(a_flat) * np.linalg.norm(b_flat))
    return float(a_flat @ b_flat) / norm if norm > 0 else 0.0


def _orthogonal_noise(shape: tuple[int, int, int], seed: int, axes: int) -> np.ndarray:
    """Return unit normal noise made orthogonal by Gram-Schmidt.

    float32 (axes, h, w, c), each axis of norm sqrt(h * w * c).
    """
    count = math.prod(shape)
    noise = np.random.default_rng(seed).standard_normal((axes, count))
    for i in range(axes):
        for j in range(i):
            noise[i] -= (noise[i] @ noise[j]) / (noise[j] @ noise[j]) * noise[j]
        noise[i] *= math.sqrt(count) / np.linalg.norm(noise[i])
    return noise.reshape(axes, *shape).astype(np.float32)
