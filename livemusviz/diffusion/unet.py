"""Builds the UNet, `UNet2DConditionModel` as diffusers defines it (Rombach et al. 2022), NHWC, on the engine thread.

Values that do not change from frame to frame are computed apart: `conditions` once a time step, `keys_values` once a
prompt; `unet(x, conditions, keys_values)`, once a frame, does the rest. `predict` does all of it at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.blocks import (
    BlockStyle,
    Condition,
    ConditioningFeed,
    DownBlock,
    MidBlock,
    Region,
    SelfAttends,
    UpBlock,
)
from livemusviz.diffusion.configs import divides, refuse_unknown
from livemusviz.diffusion.embeddings import AddedEmbedding, TextTimeEmbedding, TimestepEmbedding, sinusoidal
from livemusviz.diffusion.layers import Attention, Conv2d, GroupNorm, KeysValues, activation_function
from livemusviz.errors import UserError

DOWN_TYPES = {"DownBlock2D": False, "CrossAttnDownBlock2D": True}
UP_TYPES = {"UpBlock2D": False, "CrossAttnUpBlock2D": True}
MID_TYPES = ("UNetMidBlock2D", "UNetMidBlock2DCrossAttn", None)

ONLY = {
    "center_input_sample": (False,),
    "mid_block_only_cross_attention": (None, False),
    "downsample_padding": (1,),
    "mid_block_scale_factor": (1,),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "num_attention_heads": (None,),
    "dual_cross_attention": (False,),
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text", "text_time"),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "resnet_skip_time_act": (False,),
    "resnet_out_scale_factor": (1,),
    "time_embedding_type": ("positional",),
    "time_embedding_act_fn": (None,),
    "timestep_post_act": (None,),
    "conv_in_kernel": (3,),
    "conv_out_kernel": (3,),
    "attention_type": ("default",),
    "class_embeddings_concat": (False,),
    "cross_attention_norm": (None,),
    "mid_block_type": MID_TYPES,
}
"""Config keys that change the arithmetic, with the values implemented here."""

TIME_IDS = 6
"""Numbers that "text_time" gives a UNet: height and width, top and left of the crop, target height and width."""

WITHOUT_EFFECT = {
    "sample_size", "dropout", "upcast_attention", "use_linear_projection", "addition_time_embed_dim",
    "projection_class_embeddings_input_dim", "block_out_channels", "layers_per_block", "act_fn", "norm_num_groups",
    "norm_eps", "cross_attention_dim", "transformer_layers_per_block",
    "reverse_transformer_layers_per_block", "attention_head_dim", "in_channels",
    "out_channels", "flip_sin_to_cos", "freq_shift", "down_block_types", "up_block_types",
    "addition_embed_type_num_heads", "coordinate_channels", "coordinate_pan", "coordinate_zoom",
    "time_cond_proj_dim", "only_cross_attention",
}  # fmt: skip
"""Config keys that are read below or that only say how the model was trained or stored."""


@dataclass(frozen=True)
class UNetConfig:
    """Holds the numbers of a UNet, checked. Lists have one entry a level, from the finest.

    in_channels : of the latents, with whatever a model appends to them.
    out_channels : of the prediction.
    coordinate_channels : coordinate planes that the embedded model appends; 0 for others.
    coordinate_pan, coordinate_zoom : see `coordinates.in_view`; 0 is one view for all noise.
    channels : of each level.
    layers : resnets of each level on the way down; one more on the way up.
    down_depths, up_depths : layers of the transformer behind each resnet; `up_depths` from the coarsest level.
    only_cross : True where a transformer attends to the prompt alone.
    down_heads, up_heads : attention heads; 0 where a level has no transformer.
    mid_heads : attention heads of the middle; 0 without a transformer, None without a middle block.
    text_dim : width of the prompt's embeddings.
    groups, eps : of the group norms.
    act_fn : name of the activation.
    scale_shift : True if the time embedding scales and shifts the norm; False adds it.
    text_embedding_heads : heads of `addition_embed_type: "text"`, else 0.
    added_time_dim : width of one number's sinusoids with "text_time", else 0.
    added_dim : width of all that "text_time" is given, else 0.
    guidance_dim : width of the sinusoids of a guidance scale, which some LCM models take as an input; else 0.
    flip_sin_to_cos, freq_shift : of the sinusoids of the time step, as in diffusers.
    """

    in_channels: int
    out_channels: int
    coordinate_channels: int
    coordinate_pan: float
    coordinate_zoom: float
    channels: tuple[int, ...]
    layers: tuple[int, ...]
    down_depths: tuple[tuple[int, ...], ...]
    up_depths: tuple[tuple[int, ...], ...]
    only_cross: tuple[bool, ...]
    down_heads: tuple[int, ...]
    up_heads: tuple[int, ...]
    mid_heads: int | None
    text_dim: int
    groups: int
    eps: float
    act_fn: str
    scale_shift: bool
    text_embedding_heads: int
    added_time_dim: int
    added_dim: int
    guidance_dim: int
    flip_sin_to_cos: bool
    freq_shift: float

    @property
    def time_dim(self) -> int:
        return 4 * self.channels[0]

    @property
    def pooled_dim(self) -> int:
        """Width of the pooled prompt that "text_time" takes beside its six numbers; 0 without it."""
        return self.added_dim - TIME_IDS * self.added_time_dim if self.added_dim else 0

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "UNetConfig":
        """Read a diffusers `unet/config.json`. Raises UserError, naming `where` and the key, for what is not built.

        diffusers' `attention_head_dim` is the *number of heads*, by an old mistake that its checkpoints keep.
        """
        channels = tuple(_get(config, "block_out_channels", [320, 640, 1280, 1280]))
        refuse_unknown(config, where, ONLY | {"time_embedding_dim": (None, 4 * channels[0])}, WITHOUT_EFFECT)
        levels = len(channels)
        heads = _per_level(config, "attention_head_dim", 8, levels, where)
        down, up = _block_types(config, levels, where)
        mid = config.get("mid_block_type", "UNetMidBlock2DCrossAttn")
        text_dims = set(_per_level(config, "cross_attention_dim", 1280, levels, where))
        if len(text_dims) != 1:
            raise UserError(f"{where}: cross_attention_dim {sorted(text_dims)} is not implemented; only one for all is")
        layers = _per_level(config, "layers_per_block", 2, levels, where)
        down_depths, up_depths = _depths(config, layers, where)
        added = config.get("addition_embed_type")
        groups, text_heads = _get(config, "norm_num_groups", 32), _get(config, "addition_embed_type_num_heads", 64)
        for i, c in enumerate(channels):
            divides(where, "block_out_channels", c, "norm_num_groups", groups)
            if DOWN_TYPES[down[i]] or UP_TYPES[up[-1 - i]]:
                divides(where, "block_out_channels", c, "attention_head_dim", heads[i])
        if added == "text":
            divides(where, "cross_attention_dim", max(text_dims), "addition_embed_type_num_heads", text_heads)
        return UNetConfig(
            in_channels=_get(config, "in_channels", 4),
            out_channels=_get(config, "out_channels", 4),
            coordinate_channels=_get(config, "coordinate_channels", 0),
            coordinate_pan=_get(config, "coordinate_pan", 0.0),
            coordinate_zoom=_get(config, "coordinate_zoom", 0.0),
            channels=channels,
            layers=layers,
            down_depths=down_depths,
            up_depths=up_depths,
            only_cross=_only_cross(config, levels, where),
            down_heads=tuple(h if DOWN_TYPES[t] else 0 for t, h in zip(down, heads, strict=True)),
            up_heads=tuple(h if UP_TYPES[t] else 0 for t, h in zip(up, reversed(heads), strict=True)),
            mid_heads={"UNetMidBlock2D": 0, "UNetMidBlock2DCrossAttn": heads[-1], None: None}[mid],
            text_dim=text_dims.pop(),
            groups=groups,
            eps=_get(config, "norm_eps", 1e-5),
            act_fn=_get(config, "act_fn", "silu"),
            scale_shift=config.get("resnet_time_scale_shift", "default") == "scale_shift",
            text_embedding_heads=text_heads if added == "text" else 0,
            added_time_dim=config["addition_time_embed_dim"] if added == "text_time" else 0,
            added_dim=config["projection_class_embeddings_input_dim"] if added == "text_time" else 0,
            guidance_dim=_get(config, "time_cond_proj_dim", 0),
            flip_sin_to_cos=_get(config, "flip_sin_to_cos", True),
            freq_shift=_get(config, "freq_shift", 0),
        )


class UNetEncoder(nn.Module):
    """Holds the half of a UNet that goes down, the middle included: all that a ControlNet shares with it."""

    def __init__(self, config: UNetConfig, where: str) -> None:
        super().__init__()
        self.config = config
        channels, levels = config.channels, len(config.channels)
        act = activation_function(config.act_fn, where)
        self.style = style = BlockStyle(
            act, config.groups, config.eps, config.time_dim, config.scale_shift, config.text_dim
        )
        self.conv_in = Conv2d(config.in_channels, channels[0], 3, padding=1)
        self.time_embedding = TimestepEmbedding(channels[0], config.time_dim, act, config.guidance_dim)
        self.added_embedding: nn.Module
        if config.text_embedding_heads:
            self.added_embedding = TextTimeEmbedding(config.text_dim, config.time_dim, config.text_embedding_heads)
        elif config.added_dim:
            self.added_embedding = TimestepEmbedding(config.added_dim, config.time_dim, act)
        self.down_blocks = [
            DownBlock(
                channels[max(i - 1, 0)], c, config.down_heads[i], config.down_depths[i],
                i == levels - 1, replace(style, only_cross=config.only_cross[i]),
            )
            for i, c in enumerate(channels)
        ]  # fmt: skip
        if config.mid_heads is not None:
            self.mid_block = MidBlock(channels[-1], config.mid_heads, config.down_depths[-1][0], style)

    @property
    def blocks(self) -> list[Any]:
        """Return all blocks in forward order."""
        return [*self.down_blocks, *([self.mid_block] if "mid_block" in self else [])]

    def conditions(
        self, timestep: mx.array, text: mx.array, added: AddedEmbedding | None = None, guidance: mx.array | None = None
    ) -> list[Condition]:
        """Return the condition of each resnet, in forward order.

        timestep : float32 (B,). text : (B, T, text_dim), read only for `addition_embed_type: "text"`. added : the
        pooled prompt and the six numbers of "text_time". guidance : float32 (B,), scale - 1, where `guidance_dim`.
        """
        config, dtype = self.config, text.dtype
        t = sinusoidal(timestep, config.channels[0], config.flip_sin_to_cos, config.freq_shift).astype(dtype)
        embedded = None
        if config.guidance_dim:
            w = mx.zeros_like(timestep) if guidance is None else guidance
            embedded = guidance_embedding(w, config.guidance_dim).astype(dtype)
        emb = self.time_embedding(t, embedded)
        if config.text_embedding_heads:
            emb = emb + self.added_embedding(text)
        elif config.added_dim:
            if added is None:
                raise ValueError("this UNet needs the pooled prompt and its picture size")
            pooled, ids = added
            numbers = sinusoidal(ids.reshape(-1), config.added_time_dim, config.flip_sin_to_cos, config.freq_shift)
            numbers = numbers.reshape(ids.shape[0], -1).astype(dtype)
            emb = emb + self.added_embedding(mx.concatenate([pooled, numbers], axis=-1))
        return [resnet.condition(emb) for block in self.blocks for resnet in block.resnets]

    @property
    def cross_attentions(self) -> list[Attention]:
        """Return all cross-attentions in forward order."""
        return [attention for block in self.blocks for attention in cross_attentions(block)]

    def keys_values(self, text: mx.array) -> list[KeysValues]:
        """Return each cross-attention's keys and values of a prompt, in forward order. text : (B, T, text_dim)."""
        return [attention.keys_values(text) for attention in self.cross_attentions]

    def encode(self, x: mx.array, feed: ConditioningFeed) -> tuple[mx.array, list[mx.array]]:
        """Go down from the output of `conv_in`. Returns the middle's output, and the skips: x and every intermediate
        result in order."""
        skips = [x]
        for down in self.down_blocks:
            x, more = down(x, feed)
            skips += more
        return (feed.guided(self.mid_block(x, feed)) if "mid_block" in self else x), skips


