"""IP-Adapter and its vision encoder against diffusers and transformers, from the same saved files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

from tests.diffusion.parity_tools import TOLERANCE, noise, relative_error, save_folder, shaken
from tests.diffusion.test_parity_pipelines import theirs

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion.denoiser import Guide  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.schedulers import Sampling  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec, StyleSpec  # noqa: E402
from livemusviz.diffusion.vision import prepared  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

PROMPT, NEGATIVE = "red lava", "blue ocean"
FAMILIES = ("sd15", "sdxl-turbo")
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "projection_dim": 24,
    "hidden_act": "gelu",
}
LATENTS, INNER, HEADS = 6, 32, 2


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("vision") / "image_encoder"
    config = transformers.CLIPVisionConfig(**VISION)
    shaken(transformers.CLIPVisionModelWithProjection(config)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("styled") / "model", request.param)


@pytest.fixture(params=["base", "plus"])
def adapter(request: pytest.FixtureRequest, model: Path, tmp_path: Path) -> Path:
    """A file in the layout of the published ones, for the UNet of `model`."""
    unet = diffusers.UNet2DConditionModel.from_pretrained(model / "unet")
    generator = torch.Generator().manual_seed(4)

    def random(*shape: int) -> Any:
        return torch.randn(shape, generator=generator) * (0.3 if len(shape) > 1 else 0.2)

    dim = unet.config.cross_attention_dim
    tensors = {}
    if request.param == "base":
        tensors |= {"proj.weight": random(4 * dim, 24), "proj.bias": random(4 * dim)}
        tensors |= {"norm.weight": 1 + random(dim), "norm.bias": random(dim)}
    else:
        wide = 64 * HEADS
        tensors |= {
            "latents": random(1, LATENTS, INNER),
            "proj_in.weight": random(INNER, 32),
            "proj_in.bias": random(INNER),
        }
        tensors |= {"proj_out.weight": random(dim, INNER), "proj_out.bias": random(dim)}
        tensors |= {"norm_out.weight": 1 + random(dim), "norm_out.bias": random(dim)}
        for i in range(4):  # as many as diffusers builds
            at = f"layers.{i}"
            for norm in ("0.norm1", "0.norm2", "1.0"):
                tensors |= {f"{at}.{norm}.weight": 1 + random(INNER), f"{at}.{norm}.bias": random(INNER)}
            tensors |= {f"{at}.0.to_q.weight": random(wide, INNER), f"{at}.0.to_kv.weight": random(2 * wide, INNER)}
            tensors |= {f"{at}.0.to_out.weight": random(INNER, wide)}
            tensors |= {f"{at}.1.1.weight": random(4 * INNER, INNER), f"{at}.1.3.weight": random(INNER, 4 * INNER)}
    file = {f"image_proj.{name}": tensor for name, tensor in tensors.items()}
    crossing = [name for name in unet.attn_processors if not name.endswith("attn1.processor")]
    for k, name in enumerate(crossing):
        width = unet.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
        for part in "kv":
            file[f"ip_adapter.{2 * k + 1}.to_{part}_ip.weight"] = random(width, dim)
    path = tmp_path / "ip-adapter.safetensors"
    save_file(file, path)
    return path


def picture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def pixels() -> Any:
    return torch.from_numpy(prepared(picture()).transpose(0, 3, 1, 2).copy())


def test_the_vision_encoder(model: Path, adapter: Path, encoder: Path) -> None:
    loaded = Pipeline.load(ModelSpec(model, style=StyleSpec(adapter, encoder)), 64, 64).parts.style
    assert loaded is not None
    vision = transformers.CLIPVisionModelWithProjection.from_pretrained(encoder)
    with torch.no_grad():
        wanted = vision(pixels(), output_hidden_states=True)
    x = mx.array(prepared(picture()))
    assert relative_error(loaded.encoder(x), wanted.image_embeds) < TOLERANCE
    found = loaded.encoder.hidden_states(x)
    assert len(found) == len(wanted.hidden_states)
    for mine, their in zip(found, wanted.hidden_states, strict=True):
        assert relative_error(mine, their) < TOLERANCE


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_pipeline(scale: float, guidance: float, model: Path, adapter: Path, encoder: Path) -> None:
    """Clean latents after one step without guidance, two with it; and they differ from those without the style."""
    steps = 1 if guidance == 1.0 else 2
    sampling, kind = Sampling(steps=steps), "none" if guidance == 1.0 else "full"
    pipeline = Pipeline.load(
        ModelSpec(model, sampling=sampling, guidance=kind, style=StyleSpec(adapter, encoder)), 64, 128
    )
    pipeline.styles.add({"poster": picture()})
    x, x_torch = noise(1, 8, 16, 4)
    made = theirs(model, diffusers.EulerDiscreteScheduler)
    made.register_modules(
        image_encoder=transformers.CLIPVisionModelWithProjection.from_pretrained(encoder),
        feature_extractor=transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    )
    made.load_ip_adapter(str(adapter.parent), subfolder="", weight_name=adapter.name, image_encoder_folder=None)
    made.set_ip_adapter_scale(scale)
    from PIL import Image

    wanted = made(
        PROMPT, negative_prompt=NEGATIVE, height=64, width=128, num_inference_steps=steps, guidance_scale=guidance,
        latents=x_torch, output_type="latent", ip_adapter_image=Image.fromarray(picture()),
    ).images  # fmt: skip
    assert relative_error(clean(pipeline, x, guidance, scale), wanted) < TOLERANCE
    assert relative_error(clean(pipeline, x, guidance, 0.0), wanted) > 100 * TOLERANCE


def clean(pipeline: Pipeline, x: mx.array, guidance: float, scale: float) -> mx.array:
    pipeline.styles.choose("", "poster", 1.0, scale)
    text = pipeline.styles.styled(pipeline.prompts.encode(PROMPT))
    negative = pipeline.prompts.encode(NEGATIVE).inputs if pipeline.parts.spec.guidance == "full" else None
    guide = Guide(mx.array(guidance), mx.array(1.0), pipeline.styles.led_away(negative))
    return pipeline.denoise_batch(x, text.inputs, guide)
