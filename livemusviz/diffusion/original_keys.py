"""Names of the original Stable Diffusion checkpoints, as diffusers and transformers name the same tensors. Pure.

There all networks are in one file under a prefix each, and the UNet's blocks of one way are one list: an entry is a
resnet with its transformer, or a downsampling; an upsampling stands beside the resnet before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP_L = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.")
"""Prefixes of OpenAI's CLIP as transformers names it: of Stable Diffusion 1, and the first encoder of XL."""
OPEN_CLIP = ("cond_stage_model.model.", "conditioner.embedders.1.model.")
"""Prefixes of OpenCLIP's own names: of Stable Diffusion 2, and the second encoder of XL."""
THIRD = 3  # of a matrix that holds queries, keys and values


@dataclass(frozen=True, slots=True)
class Source:
    """Place of a tensor: its name in the file, and the part of it. third : 0 to 2, a third of its rows; None is all.

    transposed : rows and columns exchanged.  flat : a convolution of 1x1 as a matrix.
    """

    name: str
    third: int | None = None
    transposed: bool = False
    flat: bool = False


Sources = dict[str, Source]
"""Tensors by diffusers' or transformers' names."""

_UNET_OUTER = {
    "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1", "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
}  # fmt: skip
_RESNET = {
    "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
    "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
}  # fmt: skip
_VAE = (
    (".mid.block_1.", ".mid_block.resnets.0."), (".mid.block_2.", ".mid_block.resnets.1."),
    (".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."), (".mid.attn_1.q.", ".mid_block.attentions.0.to_q."),
    (".mid.attn_1.k.", ".mid_block.attentions.0.to_k."), (".mid.attn_1.v.", ".mid_block.attentions.0.to_v."),
    (".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."), (".norm_out.", ".conv_norm_out."),
    (".nin_shortcut.", ".conv_shortcut."), (".downsample.conv.", ".downsamplers.0.conv."),
    (".upsample.conv.", ".upsamplers.0.conv."),
)  # fmt: skip
_VAE_BLOCK = re.compile(r"\.(down|up)\.(\d+)\.(block\.)?")
_OPEN_CLIP = (
    ("transformer.resblocks.", "text_model.encoder.layers."), (".ln_1.", ".layer_norm1."), (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."), (".mlp.c_proj.", ".mlp.fc2."), (".attn.out_proj.", ".self_attn.out_proj."),
    ("ln_final.", "text_model.final_layer_norm."),
    ("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
)  # fmt: skip


def within(names: Iterable[str], prefix: str) -> list[str]:
    """Return the names under a prefix, without it."""
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def unet_levels(names: Iterable[str], side: str) -> list[list[int]]:
    """Return the entries of "input_blocks" or "output_blocks" with a resnet, a list for each level, in their order."""
    names = set(names)
    count = 1 + max((int(name.split(".")[1]) for name in names if name.startswith(f"{side}.")), default=-1)
    levels: list[list[int]] = [[]]
    for entry in range(side == "input_blocks", count):
        if f"{side}.{entry}.0.op.weight" in names:
            levels.append([])
            continue
        levels[-1].append(entry)
        if any(f"{side}.{entry}.{place}.conv.weight" in names for place in (1, 2)):
            levels.append([])
    return levels


def unet_sources(names: Sequence[str]) -> Sources:
    """Return the UNet's tensors. names : the file's, without the UNet's prefix."""
    places: dict[str, str] = {}  # "input_blocks.4" as "down_blocks.1" and "0"
    for side, ours in (("input_blocks", "down_blocks"), ("output_blocks", "up_blocks")):
        for level, entries in enumerate(unet_levels(names, side)):
            places |= {f"{side}.{entry}": f"{ours}.{level} {j}" for j, entry in enumerate(entries)}
    return {_unet_name(name, places): Source(UNET + name) for name in names}


def _unet_name(name: str, places: Mapping[str, str]) -> str:
    for original, ours in _UNET_OUTER.items():
        if name.startswith(f"{original}."):
            return ours + name.removeprefix(original)
    parts = name.split(".")
    if parts[0] == "middle_block":
        place, rest = int(parts[1]), ".".join(parts[2:])
        kind = f"resnets.{place // 2}" if _is_resnet(rest) else "attentions.0"
        return f"mid_block.{kind}.{_inside(rest)}"
    entry, rest = ".".join(parts[:2]), ".".join(parts[3:])
    if rest.startswith("op."):
        before = f"{parts[0]}.{int(parts[1]) - 1}"  # the last entry of the level that it closes
        return f"{places.get(before, before).split()[0]}.downsamplers.0.conv.{rest.removeprefix('op.')}"
    block, _, number = places.get(entry, entry).partition(" ")
    if rest.startswith("conv."):
        return f"{block}.upsamplers.0.{rest}"
    kind = "resnets" if _is_resnet(rest) else "attentions"
    return f"{block}.{kind}.{number}.{_inside(rest)}"


def _is_resnet(rest: str) -> bool:
    return any(rest.startswith(f"{part}.") for part in _RESNET)


def _inside(rest: str) -> str:
    """Return a layer's name within its resnet or transformer; only a resnet's differs."""
    for original, ours in _RESNET.items():
        if rest.startswith(f"{original}."):
            return ours + rest.removeprefix(original)
    return rest


def vae_sources(names: Sequence[str]) -> Sources:
    """Return the autoencoder's tensors. names : the file's, without its prefix; there the way up counts backwards."""
    levels = 1 + max((int(m[2]) for name in names if (m := _VAE_BLOCK.search(name))), default=-1)

    def block(match: re.Match[str]) -> str:
        way, level = match[1], int(match[2])
        number = level if way == "down" else levels - 1 - level
        return f".{way}_blocks.{number}." + ("resnets." if match[3] else "")

    sources = {}
    for name in names:
        ours = _VAE_BLOCK.sub(block, name)
        for original, other in _VAE:
            ours = ours.replace(original, other)
        sources[ours] = Source(VAE + name, flat=".attentions." in ours and ours.endswith(".weight"))
    return sources


def clip_sources(names: Sequence[str], prefix: str) -> Sources:
    """Return the tensors of an encoder that transformers' names are used for."""
    return {name: Source(prefix + name) for name in names}


def open_clip_sources(names: Sequence[str], prefix: str, layers: int, projects: bool) -> Sources:
    """Return the tensors of an OpenCLIP encoder. layers : that are read.  projects : its projection is read too."""
    sources: Sources = {}
    for name in names:
        layer = re.match(r"transformer\.resblocks\.(\d+)\.", name)
        if name == "logit_scale" or (layer and int(layer[1]) >= layers) or (name == "text_projection" and not projects):
            continue
        if name == "text_projection":
            sources["text_projection.weight"] = Source(prefix + name, transposed=True)
        elif name == "positional_embedding":
            sources["text_model.embeddings.position_embedding.weight"] = Source(prefix + name)
        elif layer and ".attn.in_proj_" in name:
            stem, _, kind = name.rpartition(".attn.in_proj_")
            ours = _renamed(f"{stem}.")
            sources |= {f"{ours}self_attn.{p}_proj.{kind}": Source(prefix + name, i) for i, p in enumerate("qkv")}
        else:
            sources[_renamed(name)] = Source(prefix + name)
    return sources


def _renamed(name: str) -> str:
    for original, ours in _OPEN_CLIP:
        name = name.replace(original, ours)
    return name


def source_shape(shape: Sequence[int], source: Source) -> tuple[int, ...]:
    """Return the shape that a part of a tensor of `shape` has."""
    if source.third is not None:
        return (shape[0] // THIRD, *shape[1:])
    if source.flat:
        return tuple(shape[:2])
    return tuple(reversed(shape)) if source.transposed else tuple(shape)
