"""Draws and compiles what a show will need before it is needed. Runs on the thread that owns the context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from livemusviz.clock import Clock
from livemusviz.display.compositor import Compositor
from livemusviz.display.pacer import Gate
from livemusviz.display.rehearsal import Size
from livemusviz.display.warm import ShaderWarmer

HEAD_START = 0.5  # s before the first canvas in which shaders of the presets to come are compiled: all, from a cache
QUICK = 0.05  # s; one that takes longer is not in the driver's cache, and a child compiles those that are left
PREPARING = 5.0  # Hz: a part of one of those that the child is done with, so that no canvas waits for more
LOADING = 10.0  # s for which a model that loads goes first: it holds the GIL as shaders do


class Preparation:
    """`head_start` before the first canvas, `step` for each, `close` at the end."""

    def __init__(self, compositor: Compositor, names: Sequence[str], frame: Size | None, clock: Clock) -> None:
        """names : shaders of the presets to come.  frame : size of the generated frames; None rehearses nothing."""
        self._compositor, self._names, self._frame, self._clock = compositor, list(names), frame, clock
        self._gate = Gate(PREPARING)
        self._parts: Iterator[None] | None = None  # that are left of a shader
        self._warmer: ShaderWarmer | None = None
        self._after: float | None = None  # s, when shaders are prepared, whatever the model does

    def head_start(self) -> Iterator[str]:
        """Draw everything once, then yield shaders to prepare while there is time and each is quick; a child compiles
        the others."""
        if self._frame is not None:
            self._compositor.rehearse(self._frame)
        now = self._clock.now()
        until = now + HEAD_START
        while self._names and now < until:
            yield self._names.pop(0)
            begun, now = now, self._clock.now()
            if self._frame is not None and now - begun > QUICK:
                break
        if self._names and self._frame is not None:
            self._warmer = ShaderWarmer(self._compositor.bank.paths, self._compositor.sizes(self._frame))
            self._warmer.ask(self._names, now)
            self._names.clear()

    def step(self, now: float, loading: bool = False) -> bool:
        """Prepare a part of a shader now and then. True if that took time. loading : no picture was generated yet."""
        if self._after is None:
            self._after = now + LOADING
        if not self._gate.opens(now) or (loading and now < self._after):
            return False
        if self._warmer is not None and self._warmer.busy:
            self._names += self._warmer.ready(now)
        while self._parts is None and self._names:
            name = self._names.pop(0)
            if not self._compositor.bank.has(name):
                self._parts = self._compositor.prepare_in_parts(name)
        if self._parts is None:
            return False
        for _ in self._parts:
            return True
        self._parts = None  # this was the last one
        return True

    def close(self) -> None:
        """End the child."""
        if self._warmer is not None:
            self._warmer.close()
