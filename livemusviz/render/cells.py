"""Composes the frames of a film: features, view and controls of each. Pure.

In: features in the order of time, changes of parameters, a director. Out: `Cell`s, one a frame. Frame k lasts from k /
fps to (k + 1) / fps and shows the sound up to the middle of that, so that picture and sound are never more than half a
frame apart. The same input gives the same cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.view import View
from livemusviz.director.cuefile import Change
from livemusviz.errors import UserError
from livemusviz.params.params import Params
from livemusviz.render.window import SoundWindow
from livemusviz.session.session import Session

Direct = Callable[[float, AudioFeatures, Params], Controls]


@dataclass(frozen=True, slots=True)
class Cell:
    """Holds what is needed to draw one frame of the film.

    index : number of the frame, from 0.
    time : s from the start.
    features : of the sound.
    view : for the display.
    controls : for the model; None keeps the last picture.
    """

    index: int
    time: float
    features: AudioFeatures
    view: View
    controls: Controls | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Holds the grid of frames. fps : frames a second.  every : frames to one generated picture.  frames : of the
    film."""

    fps: Fraction
    every: int
    frames: int


def cells(
    grid: Grid,
    features: Iterable[AudioFeatures],
    changes: Sequence[Change],
    session: Session,
    sound: SoundWindow,
    direct: Direct,
) -> Iterator[Cell]:
    """Yield all cells of the film. UserError for a change, or a preset of the autopilot, that is not possible."""
    coming, pending = iter(features), list(changes)
    ahead = next(coming, None)
    newest = AudioFeatures.rest(0.0)
    for index in range(grid.frames):
        time = float(index / grid.fps)
        until = float((index + Fraction(1, 2)) / grid.fps)
        onset = False
        while ahead is not None and ahead.time <= until:
            newest, onset = ahead, onset or ahead.onset
            ahead = next(coming, None)
        newest = replace(newest, onset=onset)
        while pending and pending[0].time <= time + 0.5 / float(grid.fps):
            session.apply(pending.pop(0).values)
        step = session.play(time, newest, sound.until(time))
        if step.errors:
            raise UserError(step.errors[0])
        controls = direct(time, newest, step.params) if index % grid.every == 0 else None
        yield Cell(index, time, newest, step.view, controls if controls is None or controls.compute else None)
