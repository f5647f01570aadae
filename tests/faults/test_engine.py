"""Faults of the engine: slow, hung, failing or drawing nothing (F07 to F10, F12 to F14, F23)."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livemusviz.assets import read_headers
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls, Reuse
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.view import View
from livemusviz.clock import SystemClock
from livemusviz.diffusion import backend
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.loop import BLACK_BEFORE_FALLBACK, FAILURES_BEFORE_FALLBACK, HUNG, SLOW, Engine
from livemusviz.diffusion.pipeline import NonFiniteFrame, Pipeline
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.director.stage import Stage
from livemusviz.display.quality import QualityLadder
from livemusviz.errors import UserError
from livemusviz.resources import our_shaders
from tests.diffusion import test_loop, test_pipeline
from tests.diffusion.test_loop import EMBEDDED, GIVEN, SPEC, FakePipeline, controls, engine, until
from tests.diffusion.test_pipeline import unit_noise
from tests.display.conftest import flat
from tests.display.test_loop import Show as DisplayShow

ABOUT = {"backend": "fake", "blas": "none"}

run = test_loop.run
pipeline = test_pipeline.pipeline
shared = test_pipeline.shared


def test_F09_engine_exception_costs_its_own_frame(run: Any) -> None:
    made = run(engine({GIVEN: FakePipeline(7, fails=lambda call: call % 3 == 0)}))
    until(lambda: made.status.generated >= 10)
    assert made.status.failures >= 3 and made.status.about["model"] == "given" and "METAL" in made.status.message


def test_F09_engine_exceptions_in_a_row_bring_the_embedded_model(run: Any) -> None:
    broken = FakePipeline(7, fails=lambda call: True)
    made = run(engine({GIVEN: broken, EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert broken.calls == FAILURES_BEFORE_FALLBACK == made.status.failures
    assert made.frames.get().image[0, 0, 0] == 9 and made.status.about["model"] == "embedded"


def test_F09_engine_exception_without_any_model_left_ends_the_thread_alone(run: Any) -> None:
    made = run(engine({GIVEN: UserError("a"), EMBEDDED: UserError("b")}))
    until(lambda: made.status.state == "failed")
    assert made.status.message == "engine: b" and made.frames.get() is None


def test_F23_model_missing_gives_way_and_says_which(run: Any) -> None:
    made = run(engine({GIVEN: UserError("given/unet: truncated"), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert made.status.about["model"] == "embedded" and made.status.message == "given/unet: truncated"


def test_F12_NaN_frame_is_named_and_leaves_no_trace(pipeline: Pipeline) -> None:
    text = pipeline.prompts.encode("marble")
    noise = unit_noise(pipeline)
    image = pipeline.generate(noise, text)
    spoilt = noise.copy()
    spoilt[0, 0, 0] = np.nan
    with pytest.raises(NonFiniteFrame):
        pipeline.generate(spoilt, text, 0.5)
    np.testing.assert_array_equal(pipeline.generate(noise, text, 0.5), image)


@pytest.mark.parametrize("milliseconds", [50, 500, 5000])
def test_F07_engine_slow_leaves_the_display_its_rate_and_its_motion(milliseconds: int) -> None:
    """I1, I2: sixty canvases a second, none the same for 100 ms, whatever the model takes for one."""
    show, seen = DisplayShow(360), list[np.ndarray]()
    frames = range(0, 360, max(1, milliseconds * 60 // 1000))
    steps = [flat(90, 120 + 20 * (n % 2), 160) for n in range(2)]  # no flash, which the limiter would hold back
    show.script = {i: show.put(i + 1, steps[n % 2]) for n, i in enumerate(frames)}
    director = Stage(read_headers(our_shaders())[0])
    show.view = lambda i: View(scene=director.step(1 / 60, AudioFeatures(time=i / 60.0, energy=0.4, bpm=120.0))[0])
    stats = show.run(picture_fps=60.0)
    assert stats.display_fps == pytest.approx(60.0, rel=0.01) and stats.stalls == stats.errors == 0
    seen = [picture.pixels for picture in show.pictures]
    same = [bool((a == b).all()) for a, b in zip(seen[60:], seen[66:], strict=False)]
    assert not any(same)


@pytest.mark.parametrize("at", ["in the pipeline", "in the director"])
def test_F08_engine_hang_is_noticed_told_and_survived(at: str) -> None:
    """Three seconds without a heartbeat: told once, shaders alone; a thread that comes back is told too."""
    freed, notices, clock, calls = threading.Event(), Notices(), SystemClock(), list[float]()

    def hang(call: int) -> bool:
        return call > 3 and not freed.wait(30.0)

    def step(now: float) -> Controls:
        calls.append(now)
        return controls() if at != "in the director" or not hang(len(calls)) else controls()

    pipeline = FakePipeline(7, hang if at == "in the pipeline" else lambda call: False)
    made = Engine(SPEC, lambda shape: step, clock, lambda model, spec: (pipeline, {"model": "fake"} | ABOUT), notices)
    made.start()
    try:
        until(lambda: len(calls) > 3 and made.status.generated == 3)
        now = clock.now()
        made.look(now)
        assert made.status.state == "running" and not notices.drain()
        for later in (HUNG + 1.0, HUNG + 2.0):
            made.look(now + later)
            assert made.status.state == "hung"
        told = [notice.text for notice in notices.drain()]
        assert len(told) == 1 and "has not answered for 3 s" in told[0]
        assert made.frames.get() is not None, "the last picture is still there to be shown"
        assert not made.close(0.0), "nobody waits for it"
        freed.set()
        until(lambda: not made._thread.is_alive())
        made.look(clock.now())
        assert made.status.state == "running" and "answers again" in notices.drain()[0].text
    finally:
        freed.set()
        made.close(10.0)


def test_F08_engine_hang_is_not_said_of_a_model_that_is_slow(run: Any) -> None:
    made = run(engine({GIVEN: FakePipeline(7)}))
    until(lambda: made.status.generated >= 1)
    made._status = replace(made._status, seconds=(8.5,))  # SD at 512 pixels on a CPU
    made._slot_began = 100.0
    made.look(120.0)
    assert made.status.state == "running"
    made.look(100.0 + SLOW * 8.5 + 1.0)
    assert made.status.state == "hung"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[METAL] Insufficient Memory"), RuntimeError("[malloc]")]
)
def test_F10_engine_oom_brings_the_embedded_model(run: Any, error: Exception) -> None:
    def out_of_memory(call: int) -> bool:
        raise error

    made = run(engine({GIVEN: FakePipeline(7, out_of_memory), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 3)
    assert made.frames.get().image[0, 0, 0] == 9 and made.status.failures == FAILURES_BEFORE_FALLBACK


def test_F10_engine_oom_while_loading_brings_the_embedded_model(run: Any) -> None:
    made = run(engine({GIVEN: MemoryError("std::bad_alloc"), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert made.frames.get().image[0, 0, 0] == 9 and "cannot be run" in made.status.message


def test_F10_engine_oom_is_put_off_by_a_capped_cache() -> None:
    import mlx.core as mx

    backend.prepare_backend()
    before = mx.set_cache_limit(backend.CACHE_LIMIT)
    assert before == backend.CACHE_LIMIT <= 1 << 30


def test_F12_black_frame_is_replaced_by_the_last_good_one(run: Any) -> None:
    pipeline = FakePipeline(7)
    dark = pipeline.generate

    def sometimes(*given: Any) -> np.ndarray:
        image = dark(*given)
        image[..., :3] *= pipeline.calls < 3 or pipeline.calls > 6
        image[..., 3] = 255
        return image

    pipeline.generate = sometimes  # type: ignore[method-assign]
    made = run(engine({GIVEN: pipeline}))
    seen = list[np.ndarray]()
    until(
        lambda: bool(seen.append(frame.image) if (frame := made.frames.take()) else False) or made.status.generated > 5
    )
    assert seen and all(image[..., :3].any() for image in seen)
    assert made.status.failures == 4 and "all black" in made.status.message


def test_F12_black_frames_for_good_bring_the_embedded_model(run: Any) -> None:
    made = run(engine({GIVEN: FakePipeline(0), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert made.status.failures == BLACK_BEFORE_FALLBACK and made.frames.get().image[0, 0, 0] == 9


def test_F12_NaN_frames_bring_the_embedded_model(run: Any) -> None:
    def broken(call: int) -> bool:
        raise NonFiniteFrame("the frame is not finite")

    made = run(engine({GIVEN: FakePipeline(7, broken), EMBEDDED: FakePipeline(9)}))
    until(lambda: made.status.generated >= 1)
    assert made.frames.get().image[0, 0, 0] == 9 and "not finite" in made.status.message


def test_F13_memory_growth_is_none_whatever_moves() -> None:
    """The model's memory is the same after 40 and after 160 frames of random faders, prompts and levels of reuse."""
    import mlx.core as mx

    backend.prepare_backend()
    pipeline = Pipeline.load(ModelSpec(resolve_model("embedded")), 64, 64)
    pipeline.warm_up()
    random, held = np.random.default_rng(1), list[int]()
    texts = [pipeline.prompts.encode(word) for word in ("lava", "sea", "ink", "stars")]
    for i in range(160):
        options = FrameOptions(guidance_scale=float(random.uniform(1, 3)), reuse=Reuse(int(random.integers(0, 3))))
        noise = random.standard_normal(pipeline.latent_shape, dtype=np.float32)
        pipeline.generate(noise, texts[i % 4], float(random.uniform(0, 0.9)), options)
        held.append(mx.get_active_memory())
    assert max(held[40:]) <= 1.02 * max(held[:40]) and mx.get_cache_memory() <= backend.CACHE_LIMIT


