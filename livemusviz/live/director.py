"""Directs the engine of a live show. `step` runs on the engine thread; its input comes through a mailbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from livemusviz.bridge.frames import Controls, DirectorInput
from livemusviz.bridge.latest import Latest
from livemusviz.clock import Clock
from livemusviz.director.director import Director
from livemusviz.live.trace import Trace
from livemusviz.sources.loop import Sources

Note = Callable[[float, Mapping[str, Any]], None]


class LiveDirector:
    """Makes a director for each model that the engine loads, and steps it by the newest input.

    inputs : features, parameters and timing, put by the main thread.
    sources : of pictures from which frames start.
    latents : (h, w) of the model that is loaded.
    """

    def __init__(
        self, first: DirectorInput, clock: Clock, note: Note, sources: Sources, trace: Trace | None = None
    ) -> None:
        """note : writes a line into the show log.  trace : gets each slot."""
        self.sources = sources
        self.inputs: Latest[DirectorInput] = Latest(first)
        self.latents: Latest[tuple[int, int]] = Latest()
        self._newest, self._clock, self._note, self._trace = first, clock, note, trace

    def open(self, latent_shape: tuple[int, int, int]) -> Callable[[float], Controls]:
        """Return the step of a new director for latents of (h, w, c)."""
        self.latents.put(latent_shape[:2])
        self._note(self._clock.now(), {"latents": list(latent_shape[:2])})
        director = Director(latent_shape, self._take().params)

        def step(now: float) -> Controls:
            given = self._take()
            controls = director.step(now, given.features, given.params, given.timing, self.sources.look(now))
            self._note(now, {"walk": [round(angle, 5) for angle in controls.place]})
            if self._trace is not None:
                self._trace.slot(controls, given.features)
            return controls

        return step

    def close(self) -> None:
        """Close the trace."""
        if self._trace is not None:
            self._trace.close()

    def _take(self) -> DirectorInput:
        self._newest = self.inputs.get() or self._newest
        return self._newest
