"""A whole show in virtual time: analysis, director, model and canvas as live, on one thread, as slowly as need be.

The engine is given a fixed time for a frame, so what is measured does not depend on how busy this machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls, Frame, Timing
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.director.director import Director
from livemusviz.params.params import Params

HALF_FADE = 0.55  # as in show.py


class Canvas(Protocol):
    """Draws the canvas off screen."""

    def show(self, frame: Frame, now: float) -> None: ...
    def draw(self, now: float, features: AudioFeatures) -> np.ndarray:
        """Return the picture of this moment, (h, w, 3) or (h, w)."""


@dataclass
class Rules:
    """Holds the fixed times of a virtual show.

    fps, engine_fps : of display and engine.
    generate : s, time of a frame, for each grade from GLIDE on.
    predict : True if the director knows the latency of its frames.
    """

    fps: float = 60.0
    engine_fps: float = 30.0
    generate: tuple[float, float, float] = (0.015, 0.045, 0.06)
    predict: bool = True


@dataclass
class Log:
    """Holds the results of a virtual show.

    motion : mean absolute difference of each picture and the one before.
    flicker : mean second difference of three pictures in a row.
    slots : controls of each engine slot, with its time.
    """

    times: list[float] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    slots: list[tuple[float, Controls]] = field(default_factory=list)


def extract(sound: np.ndarray) -> list[AudioFeatures]:
    """Causal features of float32 (n, 2) at SAMPLE_RATE."""
    audio = InProcessAudio()
    return list(audio.feed_all(sound[i : i + HOP] for i in range(0, len(sound) - HOP + 1, HOP)))


def perform(
    features: Sequence[AudioFeatures], params: Params, shape: tuple[int, int, int],
    paint: Callable[[Controls], np.ndarray], canvas: Canvas, rules: Rules,
) -> Log:  # fmt: skip
    """Play it all. paint : a picture for controls, uint8 RGBA."""
    log, show = Log(), _Show(features, params, Director(shape, params), paint, rules)
    past: list[np.ndarray] = []
    for number in range(int(len(features) * HOP / SAMPLE_RATE * rules.fps)):
        now = number / rules.fps
        for frame in show.until(now, log):
            canvas.show(frame, now)
        picture = canvas.draw(now, show.at(now)).astype(np.float32)
        if past:
            log.times.append(now)
            log.motion.append(float(np.abs(picture - past[-1]).mean()))
            log.flicker.append(float(np.abs(picture - 2.0 * past[-1] + past[0]).mean()) if len(past) > 1 else 0.0)
        past = [*past[-1:], picture]
    return log


class _Show:
    """The engine's side of virtual time."""

    def __init__(
        self, features: Sequence[AudioFeatures], params: Params, director: Director,
        paint: Callable[[Controls], np.ndarray], rules: Rules,
    ) -> None:  # fmt: skip
        self._features, self._params, self._director = features, params, director
        self._paint, self._rules = paint, rules
        self._slot = self._free = 0.0
        self._made: list[Frame] = []
        self._onsets, self._count = 0, 0
        full = rules.generate[-1]
        period = max(full, 1.0 / rules.engine_fps)
        seconds = full + 1.0 / rules.fps + HALF_FADE * period if rules.predict else 0.0
        self._timing = Timing(seconds, period)

    def at(self, now: float) -> AudioFeatures:
        """Return the newest features at `now`; `onset` is left to their count."""
        i = min(len(self._features) - 1, int(now * SAMPLE_RATE / HOP) - 1)
        return replace(self._features[i], onset=False) if i >= 0 else AudioFeatures.rest(now)

    def until(self, now: float, log: Log) -> Iterator[Frame]:
        """Frames that have arrived by `now`."""
        step = 1.0 / 240.0
        clock = max(0.0, now - 1.0 / self._rules.fps)
        while clock < now:
            clock += step
            self._wake(clock)
            if clock >= self._free and clock >= self._slot:
                self._draw(clock, log)
        due = [frame for frame in self._made if frame.made <= now]
        self._made = [frame for frame in self._made if frame.made > now]
        yield from due[-1:]

    def _wake(self, now: float) -> None:
        onsets = self.at(now).onsets
        if onsets != self._onsets:
            self._onsets, self._slot = onsets, now

    def _draw(self, now: float, log: Log) -> None:
        controls = self._director.step(now, self.at(now), self._params, self._timing)
        log.slots.append((now, controls))
        self._slot = max(now + 1.0 / self._rules.engine_fps, controls.next_start)
        if not controls.compute:
            return
        self._free = now + self._rules.generate[controls.reuse]
        self._count += 1
        self._made.append(Frame(self._paint(controls), self._count, controls.time, self._free, self._free - now))
