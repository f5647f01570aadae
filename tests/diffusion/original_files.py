"""Writes single-file checkpoints of the original layout from folders in diffusers layout, as the public script
`convert_diffusers_to_original_*.py` of diffusers does: its tables of names, turned into tests of our reading."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

UNET_OUTER = [
    ("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"), ("label_emb.0.2", "add_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"), ("out.0", "conv_norm_out"), ("out.2", "conv_out"),
]  # fmt: skip
RESNET = [
    ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("out_layers.0", "norm2"), ("out_layers.3", "conv2"),
    ("emb_layers.1", "time_emb_proj"), ("skip_connection", "conv_shortcut"),
]  # fmt: skip


def unet_layers(config: dict[str, Any]) -> list[tuple[str, str]]:
    """(original, diffusers) prefixes, by the script's loops over blocks of two resnets on the way down."""
    levels, layers = len(config["block_out_channels"]), config["layers_per_block"]
    found = []
    for i in range(levels):
        for j in range(layers):
            found.append((f"input_blocks.{(layers + 1) * i + j + 1}.0.", f"down_blocks.{i}.resnets.{j}."))
            found.append((f"input_blocks.{(layers + 1) * i + j + 1}.1.", f"down_blocks.{i}.attentions.{j}."))
        attends = config["up_block_types"][i] == "CrossAttnUpBlock2D"
        for j in range(layers + 1):
            found.append((f"output_blocks.{(layers + 1) * i + j}.0.", f"up_blocks.{i}.resnets.{j}."))
            found.append((f"output_blocks.{(layers + 1) * i + j}.1.", f"up_blocks.{i}.attentions.{j}."))
        found.append((f"input_blocks.{(layers + 1) * (i + 1)}.0.op.", f"down_blocks.{i}.downsamplers.0.conv."))
        up = f"output_blocks.{(layers + 1) * i + layers}.{2 if attends else 1}."
        found.append((up, f"up_blocks.{i}.upsamplers.0."))
    found += [("middle_block.1.", "mid_block.attentions.0.")]
    return found + [(f"middle_block.{2 * j}.", f"mid_block.resnets.{j}.") for j in range(2)]


def unet_name(name: str, config: dict[str, Any]) -> str:
    for original, ours in UNET_OUTER:
        if name.startswith(f"{ours}."):
            return original + name.removeprefix(ours)
    if ".resnets." in name:
        for original, ours in RESNET:
            name = re.sub(rf"\.{ours}\.", f".{original}.", name)
    for original, ours in unet_layers(config):
        if name.startswith(ours):
            return original + name.removeprefix(ours)
    raise AssertionError(name)


def vae_name(name: str, levels: int) -> str:
    for i in range(levels):
        for j in range(3):
            name = name.replace(f"encoder.down_blocks.{i}.resnets.{j}.", f"encoder.down.{i}.block.{j}.")
            name = name.replace(f"decoder.up_blocks.{i}.resnets.{j}.", f"decoder.up.{levels - 1 - i}.block.{j}.")
        name = name.replace(f"down_blocks.{i}.downsamplers.0.", f"down.{i}.downsample.")
        name = name.replace(f"up_blocks.{i}.upsamplers.0.", f"up.{levels - 1 - i}.upsample.")
    for ours, original in (
        ("mid_block.resnets.0.", "mid.block_1."), ("mid_block.resnets.1.", "mid.block_2."),
        ("mid_block.attentions.0.", "mid.attn_1."), ("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out"),
        ("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."), ("to_out.0.", "proj_out."),
    ):  # fmt: skip
        name = name.replace(ours, original)
    return name


def open_clip(tensors: dict[str, np.ndarray], spare_layer: bool) -> dict[str, np.ndarray]:
    """transformers' CLIP as OpenCLIP names it. spare_layer : one more at the end, which nobody reads."""
    out: dict[str, np.ndarray] = {"logit_scale": np.array(4.6, np.float16)}
    stacked: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("text_model.").replace("encoder.layers.", "transformer.resblocks.")
        for ours, original in (
            ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), (".fc1.", ".c_fc."), (".fc2.", ".c_proj."),
            (".self_attn.out_proj", ".attn.out_proj"), ("final_layer_norm.", "ln_final."),
            ("embeddings.token_embedding", "token_embedding"),
            ("embeddings.position_embedding.weight", "positional_embedding"),
        ):  # fmt: skip
            name = name.replace(ours, original)
        if part := re.fullmatch(r"(.*)\.self_attn\.([qkv])_proj\.(weight|bias)", name):
            stacked.setdefault(f"{part[1]}.attn.in_proj_{part[3]}", {})[part[2]] = tensor
        elif name == "text_projection.weight":
            out["text_projection"] = np.ascontiguousarray(tensor.T)
        else:
            out[name] = tensor
    out |= {name: np.concatenate([parts[k] for k in "qkv"]) for name, parts in stacked.items()}
    if spare_layer:
        out["text_projection"] = np.zeros((4, 4), np.float16)
        last = max(int(name.split(".")[2]) for name in out if name.startswith("transformer."))
        start, spare = f"transformer.resblocks.{last}.", f"transformer.resblocks.{last + 1}."
        out |= {name.replace(start, spare): tensor for name, tensor in out.items() if name.startswith(start)}
    return out


def write_original(folder: Path, path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write a folder's model as one file, in half precision as it is stored."""
    config = json.loads((folder / "unet" / "config.json").read_text())
    out: dict[str, np.ndarray] = {"alphas_cumprod": np.zeros(1000, np.float32)}
    for name, tensor in load_file(folder / "unet" / "diffusion_pytorch_model.safetensors").items():
        projects = re.search(r"attentions\.\d+\.proj_(in|out)\.weight$", name)
        tensor = tensor[:, :, None, None] if projects and not config["use_linear_projection"] else tensor
        out["model.diffusion_model." + unet_name(name, config)] = tensor
    levels = len(json.loads((folder / "vae" / "config.json").read_text())["block_out_channels"])
    for name, tensor in load_file(folder / "vae" / "diffusion_pytorch_model.safetensors").items():
        matrix = ".attentions.0.to_" in name and tensor.ndim == 2
        out["first_stage_model." + vae_name(name, levels)] = tensor[:, :, None, None] if matrix else tensor
    first = load_file(folder / "text_encoder" / "model.safetensors")
    clip = {f"text_model.{name}": tensor for name, tensor in first.items()}
    if (folder / "text_encoder_2").is_dir():
        second = load_file(folder / "text_encoder_2" / "model.safetensors")
        out |= {f"conditioner.embedders.0.transformer.{name}": tensor for name, tensor in clip.items()}
        out |= {f"conditioner.embedders.1.model.{name}": t for name, t in open_clip(second, False).items()}
    elif config["use_linear_projection"]:
        out |= {f"cond_stage_model.model.{name}": tensor for name, tensor in open_clip(first, True).items()}
    else:
        out |= {f"cond_stage_model.transformer.{name}": tensor for name, tensor in clip.items()}
    save_file(out, path, metadata)
    return path
