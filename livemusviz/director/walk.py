"""The latent walk: an angle that only ever accumulates, on circles of orthogonal noise. Pure.

    z(theta) = cos(theta) n1 + sin(theta) (cos(phi) n2 + sin(phi) n3),   phi = PRECESSION * theta

n1, n2, n3 are orthogonal and each has the norm sqrt(n) of unit normal noise, so z keeps that norm at every angle and
the model always sees noise of unit variance. The slow second angle keeps the picture from coming round every turn.
"""

from __future__ import annotations

import math

import numpy as np

KICK_SECONDS = 0.12  # time constant in which an onset's kick is paid out
PRECESSION = (3.0 - math.sqrt(5.0)) / 2.0  # irrational, so the curve never closes


class LatentWalk:
    """Unit normal noise that turns with the music. One thread; no clock: the caller says how much time has passed."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        """shape : (h, w, c) of the latents.  seed : >= 0; the same seed gives the same circles."""
        self.shape = shape
        self.seed = seed
        self.theta = 0.0  # radians, unbounded
        self._kick = 0.0  # radians still to be paid out
        self._axes = _orthogonal_noise(shape, seed, axes=3)

    def advance(self, dt: float, turns_per_second: float, kick_turns: float = 0.0) -> None:
        """Turn on by `dt` seconds (>= 0) at `turns_per_second`; `kick_turns` are added and paid out exponentially."""
        self._kick += 2 * math.pi * kick_turns
        paid = self._kick * (1.0 - math.exp(-dt / KICK_SECONDS))
        self._kick -= paid
        self.theta += 2 * math.pi * turns_per_second * dt + paid

    def noise(self) -> np.ndarray:
        """z(theta) : float32 (h, w, c), norm sqrt(h * w * c)."""
        phi = PRECESSION * self.theta
        weights = np.array(
            [math.cos(self.theta), math.sin(self.theta) * math.cos(phi), math.sin(self.theta) * math.sin(phi)],
            dtype=np.float32,
        )
        return np.tensordot(weights, self._axes, axes=1)


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of two arrays of one shape, -1..1; 0 if either is all zero."""
    a_flat, b_flat = a.ravel(), b.ravel()
    norm = float(np.linalg.norm(a_flat) * np.linalg.norm(b_flat))
    return float(a_flat @ b_flat) / norm if norm > 0 else 0.0


def _orthogonal_noise(shape: tuple[int, int, int], seed: int, axes: int) -> np.ndarray:
    """float32 (axes, h, w, c): unit normal noise, made orthogonal by Gram-Schmidt, each of norm sqrt(h * w * c)."""
    count = math.prod(shape)
    noise = np.random.default_rng(seed).standard_normal((axes, count))
    for i in range(axes):
        for j in range(i):
            noise[i] -= (noise[i] @ noise[j]) / (noise[j] @ noise[j]) * noise[j]
        noise[i] *= math.sqrt(count) / np.linalg.norm(noise[i])
    return noise.reshape(axes, *shape).astype(np.float32)
