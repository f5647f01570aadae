"""The full architectures, at full width: one frame against torch's, the packed folder's size, the fast path's equality.

Minutes and several GB of memory each. `benchmarks/checkpoints.py` times the same folders.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.diffusion.parity_tools import FULL_UNETS, noise, relative_error, save_full_folder

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion.convert import convert  # noqa: E402
from livemusviz.diffusion.model import load_model  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

GIGABYTE = 1e9


@pytest.fixture(scope="module", params=FULL_UNETS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_full_folder(tmp_path_factory.mktemp("full") / request.param, request.param)


def test_one_frame(folder: Path) -> None:
    x, x_torch = noise(1, 32, 32, 4)
    with torch.no_grad():
        ids = _ids(folder)
        text = transformers.CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
        tokens = text(ids).last_hidden_state
        del text
        unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
        scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(folder / "scheduler")
        scheduler.set_timesteps(1)
        (t,) = scheduler.timesteps
        latents = x_torch * scheduler.init_noise_sigma
        predicted = unet(scheduler.scale_model_input(latents, t), t, tokens).sample
        del unet
        x0 = scheduler.step(predicted, t, latents).prev_sample
        vae = diffusers.AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)
        picture = vae.decode(x0).sample
    pipeline = Pipeline.load(ModelSpec(folder), 256, 256)
    embedding = pipeline.prompts.encode("red lava")
    assert relative_error(embedding.tokens, tokens) < 1e-3
    found = pipeline.denoise(x, embedding)
    assert relative_error(found, x0) < 1e-3
    assert relative_error(pipeline.parts.vae.decode(found), picture) < 1e-3


def _ids(folder: Path) -> "torch.Tensor":
    from livemusviz.diffusion.tokenizer import PromptTokenizer

    return torch.from_numpy(PromptTokenizer(folder / "tokenizer", 77)("red lava")).long()


def test_the_fast_path_equals_the_plain_one(folder: Path) -> None:
    """Keys, values and biases made before, against everything from the prompt on in one call."""
    pipeline = Pipeline.load(ModelSpec(folder), 256, 256)
    unet, text = pipeline.parts.unet, pipeline.prompts.encode("red lava")
    x = mx.array(np.random.default_rng(0).standard_normal((1, 32, 32, 4), dtype=np.float32))
    fast = np.array(unet(x, text.conditions[0], text.inputs[1]))
    plain = np.array(unet.predict(x, mx.array([999.0]), text.tokens))
    assert np.linalg.norm(fast - plain) / np.linalg.norm(plain) < 1e-4


def test_four_bits_fit_in_seven_tenths_of_a_gigabyte(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "packed"
    on_disk = convert(ModelSpec(folder, bits=4), target)
    parts = load_model(ModelSpec(target))
    assert parts.bits == 4
    assert on_disk < 0.70 * GIGABYTE and parts.weight_bytes < 0.70 * GIGABYTE
