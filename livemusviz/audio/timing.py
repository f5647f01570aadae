"""Computes the capture time of each sample. Pure; runs in the audio callback.

In: the seconds of sound so far, and the driver's start time of the newest block. Out: seconds on the
`time.perf_counter` scale, smooth, never going back.
"""

from __future__ import annotations

CREEP = 1e-3  # s of correction a second: ten times what two quartz clocks drift apart
GAP = 0.1  # s; a block this late for `PROOF` seconds of sound means that sound was lost
PROOF = 0.25


class StreamTime:
    """Estimates `perf_counter - seconds of sound`.

    A driver reports a block never too early, only too late (a delayed callback). So the estimate falls quickly, by at
    most a quarter of the elapsed time (so that time never runs back), and rises slowly, at `CREEP`.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._late = 0.0  # s of sound for which every block has been late by more than GAP
        self._least = 0.0  # s; the smallest of these delays

    def settle(self, position: float, began: float) -> None:
        """Take the smallest offset before anything is published. Arguments as in `step`."""
        offset = began - position
        self._offset = offset if self._offset is None else min(self._offset, offset)

    def step(self, position: float, began: float, dt: float) -> float:
        """Note that the block after `position` seconds of sound began at `began` and lasts `dt` seconds.

        Return the seconds of sound that were lost just now, mostly 0.
        """
        if self._offset is None:
            self._offset = began - position
        error = began - position - self._offset
        if error > GAP:
            self._least = error if self._late == 0.0 else min(self._least, error)
            self._late += dt
            if self._late >= PROOF:
                self._late, self._offset = 0.0, self._offset + self._least
                return self._least
        else:
            self._late = 0.0
        self._offset += max(error, -0.25 * dt) if error < 0.0 else min(error, CREEP * dt)
        return 0.0

    def at(self, position: float) -> float:
        """Return the capture time of the sample after `position` seconds of sound."""
        return position + (self._offset or 0.0)
