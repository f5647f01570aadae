"""Writes small random model folders in diffusers layout, so that no test needs trained weights."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from livemusviz.diffusion import keys
from livemusviz.diffusion.clip import CLIPTextConfig, CLIPTextModel
from livemusviz.diffusion.controlnet import ControlNetConfig, ControlNetModel
from livemusviz.diffusion.pixelshuffle import AutoencoderPixelShuffle, PixelShuffleConfig
from livemusviz.diffusion.t2i_adapter import T2IAdapter, T2IAdapterConfig
from livemusviz.diffusion.taesd import AutoencoderTiny, TinyConfig
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig

EMBEDDED_UNET: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "in_channels": 34,
    "out_channels": 32,
    "coordinate_channels": 2,
    "sample_size": 16,
    "block_out_channels": [128, 192],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "mid_block_type": None,
    "act_fn": "relu",
    "norm_num_groups": 32,
    "resnet_time_scale_shift": "scale_shift",
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 4,
    "cross_attention_dim": 128,
}
TINY_UNET = EMBEDDED_UNET | {
    "in_channels": 10,
    "out_channels": 8,
    "block_out_channels": [16, 32],
    "mid_block_type": "UNetMidBlock2D",
    "norm_num_groups": 8,
    "cross_attention_dim": 32,
}
EMBEDDED_VAE: dict[str, Any] = {
    "_class_name": "AutoencoderPixelShuffle",
    "latent_channels": 32,
    "channels": 128,
    "num_blocks": 2,
    "fine_channels": 48,
    "fine_hidden_channels": 32,
    "num_fine_blocks": 2,
    "encoder_channels": 96,
    "num_encoder_blocks": 1,
    "upscale": [4, 4],
    "scaling_factor": 1.0,
}
TINY_VAE = EMBEDDED_VAE | {"latent_channels": 8, "channels": 16, "fine_channels": 8, "fine_hidden_channels": 4}
EMBEDDED_TEXT: dict[str, Any] = {
    "architectures": ["CLIPTextModel"],
    "vocab_size": 320,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
TINY_TEXT = EMBEDDED_TEXT | {"hidden_size": 32, "intermediate_size": 64}
ATTENTIVE_UNET = TINY_UNET | {
    "in_channels": 4,
    "out_channels": 4,
    "coordinate_channels": 0,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "attention_head_dim": [2, 4],
    "addition_embed_type": None,
    "act_fn": "silu",
    "resnet_time_scale_shift": "default",
}
ATTENTIVE_VAE: dict[str, Any] = {
    "_class_name": "AutoencoderTiny",
    "latent_channels": 4,
    "encoder_block_out_channels": [8] * 4,
    "decoder_block_out_channels": [8] * 4,
}
SCHEDULER: dict[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "sample",
    "clip_sample": False,
    "timestep_spacing": "trailing",
}


def torch_layout(model: nn.Module, renames: keys.Renames) -> dict[str, np.ndarray]:
    """A model's parameters as torch would save them: its names, convolutions as (O, I, h, w), 1x1 ones included."""
    tensors = {}
    for name, value in tree_flatten(model.parameters()):
        array = np.array(value)
        if array.ndim == 4:
            array = array.transpose(0, 3, 1, 2)
        elif array.ndim == 2 and name.split(".")[-2] in ("shortcut", "expand", "reduce"):
            array = array[:, :, None, None]
        tensors[keys.to_torch(name, renames)] = np.ascontiguousarray(array)
    return tensors


def save(folder: Path, stem: str, model: nn.Module, renames: keys.Renames, config: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    tensors = {name: a.astype(np.float16) for name, a in torch_layout(model, renames).items()}
    save_file(tensors, folder / f"{stem}.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def save_tokenizer(folder: Path, max_length: int = 32) -> None:
    """A byte-level CLIP-like vocabulary without merges: one token a character, 2 special ones."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {t: i for i, t in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    start, end = vocab["<|startoftext|>"], vocab["<|endoftext|>"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>",
        special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_max_length": max_length, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_model(
    folder: Path, unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any], scheduler: dict[str, Any] = SCHEDULER
) -> Path:
    """A complete random model folder with the given configs; the same numbers every time."""
    mx.random.seed(7)
    save(folder / "unet", "diffusion_pytorch_model", UNet2DConditionModel(UNetConfig.read(unet, "")), keys.UNET, unet)
    if vae["_class_name"] == "AutoencoderTiny":
        net, renames = AutoencoderTiny(TinyConfig.read(vae, "")), keys.AUTOENCODER_TINY
    else:
        net, renames = AutoencoderPixelShuffle(PixelShuffleConfig.read(vae, "")), keys.PIXEL_SHUFFLE
    save(folder / "vae", "diffusion_pytorch_model", net, renames, vae)
    save(folder / "text_encoder", "model", CLIPTextModel(CLIPTextConfig.read(text, "")), keys.CLIP_TEXT, text)
    save_tokenizer(folder / "tokenizer", text["max_position_embeddings"])
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", vae["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_controlnet(folder: Path, unet: dict[str, Any]) -> Path:
    """A random ControlNet for a UNet's config, as the first ones were saved; the same numbers every time."""
    shared = set(unet) - {"up_block_types", "out_channels", "coordinate_channels", "sample_size"}
    config = {key: unet[key] for key in shared} | {
        "_class_name": "ControlNetModel",
        "conditioning_embedding_out_channels": [4, 6, 8, 8],
    }
    mx.random.seed(8)
    net = ControlNetModel(ControlNetConfig.read(config, ""))
    save(folder, "diffusion_pytorch_model", net, keys.CONTROLNET, config)
    return folder


def write_t2i_adapter(folder: Path, channels: list[int], xl: bool = False) -> Path:
    """Write a random T2I-Adapter whose features have these channels, level by level; the same numbers every time."""
    config: dict[str, Any] = {"_class_name": "T2IAdapter", "adapter_type": "full_adapter", "channels": channels}
    if xl:
        config |= {"adapter_type": "full_adapter_xl", "downscale_factor": 16}
    mx.random.seed(9)
    save(
        folder,
        "diffusion_pytorch_model",
        T2IAdapter(T2IAdapterConfig.read(config, "")),
        keys.T2I_ADAPTER,
        config,
    )
    return folder
