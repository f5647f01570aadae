"""A film from a track: analyse, paint in batches, compose, encode; stop and go on. Main thread.

With several ranks each does the same but paints only its share of a batch, and rank 0 alone draws and writes.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.bridge.types import AudioFeatures, Controls, View
from livemusviz.director.cuefile import place
from livemusviz.director.director import Director
from livemusviz.director.params import ParamValues
from livemusviz.director.refine import Refiner
from livemusviz.errors import UserError
from livemusviz.record.files import STOP_FREE, check_room, free_bytes
from livemusviz.record.movie import Movie, MovieSettings, choose_codec
from livemusviz.record.track import Track, probe
from livemusviz.render.heard import DETECTOR_LAG, Heard
from livemusviz.render.options import RenderConfig, check_output
from livemusviz.render.progress import Progress, clock
from livemusviz.render.resume import Bookmarks, load
from livemusviz.render.score import Cell, Grid, Step, cells
from livemusviz.stats import peak_rss_mb

if TYPE_CHECKING:
    from livemusviz.diffusion.batches import Batch, BatchPainter

log = logging.getLogger(__name__)

SEGMENT = 5  # s of film between two places from which a render can go on
EFFECTS = ("zoom", "pulse")
LATENTS = "latents"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a render came to. finished : False if it was interrupted.  fps : frames a second of this run."""

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


def run_render(config: RenderConfig) -> Figures | None:
    """Render to the end, or until interrupted. None on a rank that writes nothing. UserError if it cannot be."""
    from livemusviz.diffusion import backend

    track = probe(config.track)
    _divide_cores()
    backend.prepare()
    from livemusviz.diffusion.batches import BatchPainter, automatic
    from livemusviz.diffusion.pipeline import Pipeline
    from livemusviz.diffusion.ranks import Ranks

    ranks = Ranks.join()
    if ranks.rank == 0:
        check_output(config.output, config.track, config.overwrite or config.resume)
    with ExitStack() as stack:
        heard = _listen(config, track)
        stack.callback(heard.close)
        width, height = config.size
        pipeline = Pipeline.load(config.model, height, width)
        pipeline.set_picture(config.picture)
        batch = config.batch or automatic(pipeline.size, pipeline.backend) * ranks.size
        plan = _Plan(config, heard, pipeline.latent_shape)
        painter = BatchPainter(pipeline, ranks)
        if ranks.rank > 0:
            _help_to_paint(plan, painter, batch)
            return None
        with _Film(config, track, heard, plan.grid) as film:
            return film.make(plan, painter, batch)


def _divide_cores() -> None:
    """Ranks on one machine share its cores: OpenBLAS is told before it is loaded. Others' settings are left alone."""
    rank, hosts = os.environ.get("MLX_RANK"), os.environ.get("MLX_HOSTFILE")
    if rank is None or hosts is None:
        return
    addresses = [str(each[0] if each else "").rpartition(":")[0] for each in json.loads(Path(hosts).read_text())]
    here = addresses.count(addresses[int(rank)])
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // here)))


def _listen(config: RenderConfig, track: Track) -> Heard:
    if track.video and config.replay is None:
        log.warning("%s is a video; its sound is used", config.track)
    heard = Heard(track, config.values.number("gain"))
    if heard.damage:
        log.warning(
            "%s is damaged at %s (%d packets): silence there, and the rest is in time",
            config.track, clock(heard.damaged_at or 0.0), heard.damage,
        )  # fmt: skip
    return heard


class _Plan:
    """The cells of the film, as often as they are asked for."""

    def __init__(self, config: RenderConfig, heard: Heard, latent_shape: tuple[int, int, int]) -> None:
        self._config, self._heard, self._shape = config, heard, latent_shape
        seconds = heard.seconds if config.until is None else min(config.until, heard.seconds)
        self.grid = Grid(config.fps, config.every, max(1, math.ceil(seconds * float(config.fps) - 1e-3)))
        recorded = config.replay.changes if config.replay is not None else ()
        changes = sorted([*recorded, *place(config.cues, heard.bars)], key=lambda change: change.time)
        self._values = config.values
        while changes and changes[0].time <= 0.0:  # the first prompt is cut to, not faded
            self._values = self._values.with_values(changes.pop(0).values)
        self._changes = changes

    @property
    def segment(self) -> int:
        """Frames to a segment."""
        return max(1, round(SEGMENT * self.grid.fps))

    def cells(self) -> Iterator[Cell]:
        step = self._director()
        return cells(self.grid, self._heard.features(), self._changes, self._values, step, look, DETECTOR_LAG)

    def runs(self, batch: int, first: int) -> Iterator[list[Cell]]:
        """The cells from `first` on in runs of at most `batch` pictures, none across the end of a segment."""
        run: list[Cell] = []
        painted = 0
        for cell in self.cells():
            if cell.index < first:
                continue
            if run and (cell.index % self.segment == 0 or (painted == batch and cell.controls is not None)):
                yield run
                run, painted = [], 0
            run.append(cell)
            painted += cell.controls is not None
        yield run

    def before(self, first: int) -> Cell:
        """The cell before frame `first`."""
        return next(cell for cell in self.cells() if cell.index == first - 1)

    def _director(self) -> Step:
        """A director; that of a recorded show walks where it walked then, and sees its noise at any size."""
        replay, (height, width, channels) = self._config.replay, self._shape
        if replay is None:
            return Director(self._shape, self._values).step
        coarse = (*(replay.latents or (height, width)), channels)
        director = Director(coarse, self._values)
        refine = Refiner(coarse, (height, width), int(self._values.number("seed"))) if coarse != self._shape else None

        def step(now: float, features: AudioFeatures, values: ParamValues) -> Controls:
            controls = director.step(now, features, values)
            if replay.walk:
                there = replay.walk.at(now)
                controls = replace(controls, noise=director.noise_at(there), place=there)
            return controls if refine is None else replace(controls, noise=refine(controls.noise, controls.place[0]))

        return step


