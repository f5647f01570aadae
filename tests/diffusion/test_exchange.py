"""A model changed in a running show: opened beside the one that draws, or after it; refused, it changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livemusviz.bridge.notices import Notices
from livemusviz.clock import SystemClock
from livemusviz.diffusion import memory, opening
from livemusviz.diffusion.choice import ModelChoice
from livemusviz.diffusion.exchange.loop import ModelExchange
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.loop import Engine, EngineSpec
from livemusviz.diffusion.lora import LoraUnfit
from livemusviz.diffusion.spec import LoraSpec, ModelSpec
from livemusviz.errors import UserError
from tests.diffusion import test_loop
from tests.diffusion.model_folders import TINY_TEXT, TINY_UNET, TINY_VAE, write_model
from tests.diffusion.test_loop import EMBEDDED, GIVEN, SHAPE, SPEC, FakePipeline, controls, until

OTHER = ModelSpec(Path("other"))
run = test_loop.run


def find(name: str) -> ModelSpec:
    if name != "other":
        raise UserError(f"model '{name}': there is none")
    return OTHER


def engine(
    models: dict[ModelSpec, Any], fits: bool = True, conduct: Any = None, notices: Notices | None = None
) -> Engine:
    """An engine whose `find` knows "other". A model that is a function is called when it is opened."""

    def open_model(model: ModelSpec, spec: EngineSpec) -> tuple[Any, dict[str, str]]:
        made = models[model]() if callable(models[model]) else models[model]
        if isinstance(made, Exception):
            raise made
        return made, {"model": str(model.folder), "backend": "fake", "blas": "none"}

    spec, clock = replace(SPEC, find=find), SystemClock()
    made = Engine(spec, conduct or (lambda shape: lambda now: controls()), clock, open_model, notices)
    made.models = ModelExchange(spec, clock, open_model, lambda model: fits)
    return made


def colour(made: Engine) -> int:
    frame = made.frames.get()
    return 0 if frame is None else int(frame.image[0, 0, 0])


@pytest.mark.parametrize("fits", [True, False])
def test_another_model_takes_over_and_the_first_one_comes_back(run: Any, fits: bool) -> None:
    made = run(engine({GIVEN: FakePipeline(7), OTHER: FakePipeline(9)}, fits))
    until(lambda: colour(made) == 7)
    assert made.models.follow("other") == ("", "other")
    until(lambda: colour(made) == 9)
    assert made.models.follow("other") == ("", "other") and made.status.about["model"] == "other"
    made.models.follow("")
    until(lambda: colour(made) == 7)
    assert made.status.failures == 0 and made.status.opening is None


@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("error", [UserError("other/unet: truncated"), RuntimeError("[reshape] no")])
def test_a_broken_model_is_refused_and_the_old_one_goes_on(run: Any, fits: bool, error: Exception) -> None:
    made = run(engine({GIVEN: FakePipeline(7), OTHER: error, EMBEDDED: FakePipeline(1)}, fits))
    until(lambda: colour(made) == 7)
    made.models.follow("other")
    answers: list[tuple[str, str]] = []
    until(lambda: bool(answers.append(made.models.follow("other")) or answers[-1][0]))
    assert answers[-1][1] == "" and str(error) in answers[-1][0]
    assert made.models.follow("") == ("", ""), "told once"
    until(lambda: made.status.state == "running")
    count = made.status.generated
    until(lambda: made.status.generated > count and colour(made) == 7)


def test_a_name_that_there_is_none_of_is_refused(run: Any) -> None:
    made = run(engine({GIVEN: FakePipeline(7)}))
    made.models.follow("/etc/passwd")
    until(lambda: made.models.follow("/etc/passwd")[0] == "model '/etc/passwd': there is none")
    assert made.models.follow("") == ("", "")


def test_the_old_model_draws_while_the_new_one_opens_and_a_newer_wish_counts(run: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> FakePipeline:
        begun.set()
        assert go_on.wait(10.0)
        return FakePipeline(9)

    made = run(engine({GIVEN: FakePipeline(7), OTHER: slow}))
    made.models.follow("other")
    assert begun.wait(10.0)
    count = made.status.generated
    until(lambda: made.status.generated > count + 3)
    assert colour(made) == 7 and made.status.opening == "other"
    made.models.follow("")  # what draws is what is wanted: the other is let go
    assert made.status.opening is None
    go_on.set()
    count = made.status.generated
    until(lambda: made.status.generated > count + 5)
    assert colour(made) == 7


def test_the_walk_goes_on_where_it_was_unless_the_latents_have_another_shape(run: Any) -> None:
    class Wide(FakePipeline):
        latent_shape = (8, 8, 32)

    shapes: list[tuple[int, int, int]] = []

    def conduct(shape: tuple[int, int, int]) -> Callable[[float], Any]:
        shapes.append(shape)
        return lambda now: controls()

    models = {GIVEN: FakePipeline(7), OTHER: FakePipeline(9)}
    made = run(engine(models, conduct=conduct))
    for name, drawn in (("other", 9), ("", 7)):
        made.models.follow(name)
        until(lambda drawn=drawn: colour(made) == drawn)
    assert shapes == [SHAPE]
    models[OTHER] = Wide(11)
    made.models.follow("other")
    until(lambda: colour(made) == 11)
    assert shapes == [SHAPE, (8, 8, 32)]


def test_a_model_that_fails_for_good_gives_way_and_the_parameter_says_so(run: Any) -> None:
    models = {GIVEN: FakePipeline(7), OTHER: FakePipeline(9, lambda call: call > 2), EMBEDDED: FakePipeline(1)}
    made = run(engine(models))
    made.models.follow("other")
    until(lambda: made.models.follow("other") == ("", "embedded"))
    until(lambda: colour(made) == 1)
    models[OTHER] = FakePipeline(9)
    assert made.models.follow("embedded") == ("", "embedded")
    made.models.follow("other")
    until(lambda: colour(made) == 9)


def test_loras_that_do_not_fit_another_model_are_left_out_and_told(
    run: Any, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[LoraSpec, ...]] = []

    class Loaded:
        name, backend = "tiny", "cpu"
        set_init_image = warm_up = lambda self, *args: None

        @staticmethod
        def load(spec: ModelSpec, *size: int) -> Loaded:
            seen.append(spec.loras)
            if spec.loras:
                raise LoraUnfit("a.safetensors: made for another")
            return Loaded()

    monkeypatch.setattr("livemusviz.diffusion.pipeline.Pipeline", Loaded)
    first = ModelSpec(Path("given"), loras=(LoraSpec(Path("a.safetensors")),))
    spec = replace(SPEC, model=first)
    _, about = opening.open_pipeline(replace(first, folder=tiny_folder), spec)
    assert about["remark"] == "a.safetensors: made for another; all LoRAs are left out" and seen[-1] == ()
    with pytest.raises(LoraUnfit):
        opening.open_pipeline(first, spec)


def test_models_are_found_by_name_in_the_cache_and_in_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    cached = tmp_path / "hub" / "models--org--fast" / "snapshots" / ("0" * 8)
    for folder in (cached, tmp_path / "mine" / "soft"):
        write_model(folder, TINY_UNET, TINY_VAE, TINY_TEXT)
    first = replace(ModelSpec(resolve_model("embedded")), bits=8)
    choice = ModelChoice(first, (tmp_path / "mine",))
    assert choice.names() == ("embedded", "org/fast", "soft")
    assert choice.find("embedded") == first
    assert choice.find("soft") == replace(first, folder=tmp_path / "mine" / "soft")
    with pytest.raises(UserError, match="did you mean 'soft'"):
        choice.find("sof")
    with pytest.raises(UserError, match="not in the Hugging Face cache or --models"):
        choice.find(str(tmp_path / "mine" / "soft"))


def test_room_in_memory_is_judged_by_the_size_of_the_files(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.fits_beside(ModelSpec(tiny_folder))
    monkeypatch.setattr(memory, "free_memory", lambda: memory.RESERVE)
    assert not memory.fits_beside(ModelSpec(tiny_folder))
