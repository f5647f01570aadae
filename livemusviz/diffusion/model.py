"""Builds the networks of a model folder and loads their weights. Engine thread."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion import keys, winograd
from livemusviz.diffusion.autoencoder_kl import AutoencoderKL, KLConfig
from livemusviz.diffusion.backend import backend_name, share_threads
from livemusviz.diffusion.blocks import Resnet
from livemusviz.diffusion.clip import CLIPTextConfig, CLIPTextModel
from livemusviz.diffusion.configs import QUANTIZATION, class_name, in_range, refuse_other_task
from livemusviz.diffusion.controlnet import ControlNetConfig, ControlNetModel, ControlUnfit
from livemusviz.diffusion.controls import Control
from livemusviz.diffusion.folder import check_folder
from livemusviz.diffusion.ip_adapter import IPAdapter, LoadedStyle, StyleUnfit, forward_order
from livemusviz.diffusion.lora import Component, apply_lora
from livemusviz.diffusion.pixelshuffle import AutoencoderPixelShuffle, PixelShuffleConfig, PixelShuffleDecoder
from livemusviz.diffusion.quantize import GROUP_SIZE, choose_bits, prepare_packed, stage, weight_bytes
from livemusviz.diffusion.schedulers import Scheduler, make_scheduler
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.streams import OWN, Streams, side_by_side
from livemusviz.diffusion.t2i_adapter import T2IAdapter, T2IAdapterConfig, check_fits
from livemusviz.diffusion.taesd import AutoencoderTiny, TinyConfig
from livemusviz.diffusion.text import PromptEncoder
from livemusviz.diffusion.tokenizer import PromptTokenizer
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig
from livemusviz.diffusion.vision import CLIPVisionConfig, CLIPVisionModel
from livemusviz.diffusion.weights import find_weights, load_weights, read_header, read_json_object
from livemusviz.errors import UserError, one_line

SMALL_MODEL = 256 << 20
"""Bytes of weights up to which a processor's cores compute parts of each layer; in a larger one they share products."""

Autoencoder = AutoencoderTiny | AutoencoderKL | AutoencoderPixelShuffle
Read = Callable[[dict[str, Any], str], Any]

DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
AUTOENCODERS: dict[str, tuple[Read, keys.Renames]] = {
    "AutoencoderTiny": (lambda c, where: AutoencoderTiny(TinyConfig.read(c, where), where), keys.AUTOENCODER_TINY),
    "AutoencoderKL": (lambda c, where: AutoencoderKL(KLConfig.read(c, where), where), keys.AUTOENCODER_KL),
    "AutoencoderPixelShuffle": (
        lambda c, where: AutoencoderPixelShuffle(PixelShuffleConfig.read(c, where)),
        keys.PIXEL_SHUFFLE,
    ),
}
TEXT_ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection")
NOT_BUILT = ("transformer", "prior", "image_encoder", "controlnet", "unet_2", "text_encoder_3")
UNREAD = {"image_encoder": ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "LatentConsistencyModelPipeline")}
"""Parts of `NOT_BUILT` that these pipelines only keep for an IP-Adapter: without one nothing reads them."""


