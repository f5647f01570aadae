"""The denoiser, `UNet2DConditionModel` as diffusers defines it (Rombach et al. 2022), NHWC, on the engine thread.

Two calls make a prediction: `embed(t, text)`, once a prompt and time step, gives what each resnet is told;
`unet(x, conditions, text)`, once a frame, does the rest.
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.blocks import BlockStyle, DownBlock, MidBlock, UpBlock
from livemusviz.diffusion.embeddings import TextTimeEmbedding, TimestepEmbedding, sinusoidal
from livemusviz.diffusion.layers import GroupNorm, activation
from livemusviz.errors import UserError

DOWN_TYPES = {"DownBlock2D": False, "CrossAttnDownBlock2D": True}
UP_TYPES = {"UpBlock2D": False, "CrossAttnUpBlock2D": True}
MID_TYPES = ("UNetMidBlock2D", "UNetMidBlock2DCrossAttn", None)

ONLY = {
    "center_input_sample": (False,),
    "only_cross_attention": (False,),
    "mid_block_only_cross_attention": (None, False),
    "downsample_padding": (1,),
    "mid_block_scale_factor": (1,),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "num_attention_heads": (None,),
    "dual_cross_attention": (False,),
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text"),
    "reverse_transformer_layers_per_block": (None,),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "resnet_skip_time_act": (False,),
    "resnet_out_scale_factor": (1,),
    "time_embedding_type": ("positional",),
    "time_embedding_dim": (None,),
    "time_embedding_act_fn": (None,),
    "timestep_post_act": (None,),
    "time_cond_proj_dim": (None,),
    "conv_in_kernel": (3,),
    "conv_out_kernel": (3,),
    "attention_type": ("default",),
    "class_embeddings_concat": (False,),
    "cross_attention_norm": (None,),
    "mid_block_type": MID_TYPES,
}
"""Config keys that change the arithmetic, with the values implemented here."""

WITHOUT_EFFECT = {
    "sample_size", "dropout", "upcast_attention", "use_linear_projection", "addition_time_embed_dim",
    "projection_class_embeddings_input_dim", "block_out_channels", "layers_per_block", "act_fn", "norm_num_groups",
    "norm_eps", "cross_attention_dim", "transformer_layers_per_block", "attention_head_dim", "in_channels",
    "out_channels", "flip_sin_to_cos", "freq_shift", "down_block_types", "up_block_types",
    "addition_embed_type_num_heads", "coordinate_channels",
}  # fmt: skip
"""Config keys that are read below or that only say how the model was trained or stored."""


@dataclass(frozen=True)
class UNetConfig:
    """The numbers of a UNet, checked. `heads` has one entry a level, 0 where a level has no transformer."""

    in_channels: int
    out_channels: int
    coordinate_channels: int
    channels: tuple[int, ...]
    layers: int
    down_heads: tuple[int, ...]
    up_heads: tuple[int, ...]
    mid_heads: int | None
    text_dim: int
    groups: int
    eps: float
    act_fn: str
    scale_shift: bool
    text_embedding_heads: int
    flip_sin_to_cos: bool
    freq_shift: float

    @property
    def time_dim(self) -> int:
        return 4 * self.channels[0]

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "UNetConfig":
        """From a diffusers `unet/config.json`. Raises UserError, naming `where` and the key, for what is not built.

        diffusers' `attention_head_dim` is the *number of heads*, by an old mistake that its checkpoints keep.
        """
        _refuse_unknown(config, where)
        channels = tuple(_get(config, "block_out_channels", [320, 640, 1280, 1280]))
        levels = len(channels)
        heads = _per_level(_get(config, "attention_head_dim", 8), levels)
        down = _get(config, "down_block_types", ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"])
        up = _get(config, "up_block_types", ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
        mid = config.get("mid_block_type", "UNetMidBlock2DCrossAttn")
        for key, types, known in (("down_block_types", down, DOWN_TYPES), ("up_block_types", up, UP_TYPES)):
            for name in types:
                if name not in known:
                    raise UserError(f"{where}: {key} {name!r} is not implemented; there are {', '.join(known)}")
            if len(types) != levels:
                raise UserError(f"{where}: {key} has {len(types)} entries, block_out_channels has {levels}")
        layers = _one_for_all(_get(config, "layers_per_block", 2), "layers_per_block", where)
        transformer_layers = _get(config, "transformer_layers_per_block", 1)
        if _one_for_all(transformer_layers, "transformer_layers_per_block", where) != 1:
            raise UserError(f"{where}: transformer_layers_per_block {transformer_layers} is not implemented; only 1 is")
        text_dim = _one_for_all(_get(config, "cross_attention_dim", 1280), "cross_attention_dim", where)
        has_text = config.get("addition_embed_type") == "text"
        return UNetConfig(
            in_channels=_get(config, "in_channels", 4),
            out_channels=_get(config, "out_channels", 4),
            coordinate_channels=_get(config, "coordinate_channels", 0),
            channels=channels,
            layers=layers,
            down_heads=tuple(h if DOWN_TYPES[t] else 0 for t, h in zip(down, heads, strict=True)),
            up_heads=tuple(h if UP_TYPES[t] else 0 for t, h in zip(up, reversed(heads), strict=True)),
            mid_heads={"UNetMidBlock2D": 0, "UNetMidBlock2DCrossAttn": heads[-1], None: None}[mid],
            text_dim=text_dim,
            groups=_get(config, "norm_num_groups", 32),
            eps=_get(config, "norm_eps", 1e-5),
            act_fn=_get(config, "act_fn", "silu"),
            scale_shift=config.get("resnet_time_scale_shift", "default") == "scale_shift",
            text_embedding_heads=_get(config, "addition_embed_type_num_heads", 64) if has_text else 0,
            flip_sin_to_cos=_get(config, "flip_sin_to_cos", True),
            freq_shift=_get(config, "freq_shift", 0),
        )


class UNet2DConditionModel(nn.Module):
    """x : (B, H, W, in_channels) -> (B, H, W, out_channels)."""

    def __init__(self, config: UNetConfig, where: str = "unet/config.json") -> None:
        super().__init__()
        self.config = config
        channels, levels = config.channels, len(config.channels)
        act = activation(config.act_fn, where)
        style = BlockStyle(act, config.groups, config.eps, config.time_dim, config.scale_shift, config.text_dim)
        self.act = act
        self.conv_in = nn.Conv2d(config.in_channels, channels[0], 3, padding=1)
        self.time_embedding = TimestepEmbedding(channels[0], config.time_dim, act)
        if config.text_embedding_heads:
            self.text_embedding = TextTimeEmbedding(config.text_dim, config.time_dim, config.text_embedding_heads)
        self.down_blocks = [
            DownBlock(channels[max(i - 1, 0)], c, config.layers, config.down_heads[i], i == levels - 1, style)
            for i, c in enumerate(channels)
        ]
        if config.mid_heads is not None:
            self.mid_block = MidBlock(channels[-1], config.mid_heads, style)
        self.up_blocks = [
            UpBlock(ins, c, config.up_heads[i], i == levels - 1, style)
            for i, (ins, c) in enumerate(zip(_up_inputs(config), reversed(channels), strict=True))
        ]
        self.norm_out = GroupNorm(config.groups, channels[0], config.eps)
        self.conv_out = nn.Conv2d(channels[0], config.out_channels, 3, padding=1)

    def embed(self, timestep: mx.array, text: mx.array) -> list[mx.array]:
        """What each resnet is told, in forward order. timestep : float32 (B,); text : (B, T, text_dim)."""
        config = self.config
        t = sinusoidal(timestep, config.channels[0], config.flip_sin_to_cos, config.freq_shift)
        emb = self.time_embedding(t.astype(text.dtype))
        if config.text_embedding_heads:
            emb = emb + self.text_embedding(text)
        blocks = [*self.down_blocks, *([self.mid_block] if "mid_block" in self else []), *self.up_blocks]
        return [resnet.condition(emb) for block in blocks for resnet in block.resnets]

    def __call__(self, x: mx.array, conditions: list[mx.array], text: mx.array) -> mx.array:
        """x : (B, H, W, in_channels); conditions : from `embed`; text : (B, T, text_dim)."""
        told = iter(conditions)
        x = self.conv_in(x)
        skips = [x]
        for down in self.down_blocks:
            x, more = down(x, told, text)
            skips += more
        if "mid_block" in self:
            x = self.mid_block(x, told, text)
        for up in self.up_blocks:
            x = up(x, skips, told, text)
        return self.conv_out(self.act(self.norm_out(x)))


def _up_inputs(config: UNetConfig) -> list[list[int]]:
    """Input channels of every resnet on the way up: what comes from below plus the skip."""
    down = list(config.channels)
    skips = [down[0]]
    for i, c in enumerate(down):
        skips += [c] * (config.layers + (i < len(down) - 1))
    below = down[-1]
    inputs = []
    for c in reversed(down):
        row = []
        for _ in range(config.layers + 1):
            row.append(below + skips.pop())
            below = c
        inputs.append(row)
    return inputs


def _get(config: dict[str, Any], key: str, default: Any) -> Any:
    value = config.get(key)
    return default if value is None else value


def _per_level(value: int | list[int], levels: int) -> list[int]:
    return [value] * levels if isinstance(value, int) else list(value)


def _one_for_all(value: Any, key: str, where: str) -> int:
    values = set(value) if isinstance(value, list) else {value}
    if len(values) != 1 or not isinstance(next(iter(values)), int):
        raise UserError(f"{where}: {key} {value} is not implemented; only one number for all levels is")
    return int(values.pop())


def _refuse_unknown(config: dict[str, Any], where: str) -> None:
    for key, value in config.items():
        if key.startswith("_") or key in WITHOUT_EFFECT:
            continue
        if key not in ONLY:
            if value not in (None, False):
                raise UserError(f"{where}: {key} is not known here, so its effect ({value!r}) would be missing")
        elif value not in ONLY[key]:
            allowed = ", ".join(repr(v) for v in ONLY[key])
            raise UserError(f"{where}: {key} {value!r} is not implemented; only {allowed} is")
