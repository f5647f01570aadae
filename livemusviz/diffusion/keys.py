"""Checkpoint names to ours and back, and torch's tensor layout to NHWC. Pure functions; no other file knows these
names.

A table lists (torch, ours) fragments; each pair is replaced in order, in either direction.
"""

from collections.abc import Sequence
from typing import Any

Renames = Sequence[tuple[str, str]]

UNET: Renames = (
    ("add_embedding.pool.q_proj.", "added_embedding.pool.q."),
    ("add_embedding.pool.k_proj.", "added_embedding.pool.k."),
    ("add_embedding.pool.v_proj.", "added_embedding.pool.v."),
    ("add_embedding.", "added_embedding."),
    (".attentions.", ".transformers."),
    (".transformer_blocks.", ".layers."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    (".to_out.0.", ".out."),
    (".ff.net.0.proj.", ".ff.proj_in."),
    (".ff.net.2.", ".ff.proj_out."),
    (".time_emb_proj.", ".time_proj."),
    (".conv_shortcut.", ".shortcut."),
    (".downsamplers.0.conv.", ".downsample."),
    (".upsamplers.0.conv.", ".upsample."),
    ("conv_norm_out.", "norm_out."),
)
CONTROLNET: Renames = (
    ("controlnet_cond_embedding.", "picture_encoder."),
    ("controlnet_down_blocks.", "skip_projections."),
    ("controlnet_mid_block.", "mid_projection."),
    *UNET,
)
T2I_ADAPTER: Renames = (("adapter.conv_in.", "conv_in."), ("adapter.body.", "blocks."))
AUTOENCODER_TINY: Renames = ((".conv.", ".conv.layers."), (".pool.", ".pool.layers."))
PIXEL_SHUFFLE: Renames = ()
AUTOENCODER_KL: Renames = (
    (".attentions.0.group_norm.", ".attention.norm."),
    (".attentions.0.to_q.", ".attention.attn.q."),
    (".attentions.0.to_k.", ".attention.attn.k."),
    (".attentions.0.to_v.", ".attention.attn.v."),
    (".attentions.0.to_out.0.", ".attention.attn.out."),
    (".conv_shortcut.", ".shortcut."),
    (".downsamplers.0.conv.", ".downsample."),
    (".upsamplers.0.conv.", ".upsample."),
    (".conv_norm_out.", ".norm_out."),
)
CLIP_TEXT: Renames = (
    ("embeddings.token_embedding.", "token_embedding."),
    ("embeddings.position_embedding.", "position_embedding."),
    ("encoder.layers.", "layers."),
    (".self_attn.q_proj.", ".attn.q."),
    (".self_attn.k_proj.", ".attn.k."),
    (".self_attn.v_proj.", ".attn.v."),
    (".self_attn.out_proj.", ".attn.out."),
    (".layer_norm1.", ".norm1."),
    (".layer_norm2.", ".norm2."),
    (".mlp.fc1.", ".fc1."),
    (".mlp.fc2.", ".fc2."),
    ("final_layer_norm.", "norm_out."),
    ("text_projection.", "projection."),
)
CLIP_VISION: Renames = (
    ("embeddings.class_embedding", "class_embedding"),
    ("embeddings.patch_embedding.", "patch_embedding."),
    ("embeddings.position_embedding.", "position_embedding."),
    ("pre_layrnorm.", "norm_in."),
    ("post_layernorm.", "norm_out."),
    ("visual_projection.", "projection."),
    *CLIP_TEXT[2:-2],
)
MOST_LAYERS, MOST_ATTENTIONS = 32, 256
"""Of an IP-Adapter's resampler, and of its cross-attentions; more than any published one has."""
IP_ADAPTER: Renames = (
    *(
        (f"image_proj.layers.{i}.{theirs}.", f"projection.layers.{i}.{ours}.")
        for i in range(MOST_LAYERS)
        for theirs, ours in (
            ("0.norm1", "norm1"), ("0.norm2", "norm2"), ("0.to_q", "q"), ("0.to_kv", "kv"), ("0.to_out", "out"),
            ("1.0", "norm3"), ("1.1", "fc1"), ("1.3", "fc2"),
        )
    ),
    ("image_proj.", "projection."),
    *(
        (f"ip_adapter.{2 * i + 1}.to_{part}_ip.", f"attentions.{i}.{part}.")
        for i in range(MOST_ATTENTIONS)
        for part in "kv"
    ),
)  # fmt: skip
OLD_NAMES: Renames = (
    (".attentions.0.query.", ".attentions.0.to_q."),
    (".attentions.0.key.", ".attentions.0.to_k."),
    (".attentions.0.value.", ".attentions.0.to_v."),
    (".attentions.0.proj_attn.", ".attentions.0.to_out.0."),
)
"""Names of an AutoencoderKL's attention in checkpoints from before diffusers 0.15."""

PREFIX = "text_model."
"""transformers before version 5 puts this before every name of a CLIPTextModel."""

VISION_PREFIX = "vision_model."
"""Likewise, of a CLIPVisionModel."""

NOT_WEIGHTS = ("embeddings.position_ids",)
"""Names that older checkpoints hold beside their weights."""


def to_ours(name: str, renames: Renames) -> str | None:
    """Our parameter name for a checkpoint's tensor name; None for a tensor that is no weight."""
    name = name.removeprefix(PREFIX).removeprefix(VISION_PREFIX)
    if name in NOT_WEIGHTS:
        return None
    for torch, ours in (*OLD_NAMES, *renames):
        name = name.replace(torch, ours)
    return name


def to_torch(name: str, renames: Renames) -> str:
    """Return the checkpoint's tensor name (without `PREFIX`) for a parameter name of ours."""
    for torch, ours in renames:
        name = name.replace(ours, torch)
    return name


def original_unet_name(name: str, layers: int) -> str:
    """Return the original Stable Diffusion repository's name of a UNet layer of diffusers; layers : resnets a down
    block.

    There all blocks of one way are one list: down block i holds entries 1 + i (layers + 1) and on, its downsampling the
    last of them; up block i entries i (layers + 1) and on, its upsampling in the last one's own list.
    """
    parts = name.split(".")
    way, rest = parts[0], parts[3:]
    if way == "mid_block":
        where = {"resnets": 2 * int(parts[2]), "attentions": 1}[parts[1]]
        return ".".join(["middle_block", str(where), *_inside(parts[1], rest)])
    if way in ("down_blocks", "up_blocks"):
        block, kind, layer = int(parts[1]), parts[2], int(parts[3])
        entry = block * (layers + 1) + (layer if way == "up_blocks" else layer + 1)
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op"
        if kind == "upsamplers":
            return f"output_blocks.{block * (layers + 1) + layers}.2.conv"
        side = "input_blocks" if way == "down_blocks" else "output_blocks"
        return ".".join([side, str(entry), "0" if kind == "resnets" else "1", *_inside(kind, parts[4:])])
    outer = {"conv_in": "input_blocks.0.0", "conv_out": "out.2", "time_embedding.linear_1": "time_embed.0",
             "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
             "add_embedding.linear_2": "label_emb.0.2"}  # fmt: skip
    return outer.get(name, name)


def _inside(kind: str, parts: Sequence[str]) -> list[str]:
    """Return a layer's name within its resnet or transformer; only the resnet's differ."""
    resnet = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
              "conv_shortcut": "skip_connection"}  # fmt: skip
    return [resnet.get(part, part) for part in parts] if kind == "resnets" else list(parts)


def shape_to_ours(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    """Return the shape a torch tensor takes here. A convolution's (O, I, h, w) is (O, h, w, I), or (O, I) if ndim is
    2."""
    if len(shape) != 4:
        return tuple(shape)
    out, into, h, w = shape
    return (out, into) if ndim == 2 and h == w == 1 else (out, h, w, into)


def tensor_to_ours(tensor: Any, ndim: int) -> Any:
    """Return the tensor itself in the layout of `shape_to_ours`; works for numpy and mlx arrays."""
    if len(tensor.shape) != 4:
        return tensor
    return tensor.transpose(0, 2, 3, 1).reshape(shape_to_ours(tensor.shape, ndim))