@dataclass(frozen=True)
class ModelParts:
    """Holds one model, loaded.

    spec : its description.
    text : the encoder of prompts.
    unet, vae, scheduler : the networks and the noise schedule.
    dtype : type of the networks' arrays.
    vae_dtype : type of the autoencoder's arrays.
    bits : of the weights that can be quantised; 16 if none are.
    zero_negative : True if the encoding of an empty negative prompt is zeros.
    live : factors of live LoRAs by file name; 0-d arrays, to be replaced in place.
    streams : on which parts of a frame are computed.
    controls : one network for each of the spec's ControlNets and T2I-Adapters.
    style : the IP-Adapter, or None.
    """

    spec: ModelSpec
    text: PromptEncoder
    unet: UNet2DConditionModel
    vae: Autoencoder
    scheduler: Scheduler
    dtype: mx.Dtype
    vae_dtype: mx.Dtype
    bits: int
    zero_negative: bool = False
    live: dict[str, mx.array] = field(default_factory=dict)
    streams: Streams = OWN
    controls: tuple[Control, ...] = ()
    style: LoadedStyle | None = None

    @property
    def folder(self) -> Path:
        return self.spec.folder

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights in memory."""
        return sum(map(weight_bytes, (*self.text.encoders, self.unet, self.vae, *self.controls)))


def load_model(spec: ModelSpec) -> ModelParts:
    """Load a diffusers folder. Raises UserError for anything in it that is missing, broken or not implemented.

    In memory plain weights are float32 on a CPU, which has no fast half precision, and float16 elsewhere.
    """
    spec.validate()
    folder = spec.folder
    check_folder(folder, needs_vae=spec.vae is None)
    index = read_json_object(folder / "model_index.json")
    _refuse_parts(folder, index)
    dtype = mx.float32 if backend_name() == "cpu" else mx.float16
    bits = choose_bits(spec.bits)
    second = ["_2"] if _present(index, "text_encoder_2") else []
    encoders = [_text_encoder(folder / f"text_encoder{n}", dtype, bits) for n in ["", *second]]
    lengths = [encoder.config.max_length for encoder in encoders]
    tokenizers = [PromptTokenizer(folder / f"tokenizer{n}", m) for n, m in zip(["", *second], lengths, strict=True)]
    unet = _unet(folder / "unet", dtype, bits)
    vae_folder = spec.vae or folder / "vae"
    vae_dtype = mx.float32 if second and _overflows(vae_folder) else dtype
    vae = _autoencoder(vae_folder, vae_dtype)
    scheduler = _scheduler(folder / "scheduler" / "scheduler_config.json", spec)
    text, zeros = PromptEncoder(tokenizers, encoders), second and index.get("force_zeros_for_empty_prompt", True)
    controls, style = _controls(spec, dtype, bits), _style(spec, unet, dtype)
    bits = _bits_of(unet, bits)
    parts = ModelParts(
        spec,
        text,
        unet,
        vae,
        scheduler,
        dtype,
        vae_dtype,
        bits,
        zero_negative=bool(zeros),
        controls=controls,
        style=style,
    )
    _check_fit(parts)
    _check_controls_fit(parts)
    check_guidance(scheduler, spec.guidance, str(folder))
    if backend_name() == "cpu":
        for network in (*encoders, unet, vae, *controls):
            stage(network)
    components: list[Component] = [("unet", unet, keys.UNET)]
    components += [(f"text_encoder{n}", e, keys.CLIP_TEXT) for n, e in zip(["", *second], encoders, strict=True)]
    for lora in spec.loras:
        apply_lora(components, lora, parts.live, dtype)
    if backend_name() == "cpu":
        return _prepare_for_cpu(parts)
    return parts


def _prepare_for_cpu(parts: ModelParts) -> ModelParts:
    """Choose how a processor computes the convolutions. Packed weights are for saving memory: then little is added."""
    streams = side_by_side(share_threads(among_streams=parts.weight_bytes <= SMALL_MODEL))
    modules = [module for network in (parts.unet, parts.vae, *parts.controls) for module in network.modules()]
    most = winograd.LAYER_BYTES if parts.bits == 16 else winograd.LAYER_BYTES // 16
    winograd.prepare_winograd(modules, streams, most)
    for module in modules:
        if isinstance(module, Resnet | PixelShuffleDecoder):
            module.streams = streams
    return replace(parts, streams=streams)


def _present(index: dict[str, Any], part: str) -> bool:
    found = index.get(part)
    return isinstance(found, list) and len(found) > 0 and bool(found[0])


def _refuse_parts(folder: Path, index: dict[str, Any]) -> None:
    """Refuse a pipeline with a part whose effect would be missing."""
    for part in NOT_BUILT:
        if _present(index, part) and index.get("_class_name") not in UNREAD.get(part, ()):
            raise UserError(
                f"{folder}: it has the part {part}, which is not implemented; only Stable Diffusion 1, 2 and XL are"
            )
    if index.get("requires_aesthetics_score"):
        raise UserError(f"{folder}: it is an SDXL refiner, which is not implemented")


def _read(path: Path, reader: Read, infinite: bool = False) -> Any:
    """Return a config through its reader; wrong types and missing entries become a UserError too. infinite : see
    read_json_object."""
    config = in_range(read_json_object(path, infinite), str(path))
    try:
        return reader(config, str(path))
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        raise UserError(f"{path}: a value is not of the kind expected ({one_line(error)})") from None


def packing(folder: Path, bits: int) -> int:
    """Bits to hold a component's weights in: those its folder is packed in, else `bits`. Raises UserError."""
    packed = read_json_object(folder / "config.json").get(QUANTIZATION)
    if packed is None:
        return bits
    if packed not in [{"group_size": GROUP_SIZE, "bits": b} for b in (4, 8)]:
        raise UserError(f"{folder / 'config.json'}: {QUANTIZATION} {packed!r} is not implemented; convert it again")
    return int(packed["bits"])


