"""The quality ladder: rate, canvas and chain get smaller until the machine holds them, and the model beside them. Pure.

A step down is taken after two spells of `SLOW` seconds with missed frames, or, where the display and the model share
the cores, with a bad bargain: a display that takes much of a core while the model makes a picture for only one in
several of its frames. A step up is tried after `CALM` seconds in which both keep their pace; a try that fails doubles
the wait before the next, so the picture does not swing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Share of the canvas's sides, and how many filters of the chain are drawn.
LADDER: tuple[tuple[float, int], ...] = ((1.0, 99), (0.75, 99), (0.5, 99), (0.5, 3), (0.4, 2), (0.4, 1))
MISSED = 1.12  # mean interval over the wanted one, above which the rate is not held
SLOW = 0.8  # s; one bad spell may be a hiccup, two are too much work
CALM, CALM_MOST = 10.0, 600.0  # s
STARTING = 3.0  # s at the start, and after a change of shaders, that say nothing about the machine
DEAR, CHEAP = 3.0, 2.5  # display frames to one of the model's: above, the display gives way; below, it may take more
HEAVY = 0.25  # of a core; a display that takes less has little to give
ROOM = 0.6  # of a core that the display may be expected to take after a step up in rate


@dataclass(frozen=True, slots=True)
class Quality:
    """Describes a step of the quality ladder.

    scale : of the canvas's sides, 0..1.
    filters : number of the chain's filters that are drawn.
    level : number of the step; 0 draws everything.
    period : s between two display frames.
    slowed : True if that is longer than the shortest period.
    """

    scale: float = 1.0
    filters: int = 99
    level: int = 0
    period: float = 0.0
    slowed: bool = False

    def __str__(self) -> str:
        rate = [f"{1.0 / self.period:.0f} fps"] if self.slowed else []
        scale = [f"{self.scale:.0%}"] if self.scale < 1.0 else []
        chain = [f"{self.filters} filter{'s' if self.filters > 1 else ''}"] if self.filters < 99 else []
        return ", ".join(rate + scale + chain) or "full"


class QualityLadder:
    """`step` once a display frame; `drew` and `generated` take the times of display and model."""

    def __init__(
        self, period: float, first: int = 0, periods: Sequence[float] = (), shares_cores: bool = False
    ) -> None:
        """period : s, the wanted time between two frames.  first : how many rungs below everything at that rate to
        begin.  periods : others that it may choose.  shares_cores : the display takes its time from the model's."""
        rates = sorted({period, *periods})
        self.rungs = [Quality(1.0, 99, level, each, level > 0) for level, each in enumerate(rates)]
        for scale, filters in LADDER[1:]:
            self.rungs.append(Quality(scale, filters, len(self.rungs), rates[-1], len(rates) > 1))
        self._level = min(rates.index(period) + first, len(self.rungs) - 1)
        self._shares = shares_cores
        self._wait = CALM
        self._tried: float | None = None  # when the last step up was taken
        self._since: float | None = None
        self._frames = self._bad = 0
        self._worked = 0.0  # s of drawing in this spell
        self._spent: list[float] = []  # s, of the model's frames in this spell or the last that had any
        self._fresh = False  # there was one in this spell
        self._quiet_until = 0.0
        self._calm_since = 0.0

    @property
    def quality(self) -> Quality:
        return self.rungs[self._level]

    def settle(self, now: float) -> None:
        """Frames until a while after `now` do not count: shaders are compiled, the model loads."""
        self._quiet_until = now + STARTING
        self._since = None

    def drew(self, seconds: float) -> None:
        """Count the work of one display frame."""
        self._worked += seconds

    def generated(self, seconds: float) -> None:
        """Count the work of one of the model's frames."""
        if not self._fresh:
            self._spent, self._fresh = [], True
        self._spent.append(seconds)

    def step(self, now: float) -> Quality:
        """Return the quality of the frame that begins at `now`, s."""
        if self._quiet_until == 0.0:
            self.settle(now)
        if now < self._quiet_until or self._since is None or now - self._since > 5.0 * SLOW:
            self._begin(now)
            self._calm_since = now
            return self.quality
        self._frames += 1
        elapsed = now - self._since
        if elapsed < SLOW:
            return self.quality
        bad = elapsed / self._frames > MISSED * self.quality.period or self._is_dear(elapsed)
        self._bad = self._bad + 1 if bad else 0
        if self._bad >= 2:
            self._down(now)
        elif not bad and now - self._calm_since >= self._wait and self._may_climb(elapsed):
            self._level -= 1
            self._tried = self._calm_since = now
        self._begin(now)
        return self.quality

    def _is_dear(self, elapsed: float) -> bool:
        """Return True if the display takes much of a core, the model is much slower than it, and a lower rate is left.

        A smaller canvas would give the model little: most of a frame's work is the same at any size.
        """
        below = self.rungs[min(self._level + 1, len(self.rungs) - 1)]
        if not self._shares or below.period == self.quality.period:
            return False
        if not self._spent or self._worked <= HEAVY * elapsed:
            return False
        return median(self._spent) > DEAR * self.quality.period

    def _may_climb(self, elapsed: float) -> bool:
        if self._level == 0:
            return False
        above = self.rungs[self._level - 1]
        faster = self.quality.period / above.period
        if faster == 1.0 or not self._shares:
            return True
        keeps_up = bool(self._spent) and median(self._spent) <= CHEAP * above.period
        return keeps_up and self._worked * faster <= ROOM * elapsed

    def _begin(self, now: float) -> None:
        self._since, self._frames, self._worked, self._fresh = now, 0, 0.0, False

    def _down(self, now: float) -> None:
        failed = self._tried is not None and now - self._tried <= 5.0 * SLOW
        self._wait = min(self._wait * 2.0, CALM_MOST) if failed else max(self._wait * 0.75, CALM)
        self._level = min(self._level + 1, len(self.rungs) - 1)
        self._calm_since, self._tried, self._bad = now, None, 0
