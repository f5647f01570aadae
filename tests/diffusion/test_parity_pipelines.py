"""Whole folders against diffusers' own pipelines: guided, in steps, from a picture, with LoRA."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.parity_tools import TOLERANCE, load_diffusers, noise, relative_error, save_folder

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion import keys  # noqa: E402
from livemusviz.diffusion import model as loader  # noqa: E402
from livemusviz.diffusion.denoiser import Guide  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.schedulers import Sampling  # noqa: E402
from livemusviz.diffusion.spec import LoraSpec, ModelSpec  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

PROMPT, NEGATIVE = "red lava", "blue ocean"


def theirs(folder: Path, scheduler: Any, kind: str = "", zeros: bool = False) -> Any:
    """diffusers' pipeline of the very folder. zeros : SDXL's, where there is no negative prompt."""
    xl = (folder / "text_encoder_2").is_dir()
    cls = diffusers.StableDiffusionXLPipeline if xl else getattr(diffusers, kind or "StableDiffusionPipeline")
    return load_diffusers(cls, folder, scheduler, zeros)


def clean(pipeline: Pipeline, x: mx.array, scale: float, fresh: list[mx.array] | None = None) -> mx.array:
    """Clean latents by our own denoiser, guided where the pipeline is."""
    negative = pipeline.prompts.encode(NEGATIVE).inputs if pipeline.parts.spec.guidance == "full" else None
    guide = Guide(mx.array(scale), mx.array(1.0), negative)
    frame = pipeline.denoiser.start(x, pipeline.init.latents)
    return pipeline.denoiser.run(frame, pipeline.prompts.encode(PROMPT).inputs, guide, fresh)


@pytest.mark.parametrize("name", ["sd-turbo", "sdxs-0.9", "sdxs-dreamshaper", "sdxl-turbo", "tiny-sd"])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_euler_pipeline(name: str, scale: float, tmp_path: Path) -> None:
    """One step without and three with full guidance; the scheduler scales the first latents on both sides."""
    folder = save_folder(tmp_path, name)
    steps = 1 if scale == 1.0 else 3
    spec = ModelSpec(folder, sampling=Sampling(steps=steps), guidance="none" if scale == 1.0 else "full")
    pipeline = Pipeline.load(spec, 64, 128)
    x, x_torch = noise(1, 8, 16, 4)
    made = theirs(folder, diffusers.EulerDiscreteScheduler)
    wanted = made(
        PROMPT, negative_prompt=NEGATIVE, height=64, width=128, num_inference_steps=steps, guidance_scale=scale,
        latents=x_torch, output_type="latent",
    ).images  # fmt: skip
    found = clean(pipeline, x, scale)
    assert relative_error(found, wanted) < TOLERANCE
    with torch.no_grad():
        picture = made.vae.decode(wanted).sample
    assert relative_error(pipeline.parts.vae.decode(found), picture) < TOLERANCE


@pytest.mark.parametrize("zeros", [False, True])
def test_without_a_negative_prompt(zeros: bool, tmp_path: Path) -> None:
    """SDXL is led away from zeros where its index says so, else from the empty prompt."""
    folder = save_folder(tmp_path, "sdxl-turbo")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"force_zeros_for_empty_prompt": zeros}))
    pipeline = Pipeline.load(ModelSpec(folder, sampling=Sampling(steps=3), guidance="full"), 64, 64)
    x, x_torch = noise(1, 8, 8, 4)
    wanted = theirs(folder, diffusers.EulerDiscreteScheduler, zeros=zeros)(
        PROMPT, height=64, width=64, num_inference_steps=3, guidance_scale=4.0, latents=x_torch, output_type="latent"
    ).images
    guide = Guide(mx.array(4.0), mx.array(1.0), pipeline.prompts.negative_inputs(None))
    frame = pipeline.denoiser.start(x, None)
    found = pipeline.denoiser.run(frame, pipeline.prompts.encode(PROMPT).inputs, guide, None)
    assert relative_error(found, wanted) < TOLERANCE


def test_an_autoencoder_of_sdxl_that_overflows_is_kept_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_folder(tmp_path, "sdxl-turbo")
    monkeypatch.setattr(loader, "backend_name", lambda: "cuda")
    config = json.loads((folder / "vae/config.json").read_text())
    for upcast, dtype in ((False, mx.float16), (True, mx.float32)):
        (folder / "vae/config.json").write_text(json.dumps(config | {"force_upcast": upcast}))
        pipeline = Pipeline.load(ModelSpec(folder), 64, 64)
        assert pipeline.parts.unet.conv_in.weight.dtype == mx.float16
        assert pipeline.parts.vae.decoder.layers[0].weight.dtype == dtype
        latents = np.random.default_rng(0).standard_normal(pipeline.latent_shape, dtype=np.float32)
        assert pipeline.generate(latents, pipeline.prompts.encode(PROMPT)).std() > 0


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_img2img_pipeline(prediction: str, tmp_path: Path) -> None:
    """From a picture at half strength: encoded, noised at the step that strength gives, denoised from there."""
    folder = save_folder(tmp_path, "sd-turbo", {"prediction_type": prediction})
    sampling = Sampling(steps=2, strength=0.5)
    pipeline = Pipeline.load(ModelSpec(folder, sampling=sampling), 64, 64)
    picture = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pipeline.set_init_image(picture)
    made = theirs(folder, diffusers.EulerDiscreteScheduler, "StableDiffusionImg2ImgPipeline")
    drawn = torch.Generator().manual_seed(7)
    wanted = made(
        PROMPT, image=torch.from_numpy(picture).permute(2, 0, 1)[None] / 255.0, strength=0.5, num_inference_steps=4,
        guidance_scale=1.0, generator=drawn, output_type="latent",
    ).images  # fmt: skip
    eps = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(7)).numpy().transpose(0, 2, 3, 1)
    assert relative_error(clean(pipeline, mx.array(np.ascontiguousarray(eps)), 1.0), wanted) < TOLERANCE


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_lcm_pipeline(scale: float, tmp_path: Path) -> None:
    """A model that is told the guidance scale itself, four steps, with diffusers' own draws of fresh noise."""
    folder = save_folder(tmp_path, "lcm", {"_class_name": "LCMScheduler"})
    pipeline = Pipeline.load(ModelSpec(folder, sampling=Sampling(steps=4)), 64, 64)
    made = theirs(folder, diffusers.LCMScheduler, "LatentConsistencyModelPipeline")
    x, x_torch = noise(1, 8, 8, 4)
    drawn = torch.Generator().manual_seed(11)
    wanted = made(
        PROMPT, height=64, width=64, num_inference_steps=4, guidance_scale=scale, latents=x_torch, generator=drawn,
        output_type="latent",
    ).images  # fmt: skip
    again = torch.Generator().manual_seed(11)
    draws = [torch.randn((1, 4, 8, 8), generator=again).numpy().transpose(0, 2, 3, 1) for _ in range(3)]
    fresh = [mx.array(np.ascontiguousarray(d)) for d in draws]
    text = pipeline.prompts.with_guidance(pipeline.prompts.encode(PROMPT), scale)
    guide = Guide(mx.array(scale), mx.array(1.0))
    found = pipeline.denoiser.run(pipeline.denoiser.start(x, None), text.inputs, guide, [*fresh, fresh[0]])
    assert relative_error(found, wanted) < TOLERANCE


