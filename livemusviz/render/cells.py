"""The film before it is painted: for each of its frames what is heard, shown and asked of the model. Pure composition.

In: features in the order of time, changes of parameters, a director. Out: `Cell`s, one a frame. Frame k stands from
k / fps to (k + 1) / fps and shows the sound up to the middle of that, so that light and sound are never more than half
a frame apart. The same input gives the same cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.view import View
from livemusviz.director.cuefile import Change
from livemusviz.params.params import Params
from livemusviz.render.performer import Performer

Step = Callable[[float, AudioFeatures, Params], Controls]


@dataclass(frozen=True, slots=True)
class Cell:
    """One frame of the film. time : s from the start.  controls : what to paint for it; None keeps the last picture."""

    index: int
    time: float
    features: AudioFeatures
    view: View
    controls: Controls | None


@dataclass(frozen=True, slots=True)
class Grid:
    """fps : film frames a second.  every : film frames to one painted picture.  frames : in the whole film."""

    fps: Fraction
    every: int
    frames: int


def cells(
    grid: Grid,
    heard: Iterable[AudioFeatures],
    changes: Sequence[Change],
    performer: Performer,
    step: Step,
) -> Iterator[Cell]:
    """All cells of the film."""
    coming, pending = iter(heard), list(changes)
    ahead = next(coming, None)
    features = AudioFeatures.rest(0.0)
    for index in range(grid.frames):
        time = float(index / grid.fps)
        until = float((index + Fraction(1, 2)) / grid.fps)
        onset = False
        while ahead is not None and ahead.time <= until:
            features, onset = ahead, onset or ahead.onset
            ahead = next(coming, None)
        features = replace(features, onset=onset)
        while pending and pending[0].time <= time + 0.5 / float(grid.fps):
            change = pending.pop(0)
            performer.change(change.time, change.values)
        view, params = performer.step(time, features)
        controls = step(time, features, params) if index % grid.every == 0 else None
        yield Cell(index, time, features, view, controls if controls is None or controls.compute else None)
