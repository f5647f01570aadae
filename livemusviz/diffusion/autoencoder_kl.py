"""Builds the full autoencoder, diffusers' `AutoencoderKL` (Rombach et al. 2022, section 3.1). NHWC, engine thread.

For models that have no tiny one: its decoder costs as much as several UNets.
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.configs import divides, refuse_unknown
from livemusviz.diffusion.layers import Activation, Attention, Conv2d, GroupNorm, activation_function, upsample_nearest
from livemusviz.errors import UserError

EPS = 1e-6
ONLY = {
    "in_channels": (3,),
    "out_channels": (3,),
    "latents_mean": (None,),
    "latents_std": (None,),
    "mid_block_add_attention": (True,),
}
WITHOUT_EFFECT = {
    "latent_channels", "block_out_channels", "layers_per_block", "norm_num_groups", "act_fn", "use_quant_conv",
    "use_post_quant_conv", "scaling_factor", "shift_factor", "down_block_types", "up_block_types", "sample_size",
    "force_upcast",
}  # fmt: skip
BLOCK_TYPES = {"down_block_types": "DownEncoderBlock2D", "up_block_types": "UpDecoderBlock2D"}


@dataclass(frozen=True)
class KLConfig:
    """Holds the numbers of an AutoencoderKL.

    latent_channels : of the latents.
    channels : of each level, from the finest.
    layers : resnets of a level of the encoder; the decoder has one more.
    groups : of the group norms.
    act_fn : name of the activation.
    quant_conv, post_quant_conv : True if a 1x1 convolution stands behind the encoder, before the decoder.
    scaling_factor, shift_factor : of the latents, as the UNet takes them.
    """

    latent_channels: int
    channels: tuple[int, ...]
    layers: int
    groups: int
    act_fn: str
    quant_conv: bool
    post_quant_conv: bool
    scaling_factor: float
    shift_factor: float

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "KLConfig":
        """Read a diffusers `vae/config.json`. Raises UserError for what is not built."""
        refuse_unknown(config, where, ONLY, WITHOUT_EFFECT)
        for key, only in BLOCK_TYPES.items():
            others = set(config.get(key, [only])) - {only}
            if others:
                raise UserError(f"{where}: {key} {sorted(others)} is not implemented; only {only} is")
        channels, groups = tuple(config.get("block_out_channels", (64,))), config.get("norm_num_groups", 32)
        for c in channels:
            divides(where, "block_out_channels", c, "norm_num_groups", groups)
        return KLConfig(
            latent_channels=config.get("latent_channels", 4),
            channels=channels,
            layers=config.get("layers_per_block", 1),
            groups=groups,
            act_fn=config.get("act_fn", "silu"),
            quant_conv=config.get("use_quant_conv", True),
            post_quant_conv=config.get("use_post_quant_conv", True),
            scaling_factor=config.get("scaling_factor", 0.18215),
            shift_factor=config.get("shift_factor") or 0.0,
        )


class KLResnet(nn.Module):
    """Norm, activation and 3x3 convolution, twice, plus the input. Unlike the UNet's, it takes no time embedding."""

    def __init__(self, in_channels: int, channels: int, groups: int, act: Activation) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, in_channels, EPS)
        self.conv1 = Conv2d(in_channels, channels, 3, padding=1)
        self.norm2 = GroupNorm(groups, channels, EPS)
        self.conv2 = Conv2d(channels, channels, 3, padding=1)
        if in_channels != channels:
            self.shortcut = nn.Linear(in_channels, channels)
        self.act = act

    def __call__(self, x: mx.array) -> mx.array:
        h = self.conv1(self.act(self.norm1(x)))
        h = self.conv2(self.act(self.norm2(h)))
        return h + (self.shortcut(x) if "shortcut" in self else x)


