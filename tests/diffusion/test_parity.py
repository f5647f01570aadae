"""MLX against diffusers and transformers, from the very folders those libraries save. Random weights, fp32."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.model_folders import EMBEDDED_TEXT, EMBEDDED_UNET, EMBEDDED_VAE, save_tokenizer, write_model
from tests.diffusion.parity_tools import TEXT, TINY_AUTOENCODER, TOLERANCE, UNETS, noise, relative_error, shaken

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion import model as loader  # noqa: E402
from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.spec import ModelSpec  # noqa: E402
from training.pictures import coordinates_seen  # noqa: E402
from training.pictures import planes as planes_of_view  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

EMBEDDED_FOLDER = Path(loader.__file__).parent / "embedded"
EMBEDDED = {k: v for k, v in EMBEDDED_UNET.items() if k not in ("_class_name", "coordinate_channels")}
ALL_UNETS = UNETS | {"embedded": EMBEDDED, "embedded-512": EMBEDDED | {"norm_num_groups": 16}}
SIZES = {"embedded-512": (22, 40), "sd15": (12, 20), "gelu": (9, 13)}


@pytest.mark.parametrize("name", ALL_UNETS)
def test_unet(name: str, tmp_path: Path) -> None:
    config = ALL_UNETS[name]
    theirs = shaken(diffusers.UNet2DConditionModel(**config))
    theirs.save_pretrained(tmp_path / "unet")
    ours = loader._unet(tmp_path / "unet", mx.float32)
    h, w = SIZES.get(name, (16, 16))
    x, x_torch = noise(2, h, w, config.get("in_channels", 4))
    text, text_torch = noise(2, 7, config["cross_attention_dim"])
    added, more = None, {}
    if config.get("addition_embed_type") == "text_time":
        pooled, pooled_torch = noise(2, 40)
        ids = np.array([[512, 384, 0, 0, 512, 384]] * 2, np.float32)
        added, more = (pooled, mx.array(ids)), {"text_embeds": pooled_torch, "time_ids": torch.from_numpy(ids)}
    w, w_torch = noise(2)
    told, told_torch = (w, None) if config.get("time_cond_proj_dim") else (None, None)
    if told is not None:
        told_torch = _lcm_embedding(w_torch, config["time_cond_proj_dim"])
    conditions = ours.conditions(mx.array([999.0, 500.0]), text, added, told)
    found = ours(x, conditions, ours.keys_values(text))
    with torch.no_grad():
        t = torch.tensor([999, 500])
        wanted = theirs(x_torch, t, text_torch, timestep_cond=told_torch, added_cond_kwargs=more).sample
    assert relative_error(found, wanted) < TOLERANCE


def _lcm_embedding(w: Any, dim: int) -> Any:
    from diffusers import LatentConsistencyModelPipeline

    return LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, w, embedding_dim=dim)


@pytest.mark.parametrize("latents", [4, 16, 32])
def test_autoencoder_tiny(latents: int, tmp_path: Path) -> None:
    theirs = shaken(diffusers.AutoencoderTiny(latent_channels=latents, **TINY_AUTOENCODER))
    _both_ways(theirs, tmp_path / "vae", latents)


@pytest.mark.parametrize("more", [{}, {"use_quant_conv": False, "use_post_quant_conv": False, "shift_factor": 0.1}])
def test_autoencoder_kl(more: dict[str, Any], tmp_path: Path) -> None:
    theirs = diffusers.AutoencoderKL(
        block_out_channels=(16, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4, norm_num_groups=8,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2, latent_channels=4, **more,
    )  # fmt: skip
    _both_ways(shaken(theirs), tmp_path / "vae", 4, shift=more.get("shift_factor", 0.0))


def _both_ways(theirs: Any, folder: Path, latents: int, shift: float = 0.0) -> None:
    theirs.save_pretrained(folder)
    ours = loader._autoencoder(folder, mx.float32)
    picture, picture_torch = noise(1, 32, 64, 3)
    z, z_torch = noise(1, 4, 8, latents)
    with torch.no_grad():
        encoded = theirs.encode(picture_torch)
        mean = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        assert relative_error(ours.encode(picture), mean - shift) < TOLERANCE
        assert relative_error(ours.decode(3 * z), theirs.decode(3 * z_torch + shift).sample) < TOLERANCE
    assert ours.downscale == 8


def test_autoencoder_kl_with_the_names_of_old_checkpoints(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    theirs = shaken(diffusers.AutoencoderKL(block_out_channels=(32,), latent_channels=4))
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, tensor in load_file(path).items():
        for new, former in old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{former}.")
        tensors[name] = tensor
    save_file(tensors, path)
    z, z_torch = noise(1, 4, 8, 4)
    with torch.no_grad():
        wanted = theirs.decode(z_torch).sample
    assert relative_error(loader._autoencoder(tmp_path, mx.float32).decode(z), wanted) < TOLERANCE


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize("end", [257, 2])
def test_clip_text_model(act: str, projected: bool, end: int, tmp_path: Path) -> None:
    """Every layer's output, the last hidden state, and the pooled vector; also with the old end token."""
    config = transformers.CLIPTextConfig(**TEXT | {"hidden_act": act, "eos_token_id": end})
    kind = transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel
    theirs = shaken(kind(config))
    theirs.save_pretrained(tmp_path / "text_encoder")
    ours = loader._text_encoder(tmp_path / "text_encoder", mx.float32)
    tokens = np.random.default_rng(0).integers(3, 250, (2, 24))
    tokens[0, 9:], tokens[1, 20:] = 257, 257
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(tokens), output_hidden_states=True)
    found = ours.hidden_states(mx.array(tokens))
    assert relative_error(ours(mx.array(tokens)), wanted.last_hidden_state) < TOLERANCE
    for a, b in zip(found, wanted.hidden_states, strict=True):
        assert relative_error(a, b) < TOLERANCE
    pooled = wanted.text_embeds if projected else wanted.pooler_output
    assert relative_error(ours.pooled(mx.array(tokens), found[-1]), pooled) < TOLERANCE


