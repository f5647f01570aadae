"""What the parity tests share: the same numbers for both sides, and how far apart the answers are."""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from tests.diffusion.model_folders import SCHEDULER, save_tokenizer

TOLERANCE = 1e-4

UNETS: dict[str, dict[str, Any]] = {
    "sd-turbo": {
        "sample_size": 16,
        "block_out_channels": (32, 64, 128, 128),
        "attention_head_dim": [2, 4, 8, 8],
        "cross_attention_dim": 48,
        "use_linear_projection": True,
    },
    "sd15": {
        "sample_size": 16,
        "block_out_channels": (32, 64, 128, 128),
        "attention_head_dim": 4,
        "cross_attention_dim": 48,
        "norm_num_groups": 16,
    },
    "sdxs-0.9": {
        "block_out_channels": (32, 64, 128),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3,
        "up_block_types": ("CrossAttnUpBlock2D",) * 3,
        "only_cross_attention": [True, False, False],
        "mid_block_type": None,
        "layers_per_block": 1,
        "attention_head_dim": [2, 4, 8],
        "cross_attention_dim": 48,
        "use_linear_projection": True,
    },
    "sdxs-dreamshaper": {
        "block_out_channels": (32, 64, 128),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "mid_block_type": None,
        "layers_per_block": 1,
        "attention_head_dim": [2, 4, 8],
        "cross_attention_dim": 48,
        "use_linear_projection": True,
    },
    "small-sd": {
        "block_out_channels": (32, 64, 128, 128),
        "layers_per_block": 1,
        "attention_head_dim": 4,
        "cross_attention_dim": 48,
    },
    "tiny-sd": {
        "block_out_channels": (32, 64, 128),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3,
        "up_block_types": ("CrossAttnUpBlock2D",) * 3,
        "mid_block_type": None,
        "layers_per_block": 1,
        "attention_head_dim": 4,
        "cross_attention_dim": 48,
    },
    "sdxl-turbo": {
        "block_out_channels": (32, 64, 128),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": [1, 2, 3],
        "attention_head_dim": [2, 4, 8],
        "cross_attention_dim": 96,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 16,
        "projection_class_embeddings_input_dim": 40 + 6 * 16,
    },
    "lcm": {
        "block_out_channels": (32, 64),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": [2, 1],
        "attention_head_dim": 4,
        "cross_attention_dim": 48,
        "time_cond_proj_dim": 24,
    },
    "gelu": {
        "sample_size": 16,
        "block_out_channels": (32, 64, 128, 128),
        "attention_head_dim": 4,
        "cross_attention_dim": 48,
        "norm_num_groups": 16,
        "act_fn": "gelu",
        "norm_eps": 1e-6,
        "flip_sin_to_cos": False,
        "freq_shift": 1,
    },
}
"""diffusers' arguments for the real architectures at a fraction of their width."""

TEXT: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 24,
    "projection_dim": 40,
    "hidden_act": "gelu",
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 257,
}
TINY_AUTOENCODER = {"encoder_block_out_channels": (16,) * 4, "decoder_block_out_channels": (16,) * 4}


def relative_error(found: Any, wanted: Any) -> float:
    """Norm of the difference over the norm; torch's NCHW is turned round."""
    a, b = np.array(found), wanted.detach().numpy()
    b = b.transpose(0, 2, 3, 1) if b.ndim == 4 else b
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def shaken(module: Any) -> Any:
    """Random norms and biases too: diffusers starts them at one and zero, which would hide a mistake."""
    import torch

    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim == 1:
                value.copy_(torch.randn_like(value) * 0.2 + (1.0 if "norm" in name and "weight" in name else 0.0))
    return module.eval()


def noise(*shape: int, seed: int = 5) -> tuple[mx.array, Any]:
    """The same unit noise for both, NHWC here and NCHW there for 4 dimensions."""
    import torch

    x = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return mx.array(x), torch.from_numpy(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x)


def save_folder(folder: Path, name: str, scheduler: dict[str, Any] | None = None) -> Path:
    """A whole model folder written by diffusers and transformers themselves, of one of `UNETS`, float32.

    It is a copy: a test may change it.
    """
    shutil.copytree(_written(name), folder, dirs_exist_ok=True)
    if scheduler:
        path = folder / "scheduler" / "scheduler_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | scheduler))
    return folder


