"""Builds the networks of a model folder and fills them: from files to parts that compute. Engine thread."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from livemusviz.diffusion import keys
from livemusviz.diffusion.backend import backend_name
from livemusviz.diffusion.clip import CLIPTextConfig, CLIPTextModel
from livemusviz.diffusion.folder import check_folder
from livemusviz.diffusion.pixelshuffle import AutoencoderPixelShuffle, PixelShuffleConfig
from livemusviz.diffusion.quantize import choose_bits, linear_weights, quantize_linear
from livemusviz.diffusion.schedulers import EulerDiscrete
from livemusviz.diffusion.taesd import AutoencoderTiny, TinyConfig
from livemusviz.diffusion.tokenizer import PromptTokenizer
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig
from livemusviz.diffusion.weights import find_weights, load_weights, read_json
from livemusviz.errors import UserError

Autoencoder = AutoencoderTiny | AutoencoderPixelShuffle

DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"


@dataclass(frozen=True)
class ModelParts:
    """One model, loaded. `dtype` : what the networks compute in; `bits` : of their Linear weights, 16 if plain."""

    folder: Path
    tokenizer: PromptTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: Autoencoder
    scheduler: EulerDiscrete
    dtype: mx.Dtype
    bits: int


def load_model(folder: Path, *, bits: int | None = None, steps: int = 1) -> ModelParts:
    """Load a diffusers folder. Raises UserError for anything in it that is missing, broken or not implemented.

    In memory the weights are float32 on a CPU, which has no fast half precision, and float16 elsewhere.
    """
    check_folder(folder)
    _pipeline_parts(folder)
    backend = backend_name()
    dtype = mx.float32 if backend == "cpu" else mx.float16
    text_encoder = _text_encoder(folder / "text_encoder", dtype)
    unet = _unet(folder / "unet", dtype)
    vae = _autoencoder(folder / "vae", dtype)
    scheduler = _scheduler(folder / "scheduler" / "scheduler_config.json", steps)
    tokenizer = PromptTokenizer(folder / "tokenizer", text_encoder.config.max_length)
    _check_fit(folder, tokenizer, text_encoder, unet, vae)
    bits = choose_bits(bits, backend, linear_weights(unet) + linear_weights(text_encoder))
    for model in (text_encoder, unet):
        quantize_linear(model, bits)
        mx.eval(model.parameters())
    return ModelParts(folder, tokenizer, text_encoder, unet, vae, scheduler, dtype, bits)


def _pipeline_parts(folder: Path) -> None:
    """Refuse a pipeline with a part that this version would ignore."""
    index = read_json(folder / "model_index.json")
    for part in ("text_encoder_2", "transformer", "prior", "image_encoder"):
        if isinstance(index.get(part), list) and index[part][0]:
            raise UserError(f"{folder}: it has a {part}, which is not implemented; only Stable Diffusion 1/2 kinds are")


def _read(path: Path, reader: Callable[[dict[str, Any], str], Any]) -> Any:
    """A config through its reader; wrong types and missing entries become a UserError too."""
    config = read_json(path)
    try:
        return reader(config, str(path))
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise UserError(f"{path}: a value is not of the kind expected ({' '.join(str(error).split())[:200]})") from None


def _unet(folder: Path, dtype: mx.Dtype) -> UNet2DConditionModel:
    path = folder / "config.json"
    _expect_class(path, read_json(path).get("_class_name"), ("UNet2DConditionModel",))
    unet = _read(path, lambda config, where: UNet2DConditionModel(UNetConfig.read(config, where), where))
    load_weights(unet, find_weights(folder, DIFFUSERS_STEM), keys.UNET, dtype)
    return unet


def _text_encoder(folder: Path, dtype: mx.Dtype) -> CLIPTextModel:
    path = folder / "config.json"
    architectures = read_json(path).get("architectures") or [None]
    _expect_class(path, architectures[0], ("CLIPTextModel",))
    model = _read(path, lambda config, where: CLIPTextModel(CLIPTextConfig.read(config, where), where))
    load_weights(model, find_weights(folder, TRANSFORMERS_STEM), keys.CLIP_TEXT, dtype)
    return model


def _autoencoder(folder: Path, dtype: mx.Dtype) -> Autoencoder:
    path = folder / "config.json"
    kind = read_json(path).get("_class_name")
    _expect_class(path, kind, ("AutoencoderTiny", "AutoencoderPixelShuffle"))
    vae: Autoencoder
    if kind == "AutoencoderTiny":
        vae = _read(path, lambda config, where: AutoencoderTiny(TinyConfig.read(config, where), where))
        load_weights(vae, find_weights(folder, DIFFUSERS_STEM), keys.AUTOENCODER_TINY, dtype)
    else:
        vae = _read(path, lambda config, where: AutoencoderPixelShuffle(PixelShuffleConfig.read(config, where)))
        load_weights(vae, find_weights(folder, DIFFUSERS_STEM), keys.PIXEL_SHUFFLE, dtype)
    return vae


def _scheduler(path: Path, steps: int) -> EulerDiscrete:
    _expect_class(path, read_json(path).get("_class_name"), ("EulerDiscreteScheduler",))
    return _read(path, lambda config, where: EulerDiscrete(config, steps, where))


def _expect_class(path: Path, found: str | None, known: tuple[str, ...]) -> None:
    if found not in known:
        hint = "; put a tiny autoencoder (taesd) in its place" if found == "AutoencoderKL" else ""
        raise UserError(f"{path}: class {found} is not implemented; there is {' and '.join(known)}{hint}")


def _check_fit(
    folder: Path, tokenizer: PromptTokenizer, text: CLIPTextModel, unet: UNet2DConditionModel, vae: Autoencoder
) -> None:
    """The parts must speak of the same sizes, else the first frame would fail instead of the loading."""
    pairs = (
        ("text encoder's hidden_size", text.config.hidden_size, "UNet's cross_attention_dim", unet.config.text_dim),
        ("UNet's out_channels", unet.config.out_channels, "autoencoder's latent_channels", vae.latent_channels),
        (
            "UNet's in_channels",
            unet.config.in_channels,
            "latent_channels plus coordinate_channels",
            vae.latent_channels + unet.config.coordinate_channels,
        ),
    )
    for name_a, a, name_b, b in pairs:
        if a != b:
            raise UserError(f"{folder}: the {name_a} is {a}, the {name_b} {b}: the parts are not of one model")
    if unet.config.coordinate_channels not in (0, 2):
        raise UserError(f"{folder}: coordinate_channels {unet.config.coordinate_channels}, must be 0 or 2")
    if tokenizer.vocab_size > text.config.vocab_size:
        raise UserError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, the text encoder {text.config.vocab_size}"
        )
