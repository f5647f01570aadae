"""Makes the film on rank 0: canvas, file, saved states, progress. Main thread.

In: runs of cells and their pictures. Out: the film's file, which may be played at any moment; a state beside it at the
end of each segment.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.assets import find_shaders
from livemusviz.audio.track import Track
from livemusviz.errors import UserError
from livemusviz.figures import peak_rss_mb
from livemusviz.record.files import STOP_FREE, check_room, free_bytes
from livemusviz.record.movie import Movie, MovieSettings, choose_film_codec
from livemusviz.render.analysis import TrackAnalysis
from livemusviz.render.cells import Grid
from livemusviz.render.options import RenderConfig
from livemusviz.render.plan import Plan
from livemusviz.render.prefetch import GeneratedRun, generated_runs, stopping
from livemusviz.render.progress import Progress, clock
from livemusviz.render.resume import Bookmarks, load_state

if TYPE_CHECKING:
    from livemusviz.diffusion.batches import Batch, BatchGenerator

log = logging.getLogger(__name__)

LATENTS = "latents"


@dataclass(frozen=True, slots=True)
class Figures:
    """Holds the figures of a render.

    output : the film.
    finished : False if it was interrupted.
    frames : frames in the film so far.
    first : frame at which this run began; 0 without --resume.
    total : frames of the whole film.
    seconds : s that this run took.
    fps : frames a second of this run.
    batch : pictures at once.
    ranks : processes that generated pictures.
    sound : "copy", "flac" or "aac"; "" if no frame was drawn.
    codec : FFmpeg's name of the H.264 encoder.
    lost : pictures that held NaN or infinity; the one before stayed.
    damage : damaged packets of the track.
    peak_rss_mb : largest memory of the process, MB.
    """

    output: Path
    finished: bool
    frames: int
    first: int
    total: int
    seconds: float
    fps: float
    batch: int
    ranks: int
    sound: str
    codec: str
    lost: int
    damage: int
    peak_rss_mb: float


class Film:
    """`make` it once."""

    def __init__(self, config: RenderConfig, track: Track, analysis: TrackAnalysis, grid: Grid) -> None:
        from livemusviz.render.canvas import OfflineCanvas  # OpenGL, which other ranks do not need

        check_room(config.output.absolute().parent)
        self._config, self._track, self._analysis, self._grid = config, track, analysis, grid
        width, height = config.canvas
        settings = MovieSettings(width, height, grid.fps)
        self._settings = replace(settings, codec=choose_film_codec(settings))
        self._marks = Bookmarks(config.output, config.fingerprint())
        self._canvas = OfflineCanvas(config.canvas, find_shaders(config.shaders))
        self._movie: Movie | None = None
        self._done = 0

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *error: object) -> None:
        self._canvas.close()

    def make(self, plan: Plan, generator: BatchGenerator, batch: int) -> Figures:
        try:
            return self._make(plan, generator, batch)
        except OSError as error:
            with suppress(OSError, ValueError):  # the disk may refuse the last bytes as well
                self._close()
            raise UserError(
                f"{self._config.output}: cannot be written: {error.strerror or error}; "
                "what is there may be played, and --resume goes on once there is room"
            ) from None

    def _make(self, plan: Plan, generator: BatchGenerator, batch: int) -> Figures:
        first, latents = self._begin(plan)
        generator.start_at(first, latents)
        began = time.perf_counter()
        progress = Progress(self._grid.frames, first, time.perf_counter)
        with stopping() as stop:
            for run in generated_runs(plan.runs(batch, first), generator, stop):
                progress.update(self._done, self._draw(run))
                if self._done % plan.segment == 0 and self._done < self._grid.frames:
                    self._bookmark(run.last)
        progress.done()
        sound = self._movie.sound if self._movie is not None else ""
        self._close()
        finished = self._done == self._grid.frames
        if finished:
            self._marks.clear()
        spent = time.perf_counter() - began
        return Figures(
            output=self._config.output,
            finished=finished,
            frames=self._done,
            first=first,
            total=self._grid.frames,
            seconds=round(spent, 3),
            fps=round((self._done - first) / spent, 2) if spent else 0.0,
            batch=batch,
            ranks=generator.ranks.size,
            sound=sound,
            codec=self._settings.codec,
            lost=generator.lost,
            damage=self._analysis.damage,
            peak_rss_mb=peak_rss_mb(),
        )

    def _draw(self, run: GeneratedRun) -> np.ndarray:
        """Compose and encode the cells of a run. Return the last canvas."""
        coming = iter(run.pictures)
        for cell in run.cells:
            canvas = self._canvas.draw(cell, next(coming) if cell.controls is not None else None)
            if self._movie is None:
                raise RuntimeError("the film is not open")
            self._movie.picture(canvas, cell.index)
            self._done = cell.index + 1
        return canvas

    def _bookmark(self, last: Batch | None) -> None:
        if self._movie is not None:
            self._movie.cut()
        if free_bytes(self._config.output.absolute().parent) < STOP_FREE:
            raise OSError(28, "the disk is nearly full")
        latents = {} if last is None else {LATENTS: np.array(last.last)}
        self._marks.save(self._done, {**self._canvas.state(), **latents})

    def _begin(self, plan: Plan) -> tuple[int, np.ndarray | None]:
        """Open the film. Return the frame to begin with and the latents before it."""
        output, marks = self._config.output, self._marks
        states = marks.states() if self._config.resume and output.exists() else []
        for frame, path in states:
            copy = marks.folder / f"taken-over{output.suffix}"
            movie = self._open(copy)
            if not movie.take_over(output, frame):  # the process was killed before that was on the disk
                movie.close(0.0)
                continue
            os.replace(copy, output)
            self._movie, self._done = movie, frame
            state = load_state(path)
            self._canvas.restore(state, plan.lead(frame))
            log.info("going on at %s", clock(float(frame / self._grid.fps)))
            return frame, state.get(LATENTS)
        self._movie = self._open(output)
        return 0, None

    def _open(self, path: Path) -> Movie:
        try:
            if path == self._config.output:
                self._marks.begin()
            return Movie(path, self._settings, self._track, self._analysis.origin)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None

    def _close(self) -> None:
        movie, self._movie = self._movie, None
        if movie is not None:
            movie.close(float(self._done / self._grid.fps))
