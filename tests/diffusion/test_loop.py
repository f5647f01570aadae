"""The engine thread with models that fail on schedule: what it shows, counts and falls back to."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls, Frame
from livemusviz.bridge.notices import Notices
from livemusviz.clock import SystemClock
from livemusviz.diffusion import loop
from livemusviz.diffusion.loop import FAILURES_BEFORE_FALLBACK, Engine, EngineSpec
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError
from livemusviz.live.trace import Trace

GIVEN, EMBEDDED = ModelSpec(Path("given")), ModelSpec(Path("embedded"))
SPEC = EngineSpec(GIVEN, EMBEDDED, 64, 64, max_fps=200.0)
SHAPE = (4, 4, 32)


class FakePipeline:
    """Draws a picture of one colour; `fails` says of each call whether it raises."""

    latent_shape, name = SHAPE, "fake"

    def __init__(self, colour: int, fails: Callable[[int], bool] = lambda call: False) -> None:
        self.colour, self.fails, self.calls = colour, fails, 0
        self.texts: list[Any] = []

    def encode(self, text: str) -> str:
        return text

    encode_negative = encode

    @property
    def prompts(self) -> "FakePipeline":
        return self

    def fade(self, previous: str, prompt: str, noise: np.ndarray, t: float) -> str | tuple[str, str, float]:
        return prompt if t >= 1.0 else (previous, prompt, t)

    def apply(self, controls: Controls) -> None:
        pass

    def generate(self, noise: np.ndarray, text: Any, feedback: float, options: Any = None) -> np.ndarray:
        self.calls += 1
        self.texts.append(text)
        if self.fails(self.calls):
            raise RuntimeError("[METAL] out of memory")
        return np.full((64, 64, 4), self.colour, np.uint8)


def controls(compute: bool = True, fade: float = 1.0) -> Controls:
    return Controls(np.zeros(SHAPE, np.float32), "lava", "sea", fade, 0.0, compute, time=1.5)


def engine(models: dict[ModelSpec, Any], step: Callable[[float], Controls] = lambda now: controls()) -> Engine:
    def open_model(model: ModelSpec, spec: EngineSpec) -> tuple[Any, dict[str, str]]:
        if isinstance(models[model], Exception):
            raise models[model]
        return models[model], {"model": str(model.folder), "backend": "fake", "blas": "none"}

    return Engine(SPEC, lambda shape: step, SystemClock(), open_model)


def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def run() -> Any:
    started: list[Engine] = []

    def start(made: Engine) -> Engine:
        started.append(made)
        made.start()
        return made

    yield start
    assert all(made.close(5.0) for made in started)


def test_frames_carry_the_time_of_their_sound_and_count_up(run: Any) -> None:
    made = run(engine({GIVEN: FakePipeline(7)}))
    until(lambda: made.status.generated >= 5)
    frame = made.frames.get()
    assert frame.seq >= 5 and frame.time == 1.5 and frame.image[0, 0, 0] == 7
    assert 0 < frame.duration == pytest.approx(made.seconds.newest()[frame.seq - 1]) and frame.made > frame.duration
    assert made.status.state == "running" and made.status.about["model"] == "given"


class ReadingPipeline(FakePipeline):
    """Knows lava and nothing else."""

    def unknown_words(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(word for text in texts for word in text.split() if word != "lava")

    def unused_params(self) -> tuple[str, ...]:
        return ("delta",)


def test_what_means_nothing_to_the_model_is_in_the_status(run: Any) -> None:
    made = engine({GIVEN: ReadingPipeline(7)})
    assert made.status.unknown_words(["rote lava"]) == ()
    run(made)
    until(lambda: made.status.unused == ("delta",))
    assert made.status.unknown_words(["rote lava"]) == ("rote",)


def test_free_memory_goes_back_to_the_system_now_and_then(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(loop, "TRIM_EVERY", 5.0 / SPEC.max_fps)
    monkeypatch.setattr(loop, "trim_memory", lambda: drawn.append(made.status.generated))
    made = engine({GIVEN: FakePipeline(7)})
    run(made)
    until(lambda: len(drawn) >= 3)
    assert 0 < drawn[0] < drawn[1] < drawn[2]


def test_skipped_slots_draw_nothing_and_are_counted(run: Any) -> None:
    pipeline = FakePipeline(7)
    made = run(engine({GIVEN: pipeline}, lambda now: controls(compute=False)))
    until(lambda: made.status.skipped >= 5)
    assert made.status.generated == pipeline.calls == 0 and made.frames.get() is None


def test_a_fade_draws_with_the_blend_of_both_prompts(run: Any) -> None:
    pipeline = FakePipeline(7)
    made = run(engine({GIVEN: pipeline}, lambda now: controls(fade=0.25)))
    until(lambda: made.status.generated >= 1)
    assert pipeline.texts[0] == ("sea", "lava", 0.25)


def test_wake_ends_the_wait_for_the_next_slot(run: Any) -> None:
    slow = EngineSpec(GIVEN, EMBEDDED, 64, 64, max_fps=0.1)
    made = Engine(slow, lambda shape: lambda now: controls(), SystemClock(), lambda f, s: (FakePipeline(7), ABOUT))
    run(made)
    until(lambda: made.status.generated == 1)
    made.wake()
    until(lambda: made.status.generated == 2, within=5.0)


ABOUT = {"model": "given", "backend": "fake", "blas": "none"}


def test_a_model_that_cannot_draw_once_gives_way_too(run: Any) -> None:
    """Whatever it raises: a config of another kind may fail only when it is used."""
    made = run(engine({GIVEN: RuntimeError("[reshape] Cannot reshape\narray"), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert made.status.about["model"] == "embedded"
    assert made.status.message == "given: cannot be run ([reshape] Cannot reshape array)"


def test_everything_of_the_model_happens_on_one_thread(run: Any) -> None:
    seen: set[str] = set()

    class Watched(FakePipeline):
        def generate(self, noise: np.ndarray, text: Any, feedback: float, options: Any = None) -> np.ndarray:
            seen.add(threading.current_thread().name)
            return super().generate(noise, text, feedback)

    def open_model(folder: Path, spec: EngineSpec) -> tuple[Any, dict[str, str]]:
        seen.add(threading.current_thread().name)
        return Watched(7), ABOUT

    made = run(Engine(SPEC, lambda shape: lambda now: controls(), SystemClock(), open_model))
    until(lambda: made.status.generated >= 3)
    assert seen == {"engine"}


def test_other_steps_and_faders_reach_the_pipeline_and_a_refusal_is_told(run: Any) -> None:
    asked: list[Any] = []

    class Stepping(FakePipeline):
        def apply(self, controls: Controls) -> None:
            asked.append((controls.steps, controls.lora_weight))
            if controls.steps > 4:
                raise UserError(f"{controls.steps} steps are too many")

    wanted = [controls(), replace(controls(), steps=2, lora_weight=0.5), replace(controls(), steps=9)]
    queue = iter(wanted)
    made = run(engine({GIVEN: Stepping(7)}, lambda now: next(queue, wanted[-1])))
    until(lambda: made.status.generated >= 6)
    assert asked[:3] == [(0, 1.0), (2, 0.5), (9, 1.0)]
    assert made.status.message == "9 steps are too many" and made.status.failures == 0
    wanted.append(replace(controls(), steps=3))
    until(lambda: made.status.message == "")


def test_a_director_that_fails_costs_its_slot_and_then_its_place(run: Any) -> None:
    """The model is not at fault, so it stays."""
    made_directors: list[int] = []

    def conduct(shape: tuple[int, int, int]) -> Callable[[float], Controls]:
        made_directors.append(number := len(made_directors))
        calls = iter(range(10**6))

        def step(now: float) -> Controls:
            if number < 2 and next(calls) >= 2:  # the first two directors draw twice and fail from then on
                raise ZeroDivisionError("no beat")
            return controls()

        if number == 1:
            raise RuntimeError("no director either")  # once
        return step

    notices = Notices()
    made = run(Engine(SPEC, conduct, SystemClock(), lambda f, s: (FakePipeline(7), ABOUT), notices))
    until(lambda: made.status.generated >= 5)
    assert made.status.state == "running" and made.status.about["model"] == "given" and made_directors == [0, 1, 2]
    assert made.status.failures == FAILURES_BEFORE_FALLBACK + 1
    told = [notice.text for notice in notices.drain()]
    assert told == ["engine: no beat", "engine: no director either"]


def test_a_full_disk_under_a_trace_ends_the_trace_alone(run: Any) -> None:
    notices = Notices()
    trace = Trace(Path("/dev/full"), SystemClock(), 0.0, notices)

    def step(now: float) -> Controls:
        for _ in range(100):  # until the file's buffer is written out
            trace.slot(controls(), AudioFeatures.rest(now))
        return controls()

    made = run(engine({GIVEN: FakePipeline(7)}, step))
    until(lambda: made.status.generated >= 5)
    assert made.status.failures == 0
    (notice,) = notices.drain()
    assert notice.source == "trace" and "the trace ended: No space left" in notice.text


@pytest.mark.parametrize("late", [True, False])
def test_overlapping_frames_are_those_of_one_after_the_other(run: Any, tiny_folder: Path, late: bool) -> None:
    """On a CPU with the path of a GPU forced; with time for each frame (not late) every one is read at once."""

    def shown(overlap: bool) -> list[Frame]:
        random, frames = np.random.default_rng(0), []

        def step(now: float) -> Controls:
            noise = random.standard_normal(pipeline.latent_shape, dtype=np.float32)
            return replace(controls(), noise=noise, feedback=0.5, time=float(len(frames)))

        pipeline = Pipeline.load(ModelSpec(tiny_folder), 64, 64)
        spec = replace(SPEC, max_fps=1e6 if late else 20.0, overlap=overlap)
        about = {"model": "tiny", "backend": "cpu", "blas": "none"}
        made = Engine(spec, lambda shape: step, SystemClock(), lambda model, spec: (pipeline, about))
        put = made.frames.put
        made.frames.put = lambda frame: (frames.append(frame), put(frame))[-1]  # type: ignore[method-assign]
        run(made)
        until(lambda: len(frames) >= 4)
        assert made.close(5.0)
        return frames

    one_by_one, overlapped = shown(False), shown(True)
    for a, b in zip(one_by_one[:4], overlapped[:4], strict=True):
        assert np.array_equal(a.image, b.image) and a.seq == b.seq
        assert b.duration > 0 and b.made >= b.duration
    assert [frame.made for frame in overlapped] == sorted(frame.made for frame in overlapped)


def test_a_frame_that_waits_for_its_pixels_is_not_lost(run: Any, tiny_folder: Path) -> None:
    """Neither where the director then rests, nor where it fails, nor where the show ends."""
    pipeline = Pipeline.load(ModelSpec(tiny_folder), 64, 64)
    slots = iter(["draw", "rest", "draw", "fail", "draw"])

    def step(now: float) -> Controls:
        slot = next(slots, "rest")
        if slot == "fail":
            raise RuntimeError("no idea")
        return replace(controls(compute=slot == "draw"), noise=np.zeros(pipeline.latent_shape, np.float32))

    spec = replace(SPEC, max_fps=1e6, overlap=True)
    about = {"model": "tiny", "backend": "cpu", "blas": "none"}
    made = run(Engine(spec, lambda shape: step, SystemClock(), lambda model, spec: (pipeline, about)))
    until(lambda: made.status.failures == 1 and made.status.skipped > 3)
    assert made.close(5.0)
    assert made.status.generated == 3
