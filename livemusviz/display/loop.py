"""The display loop, the show's main thread: frames, features and the view in; a canvas at screen rate out.

Whatever fails while drawing is logged once and the loop goes on with the next frame: the last picture stays up
until then. Times are seconds of the clock passed in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

import moderngl

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import CanvasPicture, View
from livemusviz.clock import Clock
from livemusviz.display import context
from livemusviz.display.compositor import Compositor
from livemusviz.display.options import DisplayHealth, DisplayHooks, DisplayOptions, DisplayStats
from livemusviz.display.pacer import Gate, Pacer
from livemusviz.display.preparation import Preparation
from livemusviz.display.quality import QualityLadder
from livemusviz.display.tally import Tally
from livemusviz.errors import UserError, one_line
from livemusviz.platforms import raised_thread_priority

log = logging.getLogger(__name__)

HOUSEKEEPING = 1.0  # Hz: screens unplugged, shaders edited
MAX_ERRORS_IN_A_ROW = 300  # five seconds of nothing but errors: the context is gone
SOUND_AGE = 0.1  # s; older sound is not what a picture shows
NICENESS = -5  # between the audio process and everything else
AGE_SHARE = 0.02  # of a new age in the mean: a second of canvases


class Surface(Protocol):
    """Presents the canvas."""

    ctx: moderngl.Context

    def poll(self, now: float) -> list[str]:
        """Return the names of the keys pressed since the last call."""

    def present(self, compositor: Compositor, view: View, now: float) -> None:
        """Put the canvas on the screen; returns when it is there."""

    def housekeeping(self) -> None:
        """Called about once a second."""

    def close(self) -> None:
        """Give everything back."""


class HeadlessSurface:
    """No screen: the canvas is drawn and waited for, and only the recorder sees it."""

    def __init__(self) -> None:
        self.ctx = context.headless_context()
        self._finish = context.finisher(self.ctx)

    def poll(self, now: float) -> list[str]:
        return []

    def present(self, compositor: Compositor, view: View, now: float) -> None:
        self._finish()

    def housekeeping(self) -> None:
        """Nothing to look after."""

    def close(self) -> None:
        self.ctx.release()


def run_display(
    options: DisplayOptions, hooks: DisplayHooks, clock: Clock, sleep: Callable[[float], None] = time.sleep
) -> DisplayStats:
    """Show frames until `hooks.tick` returns None. Call it on the main thread. UserError if there is no display to
    be had, the screen does not exist or a shader does not compile."""
    surface = HeadlessSurface() if options.headless else _window(options)
    try:
        with raised_thread_priority(NICENESS):
            return _Show(options, hooks, clock, surface).run(Pacer(options.fps, clock, sleep))
    finally:
        surface.close()


def _window(options: DisplayOptions) -> Surface:
    from livemusviz.display.window import WindowSurface  # pyglet opens a display connection on import

    context.prefer_no_raster_thread()
    return WindowSurface(options)


class _Show:
    """The state of one run."""

    def __init__(self, options: DisplayOptions, hooks: DisplayHooks, clock: Clock, surface: Surface) -> None:
        self._hooks, self._clock, self._surface = hooks, clock, surface
        self._compositor = Compositor(surface.ctx, options.canvas, options.shaders, options.marker)
        self._period = 1.0 / options.fps
        self._housekeeping, self._pictures = Gate(HOUSEKEEPING), Gate(hooks.picture_fps)
        self._preparation = Preparation(self._compositor, options.prepare, options.frame, clock)
        self._ladder = _ladder(options) if options.quality_ladder else None
        self._tally = Tally()
        self._onsets: int | None = None
        self._age = SoundAge()
        self._errors = self._errors_in_a_row = 0
        self._complaints: set[str] = set()

    def run(self, pacer: Pacer) -> DisplayStats:
        try:
            for name in self._preparation.head_start():
                try:
                    self._compositor.prepare(name)
                except Exception as error:  # a shader that may never be asked for
                    self._complain(error)
            running = True
            while running:
                try:
                    running = self._step(self._clock.now())
                    self._errors_in_a_row = 0
                except Exception as error:
                    self._complain(error)
                    if self._errors_in_a_row >= MAX_ERRORS_IN_A_ROW:
                        raise
                if running:
                    pacer.period = self._period
                    pacer.wait()
        finally:
            self._preparation.close()
        return self._stats()

    def _step(self, now: float) -> bool:
        """Draw one display frame. Return False if the show has ended."""
        for name in self._surface.poll(now):
            self._hooks.on_key(name)
        update = self._hooks.tick(now)
        if update is None:
            return False
        features, view = update
        frame = None if view.freeze else self._hooks.frames.take()
        if frame is not None:
            self._compositor.show(frame, now)
        if self._ladder is not None:
            self._compositor.quality = self._ladder.step(now)
            self._period = self._compositor.quality.period
        self._compositor.draw(now, view)
        self._surface.present(self._compositor, view, now)
        shown = self._clock.now()
        self._count(now, shown)
        if frame is not None:
            self._tally.generated += 1
            if self._ladder is not None:
                self._ladder.generated(frame.duration)
            self._hooks.on_shown(frame, shown)
        self._report_onset(features, view, shown)
        self._hand_over_picture(shown, self._age.step(shown - features.time) + 0.5 * self._period)
        if self._housekeeping.opens(now):
            self._keep_house()
        loading = self._tally.generated == 0
        if frame is None and self._preparation.step(now, loading) and self._ladder is not None:
            self._ladder.settle(now)
        for problem in self._compositor.problems:
            self._hooks.on_problem(problem)
        self._compositor.problems.clear()
        return True

    def _hand_over_picture(self, shown: float, age: float) -> None:
        """age : s, of the sound that the canvas shows: what was heard since the one before, on the mean."""
        if self._hooks.on_texture is not None:
            self._hooks.on_texture(self._compositor.share(shown - age))
        take = self._hooks.on_picture
        if take is not None and self._hooks.wants_pictures() and self._pictures.opens(shown, 0.5 * self._period):
            take(CanvasPicture(self._compositor.read(), shown - age))

    def _report_onset(self, features: AudioFeatures, view: View, shown: float) -> None:
        if self._onsets is not None and features.onsets != self._onsets and not view.freeze:
            self._hooks.on_onset_shown(features, shown)
        self._onsets = features.onsets

    def _keep_house(self) -> None:
        self._surface.housekeeping()
        try:
            self._compositor.reload_edited()
        except UserError as error:  # the last good program goes on
            self._hooks.on_problem(str(error))
        self._hooks.on_health(self._health())

    def _health(self) -> DisplayHealth:
        compositor = self._compositor
        recent = self._tally.recent.take()
        return DisplayHealth(
            fps=recent[0],
            work_ms=recent[1],
            quality=str(compositor.quality),
            limited=compositor.limiter.active,
            striped=compositor.limiter.patterns.striped,
            stalls=self._tally.intervals.stalls,
        )

    def _count(self, started: float, shown: float) -> None:
        self._tally.add(started, shown)
        if self._tally.shown == 1:
            log.info("showing a canvas of %dx%d", *self._compositor.size)
        if self._ladder is not None:
            self._ladder.drew(shown - started)

    def _complain(self, error: Exception) -> None:
        self._errors += 1
        self._errors_in_a_row += 1
        complaint = f"{type(error).__name__}: {error}"[:300]
        if complaint not in self._complaints and len(self._complaints) < 100:
            self._complaints.add(complaint)
            log.error("a display frame was lost: %s", complaint, exc_info=error)
            self._hooks.on_problem(f"a display frame was lost: {one_line(complaint)}")

    def _stats(self) -> DisplayStats:
        renderer = str(self._surface.ctx.info["GL_RENDERER"])
        return self._tally.stats(self._errors, str(self._compositor.quality), renderer)


def _ladder(options: DisplayOptions) -> QualityLadder:
    periods = [1.0 / fps for fps in options.other_fps]
    return QualityLadder(1.0 / options.fps, options.first_rung, periods, options.shares_cores)


class SoundAge:
    """Estimates the age of a canvas's sound at its presentation; call `step` for each canvas.

    The figure changes slowly, so that recorded pictures keep their pace.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None

    def step(self, age: float) -> float:
        """age : s, of the newest sound. Too old means that there is no sound; the figure then stays."""
        if 0.0 <= age <= SOUND_AGE:
            self.seconds = age if self.seconds is None else self.seconds + AGE_SHARE * (age - self.seconds)
        return self.seconds or 0.0
