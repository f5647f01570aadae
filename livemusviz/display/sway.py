"""A picture at rest keeps moving: it sways slowly in a circle, a little larger than the canvas. Pure.

In silence the model's pictures hardly change, or none come at all. The sway costs one look-up a pixel of the generated
picture, and nothing while the music plays.
"""

from __future__ import annotations

import math

from livemusviz.display.state import State

RADIUS = 0.03  # of the picture's sides
TURN = 0.8  # radians/s: with the radius, a fortieth of the picture a second
QUIET = 0.25  # energy below which it begins; all of it at 0
HOLD = 0.15  # s without a change after which it begins whatever the energy; a late picture is no rest
RISE, FALL = 0.5, 0.25  # 1/s: how fast it comes and goes


class Sway:
    """`step` once a display frame."""

    def __init__(self) -> None:
        self._amount = 0.0
        self._angle = 0.0
        self._still = 0.0  # s since the last fade ended

    def exchange(self, state: State) -> None:
        """Save or restore the sway."""
        self._amount = state.value("amount", self._amount)
        self._angle = state.value("angle", self._angle)
        self._still = state.value("still", self._still)

    def step(self, still: bool, energy: float, most: float, dt: float) -> tuple[float, float, float] | None:
        """Return the share of the picture that is seen, and its place in x and y, in shares of its sides; None is all
        of it.

        still : whether no fade moves the picture.  energy : of the music, 0..1.  most : 0..1 of the full sway.
        dt : s since the last call.
        """
        self._still = self._still + dt if still else 0.0
        rest = 1.0 if self._still > HOLD else max(1.0 - energy / QUIET, 0.0)
        wanted = most * rest
        if self._amount < wanted:
            self._amount = min(self._amount + RISE * dt, wanted)
        else:
            self._amount = max(self._amount - FALL * dt, wanted)
        if self._amount == 0.0:
            return None
        self._angle = (self._angle + TURN * dt) % math.tau
        size = self._amount * RADIUS
        return 1.0 - 2.0 * size, size * math.cos(self._angle), size * math.sin(self._angle)