class UNet2DConditionModel(UNetEncoder):
    """x : (B, H, W, in_channels) -> (B, H, W, out_channels)."""

    def __init__(self, config: UNetConfig, where: str = "unet/config.json") -> None:
        super().__init__(config, where)
        channels, levels, style = config.channels, len(config.channels), self.style
        self.act = style.act
        self.up_blocks = [
            UpBlock(
                ins, channels[-1 - i], config.up_heads[i], config.up_depths[i], i == levels - 1,
                replace(style, only_cross=config.only_cross[-1 - i]),
            )
            for i, ins in enumerate(_up_inputs(config))
        ]  # fmt: skip
        self.norm_out = GroupNorm(config.groups, channels[0], config.eps)
        self.conv_out = Conv2d(channels[0], config.out_channels, 3, padding=1)

    @property
    def blocks(self) -> list[Any]:
        """Return all blocks in forward order."""
        return [*super().blocks, *self.up_blocks]

    def __call__(
        self,
        x: mx.array,
        conditions: list[Condition],
        keys_values: list[KeysValues],
        residuals: Sequence[mx.array] = (),
        memory: SelfAttends | None = None,
        features: Sequence[mx.array] = (),
        region: Region | None = None,
    ) -> mx.array:
        """x : (B, H, W, in_channels); conditions and keys_values, of B or of 1, from the methods of the same names.

        residuals : of ControlNets, see `ControlNetModel`: added to each skip, the last one to the middle's output.
        features : of T2I-Adapters, region : of a second prompt, see `ConditioningFeed`.
        """
        return self.with_deep(x, conditions, keys_values, residuals, memory, features, region)[0]

    def with_deep(
        self,
        x: mx.array,
        conditions: list[Condition],
        keys_values: list[KeysValues],
        residuals: Sequence[mx.array] = (),
        memory: SelfAttends | None = None,
        features: Sequence[mx.array] = (),
        region: Region | None = None,
    ) -> tuple[mx.array, mx.array]:
        """Return the same, and what the last block on the way up was given from below, for `shallow`."""
        feed = ConditioningFeed(conditions, keys_values, memory, features, region)
        x, skips = self.encode(self.conv_in(x), feed)
        if residuals:
            x, skips = x + residuals[-1], plus(skips, residuals)
        for up in self.up_blocks[:-1]:
            x = up(x, skips, feed)
        deep = x
        x = self.up_blocks[-1](x, skips, feed)
        return self.conv_out(self.act(self.norm_out(x))), deep

    def shallow(
        self,
        x: mx.array,
        conditions: list[Condition],
        keys_values: list[KeysValues],
        deep: mx.array,
        residuals: Sequence[mx.array] = (),
        features: Sequence[mx.array] = (),
        region: Region | None = None,
    ) -> mx.array:
        """Evaluate the outermost level alone, on an earlier frame's deep features (Ma et al. 2024, DeepCache, section
        3.2)."""
        down, up = self.down_blocks[0], self.up_blocks[-1]
        if region is not None:
            region = Region(region.share, *_outermost(down, up, region.conditions, region.keys_values))
        feed = ConditioningFeed(*_outermost(down, up, conditions, keys_values), features=features, region=region)
        x = self.conv_in(x)
        _, more = down(x, feed, descend=False)
        skips = [x, *more]
        x = up(deep, plus(skips, residuals) if residuals else skips, feed)
        return self.conv_out(self.act(self.norm_out(x)))

    def predict(self, x: mx.array, timestep: mx.array, text: mx.array, added: AddedEmbedding | None = None) -> mx.array:
        """Run the plain path: everything from the prompt on, for a caller that asks once."""
        return self(x, self.conditions(timestep, text, added), self.keys_values(text))


