"""Checkpoint names to ours and back, and torch's tensor layout to NHWC. Pure functions; the only place that knows.

A table lists (torch, ours) fragments; each pair is replaced in order, in either direction.
"""

from collections.abc import Sequence
from typing import Any

Renames = Sequence[tuple[str, str]]

UNET: Renames = (
    ("add_embedding.pool.q_proj.", "text_embedding.pool.q."),
    ("add_embedding.pool.k_proj.", "text_embedding.pool.k."),
    ("add_embedding.pool.v_proj.", "text_embedding.pool.v."),
    ("add_embedding.", "text_embedding."),
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
AUTOENCODER_TINY: Renames = ((".conv.", ".conv.layers."),)
PIXEL_SHUFFLE: Renames = ()
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
)

PREFIX = "text_model."
"""transformers before version 5 puts this before every name of a CLIPTextModel."""

NOT_WEIGHTS = ("embeddings.position_ids",)
"""Names that older checkpoints hold beside their weights."""


def to_ours(name: str, renames: Renames) -> str | None:
    """Our parameter name for a checkpoint's tensor name; None for a tensor that is no weight."""
    name = name.removeprefix(PREFIX)
    if name in NOT_WEIGHTS:
        return None
    for torch, ours in renames:
        name = name.replace(torch, ours)
    return name


def to_torch(name: str, renames: Renames) -> str:
    """The checkpoint's tensor name (without `PREFIX`) for a parameter name of ours."""
    for torch, ours in renames:
        name = name.replace(ours, torch)
    return name


def shape_to_ours(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    """The shape a torch tensor takes here. A convolution's (O, I, h, w) is (O, h, w, I), or (O, I) if ndim is 2."""
    if len(shape) != 4:
        return tuple(shape)
    out, into, h, w = shape
    return (out, into) if ndim == 2 and h == w == 1 else (out, h, w, into)


def tensor_to_ours(tensor: Any, ndim: int) -> Any:
    """The tensor itself in the layout of `shape_to_ours`; works for numpy and mlx arrays."""
    if len(tensor.shape) != 4:
        return tensor
    return tensor.transpose(0, 2, 3, 1).reshape(shape_to_ours(tensor.shape, ndim))