@pytest.mark.parametrize("name", ["sd15", "sdxl-turbo"])
@pytest.mark.parametrize("style", ["diffusers", "kohya", "original"])
@pytest.mark.parametrize("live", [False, True])
def test_lora(name: str, style: str, live: bool, tmp_path: Path) -> None:
    """A LoRA that diffusers and peft make and save, under its names and under kohya's, at a weight of 0.7."""
    peft = pytest.importorskip("peft")
    from peft.tuners.lora import LoraLayer
    from safetensors.torch import load_file, save_file

    folder = save_folder(tmp_path / "model", name)
    made = theirs(folder, diffusers.EulerDiscreteScheduler)
    targets = ["to_q", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "conv_shortcut", "time_emb_proj", "linear_1"]
    peft.inject_adapter_in_model(peft.LoraConfig(r=3, lora_alpha=6, target_modules=targets), made.unet, "change")
    texts = peft.LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj", "fc1"])
    peft.inject_adapter_in_model(texts, made.text_encoder, "change")
    adapted = [m for part in (made.unet, made.text_encoder) for m in part.modules() if isinstance(m, LoraLayer)]
    torch.manual_seed(9)
    with torch.no_grad():
        for module in (made.unet, made.text_encoder):
            for parameter, value in module.named_parameters():
                if "lora_" in parameter:
                    value.copy_(0.1 * torch.randn_like(value))
    layers = {
        "unet_lora_layers": peft.get_peft_model_state_dict(made.unet, adapter_name="change"),
        "text_encoder_lora_layers": peft.get_peft_model_state_dict(made.text_encoder, adapter_name="change"),
    }
    configs = {
        "unet_lora_adapter_metadata": {"r": 3, "lora_alpha": 6},
        "text_encoder_lora_adapter_metadata": {"r": 2, "lora_alpha": 2},
    }
    type(made).save_lora_weights(tmp_path, **layers, **configs)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    if style != "diffusers":
        tensors = load_file(path)
        path = tmp_path / "kohya.safetensors"
        save_file(_kohya(tensors, style == "original", name == "sdxl-turbo"), path)
    pipeline = Pipeline.load(ModelSpec(folder, loras=(LoraSpec(path, 0.7, live),)), 64, 64)
    for layer in adapted:
        layer.scaling["change"] *= 0.7
    x, x_torch = noise(1, 8, 8, 4)
    wanted = made(
        PROMPT, height=64, width=64, num_inference_steps=1, guidance_scale=1.0, latents=x_torch, output_type="latent"
    ).images
    assert relative_error(clean(pipeline, x, 1.0), wanted) < TOLERANCE
    for layer in adapted:
        layer.enable_adapters(False)
    plain = made(
        PROMPT, height=64, width=64, num_inference_steps=1, guidance_scale=1.0, latents=x_torch, output_type="latent"
    ).images
    assert relative_error(clean(pipeline, x, 1.0), plain) > 0.01
    if live:
        pipeline.set_lora_weights(0.0)
        assert relative_error(clean(pipeline, x, 1.0), plain) < TOLERANCE


def _kohya(tensors: dict[str, Any], original: bool, xl: bool) -> dict[str, Any]:
    """The same tensors as kohya's scripts name them, with their alphas."""
    renamed = {}
    for name, tensor in tensors.items():
        layer, _, half = name.removesuffix(".weight").rpartition(".")
        component, _, layer = layer.partition(".")
        if component == "unet":
            layer = keys.original_unet_name(layer, 2) if original else layer
            prefix, alpha = "lora_unet_", 6.0
        else:
            layer = f"text_model.{layer}"
            prefix, alpha = "lora_te1_" if xl else "lora_te_", 2.0
        layer = prefix + layer.replace(".", "_")
        kohya_half = {"lora_A": "lora_down", "lora_B": "lora_up"}[half]
        renamed[f"{layer}.{kohya_half}.weight"] = tensor
        renamed[f"{layer}.alpha"] = torch.tensor(alpha)
    return renamed
