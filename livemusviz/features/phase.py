"""Runs a phase at a tempo. Pure; any thread.

In: the phase that a filter finds, which may jump. Out: a phase that never jumps and never runs backwards.
"""

from __future__ import annotations

from livemusviz.curves import phase_error

PULL = 0.065  # s; time constant of the attraction
MAX_PULL = 0.9  # of the tempo: the largest change of speed by the attraction


class SteadyPhase:
    """Counts turns at a tempo. A target phase attracts the count.

    turns : so far; its fraction is the phase, [0, 1).
    """

    def __init__(self) -> None:
        self.turns = self._error = 0.0

    @property
    def phase(self) -> float:
        """Return the fraction of the turns, [0, 1)."""
        return self.turns % 1.0

    def aim(self, phase: float) -> None:
        """Set the phase that attracts the count, [0, 1)."""
        self._error = phase_error(phase - self.turns)

    def run(self, dt: float, period: float) -> None:
        """Advance by `dt` seconds.

        period : s, of a turn.
        """
        step = dt / period
        pull = self._error * dt / PULL
        pull = max(-MAX_PULL * step, min(MAX_PULL * step, pull))
        self._error -= pull
        self.turns += step + pull
