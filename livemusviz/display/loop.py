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
from livemusviz.display.options import (
    DisplayHealth,
    DisplayHooks,
    DisplayOptions,
    DisplayStats,
    Durations,
    Intervals,
    Recent,
)
from livemusviz.display.pacer import Gate, Pacer
from livemusviz.display.quality import QualityLadder
from livemusviz.display.warm import ShaderWarmer
from livemusviz.errors import UserError, one_line

log = logging.getLogger(__name__)

HOUSEKEEPING = 1.0  # Hz: screens unplugged, shaders edited
HEAD_START = 0.5  # s before the first canvas in which shaders of the presets to come are compiled: all, from a cache
QUICK = 0.05  # s; one that takes longer is not in the driver's cache, and a child compiles those that are left
PREPARING = 2.0  # Hz: one of those that the child is done with
MAX_ERRORS_IN_A_ROW = 300  # five seconds of nothing but errors: the context is gone
SOUND_AGE = 0.1  # s; older sound is not what a picture shows
AGE_SHARE = 0.02  # of a new age in the mean: a second of canvases


class Surface(Protocol):
    """Presents the canvas."""

    ctx: moderngl.Context

    def poll(self, now: float) -> list[str]:
        """Names of the keys pressed since the last call."""

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
        self._preparing, self._to_prepare = Gate(PREPARING), list(options.prepare)
        self._frame = options.frame
        self._warmer: ShaderWarmer | None = None
        self._ladder = _ladder(options) if options.quality_ladder else None
        self._intervals, self._work, self._recent = Intervals(), Durations(), Recent()
        self._onsets: int | None = None
        self._age = SoundAge()
        self._shown = self._generated = self._errors = self._errors_in_a_row = 0
        self._complaints: set[str] = set()

    def run(self, pacer: Pacer) -> DisplayStats:
        try:
            self._warm_up()
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
            if self._warmer is not None:
                self._warmer.close()
        return self._stats()

    def _warm_up(self) -> None:
        """Draw and compile what the show will need, while nothing is on the screen that could stand still."""
        if self._frame is not None:
            self._compositor.rehearse(self._frame)
        now = self._clock.now()
        until = now + HEAD_START
        while self._to_prepare and now < until:
            try:
                self._compositor.prepare(self._to_prepare.pop(0))
            except Exception as error:  # a shader that may never be asked for
                self._complain(error)
            begun, now = now, self._clock.now()
            if self._frame is not None and now - begun > QUICK:
                break
        if self._to_prepare and self._frame is not None:
            self._warmer = ShaderWarmer(self._compositor.bank.paths, self._compositor.sizes(self._frame))
            self._warmer.ask(self._to_prepare, now)
            self._to_prepare.clear()

    def _step(self, now: float) -> bool:
        """One display frame. False if the show has ended."""
        for name in self._surface.poll(now):
            self._hooks.on_key(name)
        heard = self._hooks.tick(now)
        if heard is None:
            return False
        features, view = heard
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
            self._generated += 1
            if self._ladder is not None:
                self._ladder.generated(frame.duration)
            self._hooks.on_shown(frame, shown)
        self._report_onset(features, view, shown)
        self._hand_over_picture(shown, self._age.step(shown - features.time))
        if self._housekeeping.opens(now):
            self._keep_house()
        if frame is None and self._preparing.opens(now):
            self._prepare(now)
        for problem in self._compositor.problems:
            self._hooks.on_problem(problem)
        self._compositor.problems.clear()
        return True

    def _prepare(self, now: float) -> None:
        if self._warmer is not None and self._warmer.busy:
            self._to_prepare += self._warmer.ready(now)
        while self._to_prepare:
            if self._compositor.prepare(self._to_prepare.pop(0)):
                if self._ladder is not None:
                    self._ladder.settle(now)
                return

    def _hand_over_picture(self, shown: float, age: float) -> None:
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
        recent = self._recent.take()
        return DisplayHealth(
            fps=recent[0],
            work_ms=recent[1],
            quality=str(compositor.quality),
            limited=compositor.limiter.active,
            stalls=self._intervals.stalls,
        )

    def _count(self, started: float, shown: float) -> None:
        self._work.add(shown - started)
        if self._ladder is not None:
            self._ladder.drew(shown - started)
        self._recent.add(started, shown)
        self._intervals.add(shown)
        self._shown += 1

    def _complain(self, error: Exception) -> None:
        self._errors += 1
        self._errors_in_a_row += 1
        complaint = f"{type(error).__name__}: {error}"[:300]
        if complaint not in self._complaints and len(self._complaints) < 100:
            self._complaints.add(complaint)
            log.error("a display frame was lost: %s", complaint, exc_info=error)
            self._hooks.on_problem(f"a display frame was lost: {one_line(complaint)}")

    def _stats(self) -> DisplayStats:
        intervals, seconds = self._intervals, self._intervals.seconds
        return DisplayStats(
            frames_shown=self._shown,
            generated_shown=self._generated,
            seconds=seconds,
            display_fps=(self._shown - 1) / seconds if seconds > 0.0 else 0.0,
            frame_ms_p50=intervals.durations.percentile(50),
            frame_ms_p99=intervals.durations.percentile(99),
            frame_ms_max=1000.0 * intervals.longest,
            stalls=intervals.stalls,
            stalls_at=tuple(intervals.stalls_at),
            work_ms_p50=self._work.percentile(50),
            work_ms_p99=self._work.percentile(99),
            errors=self._errors,
            quality=str(self._compositor.quality),
            renderer=str(self._surface.ctx.info["GL_RENDERER"]),
        )


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
