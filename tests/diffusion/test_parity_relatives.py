"""Folders of relatives of Stable Diffusion, as diffusers writes them: nested depths, pools, schedulers, scales."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.parity_tools import TINY_AUTOENCODER, TOLERANCE, noise, relative_error, save_folder, shaken

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion import model as loader  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.schedulers import Sampling, make_scheduler  # noqa: E402
from livemusviz.diffusion.spec import LoraSpec, ModelSpec  # noqa: E402
from livemusviz.diffusion.weights import read_json_object  # noqa: E402
from livemusviz.errors import UserError  # noqa: E402
from tests.diffusion.test_parity_pipelines import PROMPT, clean, theirs  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

SSD: dict[str, Any] = {
    "block_out_channels": (32, 64, 64),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "mid_block_type": "UNetMidBlock2D",
    "transformer_layers_per_block": [1, [2, 1], [3, 2]],
    "reverse_transformer_layers_per_block": [[1, 3, 2], [2, 1, 1], 1],
    "attention_head_dim": [2, 4, 4],
    "cross_attention_dim": 48,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 40 + 6 * 8,
}
"""SSD-1B's and Segmind-Vega's kind: depths by resnet, a middle without attention."""
NESTED = {
    "ssd-1b": SSD,
    "attentive middle": SSD | {"mid_block_type": "UNetMidBlock2DCrossAttn"},
    "reverse alone": SSD | {"transformer_layers_per_block": 1, "reverse_transformer_layers_per_block": [2, 1, 3]},
}


@pytest.mark.parametrize("name", NESTED)
def test_depths_by_resnet(name: str, tmp_path: Path) -> None:
    written = shaken(diffusers.UNet2DConditionModel(**NESTED[name]))
    written.save_pretrained(tmp_path / "unet")
    ours = loader._unet(tmp_path / "unet", mx.float32)
    x, x_torch = noise(1, 8, 12, 4)
    text, text_torch = noise(1, 7, 48)
    pooled, pooled_torch = noise(1, 40)
    ids = np.array([[512, 384, 0, 0, 512, 384]], np.float32)
    more = {"text_embeds": pooled_torch, "time_ids": torch.from_numpy(ids)}
    with torch.no_grad():
        wanted = written(x_torch, torch.tensor([999]), text_torch, added_cond_kwargs=more).sample
    found = ours.predict(x, mx.array([999.0]), text, (pooled, mx.array(ids)))
    assert relative_error(found, wanted) < TOLERANCE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reverse_transformer_layers_per_block": None}, "reverse_transformer_layers_per_block must be given too"),
        ({"transformer_layers_per_block": [1, [2], [3, 2]]}, "one for each resnet"),
        ({"transformer_layers_per_block": [1, [2, 0], [3, 2]]}, "must be 1 to 64"),
        ({"reverse_transformer_layers_per_block": [1, 1]}, "reverse_transformer_layers_per_block [1, 1]"),
    ],
)
def test_depths_that_fit_no_resnets_are_refused(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"} | SSD | change))
    with pytest.raises(UserError) as raised:
        loader._unet(tmp_path, mx.float32)
    assert told in str(raised.value)


def with_pools(written: Any, first: int, last: int) -> None:
    """TAEF2's pools in the blocks `first` to `last` of one half of diffusers' AutoencoderTiny, which has none."""
    for block in written.layers[first : last + 1]:
        n = block.conv[0].in_channels
        block.pool = torch.nn.Sequential(
            torch.nn.Conv2d(n, 4 * n, 1, bias=False), torch.nn.GroupNorm(4, 4 * n), torch.nn.ReLU(),
            torch.nn.Conv2d(4 * n, n, 1, bias=False),
        )  # fmt: skip

        def forward(x: Any, block: Any = block) -> Any:
            x = x + block.pool(x)
            return torch.relu(block.conv(x) + x)

        block.forward = forward


@pytest.mark.parametrize("said", [True, None])
def test_pools_of_taef2(said: bool | None, tmp_path: Path) -> None:
    """Both ways, with 32 latent channels; a config that diffusers wrote does not know of them."""
    written = diffusers.AutoencoderTiny(latent_channels=32, **TINY_AUTOENCODER)
    with_pools(written.encoder, 11, 13)
    with_pools(written.decoder, 2, 4)
    shaken(written).save_pretrained(tmp_path)
    if said:
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | {"use_midblock_gn": said}))
    ours = loader._autoencoder(tmp_path, mx.float32)
    picture, picture_torch = noise(1, 32, 64, 3)
    z, z_torch = noise(1, 4, 8, 32)
    with torch.no_grad():
        assert relative_error(ours.encode(picture), written.encode(picture_torch).latents) < TOLERANCE
        assert relative_error(ours.decode(z), written.decode(z_torch).sample) < TOLERANCE


OWN = {
    "dpm": lambda: diffusers.DPMSolverMultistepScheduler(
        beta_schedule="scaled_linear", use_karras_sigmas=True, algorithm_type="sde-dpmsolver++", steps_offset=1
    ),
    "ddim": lambda: diffusers.DDIMScheduler(beta_schedule="scaled_linear", clip_sample=True, clip_sample_range=0.8),
    "euler": lambda: diffusers.EulerDiscreteScheduler(
        beta_schedule="scaled_linear", final_sigmas_type="sigma_min", use_exponential_sigmas=True, steps_offset=1
    ),
    "unipc": lambda: diffusers.UniPCMultistepScheduler(beta_schedule="scaled_linear", use_karras_sigmas=True),
}
"""Schedulers whose keys another kind does not have, as diffusers writes them."""


@pytest.mark.parametrize("kind", ["euler", "lcm", "tcd"])
@pytest.mark.parametrize("own", OWN)
def test_another_kind_reads_its_own_keys_alone(own: str, kind: str, tmp_path: Path) -> None:
    """As diffusers' from_config does, step for step; noise levels of another kind are left out."""
    if own == kind:
        pytest.skip("karras sigmas and such of its own are refused by name, see test_networks.py")
    OWN[own]().save_pretrained(tmp_path)
    config = read_json_object(tmp_path / "scheduler_config.json", infinite=True)
    ours = make_scheduler(config, Sampling(kind, 3, eta=0.3), "here")
    cls = {"euler": "EulerDiscreteScheduler", "lcm": "LCMScheduler", "tcd": "TCDScheduler"}[kind]
    plain = {"use_karras_sigmas": False} if kind == "euler" else {}
    wanted = getattr(diffusers, cls).from_config(config, timestep_spacing="trailing", **plain)
    wanted.set_timesteps(3)
    np.testing.assert_array_equal(ours.timesteps, wanted.timesteps.numpy())
    rng = np.random.default_rng(2)
    a = rng.standard_normal((1, 4, 4, 4)).astype(np.float32) * np.float32(ours.init_noise_sigma)
    b = torch.from_numpy(a)
    for i, t in enumerate(wanted.timesteps):
        assert relative_error(ours.scale_input(a, i).transpose(0, 2, 3, 1), wanted.scale_model_input(b, t)) < 1e-5
        output = rng.standard_normal(a.shape).astype(np.float32)
        fresh = torch.randn(a.shape, generator=torch.Generator().manual_seed(i)).numpy()
        more = {"eta": 0.3} if kind == "tcd" else {}
        a = ours.step(ours.denoised(output, a, i), a, i, fresh)
        b = wanted.step(torch.from_numpy(output), t, b, generator=torch.Generator().manual_seed(i), **more).prev_sample
        assert relative_error(a.transpose(0, 2, 3, 1), b) < 1e-5
        a = b.numpy()


