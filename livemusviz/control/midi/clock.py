"""Computes the tempo of a MIDI clock: 24 ticks a beat, averaged over the last ones. Pure; times in s are passed in.

In: the system real-time messages clock, start, continue and stop, and song position. Out: `ExternalTempo`.
"""

from __future__ import annotations

from collections import deque

from livemusviz.bridge.control import ExternalTempo

PER_BEAT = 24
PER_POSITION = 6  # ticks of one step of a song position pointer
KEPT = 4 * PER_BEAT  # ticks that the tempo is taken from
FEWEST = PER_BEAT // 2  # ticks before there is a tempo
LOST = 0.5  # s without a tick after which there is no clock
CLOCKS = 16  # inputs whose clocks are kept apart


class MidiClock:
    """Computes the tempo and the position in the song of one clock.

    Ticks after a stop keep the tempo alive and leave the song where it is. A sender that never sends start or
    stop, as many drum machines, counts as playing.
    """

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=KEPT)  # s, arrival of each
        self._count = 0  # of the last tick, from the start of the song
        self._next = 0  # count of the next tick
        self._playing = True

    def message(self, kind: str, time: float, position: int = 0) -> None:
        """kind : "clock", "start", "continue", "stop" or "songpos" (`position` in sixteenths).  time : s."""
        if kind == "clock":
            if self._ticks and not 0.0 <= time - self._ticks[-1] <= LOST:
                self._ticks.clear()
            self._ticks.append(time)
            if self._playing:
                self._count, self._next = self._next, self._next + 1
        elif kind == "start":
            self._next, self._playing = 0, True
        elif kind == "continue":
            self._playing = True
        elif kind == "stop":
            self._playing = False
        elif kind == "songpos":
            self._next = position * PER_POSITION

    def read(self, now: float) -> ExternalTempo | None:
        """Return the tempo and the position at `now`, s; None without a clock.

        While the song is stopped the position is where it will go on, and `rolling` is False.
        """
        n = len(self._ticks)
        if n < FEWEST or now - self._ticks[-1] > LOST:
            return None
        middle, mean = (n - 1) / 2.0, sum(self._ticks) / n
        spread = sum((i - middle) ** 2 for i in range(n))
        period = sum((i - middle) * (tick - mean) for i, tick in enumerate(self._ticks)) / spread
        if period <= 0.0:
            return None
        bpm = 60.0 / (period * PER_BEAT)
        if not self._playing:
            return ExternalTempo(bpm, self._next / PER_BEAT, now, rolling=False)
        last = mean + middle * period  # when the last tick was due, by all of them
        return ExternalTempo(bpm, self._count / PER_BEAT, last)


class MidiClocks:
    """Follows one clock of several inputs: the first, until it falls silent or another is started."""

    def __init__(self) -> None:
        self._clocks: dict[str, MidiClock] = {}
        self._leader = ""
        self._started = ""  # leads as soon as it has a tempo

    def message(self, source: str, kind: str, time: float, position: int = 0) -> None:
        """Take a message of the input `source`; the rest as in `MidiClock.message`. Sources beyond 16 are ignored."""
        if source not in self._clocks and len(self._clocks) >= CLOCKS:
            return
        self._clocks.setdefault(source, MidiClock()).message(kind, time, position)
        if kind in ("start", "continue"):
            self._started = source

    def drop(self, source: str) -> None:
        """Forget the clock of an input that has gone."""
        self._clocks.pop(source, None)

    def read(self, now: float) -> ExternalTempo | None:
        """Return the tempo of the clock that is followed at `now`, s; None without any."""
        for source in dict.fromkeys((self._started, self._leader, *self._clocks)):
            found = self._clocks[source].read(now) if source in self._clocks else None
            if found is not None:
                self._leader = source
                self._started = "" if source == self._started else self._started
                return found
        return None
