"""A pipeline with control pictures, as the tests of ControlNets and of T2I-Adapters share it.

A module that takes the fixture `pipeline` has one of its own named `shared`: the pipeline with its one control.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.bridge.frames import ControlLevel, Reuse
from livemusviz.diffusion.denoiser import Guide
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ControlSpec, ModelSpec
from livemusviz.errors import UserError
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, write_model

SIZE = (64, 96)  # height, width: an odd number of cells, 3, is halved before 1.5's last T2I feature
PROMPT, NEGATIVE = "red lava", "blue ocean"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "attentive"
    return write_model(folder, ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT)


@pytest.fixture
def pipeline(shared: Pipeline) -> Iterator[Pipeline]:
    shared.controls.set_picture(0, None)
    shared.controls.set_levels([ControlLevel()])
    shared.reset()
    yield shared
    shared.controls.take_live(None)


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def draw(pipeline: Pipeline, reuse: Reuse = Reuse.NONE) -> np.ndarray:
    """Draw a frame; return its latents."""
    noise = np.random.default_rng(1).standard_normal(pipeline.latent_shape, dtype=np.float32)
    pipeline.generate(noise, pipeline.prompts.encode(PROMPT), options=FrameOptions(reuse=reuse))
    return np.array(pipeline._state.latents)


def count_traces(monkeypatch: pytest.MonkeyPatch, *methods: tuple[type, str]) -> list[str]:
    """Return the list that grows by a network's name whenever Python runs its method: while MLX traces it."""
    if shutil.which("g++") is None:
        pytest.skip("MLX compiles for the CPU with g++")
    traces: list[str] = []
    for network, name in methods:
        method = getattr(network, name)

        def counting(self: Any, *given: Any, method: Any = method, kind: str = network.__name__) -> Any:
            traces.append(kind)
            return method(self, *given)

        monkeypatch.setattr(network, name, counting)
    return traces


def check_scales(pipeline: Pipeline) -> np.ndarray:
    """Assert that a picture changes the frame as far as its scale; return the frame at scale 1."""
    pipeline.controls.set_picture(0, picture())
    drawn = []
    for scale in (0.0, 0.5, 1.0):
        pipeline.controls.set_levels([ControlLevel(scale)])
        drawn.append(draw(pipeline))
    assert 0 < np.abs(drawn[1] - drawn[0]).mean() < np.abs(drawn[2] - drawn[0]).mean()
    return drawn[2]


def check_scale_0(pipeline: Pipeline, model: Path) -> None:
    """Assert that a picture at scale 0 gives the frame of the model alone."""
    pipeline.controls.set_picture(0, picture())
    pipeline.controls.set_levels([ControlLevel(0.0)])
    np.testing.assert_array_equal(draw(pipeline), draw(Pipeline.load(ModelSpec(model), *SIZE)))


def check_batches(pipeline: Pipeline) -> None:
    """Assert that every picture of a batch has the same structure."""
    pipeline.controls.set_picture(0, picture())
    noise = mx.random.normal((2, *pipeline.latent_shape), key=mx.random.key(1))
    text = pipeline.prompts.encode(PROMPT)
    both, one = pipeline.denoise(noise, text), pipeline.denoise(noise[1:], text)
    np.testing.assert_allclose(np.array(both)[1:], np.array(one), atol=1e-4)


def check_refusal(change: dict[str, Any], said: str, model: Path, control: Path, broken: Path) -> None:
    """Assert that a copy of `control` with a changed config is refused in one line that names it."""
    shutil.copytree(control, broken)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=said) as error:
        Pipeline.load(ModelSpec(model, controls=(ControlSpec(broken),)), *SIZE)
    assert "\n" not in str(error.value) and str(broken) in str(error.value)


# --- beside diffusers ---------------------------------------------------------------------------


def load_controlled(model: Path, controls: list[Path], guided: bool, steps: int, size: tuple[int, int]) -> Pipeline:
    spec = ModelSpec(
        model,
        sampling=Sampling(steps=steps),
        guidance="full" if guided else "none",
        controls=tuple(ControlSpec(control) for control in controls),
    )
    return Pipeline.load(spec, *size)


def clean_latents(pipeline: Pipeline, x: mx.array, guidance: float, scales: tuple[float, ...]) -> mx.array:
    """Return the latents that unit noise x becomes under these scales of the controls."""
    pipeline.controls.set_levels([ControlLevel(scale) for scale in scales])
    negative = pipeline.prompts.encode(NEGATIVE).inputs if pipeline.parts.spec.guidance == "full" else None
    guide = Guide(mx.array(guidance), mx.array(1.0), negative)
    return pipeline.denoise_batch(x, pipeline.prompts.encode(PROMPT).inputs, guide)