def look(values: ParamValues) -> View:
    """What of the parameters concerns the canvas."""
    return View(
        blackout=values.flag("blackout"),
        freeze=values.flag("freeze"),
        effects=tuple((name, values.number(name)) for name in EFFECTS),
    )


class _Film:
    """The file being made, on rank 0: stage, movie, bookmarks, progress."""

    def __init__(self, config: RenderConfig, track: Track, heard: Heard, grid: Grid) -> None:
        from livemusviz.render.stage import Stage  # OpenGL, which other ranks do without

        check_room(config.output.absolute().parent)
        self._config, self._track, self._heard, self._grid = config, track, heard, grid
        width, height = config.canvas
        settings = MovieSettings(width, height, grid.fps)
        self._settings = replace(settings, codec=choose_codec(settings))
        self._marks = Bookmarks(config.output, config.fingerprint())
        self._stage = Stage(config.canvas)
        self._movie: Movie | None = None
        self._done = 0

    def __enter__(self) -> _Film:
        return self

    def __exit__(self, *error: object) -> None:
        self._stage.close()

    def make(self, plan: _Plan, painter: BatchPainter, batch: int) -> Figures:
        try:
            return self._make(plan, painter, batch)
        except OSError as error:
            with suppress(OSError, ValueError):  # the disk may refuse the last bytes as well
                self._close()
            raise UserError(
                f"{self._config.output}: cannot be written: {error.strerror or error}; "
                "what is there may be played, and --resume goes on once there is room"
            ) from None

    def _make(self, plan: _Plan, painter: BatchPainter, batch: int) -> Figures:
        first, latents = self._begin(plan)
        painter.follow(first, latents)
        began = time.perf_counter()
        progress = Progress(self._grid.frames, first, time.perf_counter)
        with _stopping() as stop:
            for run in painted(plan.runs(batch, first), painter, stop):
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
            ranks=painter.ranks.size,
            sound=sound,
            codec=self._settings.codec,
            lost=painter.lost,
            damage=self._heard.damage,
            peak_rss_mb=peak_rss_mb(),
        )

    def _draw(self, run: _Painted) -> np.ndarray:
        """Compose and encode the cells of a run; the last canvas."""
        coming = iter(run.pictures)
        for cell in run.cells:
            canvas = self._stage.draw(cell, next(coming) if cell.controls is not None else None)
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
        self._marks.save(self._done, {**self._stage.state(), **latents})

    def _begin(self, plan: _Plan) -> tuple[int, np.ndarray | None]:
        """Open the film; the frame to begin with and the latents before it."""
        if not self._config.resume or not (self._marks.exist or self._config.output.exists()):
            self._marks.clear()
            self._movie = self._open(self._config.output)
            return 0, None
        if not self._marks.exist:
            raise UserError(f"{self._config.output}: is finished already; --overwrite renders it again")
        for frame, path in self._marks.states():
            unfinished = self._marks.folder / f"taken-over{self._config.output.suffix}"
            movie = self._open(unfinished)
            if movie.take_over(self._config.output, frame):
                os.replace(unfinished, self._config.output)
                self._movie = movie
                state = load(path)
                self._stage.restore(state, plan.before(frame))
                self._done = frame
                log.info("going on at %s", clock(float(frame / self._grid.fps)))
                return frame, state.get(LATENTS)
            movie.close(0.0)
        raise UserError(f"--resume: {self._config.output} does not reach any place it could go on from; --overwrite")

    def _open(self, path: Path) -> Movie:
        try:
            return Movie(path, self._settings, self._track, self._heard.origin)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from None

    def _close(self) -> None:
        movie, self._movie = self._movie, None
        if movie is not None:
            movie.close(float(self._done / self._grid.fps))


class _Stop:
    asked = False


@dataclass(frozen=True, slots=True)
class _Painted:
    """A run of cells and its pictures. last : the batch that the next run's pictures go on from."""

    cells: list[Cell]
    pictures: list[np.ndarray]
    last: Batch | None


def painted(runs: Iterable[list[Cell]], painter: BatchPainter, stop: _Stop) -> Iterator[_Painted]:
    """Each run with its pictures; the next one is painted meanwhile. Ends early if any rank is asked to stop."""
    waiting: tuple[list[Cell], Batch | None] | None = None
    last: Batch | None = None
    for run in runs:
        if painter.ranks.any(stop.asked):
            break
        controls = [cell.controls for cell in run if cell.controls is not None]
        batch = painter.begin(controls) if controls else None
        if waiting is not None:
            last = waiting[1] or last
            yield _Painted(waiting[0], painter.finish(waiting[1]), last)
        waiting = (run, batch)
    if waiting is not None:
        yield _Painted(waiting[0], painter.finish(waiting[1]), waiting[1] or last)


def _help_to_paint(plan: _Plan, painter: BatchPainter, batch: int) -> None:
    """What every rank but the first does."""
    first = painter.follow(0, None)
    with _stopping() as stop:
        for _ in painted(plan.runs(batch, first), painter, stop):
            pass


@contextmanager
def _stopping() -> Iterator[_Stop]:
    """Within this block SIGINT and SIGTERM ask to stop; the second time they end the process at once."""
    stop = _Stop()

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            os._exit(128 + number)
        stop.asked = True

    kept = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, previous in kept.items():
            signal.signal(number, previous)
