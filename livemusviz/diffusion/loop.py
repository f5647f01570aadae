"""The engine thread, which owns MLX: Controls in, Frames out through a one-slot mailbox.

Everything of MLX is loaded, compiled, seeded and used on this thread; numpy leaves it. Slots come at `max_fps`, or at
once when `wake` tells of an onset. A slot's frame is computed or skipped as the director says; a failure costs its own
frame only, three in a row bring the embedded model back.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.bridge.frames import Controls, Frame
from livemusviz.bridge.latest import Latest
from livemusviz.budget import Budget
from livemusviz.clock import Clock
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError, one_line
from livemusviz.platforms import lower_thread_priority

if TYPE_CHECKING:
    from livemusviz.diffusion.pipeline import Embedding, Pipeline

log = logging.getLogger(__name__)

Step = Callable[[float], Controls]
OpenModel = Callable[[ModelSpec, "EngineSpec"], tuple["Pipeline", dict[str, str]]]
Conduct = Callable[[tuple[int, int, int]], Step]  # latent shape -> what to draw at a time

FAILURES_BEFORE_FALLBACK = 3
TIMINGS_KEPT = 36_000  # twenty minutes at 30 a second


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """model : what to load.  fallback : the embedded model.  height, width : pixels.  max_fps : slots a second.

    picture : uint8 (height, width, 3), to start every frame from.  budget : threads and priority of this room.
    """

    model: ModelSpec
    fallback: ModelSpec
    height: int
    width: int
    max_fps: float = 30.0
    picture: np.ndarray | None = None
    budget: Budget = field(default_factory=Budget)


class Engine:
    """Runs the engine thread. `frames` holds the newest Frame; the counters may be read from any thread."""

    def __init__(self, spec: EngineSpec, conduct: Conduct, clock: Clock, open_model: OpenModel | None = None) -> None:
        """open_model : loads and warms up a model folder (for tests); the default is `open_pipeline`."""
        self.spec = spec
        self.frames: Latest[Frame] = Latest()
        self.state = "loading"
        self.message = ""
        self.generated = 0
        self.grades: Counter[int] = Counter()  # pictures by `Controls.grade`
        self.skipped = 0
        self.failures = 0
        self.seconds: deque[float] = deque(maxlen=TIMINGS_KEPT)  # of each computed frame
        self.about: dict[str, str] = {}  # model, backend, blas
        self.on_slot: Callable[[Controls], None] | None = None  # told of each slot, on the engine thread
        self._conduct, self._clock, self._open = conduct, clock, open_model or open_pipeline
        self._refused: tuple[int, tuple[int, ...]] | None = None  # steps that the model does not make
        self._made: deque[float] = deque(maxlen=30)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something happened that should be seen: do not wait for the next slot."""
        self._wake.set()

    def recent_frames(self) -> list[float]:
        """When the last frames were made, s, oldest first."""
        return list(self._made)

    def close(self, timeout: float = 1.0) -> bool:
        """Ask the thread to end; False if it has not within `timeout` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        lower_thread_priority(self.spec.budget.engine_niceness)  # MLX's and BLAS's threads inherit it
        try:
            pipeline = self._load(self.spec.model)
            while not self._stop.is_set():
                pipeline = self._draw(pipeline)
        except Exception as error:  # the show goes on with its idle scene
            log.error("the engine stopped: %s", error, exc_info=None if isinstance(error, UserError) else error)
            self._say("failed", f"engine: {error}")

    def _load(self, model: ModelSpec) -> Pipeline:
        """A model that cannot be loaded, or not draw once, gives way to the embedded model."""
        try:
            pipeline, about = self._open(model, self.spec)
        except Exception as error:
            if model == self.spec.fallback:
                raise
            known = isinstance(error, UserError)
            told = str(error) if known else f"{model.folder}: cannot be run ({one_line(error)})"
            log.error("%s; going on with the embedded model", told, exc_info=None if known else error)
            self._say("loading", told)
            return self._load(self.spec.fallback)
        self.about = about
        gc.collect()
        gc.freeze()  # a later full collection would hold every thread for tens of milliseconds
        log.info("drawing with %(model)s on %(backend)s, BLAS %(blas)s", about)
        self._say("running", self.message)
        return pipeline

    def _draw(self, pipeline: Pipeline) -> Pipeline:
        """Draw with one pipeline until the end, or until it has failed too often; then return its successor."""
        step = self._conduct(pipeline.latent_shape)
        in_a_row = 0
        slot = self._clock.now()
        while not self._stop.is_set():
            self._wait_until(slot)
            started = self._clock.now()
            controls = step(started)
            slot = max(started + 1.0 / self.spec.max_fps, controls.next_start)
            if self.on_slot is not None:
                self.on_slot(controls)
            if not controls.compute:
                self.skipped += 1
                continue
            try:
                self._publish(pipeline, controls, started)
                in_a_row = 0
            except Exception as error:
                in_a_row += 1
                self._count_failure(error, in_a_row)
                if in_a_row >= FAILURES_BEFORE_FALLBACK:
                    self._wait_until(self._clock.now() + 1.0)
                    return self._load(self.spec.fallback)
        return pipeline

    def _publish(self, pipeline: Pipeline, controls: Controls, started: float) -> None:
        self._follow(pipeline, controls)
        image = pipeline.generate(
            controls.noise,
            embedding(pipeline, controls),
            controls.feedback,
            guidance_scale=controls.guidance_scale,
            delta=controls.delta,
            negative=pipeline.encode_negative(controls.negative_prompt),
            grade=controls.grade,
            drift=controls.drift,
        )
        self.grades[controls.grade] += 1
        made = self._clock.now()
        self.generated += 1
        self.seconds.append(made - started)
        self._made.append(made)
        self.frames.put(Frame(image, self.generated, controls.time, made, made - started))

    def _follow(self, pipeline: Pipeline, controls: Controls) -> None:
        try:
            pipeline.follow(controls)
        except UserError as error:
            self._refused = (controls.steps, controls.t_list)
            log.error("%s", error)
            self._say("running", str(error))
        else:
            if self._refused not in (None, (controls.steps, controls.t_list)):
                self._refused = None
                self._say("running", "")

    def _count_failure(self, error: Exception, in_a_row: int) -> None:
        self.failures += 1
        if in_a_row == 1:
            log.exception("a frame failed")
        self._say("running", f"engine: {error}")

    def _wait_until(self, time: float) -> None:
        """Until `time`, or until woken."""
        remaining = time - self._clock.now()
        if remaining > 0 and not self._stop.is_set():
            self._wake.wait(remaining)
        self._wake.clear()

    def _say(self, state: str, message: str) -> None:
        self.state, self.message = state, message


def open_pipeline(model: ModelSpec, spec: EngineSpec) -> tuple[Pipeline, dict[str, str]]:
    """Load and warm up a model; and what it runs on. UserError if it cannot be loaded."""
    from livemusviz.diffusion import backend

    backend.prepare(blas_threads=spec.budget.blas_threads)
    from livemusviz.diffusion.pipeline import Pipeline

    pipeline = Pipeline.load(model, spec.height, spec.width)
    pipeline.set_picture(spec.picture)
    pipeline.warm_up()
    return pipeline, {"model": pipeline.name, "backend": pipeline.backend, "blas": backend.blas_name()}


def embedding(pipeline: Pipeline, controls: Controls) -> Embedding:
    """The text embedding of one moment: one prompt's, or the blend of two during a fade."""
    target = pipeline.encode_prompt(controls.prompt)
    if controls.fade >= 1.0:
        return target
    return pipeline.blend(pipeline.encode_prompt(controls.previous_prompt), target, controls.fade)
