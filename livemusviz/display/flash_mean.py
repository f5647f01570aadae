"""Follow the mean of a whole picture, and keep it within its transitions. Pure: no clock, no pixels.

Two rules see transitions in a mean, and each has a budget of its own:

* `Swing` (WCAG): the mean moves by the change, against its last transition.
* `Run` (EA IRIS): the steps from picture to picture are added up as long as they go one way. A picture of which too
  small a part changed adds nothing, a step is forgotten after a second, and the sum is a transition where it reaches
  the change. As the part that changed is known from some pixels only, several limits to it are kept to.
"""

from __future__ import annotations

from collections import deque

from livemusviz.display.flash import MARGIN, TransitionBudget
from livemusviz.display.state import State

PARTS = (0.0, 0.23, 0.25, 0.27)  # of a picture, that must change before a run goes on; IRIS says 0.25
SECOND = 0.995  # s until a step is forgotten: a second, of pictures whose times are rounded
UNCHANGED = 1e-7  # step of two pictures that are alike


class Swing:
    """See a transition where a mean has moved far enough against its last one."""

    def __init__(self, change: float, dark: float, extended: bool, margin: float) -> None:
        self._change, self._dark, self._margin = change, dark, margin
        self.budget = TransitionBudget(extended)
        self._low, self._high = float("inf"), float("-inf")  # since the last transition
        self._direction = 0  # of that transition: -1, 1, or 0 before the first

    def bounds(self, now: float, last: float) -> tuple[float, float]:
        """Return the values between which there is no transition. last : the value shown last."""
        low, high, step = 0.0, 1.0, self._change - self._margin
        if self._direction >= 0:
            low = min(self._high - step, self._dark)
        if self._direction <= 0 and self._low < self._dark:
            high = self._low + step
        return low, high

    def shown(self, now: float, last: float, value: float, part: float) -> bool:
        """Note the value shown at `now`. Return whether it made a transition."""
        self._low, self._high = min(self._low, value), max(self._high, value)
        fell = self._high - value >= self._change and value < self._dark and self._direction >= 0
        rose = value - self._low >= self._change and self._low < self._dark and self._direction <= 0
        if fell or rose:
            self._direction, self._low, self._high = -1 if fell else 1, value, value
        return fell or rose

    def exchange(self, state: State) -> None:
        """Save or restore the mean so far."""
        state.part("budget", self.budget)
        self._low, self._high = state.value("low", self._low), state.value("high", self._high)
        self._direction = state.value("direction", self._direction)


class Run:
    """See a transition where the steps of one direction, within a second, make up the change.

    part : of a picture that must have changed, or its step is left out.  margin : kept from the change. A sum nearer
    to it than half of that counts with every picture in which it grows, as IRIS may see it pass the change again.
    """

    def __init__(self, change: float, dark: float, extended: bool, margin: float, part: float) -> None:
        self._change, self._dark, self._margin, self._part = change, dark, margin, part
        self.budget = TransitionBudget(extended)
        self._steps: deque[tuple[float, float]] = deque()  # time and size
        self._sum = 0.0

    def bounds(self, now: float, last: float) -> tuple[float, float]:
        """Return the values between which there is no transition. last : the value shown last."""
        low = min(last - self._room(now, -self._sum), self._dark)
        high = last + self._room(now, self._sum) if last < self._dark else 1.0
        return low, high

    def shown(self, now: float, last: float, value: float, part: float) -> bool:
        """Note the value shown at `now`. part : of the picture that changed. Return whether it made a transition."""
        step = value - last if part >= self._part else 0.0
        before, unsure = self._sum, self._margin / 2.0
        if step * before < 0.0:
            self._steps.clear()
            before = self._sum = 0.0
        while self._steps and now - self._steps[0][0] >= SECOND:
            self._sum -= self._steps.popleft()[1]
        if step:
            self._steps.append((now, step))
        self._sum = self._sum + step if self._steps else 0.0
        counted = abs(before) >= self._change + unsure or abs(step) <= UNCHANGED
        return not counted and abs(self._sum) >= self._change - unsure and min(last, value) < self._dark

    def exchange(self, state: State) -> None:
        """Save or restore the run so far."""
        state.part("budget", self.budget)
        times, steps = [time for time, _ in self._steps], [step for _, step in self._steps]
        times, steps = state.value("times", times), state.value("steps", steps)
        self._steps, self._sum = deque(zip(times, steps, strict=True)), state.value("sum", self._sum)

    def _room(self, now: float, run: float) -> float:
        """Return how far the mean may go on in a direction. run : the sum, positive if it goes that way already."""
        if run >= self._change + self._margin / 2.0:
            return 1.0  # a transition already
        if run > 0.0:
            sign = 1.0 if self._sum > 0.0 else -1.0
            run -= sign * sum(step for time, step in self._steps if now - time >= SECOND)
        return max(self._change - self._margin - max(run, 0.0), 0.0)


class MeanGuard:
    """Keep the mean of a whole picture within its transitions: `bounds` before a frame is shown, `shown` after it.

    change : what counts as a transition.  dark : no transition where both states are above it.  margin : kept from
    the change.  All in the signal's unit, 0..1.  parts : of a picture, that must change in a run (see `Run`).
    """

    def __init__(
        self,
        change: float,
        dark: float,
        extended: bool,
        margin: float = MARGIN,
        parts: tuple[float, ...] = PARTS,
    ) -> None:
        runs = [Run(change, dark, extended, margin, part) for part in parts]
        self._rules: list[Swing | Run] = [Swing(change, dark, extended, margin), *runs]
        self._last: float | None = None

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the least and the greatest value that may be shown at `now` without a transition too many."""
        low, high = 0.0, 1.0
        if self._last is not None:
            for rule in self._rules:
                if not rule.budget.allows(now):
                    least, greatest = rule.bounds(now, self._last)
                    low, high = max(low, min(least, self._last)), min(high, max(greatest, self._last))
        return low, high

    def refuse(self, now: float) -> None:
        """Note that the picture of `now` was held back."""
        for rule in self._rules:
            rule.budget.refuse(now)

    def shown(self, now: float, value: float, part: float = 1.0) -> tuple[bool, ...]:
        """Note that a picture with this mean was shown at `now`. Return whether that was a transition, by each rule.

        part : of the picture that changed, 0..1.
        """
        last = value if self._last is None else self._last
        moved = tuple(rule.shown(now, last, value, part) for rule in self._rules)
        for rule, seen in zip(self._rules, moved, strict=True):
            if seen:
                rule.budget.add(now)
        self._last = value
        return moved

    def exchange(self, state: State) -> None:
        """Save or restore the mean so far."""
        self._last = state.value("last", self._last)
        for number, rule in enumerate(self._rules):
            state.part(f"rule {number}", rule)