def plus(skips: Sequence[mx.array], residuals: Sequence[mx.array]) -> list[mx.array]:
    """Return each skip with its residual added; residuals behind the last skip are left out."""
    return [skip + residual for skip, residual in zip(skips, residuals, strict=False)]


def _outermost(
    down: DownBlock, up: UpBlock, conditions: Sequence[Condition], keys_values: Sequence[KeysValues]
) -> tuple[list[Condition], list[KeysValues]]:
    """Return the conditions, and the keys and values, of the first block on the way down and the last on the way up."""
    first, last = len(cross_attentions(down)), len(keys_values) - len(cross_attentions(up))
    return (
        [*conditions[: len(down.resnets)], *conditions[-len(up.resnets) :]],
        [*keys_values[:first], *keys_values[last:]],
    )


def cross_attentions(block: Any) -> list[Attention]:
    """Return those of a block, in forward order."""
    transformers = block.transformers if "transformers" in block else []
    return [attention for t in transformers for layer in t.layers for attention in layer.cross_attentions]


def guidance_embedding(w: mx.array, dim: int) -> mx.array:
    """Sinusoids of a guidance scale (Luo et al. 2023, LCM, section 4.2). w : (B,), scale - 1. Returns (B, dim)."""
    return sinusoidal(w * 1000, dim, flip_sin_to_cos=False, freq_shift=1)