def test_a_folder_with_an_unbounded_lambda_draws_under_another_scheduler(tmp_path: Path) -> None:
    """DPMSolverMultistep's own config holds -Infinity."""
    folder = save_folder(tmp_path, "sd15")
    OWN["dpm"]().save_pretrained(folder / "scheduler")
    assert "-Infinity" in (folder / "scheduler/scheduler_config.json").read_text()
    with pytest.raises(UserError, match=r"class DPMSolverMultistepScheduler .* --scheduler euler\|lcm"):
        loader.load_model(ModelSpec(folder))
    pipeline = Pipeline.load(ModelSpec(folder, sampling=Sampling("euler", 2)), 64, 64)
    x, x_torch = noise(1, 8, 8, 4)
    made = theirs(folder, diffusers.EulerDiscreteScheduler)
    made.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        diffusers.DPMSolverMultistepScheduler.from_pretrained(folder / "scheduler").config,
        timestep_spacing="trailing", use_karras_sigmas=False,
    )  # fmt: skip
    wanted = made(
        PROMPT, height=64, width=64, num_inference_steps=2, guidance_scale=1.0, latents=x_torch, output_type="latent"
    ).images
    assert relative_error(clean(pipeline, x, 1.0), wanted) < TOLERANCE


def test_what_an_ema_model_wrote_into_its_config_is_told_once(tmp_path: Path, caplog: Any) -> None:
    """diffusers' EMAModel.save_pretrained keeps its bookkeeping in the network's config.json."""
    from diffusers.training_utils import EMAModel

    small = {"block_out_channels": (32, 32), "down_block_types": ("DownBlock2D",) * 2, "norm_num_groups": 8}
    config = small | {"up_block_types": ("UpBlock2D",) * 2, "cross_attention_dim": 16, "mid_block_type": None}
    written = shaken(diffusers.UNet2DConditionModel(**config))
    ema = EMAModel(written.parameters(), use_ema_warmup=True, model_cls=type(written), model_config=written.config)
    ema.save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        ours = loader._unet(tmp_path, mx.float32)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1 and "decay, inv_gamma, min_decay, optimization_step" in told[0]
    x, x_torch = noise(1, 8, 8, 4)
    text, text_torch = noise(1, 3, 16)
    with torch.no_grad():
        wanted = written(x_torch, torch.tensor([500]), text_torch).sample
    assert relative_error(ours.predict(x, mx.array([500.0]), text), wanted) < TOLERANCE


