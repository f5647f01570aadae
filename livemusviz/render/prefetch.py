"""Generates the pictures of the next run while the last one is drawn, until asked to stop. Main thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.render.cells import Cell
from livemusviz.signals import signals

if TYPE_CHECKING:
    from livemusviz.diffusion.batches import Batch, BatchGenerator


class Stop:
    """Holds a request to stop."""

    asked = False


@dataclass(frozen=True, slots=True)
class GeneratedRun:
    """Holds a run of cells and its pictures. last : the batch from which the next run's pictures continue."""

    cells: list[Cell]
    pictures: list[np.ndarray]
    last: Batch | None


def generated_runs(runs: Iterable[list[Cell]], generator: BatchGenerator, stop: Stop) -> Iterator[GeneratedRun]:
    """Yield each run with its pictures; the next one is generated meanwhile. Ends early if a rank is asked to stop."""
    waiting: tuple[list[Cell], Batch | None] | None = None
    last: Batch | None = None
    for run in runs:
        if generator.ranks.any(stop.asked):
            break
        controls = [cell.controls for cell in run if cell.controls is not None]
        batch = generator.begin(controls) if controls else None
        if waiting is not None:
            last = waiting[1] or last
            yield GeneratedRun(waiting[0], generator.finish(waiting[1]), last)
        waiting = (run, batch)
    if waiting is not None:
        yield GeneratedRun(waiting[0], generator.finish(waiting[1]), waiting[1] or last)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Within this block SIGINT and SIGTERM ask to stop; the second time they end the process at once."""
    stop = Stop()

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            os._exit(128 + number)
        stop.asked = True

    with signals((signal.SIGINT, signal.SIGTERM), asked):
        yield stop
