"""Runs the engine thread, which owns MLX: Controls in, Frames out through a one-slot mailbox.

Everything of MLX is loaded, compiled, seeded and used on this thread; numpy leaves it. Slots come at `max_fps`, or at
once after `wake`, as on an onset. The director decides if a slot's frame is computed or skipped; a failure costs its
own frame only, three in a row bring the embedded model back. A frame that is all black counts as lost: the last good
one stays. A thread that has hung cannot be ended; `look` notices it, and the show goes on with its shaders.

Another model, asked for through `models`, takes over between two frames; one that cannot be opened changes nothing.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.bridge.engine import EngineStatus
from livemusviz.bridge.frames import Controls, Frame
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.notices import Notices
from livemusviz.clock import Clock
from livemusviz.diffusion import backend
from livemusviz.diffusion.exchange.loop import ModelExchange, NextModel, Opened
from livemusviz.diffusion.folder import EMBEDDED
from livemusviz.diffusion.opening import EngineSpec, OpenModel, ReadsWords, open_pipeline
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError, one_line
from livemusviz.figures import Samples
from livemusviz.platforms import lower_thread_priority, trim_memory

if TYPE_CHECKING:
    from livemusviz.diffusion.conditioning import Conditioning
    from livemusviz.diffusion.pipeline import Pipeline

log = logging.getLogger(__name__)

Step = Callable[[float], Controls]
Conduct = Callable[[tuple[int, int, int]], Step]  # latent shape -> what to draw at a time

FAILURES_BEFORE_FALLBACK = 3
BLACK_BEFORE_FALLBACK = 5
HUNG = 3.0  # s in one slot, after which the thread counts as hung, ...
SLOW = 4.0  # ... unless its frames take that long: this many of the longest lately
GPUS = ("metal", "cuda")
LAST_WAIT = 30.0  # s that the end of the interpreter waits for a thread that has not ended
TRIM_EVERY = 60.0  # s; takes some milliseconds
TIMINGS_KEPT = 36_000  # twenty minutes at 30 a second


class BlackFrame(Exception):
    """Reports a black picture: no working model draws one."""


@dataclass(slots=True)
class LostFrames:
    """Counts frames in a row that were not shown.  failed : not computed.  black : without any light."""

    failed: int = 0
    black: int = 0


@dataclass(frozen=True, slots=True)
class Signals:
    """Holds the events between the engine thread and others.

    stop : it is to end.  wake : it is to draw at once.  opened : its first model is open, or it has none.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class Engine:
    """Runs the engine thread. `frames` holds the newest Frame, `status` its state: read them on any thread.

    seconds : of each computed frame.  models : changes the model, from the main thread.
    """

    def __init__(
        self,
        spec: EngineSpec,
        conduct: Conduct,
        clock: Clock,
        open_model: OpenModel | None = None,
        notices: Notices | None = None,
    ) -> None:
        """open_model : loads and warms up a model folder (for tests); the default is `open_pipeline`."""
        self.spec = spec
        self.frames: Latest[Frame] = Latest()
        self._status = EngineStatus()  # replaced as a whole, by the engine thread alone
        self._slot_began: float | None = None  # s; None between slots and while a model loads
        self._hung = False  # of the thread that looks
        self.seconds = Samples(TIMINGS_KEPT)
        self._conduct, self._clock = conduct, clock
        self._step: tuple[tuple[int, int, int], Step] | None = None  # the director's, and for which latents
        self.models = ModelExchange(spec, clock, open_model or open_pipeline)
        self._notices = notices or Notices()
        self._model = spec.model  # that draws
        self._lost = LostFrames()
        self._refused: tuple[int, tuple[int, ...]] | None = None  # steps that the model does not make
        self._unread: Callable[[], None] | None = None  # publishes a frame that is computed
        self._signals = Signals()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def status(self) -> EngineStatus:
        """Return the state of the engine; it is "hung" from when `look` noticed it."""
        status = replace(self._status, opening=self.models.opening)
        return replace(status, state="hung") if self._hung else status

    def look(self, now: float) -> None:
        """Notice at time `now` (s) that the thread has hung, or works again, and put a notice. Never waits."""
        began = self._slot_began
        patience = max(HUNG, SLOW * max(self._status.seconds, default=self._status.loaded_in))
        hung = began is not None and now - began > patience
        if hung and not self._hung:
            told = f"engine: the model has not answered for {patience:.0f} s; the show goes on with its shaders"
            self._notices.error(told, "engine")
        elif self._hung and not hung:
            self._notices.put(logging.WARNING, "engine: the model answers again", "engine")
        self._hung = hung

    def start(self, patience: float = 0.0) -> None:
        """Start the thread. patience : s to wait at most until a model is open: that holds the GIL for long."""
        self._thread.start()
        self._signals.opened.wait(patience)

    def wake(self) -> None:
        """Draw at once what should be seen, without waiting for the next slot."""
        self._signals.wake.set()

    def close(self, timeout: float = 1.0) -> bool:
        """Ask the thread to end; False if it has not within `timeout` seconds. Then the end of the interpreter waits
        for it: a model that is loading in native code must not outlive Python's own state."""
        self._signals.stop.set()
        self._signals.wake.set()
        self.models.close()
        if self._thread.is_alive():
            self._thread.join(timeout)
        ended = not self._thread.is_alive()
        if not ended:
            atexit.register(self._thread.join, LAST_WAIT)
        return ended

    def _run(self) -> None:
        try:
            self._import()
            lower_thread_priority(self.spec.budget.engine_niceness)  # MLX's threads inherit it
            pipeline: Pipeline | None = self._load(self.spec.model)
            self._signals.opened.set()
            while pipeline is not None:
                following = self._draw(pipeline)
                pipeline = None  # its memory is free for the next one
                if not self._signals.stop.is_set():
                    pipeline = self._fall_back() if following is None else self._change(following)
        except Exception as error:  # no model at all: the show goes on with its idle scene
            self._say("failed", f"engine: {error}", None if isinstance(error, UserError) else error)
        finally:
            self._signals.opened.set()

    def _import(self) -> None:
        """Import MLX and the networks, with the usual priority.

        The interpreter's lock is held for most of that second: other programs would keep a nice thread from the cores
        meanwhile, and the display would wait for the lock. OpenBLAS starts its threads as it is loaded: nice ones.
        """
        blas = threading.Thread(target=self._load_blas, name="blas", daemon=True)
        blas.start()
        blas.join()
        with suppress(ImportError):  # told when the model is opened
            importlib.import_module("livemusviz.diffusion.pipeline")

    def _load_blas(self) -> None:
        lower_thread_priority(self.spec.budget.engine_niceness)
        backend.load_blas()

    def _load(self, model: ModelSpec) -> Pipeline:
        """Load a model; if it cannot be loaded or cannot draw once, load the embedded model."""
        try:
            return self._begin(model, self.models.open(model))
        except Exception as error:
            if model == self.spec.fallback:
                raise
            known = isinstance(error, UserError)
            told = str(error) if known else f"{model.folder}: cannot be run ({one_line(error)})"
            self._say("loading", told, None if known else error)
            log.error("going on with the embedded model")
        return self._load_fallback()

    def _load_fallback(self) -> Pipeline:
        self.models.fall_back(EMBEDDED)
        return self._load(self.spec.fallback)

    def _begin(self, model: ModelSpec, opened: Opened) -> Pipeline:
        """Note that a model draws from now on, and log it."""
        pipeline, about = opened.pipeline, opened.about
        self._model, self._refused = model, None
        gc.collect()
        gc.freeze()  # a later full collection would hold every thread for tens of milliseconds
        if not self._signals.stop.is_set():  # else the show has ended
            log.info("drawing with %(model)s on %(backend)s, BLAS %(blas)s", about)
        if "remark" in about:
            self._notices.put(logging.WARNING, about["remark"], "engine")
        self._status = self._status.with_model(about, opened.seconds)
        if isinstance(pipeline, ReadsWords):
            unused, words = pipeline.unused_params(), pipeline.unknown_words
            self._status = replace(self._status, unused=unused, unknown_words=words)
        return pipeline

    def _change(self, following: NextModel) -> Pipeline:
        """Let another model take over. If it fails as it is opened here, return to the one before it."""
        before, opened = self._model, following.opened
        if opened is None:
            self._status = self._status.without_model()
            try:
                opened = self.models.open(following.spec)
            except Exception as error:
                self.models.give_back(following.name, error)
                return self._load(before)
        pipeline = self._begin(following.spec, opened)
        self._say("running", "")
        backend.release_memory()
        return pipeline

    def _draw(self, pipeline: Pipeline) -> NextModel | None:
        """Draw with one pipeline until the end, until another one is to take over, which is returned, or until it has
        failed too often.

        A failure costs its own slot. A director that fails too often is replaced as well.
        """
        shape, (directed, step) = pipeline.latent_shape, self._step or (None, None)
        step = step if shape == directed else None  # the walk continues from its place
        following: NextModel | None = None
        lost = 0  # by the director, in a row
        self._lost = LostFrames()
        slot = trimmed = self._clock.now()
        while not self._signals.stop.is_set():
            if self._clock.now() < slot and not self._attempt(self._read):  # else the next frame is enqueued first
                break
            self._slot_began = None
            following = self.models.take()
            if following is not None:
                break
            if slot - trimmed >= TRIM_EVERY:
                trimmed = slot
                trim_memory()
            self._wait_until(slot)
            self._slot_began = started = self._clock.now()
            slot = started + 1.0 / self.spec.max_fps
            try:
                step = step or self._conduct(shape)
                self._step = (shape, step)
                controls = step(started)
                lost = 0
            except Exception as error:
                lost += 1
                self._count_failure(error, lost)
                step = step if lost < FAILURES_BEFORE_FALLBACK else None
                continue
            slot = max(slot, controls.next_start)
            if not controls.compute:
                self._status = replace(self._status, skipped=self._status.skipped + 1)
                continue
            if not self._attempt(partial(self._publish, pipeline, controls, started)):
                break
        self._attempt(self._read)
        self._slot_began = None  # loading takes as long as it takes
        return following

    def _attempt(self, draw: Callable[[], None]) -> bool:
        """Call `draw` and count its failures. Return False after too many in a row."""
        try:
            draw()
        except BlackFrame as error:
            self._lost.black += 1
            self._count_failure(error, self._lost.black)
        except Exception as error:
            self._lost.failed += 1
            self._count_failure(error, self._lost.failed)
        too_dark = self._lost.black >= BLACK_BEFORE_FALLBACK and self._model != self.spec.fallback
        return self._lost.failed < FAILURES_BEFORE_FALLBACK and not too_dark

    def _fall_back(self) -> Pipeline:
        self._wait_until(self._clock.now() + 1.0)
        return self._load_fallback()

    def _publish(self, pipeline: Pipeline, controls: Controls, started: float) -> None:
        self._apply(pipeline, controls)
        from livemusviz.diffusion.frame import FrameOptions

        negative = pipeline.prompts.encode_negative(controls.negative_prompt)
        options = FrameOptions.of(controls, negative)
        text = conditioning(pipeline, controls)
        if not self._overlaps():
            self._put(pipeline.generate(controls.noise, text, controls.feedback, options), controls, started)
            return
        frame = pipeline.enqueue(controls.noise, text, controls.feedback, options)
        self._read()
        frame.wait()
        self._unread = lambda: self._put(frame.pixels(), controls, started)

    def _overlaps(self) -> bool:
        wanted = self.spec.overlap
        return self._status.about.get("backend") in GPUS if wanted is None else wanted

    def _read(self) -> None:
        """Publish the frame that is computed and not read yet, if there is one."""
        read, self._unread = self._unread, None
        if read is not None:
            read()

    def _put(self, image: np.ndarray, controls: Controls, started: float) -> None:
        if not image[::8, ::8, :3].any() and not image[..., :3].any():
            raise BlackFrame("a frame is all black; the last good one stays")
        self._lost = LostFrames()
        made = self._clock.now()
        self.seconds.append(made - started)
        self._status = self._status.with_frame(controls.reuse, made, made - started)
        self.frames.put(Frame(image, self._status.generated, controls.time, made, made - started))

    def _apply(self, pipeline: Pipeline, controls: Controls) -> None:
        try:
            pipeline.apply(controls)
        except UserError as error:
            self._refused = (controls.steps, controls.t_list)
            self._say("running", str(error))
        else:
            if self._refused not in (None, (controls.steps, controls.t_list)):
                self._refused = None
                self._say("running", "")

    def _count_failure(self, error: Exception, in_a_row: int) -> None:
        self._status = replace(self._status, failures=self._status.failures + 1)
        self._say("running", f"engine: {error}", error if in_a_row == 1 else None)

    def _wait_until(self, time: float) -> None:
        """Wait until `time`, or until woken."""
        remaining = time - self._clock.now()
        if remaining > 0 and not self._signals.stop.is_set():
            self._signals.wake.wait(remaining)
        self._signals.wake.clear()

    def _say(self, state: str, message: str, cause: Exception | None = None) -> None:
        """Set the state; put a message that is new as a notice. cause : whose traceback the log shows."""
        if message and message != self._status.message:
            self._notices.error(message, "engine", cause)
        self._status = replace(self._status, state=state, message=message)


def conditioning(pipeline: Pipeline, controls: Controls) -> Conditioning:
    """Return the conditioning of one moment: one prompt's, or that of two in a fade."""
    return pipeline.prompts.fade(controls.previous_prompt, controls.prompt, controls.noise, controls.fade)