class PixelAttention(nn.Module):
    """Self-attention of all pixels, one head, plus the input."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = GroupNorm(groups, channels, EPS)
        self.attn = Attention(channels, channels, heads=1, bias=True)

    def __call__(self, x: mx.array) -> mx.array:
        B, H, W, C = x.shape
        return x + self.attn(self.norm(x).reshape(B, H * W, C)).reshape(B, H, W, C)


class KLMidBlock(nn.Module):
    """Resnet, attention, resnet."""

    def __init__(self, channels: int, groups: int, act: Activation) -> None:
        super().__init__()
        self.resnets = [KLResnet(channels, channels, groups, act) for _ in range(2)]
        self.attention = PixelAttention(channels, groups)

    def __call__(self, x: mx.array) -> mx.array:
        return self.resnets[1](self.attention(self.resnets[0](x)))


class EncoderBlock(nn.Module):
    """Resnets, then half the size unless last, padded at the right and at the bottom only."""

    def __init__(self, in_channels: int, channels: int, config: KLConfig, last: bool, act: Activation) -> None:
        super().__init__()
        ins = [in_channels] + [channels] * (config.layers - 1)
        self.resnets = [KLResnet(c, channels, config.groups, act) for c in ins]
        if not last:
            self.downsample = Conv2d(channels, channels, 3, stride=2)

    def __call__(self, x: mx.array) -> mx.array:
        for resnet in self.resnets:
            x = resnet(x)
        return self.downsample(mx.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)])) if "downsample" in self else x


class DecoderBlock(nn.Module):
    """Resnets, one more than on the way down, then twice the size unless last."""

    def __init__(self, in_channels: int, channels: int, config: KLConfig, last: bool, act: Activation) -> None:
        super().__init__()
        ins = [in_channels] + [channels] * config.layers
        self.resnets = [KLResnet(c, channels, config.groups, act) for c in ins]
        if not last:
            self.upsample = Conv2d(channels, channels, 3, padding=1)

    def __call__(self, x: mx.array) -> mx.array:
        for resnet in self.resnets:
            x = resnet(x)
        return self.upsample(upsample_nearest(x)) if "upsample" in self else x


class KLEncoder(nn.Module):
    """(B, H, W, 3) -> (B, h, w, 2 latent_channels): mean and log variance."""

    def __init__(self, config: KLConfig, act: Activation) -> None:
        super().__init__()
        channels, levels = config.channels, len(config.channels)
        self.conv_in = Conv2d(3, channels[0], 3, padding=1)
        self.down_blocks = [
            EncoderBlock(channels[max(i - 1, 0)], c, config, i == levels - 1, act) for i, c in enumerate(channels)
        ]
        self.mid_block = KLMidBlock(channels[-1], config.groups, act)
        self.norm_out = GroupNorm(config.groups, channels[-1], EPS)
        self.conv_out = Conv2d(channels[-1], 2 * config.latent_channels, 3, padding=1)
        self.act = act

    def __call__(self, x: mx.array) -> mx.array:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(self.act(self.norm_out(self.mid_block(x))))


class KLDecoder(nn.Module):
    """(B, h, w, latent_channels) -> (B, H, W, 3)."""

    def __init__(self, config: KLConfig, act: Activation) -> None:
        super().__init__()
        down = config.channels[::-1]
        self.conv_in = Conv2d(config.latent_channels, down[0], 3, padding=1)
        self.mid_block = KLMidBlock(down[0], config.groups, act)
        self.up_blocks = [
            DecoderBlock(down[max(i - 1, 0)], c, config, i == len(down) - 1, act) for i, c in enumerate(down)
        ]
        self.norm_out = GroupNorm(config.groups, down[-1], EPS)
        self.conv_out = Conv2d(down[-1], 3, 3, padding=1)
        self.act = act

    def __call__(self, z: mx.array) -> mx.array:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(self.act(self.norm_out(x)))


class AutoencoderKL(nn.Module):
    """Pictures in [-1, 1], (B, H, W, 3), to the mean of their latents, (B, h, w, latent_channels), and back."""

    def __init__(self, config: KLConfig, where: str = "vae/config.json") -> None:
        super().__init__()
        self.config = config
        act = activation_function(config.act_fn, where)
        self.encoder = KLEncoder(config, act)
        self.decoder = KLDecoder(config, act)
        if config.quant_conv:
            self.quant_conv = nn.Linear(2 * config.latent_channels, 2 * config.latent_channels)
        if config.post_quant_conv:
            self.post_quant_conv = nn.Linear(config.latent_channels, config.latent_channels)

    @property
    def latent_channels(self) -> int:
        return self.config.latent_channels

    @property
    def downscale(self) -> int:
        """Picture pixels to one latent pixel, along one side."""
        return 2 ** (len(self.config.channels) - 1)

    def encode(self, picture: mx.array) -> mx.array:
        """picture : (B, H, W, 3) in [-1, 1]. Returns the mean less the shift, (B, h, w, latent_channels)."""
        moments = self.encoder(picture)
        if "quant_conv" in self:
            moments = self.quant_conv(moments)
        return moments[..., : self.latent_channels] - self.config.shift_factor

    def decode(self, z: mx.array) -> mx.array:
        """z : (B, h, w, latent_channels), as `encode` gives them. Returns pictures, nominally in [-1, 1], unclipped."""
        z = z + self.config.shift_factor
        return self.decoder(self.post_quant_conv(z) if "post_quant_conv" in self else z)
