"""Renders a film from a track. Main thread.

With several ranks, each generates its share of a batch, and rank 0 alone draws and writes.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from livemusviz.audio.track import Track, probe
from livemusviz.errors import UserError
from livemusviz.render.analysis import TrackAnalysis
from livemusviz.render.film import Figures, Film
from livemusviz.render.options import RenderConfig, check_output
from livemusviz.render.plan import Plan
from livemusviz.render.prefetch import generated_runs, stopping
from livemusviz.render.progress import Listening, clock
from livemusviz.render.resume import Bookmarks
from livemusviz.sizes import parse_size

if TYPE_CHECKING:
    from livemusviz.diffusion.batches import BatchGenerator

log = logging.getLogger(__name__)


def run_render(config: RenderConfig) -> Figures | None:
    """Render to the end, or until interrupted. None on a rank that writes nothing. UserError if it cannot be."""
    from livemusviz.diffusion import backend

    track = probe(config.track)
    _divide_cores()
    backend.prepare_backend()
    from livemusviz.diffusion.batches import BatchGenerator, automatic
    from livemusviz.diffusion.pipeline import Pipeline
    from livemusviz.diffusion.ranks import Ranks

    ranks = Ranks.join()
    if ranks.rank == 0:
        check_output(config.output, config.track, config.overwrite or config.resume)
        if config.resume and config.output.exists():
            Bookmarks(config.output, config.fingerprint()).check_same()
        _tell_of_scale(config)
    with ExitStack() as stack:
        analysis = _listen(config, track)
        stack.callback(analysis.close)
        width, height = config.size
        pipeline = Pipeline.load(config.model, height, width)
        pipeline.set_init_image(config.picture)
        pipeline.controls.set_pictures(config.control_pictures)
        batch = config.batch or automatic(pipeline.size, pipeline.backend) * ranks.size
        plan = Plan(config, analysis, pipeline.latent_shape)
        generator = BatchGenerator(pipeline, ranks)
        if ranks.rank > 0:
            _generate_share(plan, generator, batch)
            return None
        with Film(config, track, analysis, plan.grid) as film:
            return film.make(plan, generator, batch)


def _divide_cores() -> None:
    """Divide the cores among the ranks of one machine, before OpenBLAS is loaded. A user's own setting is kept."""
    rank, hosts = os.environ.get("MLX_RANK"), os.environ.get("MLX_HOSTFILE")
    if rank is None or hosts is None:
        return
    listed = json.loads(Path(hosts).read_text(encoding="utf-8"))
    addresses = [str(each[0] if each else "").rpartition(":")[0] for each in listed]
    here = addresses.count(addresses[int(rank)])
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // here)))


def _tell_of_scale(config: RenderConfig) -> None:
    """Warn where a recorded show is generated at another size: a model draws the same forms in as many pixels."""
    shown = config.replay.flags.get("size") if config.replay is not None else None
    with suppress(UserError):
        if isinstance(shown, str) and parse_size(shown) != config.size:
            width, height = config.size
            log.warning(
                "the show was generated at %s: at %dx%d the model draws its forms smaller or larger in the picture, so "
                "it is another one; to enlarge the same picture give --canvas alone", shown, width, height,
            )  # fmt: skip


def _listen(config: RenderConfig, track: Track) -> TrackAnalysis:
    if track.video and config.replay is None:
        log.warning("%s is a video; its sound is used", config.track)
    params = config.values.params
    listening = Listening(track.seconds, time.perf_counter)
    analysis = TrackAnalysis(track, params.gain, listening, params.sensitivity)
    listening.done()
    if analysis.damage:
        log.warning(
            "%s is damaged at %s (%d packets): silence there, and the rest is in time",
            config.track, clock(analysis.damaged_at or 0.0), analysis.damage,
        )  # fmt: skip
    return analysis


def _generate_share(plan: Plan, generator: BatchGenerator, batch: int) -> None:
    """Generate the share of a rank that writes nothing."""
    first = generator.start_at(0, None)
    with stopping() as stop:
        for _ in generated_runs(plan.runs(batch, first), generator, stop):
            pass
