"""Opens the next model of a running show on a thread, while the engine draws with the present one.

The performer asks by `follow`, on the main thread. This thread finds the model and opens it: it loads and warms up as
the engine would. The engine takes it between two frames by `take`. Where memory holds one model alone, it gets an order
instead: it lets its model go before it opens that one. Only the newest wish counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livemusviz.clock import Clock
from livemusviz.diffusion.opening import EngineSpec, OpenModel, open_pipeline
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError, one_line
from livemusviz.platforms import lower_thread_priority

if TYPE_CHECKING:
    from livemusviz.diffusion.pipeline import Pipeline

LOWER, NICEST = 3, 19  # niceness of the opening above the engine's, and the most there is: the show draws on meanwhile


@dataclass(frozen=True, eq=False)
class Opened:
    """A model that is warmed up. about : what it runs on. seconds : that opening it took."""

    pipeline: Pipeline
    about: dict[str, str]
    seconds: float


@dataclass(frozen=True, eq=False)
class NextModel:
    """A model to go on with. name : as the performer asked for it. opened : None where the engine is to open it."""

    name: str
    spec: ModelSpec
    opened: Opened | None


class ModelExchange:
    """Opens models by name beside the one that draws. "" is the name of the one that the show began with.

    opening : name of the one that is being found or opened, None while there is none.
    """

    def __init__(
        self,
        spec: EngineSpec,
        clock: Clock,
        open_model: OpenModel = open_pipeline,
        fits: Callable[[ModelSpec], bool] | None = None,
    ) -> None:
        """fits : returns True if a model has room in memory beside the one that draws; the default is `fits_beside`."""
        self._spec, self._clock, self._open, self._fits = spec, clock, open_model, fits
        self.opening: str | None = None
        self._wanted = self._drawn = self._before = ""  # as `follow` knows it; the one that draws, and the last one
        self._wish: str | None = None  # not begun yet
        self._next: NextModel | None = None
        self._corrected: tuple[str, str] | None = None  # an error, and the name to go on with
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None

    # --- the main thread ------------------------------------------------------------------------

    def follow(self, wanted: str) -> tuple[str, str]:
        """Ask for another model when `wanted` has changed. Never waits.

        Returns why the last one could not be had, or "", and the name of the model that the show goes on with.
        """
        with self._lock:
            corrected, self._corrected = self._corrected, None
            if wanted == self._wanted:
                if corrected is not None:
                    self._wanted = corrected[1]
                return corrected or ("", wanted)
            self._wanted, self._next = wanted, None
            self.opening = self._wish = wanted if wanted != self._drawn else None
        self._begin()
        return corrected[0] if corrected else "", wanted

    def close(self) -> None:
        """Open nothing more. Never waits."""
        self._ended = True
        self._asked.set()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="model", daemon=True)
            self._thread.start()
        self._asked.set()

    # --- the engine thread ----------------------------------------------------------------------

    def open(self, spec: ModelSpec) -> Opened:
        """Load and warm up a model; its own thread does the same. UserError, or whatever else a broken one raises."""
        began = self._clock.now()
        pipeline, about = self._open(spec, self._spec)
        return Opened(pipeline, about, self._clock.now() - began)

    def take(self) -> NextModel | None:
        """Return the model that draws from now on, once; None is still the same."""
        if self._next is None:
            return None
        with self._lock:
            taken, self._next = self._next, None
            if taken is not None:
                self._before, self._drawn = self._drawn, taken.name
        return taken

    def give_back(self, name: str, error: Exception) -> None:
        """Refuse the model that was taken: the one before it draws again."""
        with self._lock:
            self._drawn = self._before
        self.refuse(name, error)

    def fall_back(self, name: str) -> None:
        """Note that the model `name` had to take over; the next `follow` returns it."""
        with self._lock:
            told = self._corrected[0] if self._corrected else ""
            self._drawn, self._corrected = name, (told, name)

    def refuse(self, name: str, error: Exception) -> None:
        """Let the next `follow` return why a model cannot be opened, unless another one is wanted by now."""
        told = str(error) if isinstance(error, UserError) else f"model {name}: cannot be run ({one_line(error)})"
        with self._lock:
            if name == self._wanted:
                self._corrected = (told, self._drawn)

    # --- its own thread -------------------------------------------------------------------------

    def _run(self) -> None:
        lower_thread_priority(min(NICEST, self._spec.budget.engine_niceness + LOWER))
        while self._asked.wait() and not self._ended:
            self._asked.clear()
            with self._lock:
                name, self._wish = self._wish, None
            if name is not None:
                self._prepare(name)

    def _prepare(self, name: str) -> None:
        """Find and open a model. Refuse it if it cannot be opened; drop it if it is no longer wanted."""
        found = None
        try:
            found = self._opened(name)
        except Exception as error:  # whatever a broken folder makes of the networks
            self.refuse(name, error)
        with self._lock:
            if name == self._wanted and self._wish is None:
                self._next, self.opening = found, None

    def _opened(self, name: str) -> NextModel:
        spec = self._spec.find(name) if name else self._spec.model
        return NextModel(name, spec, self.open(spec) if self._has_room(spec) else None)

    def _has_room(self, spec: ModelSpec) -> bool:
        if self._fits is not None:
            return self._fits(spec)
        from livemusviz.diffusion.memory import fits_beside  # and mlx

        return fits_beside(spec)
