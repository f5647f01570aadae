"""Plans a film: its cells from track, cues and director, in runs. Pure but for reading the track's features.

In: a config, the analysis of the track. Out: `Cell`s in runs, a batch of pictures to a run. Each call steps the
director from the first frame, so a render that continues at frame k has the same director as one that ran through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from livemusviz.assets import find_content
from livemusviz.audio.track import TrackReader
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.director.cuefile import place_cues
from livemusviz.director.director import Director
from livemusviz.director.refine import Refiner
from livemusviz.params.params import Params
from livemusviz.render.analysis import TrackAnalysis
from livemusviz.render.cells import Cell, Direct, Grid, cells
from livemusviz.render.options import RenderConfig
from livemusviz.render.window import SoundWindow
from livemusviz.session.session import Session

SEGMENT = 5  # s of film between two places from which a render can go on
LEAD = 2.5  # s of film drawn again to continue from one: longer than two scenes overlap


class Plan:
    """Makes the cells of the film, again with each call."""

    def __init__(self, config: RenderConfig, analysis: TrackAnalysis, latent_shape: tuple[int, int, int]) -> None:
        self._config, self._analysis, self._shape = config, analysis, latent_shape
        seconds = analysis.seconds if config.until is None else min(config.until, analysis.seconds)
        self.grid = Grid(config.fps, config.every, max(1, math.ceil(seconds * float(config.fps) - 1e-3)))
        recorded = config.replay.changes if config.replay is not None else ()
        cues = place_cues(config.cues, analysis.bars, analysis.seconds)
        changes = sorted([*recorded, *cues], key=lambda change: change.time)
        self._values = config.values
        while changes and changes[0].time <= 0.0:  # the first prompt is shown at once, not faded in
            first = {name: value for name, value in changes[0].values.items() if not name.startswith("fx/")}
            self._values = self._values.with_values(first)
            if len(first) < len(changes[0].values):
                break
            changes.pop(0)
        self._changes = changes
        self._content = find_content(config.shaders, config.playlist)[0]
        trial = self._session()
        for change in changes:  # errors are found before anything is generated
            trial.apply(change.values)

    @property
    def segment(self) -> int:
        """Return the frames of a segment."""
        return max(1, round(SEGMENT * self.grid.fps))

    def cells(self) -> Iterator[Cell]:
        sound = SoundWindow(TrackReader(self._analysis.track).blocks())
        return cells(self.grid, self._analysis.features(), self._changes, self._session(), sound, self._director())

    def runs(self, batch: int, first: int) -> Iterator[list[Cell]]:
        """Yield the cells from `first` on in runs of at most `batch` pictures, none across the end of a segment."""
        run: list[Cell] = []
        pictures = 0
        for cell in self.cells():
            if cell.index < first:
                continue
            if run and (cell.index % self.segment == 0 or (pictures == batch and cell.controls is not None)):
                yield run
                run, pictures = [], 0
            run.append(cell)
            pictures += cell.controls is not None
        yield run

    def lead(self, first: int) -> list[Cell]:
        """Return the cells of the last seconds before frame `first`."""
        begin = first - round(LEAD * self.grid.fps)
        return [cell for cell in islice(self.cells(), first) if cell.index >= begin]

    def _session(self) -> Session:
        return Session(self._content, self._values)

    def _director(self) -> Direct:
        """Return a director; that of a recorded show walks where it walked then, and sees its noise at any size."""
        replay, (height, width, channels) = self._config.replay, self._shape
        if replay is None:
            return Director(self._shape, self._values.params).step
        coarse = (*(replay.latents or (height, width)), channels)
        director = Director(coarse, self._values.params)
        refine = Refiner(coarse, (height, width), self._values.params.seed) if coarse != self._shape else None

        def step(now: float, features: AudioFeatures, params: Params) -> Controls:
            controls = director.step(now, features, params)
            if replay.walk:
                there = replay.walk.at(now)
                controls = replace(controls, noise=director.noise_at(there), place=there)
            return controls if refine is None else replace(controls, noise=refine(controls.noise, controls.place[0]))

        return step
