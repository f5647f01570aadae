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
    opening: str | None = None
    """The model that is being opened to take over, by the name it was asked for; None while there is none."""
    loaded_in: float = 0.0
    """s, how long loading and warming up the model took."""
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

    def with_model(self, about: Mapping[str, str], loaded_in: float) -> EngineStatus:
        """Return the status with another model: nothing is known of it yet but `about`, and s that loading it took."""
        return replace(self.without_model(), state="running", about=about, loaded_in=loaded_in)

    def without_model(self) -> EngineStatus:
        """Return the status before a model is loaded. It holds nothing of the last one, so that its memory is free."""
        return replace(self, state="loading", unknown_words=lambda texts: (), unused=(), made=(), seconds=())

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