def _fill(model: nn.Module, folder: Path, stem: str, renames: keys.Renames, dtype: mx.Dtype, bits: int) -> None:
    prepare_packed(model, packing(folder, bits), dtype)
    load_weights(model, find_weights(folder, stem), renames, dtype)


def _unet(folder: Path, dtype: mx.Dtype, bits: int = 16) -> UNet2DConditionModel:
    path = folder / "config.json"
    config = read_json_object(path)
    _expect_class(path, config.get("_class_name"), ("UNet2DConditionModel",))
    refuse_other_task(config, str(path))
    unet = _read(path, lambda config, where: UNet2DConditionModel(UNetConfig.read(config, where), where))
    _fill(unet, folder, DIFFUSERS_STEM, keys.UNET, dtype, bits)
    return unet


def _style(spec: ModelSpec, unet: UNet2DConditionModel, dtype: mx.Dtype) -> LoadedStyle | None:
    """Raises StyleUnfit for an IP-Adapter or an encoder that is missing, broken or not for this UNet."""
    if spec.style is None:
        return None
    try:
        file = spec.style.adapter
        header = read_header(file).items()
        shapes = {keys.to_ours(name, keys.IP_ADAPTER) or name: info.shape for name, info in header}
        try:
            adapter = IPAdapter(shapes)
        except (LookupError, ValueError, TypeError) as error:
            raise UserError(f"{file}: no IP-Adapter of the plain or the plus form ({one_line(error)})") from None
        order = forward_order(unet)
        wanted = [(attention.out.bias.shape[0], unet.config.text_dim) for attention in unet.cross_attentions]
        found = [shapes.get(f"attentions.{i}.k.weight") for i in order]
        if found != wanted or len(adapter.attentions) != len(order):
            raise UserError(f"{file}: it is for {len(adapter.attentions)} cross-attentions of another kind of model")
        load_weights(adapter, [file], keys.IP_ADAPTER, dtype)
        return LoadedStyle(file, adapter, _vision_encoder(spec.style.encoder, dtype), order)
    except UserError as error:
        raise StyleUnfit(str(error)) from None


def _vision_encoder(folder: Path, dtype: mx.Dtype) -> CLIPVisionModel:
    path = folder / "config.json"
    architectures = read_json_object(path).get("architectures")
    found = architectures[0] if isinstance(architectures, list) and architectures else architectures
    _expect_class(path, found, ("CLIPVisionModelWithProjection",))
    model = _read(path, lambda config, where: CLIPVisionModel(CLIPVisionConfig.read(config, where), where))
    load_weights(model, find_weights(folder, TRANSFORMERS_STEM), keys.CLIP_VISION, dtype)
    return model


def _controls(spec: ModelSpec, dtype: mx.Dtype, bits: int) -> tuple[Control, ...]:
    """Raises ControlUnfit for a folder that is missing, broken or not implemented."""
    try:
        return tuple(_control(control.folder, dtype, bits) for control in spec.controls)
    except UserError as error:
        raise ControlUnfit(str(error)) from None


def _control(folder: Path, dtype: mx.Dtype, bits: int) -> Control:
    path = folder / "config.json"
    kind = read_json_object(path).get("_class_name")
    _expect_class(path, kind, ("ControlNetModel", "T2IAdapter"))
    if kind == "T2IAdapter":
        adapter: T2IAdapter = _read(path, lambda config, where: T2IAdapter(T2IAdapterConfig.read(config, where)))
        _fill(adapter, folder, DIFFUSERS_STEM, keys.T2I_ADAPTER, dtype, bits)
        return adapter
    net: ControlNetModel = _read(
        path, lambda config, where: ControlNetModel(ControlNetConfig.read(config, where), where)
    )
    _fill(net, folder, DIFFUSERS_STEM, keys.CONTROLNET, dtype, bits)
    return net


def _text_encoder(folder: Path, dtype: mx.Dtype, bits: int = 16) -> CLIPTextModel:
    path = folder / "config.json"
    architectures = read_json_object(path).get("architectures")
    found = architectures[0] if isinstance(architectures, list) and architectures else architectures
    _expect_class(path, found, TEXT_ENCODERS)
    model = _read(path, lambda config, where: CLIPTextModel(CLIPTextConfig.read(config, where), where))
    _fill(model, folder, TRANSFORMERS_STEM, keys.CLIP_TEXT, dtype, bits)
    return model


