"""MLX against diffusers and transformers, from the very folders those libraries save. Random weights, fp32."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.model_folders import (
    EMBEDDED_TEXT,
    EMBEDDED_UNET,
    EMBEDDED_VAE,
    SCHEDULER,
    save_tokenizer,
    write_model,
)

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion import model as loader  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.schedulers import EulerDiscrete  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

TOLERANCE = 1e-4
EMBEDDED_FOLDER = Path(loader.__file__).parent / "embedded"

SD_TURBO_UNET: dict[str, Any] = {
    "sample_size": 16,
    "block_out_channels": (32, 64, 128, 128),
    "attention_head_dim": [2, 4, 8, 8],
    "cross_attention_dim": 48,
    "use_linear_projection": True,
}
SD15_UNET = SD_TURBO_UNET | {"attention_head_dim": 4, "use_linear_projection": False, "norm_num_groups": 16}
SDXS_UNET: dict[str, Any] = {
    "block_out_channels": (32, 64, 128),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "mid_block_type": None,
    "layers_per_block": 1,
    "attention_head_dim": [2, 4, 8],
    "cross_attention_dim": 48,
    "use_linear_projection": True,
}
EMBEDDED = {k: v for k, v in EMBEDDED_UNET.items() if k not in ("_class_name", "coordinate_channels")}
GELU_UNET = SD15_UNET | {"act_fn": "gelu", "norm_eps": 1e-6, "flip_sin_to_cos": False, "freq_shift": 1}
UNETS = {
    "sd-turbo": SD_TURBO_UNET,
    "sd15": SD15_UNET,
    "sdxs": SDXS_UNET,
    "embedded": EMBEDDED,
    "embedded-512": EMBEDDED | {"norm_num_groups": 16},
    "gelu": GELU_UNET,
}
SIZES = {"embedded-512": (22, 40), "sd15": (12, 20), "gelu": (9, 13)}


def relative_error(found: mx.array, wanted: "torch.Tensor") -> float:
    """Norm of the difference over the norm; torch's NCHW is turned round."""
    a, b = np.array(found), wanted.detach().numpy()
    b = b.transpose(0, 2, 3, 1) if b.ndim == 4 else b
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def shaken(module: Any) -> Any:
    """Random norms and biases too: diffusers starts them at one and zero, which would hide a mistake."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim == 1:
                value.copy_(torch.randn_like(value) * 0.2 + (1.0 if "norm" in name and "weight" in name else 0.0))
    return module.eval()


def noise(*shape: int) -> tuple[mx.array, "torch.Tensor"]:
    """The same unit noise for both, NHWC there and NCHW here for 4 dimensions."""
    x = np.random.default_rng(5).standard_normal(shape, dtype=np.float32)
    return mx.array(x), torch.from_numpy(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x)


@pytest.mark.parametrize("name", UNETS)
def test_unet(name: str, tmp_path: Path) -> None:
    config = UNETS[name]
    theirs = shaken(diffusers.UNet2DConditionModel(**config))
    theirs.save_pretrained(tmp_path / "unet")
    ours = loader._unet(tmp_path / "unet", mx.float32)
    h, w = SIZES.get(name, (16, 16))
    x, x_torch = noise(1, h, w, config.get("in_channels", 4))
    text, text_torch = noise(1, 7, config["cross_attention_dim"])
    found = ours(x, ours.embed(mx.array([999.0]), text), text)
    with torch.no_grad():
        wanted = theirs(x_torch, torch.tensor(999), text_torch).sample
    assert relative_error(found, wanted) < TOLERANCE


@pytest.mark.parametrize("latents", [4, 16])
def test_autoencoder_tiny(latents: int, tmp_path: Path) -> None:
    config = {"encoder_block_out_channels": (16,) * 4, "decoder_block_out_channels": (16,) * 4}
    theirs = shaken(diffusers.AutoencoderTiny(latent_channels=latents, **config))
    theirs.save_pretrained(tmp_path / "vae")
    ours = loader._autoencoder(tmp_path / "vae", mx.float32)
    picture, picture_torch = noise(1, 32, 64, 3)
    z, z_torch = noise(1, 4, 8, latents)
    with torch.no_grad():
        assert relative_error(ours.encode(picture), theirs.encode(picture_torch).latents) < TOLERANCE
        assert relative_error(ours.decode(3 * z), theirs.decode(3 * z_torch).sample) < TOLERANCE
    assert ours.downscale == 8


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
def test_clip_text_model(act: str, tmp_path: Path) -> None:
    config = transformers.CLIPTextConfig(
        vocab_size=60, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=12, hidden_act=act, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    theirs = shaken(transformers.CLIPTextModel(config))
    theirs.save_pretrained(tmp_path / "text_encoder")
    ours = loader._text_encoder(tmp_path / "text_encoder", mx.float32)
    tokens = np.random.default_rng(0).integers(0, 60, (1, 12))
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(tokens)).last_hidden_state
    assert relative_error(ours(mx.array(tokens)), wanted) < TOLERANCE


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize(
    ("spacing", "steps"), [("trailing", 1), ("trailing", 4), ("trailing", 3), ("leading", 4), ("linspace", 5)]
)
def test_euler(prediction: str, spacing: str, steps: int) -> None:
    config = SCHEDULER | {"prediction_type": prediction, "timestep_spacing": spacing, "steps_offset": 1}
    theirs = diffusers.EulerDiscreteScheduler.from_config(config)
    theirs.set_timesteps(steps)
    ours = EulerDiscrete(config, steps)
    np.testing.assert_array_equal(ours.timesteps, theirs.timesteps.numpy())
    np.testing.assert_allclose(ours.sigmas, theirs.sigmas.numpy(), rtol=1e-5)
    assert ours.init_noise_sigma == pytest.approx(float(theirs.init_noise_sigma), rel=1e-5)
    rng = np.random.default_rng(1)
    a = rng.standard_normal((1, 4, 4, 4)).astype(np.float32) * ours.init_noise_sigma
    b = torch.from_numpy(a)
    for i, t in enumerate(theirs.timesteps):
        np.testing.assert_allclose(ours.scale_input(a, i), theirs.scale_model_input(b, t).numpy(), rtol=1e-4, atol=1e-5)
        output = rng.standard_normal(a.shape).astype(np.float32)
        a = ours.step(ours.denoised(output, a, i), a, i)
        b = theirs.step(torch.from_numpy(output), t, b).prev_sample
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-4, atol=2e-5)


def test_pixel_shuffle_decoder(embedded_like_folder: Path) -> None:
    """Against the arithmetic as the folder's own description gives it, written out in torch."""
    from safetensors.torch import load_file
    from torch.nn import functional as F

    w = {k: v.float() for k, v in load_file(embedded_like_folder / "vae/diffusion_pytorch_model.safetensors").items()}
    ours = loader._autoencoder(embedded_like_folder / "vae", mx.float32)

    def conv(x: Any, name: str) -> Any:
        weight = w[f"decoder.{name}.weight"]
        return F.conv2d(x, weight, w[f"decoder.{name}.bias"], padding=weight.shape[-1] // 2)

    def block(x: Any, name: str) -> Any:
        return x + conv(F.relu(conv(F.relu(x), f"{name}.conv1")), f"{name}.conv2")

    z, x = noise(1, 6, 10, 32)
    x = conv(x, "conv_in")
    for i in range(EMBEDDED_VAE["num_blocks"]):
        x = block(x, f"blocks.{i}")
    x = F.pixel_shuffle(conv(F.relu(x), "expand"), 4)
    x = F.pixel_shuffle(conv(F.relu(block(x, "fine_blocks.0")), "conv_out"), 4)
    assert ours.downscale == 16
    assert relative_error(ours.decode(z), x) < TOLERANCE


@pytest.mark.parametrize("kind", ["random", "embedded"])
def test_one_step_of_a_whole_folder(kind: str, tmp_path: Path) -> None:
    """Prompt to denoised latents to picture in the embedded model's arithmetic, and with its own weights."""
    if kind == "embedded":
        if not EMBEDDED_FOLDER.is_dir():
            pytest.skip("no embedded model in this checkout")
        folder = EMBEDDED_FOLDER
    else:
        folder = write_model(tmp_path / "m", EMBEDDED_UNET, EMBEDDED_VAE, EMBEDDED_TEXT)
    pipeline = Pipeline.load(folder, 64, 128)
    ids = pipeline.parts.tokenizer("deep blue ocean")
    text = transformers.CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(1)
    x, latents = noise(1, 4, 8, 32)
    u = (2 * np.arange(8) + 1 - 8) / 4
    v = (2 * np.arange(4) + 1 - 4) / 4
    planes = torch.tensor(np.stack(np.meshgrid(u, v)), dtype=torch.float32)[None]
    with torch.no_grad():
        tokens = text(torch.from_numpy(ids).long()).last_hidden_state
        latents = latents * scheduler.init_noise_sigma
        scaled = scheduler.scale_model_input(latents, scheduler.timesteps[0])
        predicted = unet(torch.cat([scaled, planes], 1), scheduler.timesteps[0], tokens).sample
        x0 = scheduler.step(predicted, scheduler.timesteps[0], latents).prev_sample
    embedding = pipeline.encode_prompt("deep blue ocean")
    assert relative_error(embedding.tokens, tokens) < TOLERANCE
    assert relative_error(pipeline.denoise(x, embedding.tokens, embedding.conditions), x0) < TOLERANCE


def test_clip_tokens_from_vocab_and_merges(tmp_path: Path) -> None:
    """Folders without tokenizer.json: the same ids as transformers' own CLIP tokenizer gives for the two old files."""
    from livemusviz.diffusion.tokenizer import PromptTokenizer

    save_tokenizer(tmp_path / "letters")
    letters = json.loads((tmp_path / "letters/tokenizer.json").read_text())["model"]["vocab"]
    tokens = [t for t in letters if not t.startswith("<|")]
    merges = ["r e", "re d</w>", "l a", "v a</w>", "la va</w>"]
    merged = ["re", "red</w>", "la", "va</w>", "lava</w>"]
    names = [*tokens, *(t + "</w>" for t in tokens), *merged, "<|startoftext|>", "<|endoftext|>"]
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(names)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    config = {"model_max_length": 20, "pad_token": "!", "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    theirs = transformers.CLIPTokenizer.from_pretrained(folder)
    ours = PromptTokenizer(folder, 20)
    for prompt in ("Red LAVA", "it's 42 lava-red, été!", "", "a " * 40):
        wanted = theirs(prompt, padding="max_length", truncation=True, max_length=20)["input_ids"]
        assert ours(prompt)[0].tolist() == wanted, prompt
