"""Pictures that change while a show runs: encoded when they are new, as strong as the fader says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.bridge.frames import Controls
from livemusviz.bridge.sources import SourcePicture
from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, SCHEDULER, TINY_TEXT, write_model

SIZE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "attentive"
    return write_model(path, ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, SCHEDULER | {"prediction_type": "epsilon"})


@pytest.fixture(scope="module")
def embedded() -> Pipeline:
    return Pipeline.load(ModelSpec(resolve_model(EMBEDDED)), SIZE, SIZE)


def square(x: int, y: int, seq: int = 1) -> SourcePicture:
    pixels = np.full((SIZE, SIZE, 3), 24, np.uint8)
    pixels[y : y + 24, x : x + 24] = 240
    return SourcePicture.of(pixels, seq, 0.0)


def draw(pipeline: Pipeline, picture: SourcePicture | None, strength: float, **more: Any) -> np.ndarray:
    noise = np.random.default_rng(4).standard_normal(pipeline.latent_shape, dtype=np.float32)
    controls = Controls(noise, "red lava", "", 1.0, 0.0, True, 0.0, picture=picture, strength=strength)
    pipeline.apply(replace(controls, **more))
    return pipeline.generate(noise, pipeline.prompts.encode("red lava"))[..., :3].astype(float)


def test_the_embedded_model_mixes_by_the_fader(embedded: Pipeline) -> None:
    """At 1 the picture is not seen, at 0 it is what its autoencoder makes of it, and between them it is between."""
    picture = square(8, 32)
    painted = draw(embedded, None, 0.4)
    assert np.abs(draw(embedded, picture, 1.0) - painted).max() <= 1.0
    away = [np.abs(draw(embedded, picture, strength) - picture.pixels).mean() for strength in (0.0, 0.4, 0.8, 1.0)]
    assert away == sorted(away) and away[0] < 0.3 * away[-1]
    assert np.array_equal(draw(embedded, None, 0.4), painted), "gone without a trace"


@pytest.mark.parametrize(("x", "y"), [(4, 4), (36, 4), (20, 36)])
def test_the_bright_part_of_the_frame_is_where_the_pictures_is(embedded: Pipeline, x: int, y: int) -> None:
    bright = draw(embedded, square(x, y), 0.4).mean(axis=2)
    weight = np.clip(bright - np.quantile(bright, 0.8), 0.0, None)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    centre = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
    assert np.abs(np.array(centre) - (x + 12, y + 12)).max() < 6


def test_a_picture_is_encoded_once(embedded: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    encode = embedded.parts.vae.encode
    monkeypatch.setattr(embedded.parts.vae, "encode", lambda rgb: encoded.append(1) or encode(rgb))
    first, second = square(8, 8), square(30, 8, 2)
    for picture in (first, first, second, second, second, None, None):
        draw(embedded, picture, 0.5)
    assert len(encoded) == 2


def test_in_a_model_of_several_noise_levels_the_strength_says_where_it_starts(folder: Path) -> None:
    pipeline = Pipeline.load(ModelSpec(folder, sampling=Sampling("euler", 2)), SIZE, SIZE)
    picture = square(8, 32)

    def first_step(strength: float, picture: SourcePicture | None = picture) -> float:
        draw(pipeline, picture, strength)
        return float(pipeline.parts.scheduler.timesteps[0])

    assert first_step(0.4, None) == 999, "without a picture all is painted from noise"
    steps = [first_step(strength) for strength in (0.0, 0.1, 0.5, 1.0)]
    assert steps == sorted(steps) and steps[0] < 60 and steps[-1] == 999
    assert len(pipeline.parts.scheduler) == 2, "as many steps at any strength"
    assert first_step(0.4, None) == 999


def test_a_fader_that_moves_meets_schedules_that_are_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline.load(ModelSpec(folder, sampling=Sampling("euler", 2)), SIZE, SIZE, compiled=False)
    picture = square(8, 32)
    sweep = np.linspace(0.0, 1.0, 64)
    for strength in sweep:
        draw(pipeline, picture, float(strength))
    prepared = []
    monkeypatch.setattr(pipeline, "_prepare", lambda: prepared.append(1))
    pictures = [draw(pipeline, picture, float(strength)) for strength in sweep[::-1]]
    assert not prepared and np.abs(pictures[0] - pictures[-1]).mean() > 1


def test_a_model_that_cannot_read_pictures_says_so_once_and_paints(tiny_folder: Path) -> None:
    pipeline = Pipeline.load(ModelSpec(tiny_folder), SIZE, SIZE)
    if pipeline.init.can_read:
        del pipeline.parts.vae["encoder"]
    picture = square(8, 32)
    with pytest.raises(UserError, match="no encoder"):
        draw(pipeline, picture, 0.4)
    assert np.array_equal(draw(pipeline, picture, 0.4), draw(pipeline, None, 0.4))
    assert mx.isfinite(pipeline._state.latents).all().item()
