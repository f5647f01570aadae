"""A MIDI clock as a tempo: 24 ticks a beat, evened out over the last ones. Pure; times in seconds are passed in.

In: the system real-time messages clock, start, continue and stop, and song position. Out: `ExternalTempo`.
"""

from __future__ import annotations

from collections import deque

from livemusviz.bridge.types import ExternalTempo

PER_BEAT = 24
PER_POSITION = 6  # ticks of one step of a song position pointer
KEPT = 4 * PER_BEAT  # ticks that the tempo is taken from
FEWEST = PER_BEAT // 2  # ticks before there is a tempo
LOST = 0.5  # s without a tick after which there is no clock


class MidiClock:
    """Tells the tempo and the beat of a clock that is heard."""

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=KEPT)  # when each was heard
        self._count = 0  # of the last tick, from the start of the song
        self._next = 0  # count of the next tick

    def message(self, kind: str, time: float, position: int = 0) -> None:
        """kind : "clock", "start", "continue", "stop" or "songpos" (`position` in sixteenths)."""
        if kind == "clock":
            if self._ticks and not 0.0 <= time - self._ticks[-1] <= LOST:
                self._ticks.clear()
            self._ticks.append(time)
            self._count, self._next = self._next, self._next + 1
        elif kind == "start":
            self._next = 0
        elif kind == "songpos":
            self._next = position * PER_POSITION

    def read(self, now: float) -> ExternalTempo | None:
        """The clock at `now`; None if there is none."""
        n = len(self._ticks)
        if n < FEWEST or now - self._ticks[-1] > LOST:
            return None
        middle, mean = (n - 1) / 2.0, sum(self._ticks) / n
        spread = sum((i - middle) ** 2 for i in range(n))
        period = sum((i - middle) * (tick - mean) for i, tick in enumerate(self._ticks)) / spread
        if period <= 0.0:
            return None
        last = mean + middle * period  # when the last tick was due, by all of them
        return ExternalTempo(60.0 / (period * PER_BEAT), self._count / PER_BEAT, last)
