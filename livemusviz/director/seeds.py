"""Mixes the noise of one seed or a blend of several, and moves from one blend to another. Pure.

In: seeds with weights, and the angles of the walk. Out: float32 (h, w, c), norm sqrt(h * w * c).
"""

from __future__ import annotations

import math

import numpy as np

from livemusviz.curves import smoothstep
from livemusviz.director.walk import Circles, slerp

SeedBlend = tuple[tuple[int, float], ...]


class Seeds:
    """Holds the circles of the seeds in use.

    A change follows the great circle between both blends, as long as a fade.
    """

    def __init__(self, shape: tuple[int, int, int], blend: SeedBlend) -> None:
        """Draw the circles.

        shape : (h, w, c) of the latents.  blend : (seed, weight > 0), at least one.
        """
        self._shape = shape
        self.blend = self._before = blend
        self._circles = {seed: Circles(shape, seed) for seed, _ in blend}
        self._progress, self._rate = 1.0, 0.0

    @property
    def fading(self) -> bool:
        return self._progress < 1.0

    def set(self, blend: SeedBlend, seconds: float) -> bool:
        """Move to another blend in `seconds` (0 is a cut). Return True if it is another.

        A change under way ends at once.
        """
        if blend == self.blend:
            return False
        self._before, self.blend = self.blend, blend
        wanted = {seed for seed, _ in (*self._before, *blend)}
        self._circles = {seed: self._circles.get(seed) or Circles(self._shape, seed) for seed in wanted}
        self._progress, self._rate = (0.0, 1.0 / seconds) if seconds > 0.0 else (1.0, 0.0)
        return True

    def advance(self, dt: float) -> None:
        """Advance by `dt` seconds."""
        self._progress = min(1.0, self._progress + self._rate * dt)

    def noise(self, angles: tuple[float, ...]) -> np.ndarray:
        """Return the noise at these angles (rad)."""
        now = self._mixed(self.blend, angles)
        if not self.fading:
            return now
        return slerp(self._mixed(self._before, angles), now, smoothstep(self._progress))

    def _mixed(self, blend: SeedBlend, angles: tuple[float, ...]) -> np.ndarray:
        """Return the blend, by weights whose squares sum to 1 so that the variance is kept; the norm is made exact."""
        if len(blend) == 1:
            return self._circles[blend[0][0]].noise(angles)
        norm = math.sqrt(sum(weight * weight for _, weight in blend))
        noise = np.zeros(self._shape, np.float32)
        for seed, weight in blend:
            noise += np.float32(weight / norm) * self._circles[seed].noise(angles)
        return noise * np.float32(math.sqrt(noise.size) / np.linalg.norm(noise))