@cache
def _written(name: str) -> Path:
    """The folder that all tests of the session copy, written once."""
    folder = Path(tempfile.mkdtemp(prefix="parity-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _save(folder, UNETS[name], TEXT, TINY_AUTOENCODER)


def save_controlnet(model: Path, folder: Path, seed: int = 0, bgr: bool = False, old: bool = False) -> Path:
    """Write a ControlNet for the UNet of a folder, by diffusers, float32, with random weights in its projections too.

    old : without `conditioning_channels`, as the first ones.
    """
    import diffusers
    import torch

    torch.manual_seed(100 + seed)
    unet = diffusers.UNet2DConditionModel.from_pretrained(model / "unet")
    net = diffusers.ControlNetModel.from_unet(
        unet,
        controlnet_conditioning_channel_order="bgr" if bgr else "rgb",
        conditioning_embedding_out_channels=(8, 16, 24, 32),
        load_weights_from_unet=False,
    )
    shaken(net)
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 4 and not value.any():
                value.copy_(torch.randn_like(value) * 0.1)
    net.save_pretrained(folder)
    if old:
        config = json.loads((folder / "config.json").read_text())
        config.pop("conditioning_channels")
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def save_t2i_adapter(folder: Path, xl: bool = False, seed: int = 0, in_channels: int = 3) -> Path:
    """Write a T2I-Adapter for the reduced widths of Stable Diffusion 1.5 or XL, by diffusers, float32."""
    import diffusers
    import torch

    torch.manual_seed(200 + seed)
    channels, kind = ([32, 64, 128, 128], "full_adapter_xl" if xl else "full_adapter")
    adapter = diffusers.T2IAdapter(in_channels, channels, downscale_factor=16 if xl else 8, adapter_type=kind)
    shaken(adapter).save_pretrained(folder)
    return folder


FULL_UNETS: dict[str, dict[str, Any]] = {
    "sd-turbo": UNETS["sd-turbo"]
    | {
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280, 1280),
        "attention_head_dim": [5, 10, 20, 20],
        "cross_attention_dim": 1024,
    },
    "sdxs-512": UNETS["sdxs-0.9"]
    | {
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280),
        "attention_head_dim": [5, 10, 20],
        "cross_attention_dim": 1024,
    },
}
FULL_TEXT = TEXT | {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "max_position_embeddings": 77,
    "projection_dim": 512,
}


def save_full_folder(folder: Path, name: str) -> Path:
    """The same at full width, one of `FULL_UNETS` with the text encoder of SD 2.1 and a TAESD, float16 on disk."""
    return _save(folder, FULL_UNETS[name], FULL_TEXT, {}, half=True)


def _save(folder: Path, unet: dict[str, Any], text: dict[str, Any], vae: dict[str, Any], half: bool = False) -> Path:
    import diffusers
    import torch
    import transformers

    def write(module: Any, part: str) -> None:
        shaken(module).to(torch.float16 if half else torch.float32).save_pretrained(folder / part)

    torch.manual_seed(1)
    xl = unet.get("addition_embed_type") == "text_time"
    write(diffusers.UNet2DConditionModel(**unet), "unet")
    write(diffusers.AutoencoderTiny(**vae), "vae")
    write(transformers.CLIPTextModel(transformers.CLIPTextConfig(**text)), "text_encoder")
    save_tokenizer(folder / "tokenizer", text["max_position_embeddings"])
    index = {
        "_class_name": "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderTiny"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    }
    if xl:
        second = transformers.CLIPTextConfig(**text | {"num_hidden_layers": 4})
        write(transformers.CLIPTextModelWithProjection(second), "text_encoder_2")
        save_tokenizer(folder / "tokenizer_2", text["max_position_embeddings"])
        index |= {
            "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
            "tokenizer_2": ["transformers", "CLIPTokenizer"],
            "force_zeros_for_empty_prompt": False,
        }
    (folder / "scheduler").mkdir()
    config = SCHEDULER | {"prediction_type": "epsilon"}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def load_diffusers(cls: Any, folder: Path, scheduler: Any, zeros: bool = False, **parts: Any) -> Any:
    """Return diffusers' pipeline `cls` of a folder, with some more parts. scheduler : a class.

    zeros : SDXL's, where there is no negative prompt.
    """
    import diffusers
    import transformers

    tokenizer = transformers.PreTrainedTokenizerFast
    parts = {
        "unet": diffusers.UNet2DConditionModel.from_pretrained(folder / "unet"),
        "vae": diffusers.AutoencoderTiny.from_pretrained(folder / "vae"),
        "text_encoder": transformers.CLIPTextModel.from_pretrained(folder / "text_encoder"),
        "tokenizer": tokenizer.from_pretrained(folder / "tokenizer"),
        "scheduler": scheduler.from_pretrained(folder / "scheduler"),
        **parts,
    }
    if (folder / "text_encoder_2").is_dir():
        second = transformers.CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
        parts |= {"text_encoder_2": second, "tokenizer_2": tokenizer.from_pretrained(folder / "tokenizer_2")}
        made = cls(**parts, force_zeros_for_empty_prompt=zeros)
        made.watermark = None
    else:
        made = cls(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    made.set_progress_bar_config(disable=True)
    return made
