"""The quality ladder: on a machine that cannot hold the rate, canvas and chain get smaller until it can. Pure.

A step down is taken after two spells of `SLOW` seconds with missed frames, and a step up is tried after `CALM` seconds
at full rate; a try that fails doubles the wait before the next, so the picture does not swing.
"""

from __future__ import annotations

from dataclasses import dataclass

# Share of the canvas's sides, and how many filters of the chain are drawn.
LADDER: tuple[tuple[float, int], ...] = ((1.0, 99), (0.75, 99), (0.5, 99), (0.5, 3), (0.4, 2), (0.4, 1))
MISSED = 1.12  # mean interval over the wanted one, above which the rate is not held
SLOW = 0.8  # s; one bad spell may be a hiccup, two are too much work
CALM, CALM_MOST = 10.0, 600.0  # s
STARTING = 3.0  # s at the start, and after a change of shaders, that say nothing about the machine


@dataclass(frozen=True, slots=True)
class Quality:
    """scale : of the canvas's sides, 0..1.  filters : how many of the chain are drawn.  level : 0 is everything."""

    scale: float = 1.0
    filters: int = 99
    level: int = 0

    def __str__(self) -> str:
        chain = "" if self.filters >= 99 else f", {self.filters} filter{'s' if self.filters > 1 else ''}"
        return "full" if self.level == 0 else f"{self.scale:.0%}{chain}"


class QualityLadder:
    """`step` once a display frame."""

    def __init__(self, period: float, first: int = 0) -> None:
        """period : s, the wanted time between two frames.  first : the rung to begin at."""
        self._period = period
        self._level = min(first, len(LADDER) - 1)
        self._wait = CALM
        self._tried: float | None = None  # when the last step up was taken
        self._since: float | None = None
        self._frames = self._bad = 0
        self._quiet_until = 0.0
        self._calm_since = 0.0

    @property
    def quality(self) -> Quality:
        scale, filters = LADDER[self._level]
        return Quality(scale, filters, self._level)

    def settle(self, now: float) -> None:
        """Frames until a while after `now` do not count: shaders are compiled, the model loads."""
        self._quiet_until = now + STARTING
        self._since = None

    def step(self, now: float) -> Quality:
        """A frame begins at `now`, s."""
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
        slow = elapsed / self._frames > MISSED * self._period
        self._begin(now)
        self._bad = self._bad + 1 if slow else 0
        if self._bad >= 2:
            self._down(now)
        elif not slow and self._level > 0 and now - self._calm_since >= self._wait:
            self._level -= 1
            self._tried = self._calm_since = now
        return self.quality

    def _begin(self, now: float) -> None:
        self._since, self._frames = now, 0

    def _down(self, now: float) -> None:
        failed = self._tried is not None and now - self._tried <= 5.0 * SLOW
        self._wait = min(self._wait * 2.0, CALM_MOST) if failed else max(self._wait * 0.75, CALM)
        self._level = min(self._level + 1, len(LADDER) - 1)
        self._calm_since, self._tried, self._bad = now, None, 0