ADAPTERS: dict[str, dict[str, Any]] = {
    "rslora": {"use_rslora": True},
    "rank pattern": {"rank_pattern": {"to_q": 5, "mid_block.attentions.0.proj_in": 1}},
    "alpha pattern": {"alpha_pattern": {"to_q": 1, "down_blocks.0.attentions.0.proj_in": 9}},
    "expressions": {"alpha_pattern": {r"^down_blocks.*to_q": 1, r"attentions\.\d+\.proj_in": 9, "proj_in": 2}},
    "all": {
        "use_rslora": True,
        "rank_pattern": {"to_q": 4},
        "alpha_pattern": {"down_blocks.0.attentions.0.proj_in": 2, "proj_in": 7},
    },
}


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("kind", ADAPTERS)
def test_scales_in_a_loras_metadata(kind: str, live: bool, tmp_path: Path) -> None:
    """peft makes it, diffusers saves it: root of the rank, alphas by layer."""
    peft = pytest.importorskip("peft")
    folder = save_folder(tmp_path / "model", "sd15")
    made = theirs(folder, diffusers.EulerDiscreteScheduler)
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=["to_q", "proj_in"], **ADAPTERS[kind])
    peft.inject_adapter_in_model(config, made.unet, "change")
    torch.manual_seed(9)
    with torch.no_grad():
        for name, value in made.unet.named_parameters():
            if "lora_" in name:
                value.copy_(0.1 * torch.randn_like(value))
    saved = {k: list(v) if isinstance(v, set) else v for k, v in config.to_dict().items()}
    layers = peft.get_peft_model_state_dict(made.unet, adapter_name="change")
    type(made).save_lora_weights(tmp_path, unet_lora_layers=layers, unet_lora_adapter_metadata=saved)
    spec = LoraSpec(tmp_path / "pytorch_lora_weights.safetensors", 1.0, live)
    pipeline = Pipeline.load(ModelSpec(folder, loras=(spec,)), 64, 64)
    x, x_torch = noise(1, 8, 8, 4)
    wanted = made(
        PROMPT, height=64, width=64, num_inference_steps=1, guidance_scale=1.0, latents=x_torch, output_type="latent"
    ).images
    assert relative_error(clean(pipeline, x, 1.0), wanted) < TOLERANCE