def _autoencoder(folder: Path, dtype: mx.Dtype) -> Autoencoder:
    path = folder / "config.json"
    kind = read_json_object(path).get("_class_name")
    _expect_class(path, kind, tuple(AUTOENCODERS))
    make, renames = AUTOENCODERS[str(kind)]
    files = find_weights(folder, DIFFUSERS_STEM)
    vae: Autoencoder = _read(path, lambda config, where: make(_with_pools(config, files), where))
    load_weights(vae, files, renames, dtype)
    return vae


def _with_pools(config: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    """Return the config, with the key for TAEF2's pools where the weights have them: diffusers itself writes no such
    key."""
    if config.get("_class_name") != "AutoencoderTiny" or "use_midblock_gn" in config:
        return config
    return config | {"use_midblock_gn": any(".pool." in name for path in files for name in read_header(path))}


def _overflows(folder: Path) -> bool:
    """Return True if an SDXL autoencoder overflows in half precision, by its config."""
    config = read_json_object(folder / "config.json")
    return bool(config.get("force_upcast", config.get("_class_name") == "AutoencoderKL"))


def _scheduler(path: Path, spec: ModelSpec) -> Scheduler:
    return _read(path, lambda config, where: make_scheduler(config, spec.sampling, where), infinite=True)


def _bits_of(model: nn.Module, bits: int) -> int:
    """Return the real bits of a model's weights: a folder packed on disk stays packed."""
    return next((int(module.bits) for _, module in model.named_modules() if hasattr(module, "bits")), 16)


def _expect_class(path: Path, found: Any, known: tuple[str, ...]) -> None:
    if not isinstance(found, str) or found not in known:
        raise UserError(f"{path}: class {class_name(found)} is not implemented; there is {' and '.join(known)}")


def check_guidance(scheduler: Scheduler, guidance: str, where: str) -> None:
    """R-CFG finds the noise in the latents from x0, and x0 from the noise: raises UserError unless some of both is
    there at every step."""
    if guidance in ("self", "initialize") and not scheduler.signal_left:
        raise UserError(f"{where}: zero terminal SNR leaves no signal in the first step for --guidance {guidance}; "
                        "use full or none")  # fmt: skip


def _check_controls_fit(parts: ModelParts) -> None:
    """Raises ControlUnfit for a control of another kind of model: its residuals must have the shapes of the skips, its
    features those of the levels."""
    unet = parts.unet.config
    for control, net in zip(parts.spec.controls, parts.controls, strict=True):
        if isinstance(net, T2IAdapter):
            try:
                check_fits(net, unet, parts.vae.downscale, str(control.folder))
            except UserError as error:
                raise ControlUnfit(str(error)) from None
            continue
        config = net.config
        pairs = (
            ("block_out_channels", list(config.channels), list(unet.channels)),
            ("layers_per_block", list(config.layers), list(unet.layers)),
            ("cross_attention_dim", config.text_dim, unet.text_dim),
            ("in_channels", config.in_channels, unet.in_channels),
            ("pooled width", config.pooled_dim, unet.pooled_dim),
            ("downscale of the picture", net.downscale, parts.vae.downscale),
        )
        for name, found, wanted in pairs:
            if found != wanted:
                raise ControlUnfit(
                    f"{control.folder}: its {name} is {found}, that of {parts.folder} {wanted}; "
                    "give a ControlNet made for this kind of model"
                )


def _check_fit(parts: ModelParts) -> None:
    """Check that the parts agree on their sizes: else the first frame would fail instead of the loading."""
    folder, unet, vae = parts.folder, parts.unet.config, parts.vae
    pairs = (
        ("text encoder's hidden_size", parts.text.text_dim, "UNet's cross_attention_dim", unet.text_dim),
        ("UNet's pooled width", unet.pooled_dim, "second text encoder's projection_dim", parts.text.pooled_dim),
        ("UNet's out_channels", unet.out_channels, "autoencoder's latent_channels", vae.latent_channels),
        (
            "UNet's in_channels",
            unet.in_channels,
            "latent_channels plus coordinate_channels",
            vae.latent_channels + unet.coordinate_channels,
        ),
    )
    for name_a, a, name_b, b in pairs:
        if a != b:
            raise UserError(f"{folder}: the {name_a} is {a}, the {name_b} {b}: the parts are not of one model")
    if unet.coordinate_channels not in (0, 2, 32):
        raise UserError(f"{folder}: coordinate_channels {unet.coordinate_channels}, must be 0, 2 or 32")
    for tokenizer, encoder in zip(parts.text.tokenizers, parts.text.encoders, strict=True):
        highest, read = tokenizer.highest_id, encoder.config.vocab_size
        if highest >= read:
            raise UserError(f"{folder}: the tokenizer has tokens up to {highest}, the text encoder up to {read - 1}")