def _block_types(config: dict[str, Any], levels: int, where: str) -> tuple[list[str], list[str]]:
    down = _get(config, "down_block_types", ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"])
    up = _get(config, "up_block_types", ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
    for key, types, known in (("down_block_types", down, DOWN_TYPES), ("up_block_types", up, UP_TYPES)):
        for name in types:
            if name not in known:
                raise UserError(f"{where}: {key} {name!r} is not implemented; there are {', '.join(known)}")
        if len(types) != levels:
            raise UserError(f"{where}: {key} has {len(types)} entries, block_out_channels has {levels}")
    return down, up


def skip_channels(config: UNetConfig) -> list[int]:
    """Return the channels of each skip, in forward order: 12 in Stable Diffusion 1 and 2, 9 in XL."""
    last = len(config.channels) - 1
    skips = [config.channels[0]]
    for level, channels in enumerate(config.channels):
        skips += [channels] * (config.layers[level] + (level < last))
    return skips


def _up_inputs(config: UNetConfig) -> list[list[int]]:
    """Input channels of every resnet on the way up: what comes from below plus the skip."""
    skips = skip_channels(config)
    below = config.channels[-1]
    inputs = []
    for c, layers in zip(reversed(config.channels), reversed(config.layers), strict=True):
        row = []
        for _ in range(layers + 1):
            row.append(below + skips.pop())
            below = c
        inputs.append(row)
    return inputs


def _depths(
    config: dict[str, Any], layers: tuple[int, ...], where: str
) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Layers of every transformer on the way down and on the way up. layers : resnets a level on the way down.

    The way up mirrors the way down unless "reverse_transformer_layers_per_block" gives it, from the coarsest level.
    Where an entry of the config is a list it has one number a resnet, as in SSD-1B and Segmind-Vega.
    """
    key, reverse_key = "transformer_layers_per_block", "reverse_transformer_layers_per_block"
    down = _get(config, key, 1)
    down = [down] * len(layers) if isinstance(down, int) else list(down)
    up = _get(config, reverse_key, None)
    if up is None and any(isinstance(entry, list) for entry in down):
        raise UserError(f"{where}: {key} {down} has a list for a level, so {reverse_key} must be given too")
    up = down[::-1] if up is None else list(up)
    more = tuple(n + 1 for n in reversed(layers))
    return _each_resnet(down, layers, f"{where}: {key}"), _each_resnet(up, more, f"{where}: {reverse_key}")


def _each_resnet(entries: list[Any], resnets: tuple[int, ...], what: str) -> tuple[tuple[int, ...], ...]:
    """Return one number for every resnet of every level. entries : a number or a list a level."""
    rows = tuple(
        tuple(e) if isinstance(e, list) else (e,) * n for e, n in zip(entries, resnets, strict=False)
    )  # fmt: skip
    fits = len(entries) == len(resnets) and all(len(row) == n for row, n in zip(rows, resnets, strict=True))
    if not fits or not all(isinstance(depth, int) and depth > 0 for row in rows for depth in row):
        raise UserError(f"{what} {entries} is not implemented; only a number, or one for each resnet, a level is")
    return rows


def _only_cross(config: dict[str, Any], levels: int, where: str) -> tuple[bool, ...]:
    value = _get(config, "only_cross_attention", False)
    values = [value] * levels if isinstance(value, bool) else list(value)
    if len(values) != levels or not all(isinstance(v, bool) for v in values):
        raise UserError(f"{where}: only_cross_attention {value} is not implemented; only one truth, or one a level, is")
    return tuple(values)


def _get(config: dict[str, Any], key: str, default: Any) -> Any:
    value = config.get(key)
    return default if value is None else value


def _per_level(config: dict[str, Any], key: str, default: int, levels: int, where: str) -> tuple[int, ...]:
    value = _get(config, key, default)
    values = [value] * levels if isinstance(value, int) else list(value)
    if len(values) != levels or not all(isinstance(v, int) and v > 0 for v in values):
        raise UserError(f"{where}: {key} {value} is not implemented; only one number, or one for each level, is")
    return tuple(values)