def test_pixel_shuffle_autoencoder(embedded_like_folder: Path) -> None:
    """Against the arithmetic as the folder's own description gives it, written out in torch."""
    from safetensors.torch import load_file
    from torch.nn import functional as F

    w = {k: v.float() for k, v in load_file(embedded_like_folder / "vae/diffusion_pytorch_model.safetensors").items()}
    ours = loader._autoencoder(embedded_like_folder / "vae", mx.float32)

    def conv(x: Any, name: str) -> Any:
        weight = w[f"{name}.weight"]
        return F.conv2d(x, weight, w[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def block(x: Any, name: str) -> Any:
        return x + conv(F.relu(conv(F.relu(x), f"{name}.conv1")), f"{name}.conv2")

    z, x = noise(1, 6, 10, 32)
    x = conv(x, "decoder.conv_in")
    for i in range(EMBEDDED_VAE["num_blocks"]):
        x = block(x, f"decoder.blocks.{i}")
    x = F.pixel_shuffle(conv(F.relu(x), "decoder.expand"), 4)
    for i in range(EMBEDDED_VAE["num_fine_blocks"]):
        x = block(x, f"decoder.fine_blocks.{i}")
    x = F.pixel_shuffle(conv(F.relu(x), "decoder.conv_out"), 4)
    assert ours.downscale == 16
    assert relative_error(ours.decode(z), x) < TOLERANCE

    picture, x = noise(1, 32, 48, 3)
    x = block(conv(F.pixel_unshuffle(x, 4), "encoder.conv_in"), "encoder.fine_block")
    x = conv(F.relu(F.pixel_unshuffle(x, 4)), "encoder.reduce")
    for i in range(EMBEDDED_VAE["num_encoder_blocks"]):
        x = block(x, f"encoder.blocks.{i}")
    assert relative_error(ours.encode(picture), conv(F.relu(x), "encoder.conv_out")) < TOLERANCE


@pytest.mark.parametrize("kind", ["random", "embedded"])
def test_one_step_of_a_whole_folder(kind: str, tmp_path: Path) -> None:
    """Prompt to denoised latents to picture in the embedded model's arithmetic, and with its own weights."""
    if kind == "embedded":
        if not EMBEDDED_FOLDER.is_dir():
            pytest.skip("no embedded model in this checkout")
        folder = EMBEDDED_FOLDER
    else:
        folder = write_model(tmp_path / "m", EMBEDDED_UNET, EMBEDDED_VAE, EMBEDDED_TEXT)
    pipeline = Pipeline.load(ModelSpec(folder), 64, 128)
    ids = pipeline.parts.text.tokenizers[0]("deep blue ocean")
    text = transformers.CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(1)
    x, latents = noise(1, 4, 8, 32)
    view = pipeline.parts.unet.config.coordinate_pan, pipeline.parts.unet.config.coordinate_zoom
    with torch.no_grad():
        tokens = text(torch.from_numpy(ids).long()).last_hidden_state
        planes = planes_of_view(*coordinates_seen(latents[0].numpy(), *view))[: unet.config.in_channels - 32]
        latents = latents * scheduler.init_noise_sigma
        scaled = scheduler.scale_model_input(latents, scheduler.timesteps[0])
        predicted = unet(torch.cat([scaled, torch.from_numpy(planes)[None]], 1), scheduler.timesteps[0], tokens).sample
        x0 = scheduler.step(predicted, scheduler.timesteps[0], latents).prev_sample
    embedding = pipeline.prompts.encode("deep blue ocean")
    assert relative_error(embedding.tokens, tokens) < TOLERANCE
    assert relative_error(pipeline.denoise(x, embedding), x0) < TOLERANCE


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