def test_F14_thermal_steps_down_and_does_not_swing() -> None:
    """A machine that gets twice as slow within a minute, and stays so: down, and hardly ever a try to come back."""
    ladder, now, levels = QualityLadder(1 / 60), 0.0, list[int]()
    while now < 240.0:
        level = ladder.step(now).level
        levels.append(level)
        heat = 1.0 + min(now / 60.0, 1.0)
        now += max(1 / 60, 0.0125 * heat / (1.0 + 0.5 * level))
    changes = [b - a for a, b in zip(levels, levels[1:], strict=False) if a != b]
    assert changes[0] == 1 and len(changes) <= 11, "each failed try to come back doubles the wait"
    assert sum(level > 0 for level in levels[len(levels) // 2 :]) > 0.9 * len(levels) / 2


@pytest.mark.parametrize("part", ["unet/diffusion_pytorch_model.safetensors", "unet/config.json", "model_index.json"])
def test_F23_model_corrupt_gives_way_and_names_the_file(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "given"
    shutil.copytree(resolve_model("embedded"), folder)
    damaged = folder / part
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    spec = replace(SPEC, model=ModelSpec(folder), fallback=ModelSpec(resolve_model("embedded")))
    made = Engine(spec, lambda shape: lambda now: replace(controls(), noise=np.zeros(shape, np.float32)), SystemClock())
    made.start()
    try:
        until(lambda: made.status.generated >= 1, within=60.0)
        assert Path(part).name in made.status.message and "\n" not in made.status.message
        assert made.status.about["model"] == "embedded"
    finally:
        assert made.close(10.0)
