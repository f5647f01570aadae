"""Sends the canvas's texture to other programs on this machine. Runs on the display's thread, which owns the context.

A send that takes too long would cost display frames, so each sink has a budget: one that is over it on average is
closed and tried again later. Whatever fails is told, and the show goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import OFF, RUNNING, WAITING, CanvasTexture, OutputStatus
from livemusviz.bridge.supervise import Backoff
from livemusviz.clock import Clock
from livemusviz.errors import UserError, one_line
from livemusviz.sinks.open import make_texture_sink
from livemusviz.sinks.protocol import TextureSink
from livemusviz.sinks.spec import SinkSpec, refusal

BUDGET = 0.004  # s a canvas, on average
MEMORY = 0.1  # share of a new send in the average
SETTLING = 10  # sends that may take longer: the first make their textures
PAUSES = (1.0, 5.0, 30.0)  # s between attempts
FAILURES = (OSError, RuntimeError, ValueError, UserError)


class TextureOutput:
    """Keeps one sink of textures open while it is switched on. `poll` it each display frame."""

    def __init__(
        self,
        spec: SinkSpec,
        notices: Notices,
        clock: Clock,
        make: Callable[[SinkSpec], TextureSink] = make_texture_sink,
        refused: str | None = None,
    ) -> None:
        """make : makes the sink.  refused : why there can be none; None asks this machine."""
        self.spec, self._notices, self._clock, self._make = spec, notices, clock, make
        self._refused = refusal(spec) if refused is None else refused
        self._sink: TextureSink | None = None
        self._on = False
        self._backoff, self._next_try = Backoff(PAUSES), float("-inf")
        self._mean, self._sends = 0.0, 0
        self._told = ""
        self.status = OutputStatus(spec.name, spec.kind, spec.target)

    def poll(self, now: float, on: bool) -> None:
        """Open the sink if it is to be and is not, at `now`, s."""
        if on != self._on:
            self._on, self._next_try = on, now
            self._backoff.reset()
        if not on:
            self._close(OFF)
        elif self._refused:
            self._fail(self._refused, float("inf"))
        elif self._sink is None and now >= self._next_try:
            try:
                sink = self._make(self.spec)
                sink.open(now)
            except FAILURES as error:
                self._fail(one_line(error), now)
                return
            self._sink, self._mean, self._sends, self._told = sink, 0.0, 0, ""
            self.status = replace(self.status, state=RUNNING)

    def send(self, canvas: CanvasTexture) -> None:
        """Send a canvas that was drawn in the current context."""
        if self._sink is None:
            return
        begun = self._clock.now()
        try:
            self._sink.send(canvas, begun)
        except FAILURES as error:
            self._fail(one_line(error), begun)
            return
        spent = self._clock.now() - begun
        self._sends += 1
        self.status = replace(self.status, sent=self.status.sent + 1)
        if self._sends > SETTLING:
            self._mean += MEMORY * (spent - self._mean)
        if self._mean > BUDGET:
            spoken = f"takes {1000 * self._mean:.1f} ms a canvas, more than {1000 * BUDGET:g}; closed for a while"
            self._fail(spoken, begun + spent)

    def close(self) -> None:
        """Close the sink. May be called twice."""
        self._close(OFF)

    def _fail(self, message: str, now: float) -> None:
        self._close(WAITING)
        self._next_try = now + self._backoff.next()
        self.status = replace(self.status, message=message)
        if message != self._told:
            self._notices.error(f"out {self.spec.name}: {message}", "out")
        self._told = message

    def _close(self, state: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(*FAILURES):
                sink.close()
        if state != self.status.state:
            self.status = replace(self.status, state=state)
