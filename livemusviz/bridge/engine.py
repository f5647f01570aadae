"""Carries the state of the engine from its thread to whoever reports it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

RECENT = 60  # frames behind the medians
RATED = 30  # ... and behind the rate


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Describes the engine after its last slot."""

    state: str = "loading"
    """ "loading", "running", "hung" or "failed"."""
    message: str = ""
    """The last thing that went wrong, until it is over."""
    about: Mapping[str, str] = field(default_factory=dict)
    """model, backend and blas, once a model is loaded."""
    unknown_words: Callable[[Iterable[str]], tuple[str, ...]] = lambda texts: ()
    """Returns the words of some texts that mean nothing to the model. Any thread."""
    unused: tuple[str, ...] = ()
    """Parameters by name that move nothing in the model."""
    generated: int = 0
    """Frames computed."""
    skipped: int = 0
    """Slots in which the director asked for no frame."""
    failures: int = 0
    """Slots lost to an exception."""
    reused: tuple[int, ...] = (0, 0, 0, 0)
    """Frames by reuse level, see `frames.Reuse`."""
    made: tuple[float, ...] = ()
    """s, when the last frames were finished, oldest first."""
    seconds: tuple[float, ...] = ()
    """s, how long each of the last frames took, oldest first."""

    @property
    def fps(self) -> float:
        """Return generated frames a second, over the last ones."""
        first, last = (self.made[0], self.made[-1]) if self.made else (0.0, 0.0)
        return (len(self.made) - 1) / (last - first) if last > first else 0.0

    def with_frame(self, reuse: int, made: float, seconds: float) -> EngineStatus:
        """Return the status with one frame more, of reuse level `reuse`. made, seconds : when it was finished (s), how
        long it took (s)."""
        return replace(
            self,
            generated=self.generated + 1,
            reused=tuple(count + (level == reuse) for level, count in enumerate(self.reused)),
            made=(*self.made, made)[-RATED:],
            seconds=(*self.seconds, seconds)[-RECENT:],
        )
