"""Builds the tiny autoencoder, diffusers' `AutoencoderTiny` (TAESD by O. Boer Bohan). NHWC, engine thread."""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.configs import refuse_unknown
from livemusviz.diffusion.layers import Activation, Conv2d, GroupNorm, activation_function, relu, upsample_nearest
from livemusviz.errors import UserError

ONLY = {
    "in_channels": (3,), "out_channels": (3,), "upsample_fn": ("nearest",), "shift_factor": (0,),
    "use_midblock_gn": (False, True),
}  # fmt: skip
WITHOUT_EFFECT = {
    "latent_channels", "encoder_block_out_channels", "decoder_block_out_channels", "num_encoder_blocks",
    "num_decoder_blocks", "act_fn", "upsampling_scaling_factor", "scaling_factor", "block_out_channels", "force_upcast",
    "latent_magnitude", "latent_shift",
}  # fmt: skip


@dataclass(frozen=True)
class TinyConfig:
    """Holds the numbers of an AutoencoderTiny.

    latent_channels : of the latents.
    encoder_channels, decoder_channels : of each level.
    encoder_blocks, decoder_blocks : residual blocks of each level.
    act_fn : name of the activation.
    upscale : factor from level to level.
    scaling_factor : of the latents, as the UNet takes them.
    pools : True if the blocks at latent resolution have a pool, as in TAEF2.
    """

    latent_channels: int
    encoder_channels: tuple[int, ...]
    decoder_channels: tuple[int, ...]
    encoder_blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    act_fn: str
    upscale: int
    scaling_factor: float
    pools: bool = False

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "TinyConfig":
        """Read a diffusers `vae/config.json`. Raises UserError for what is not built."""
        refuse_unknown(config, where, ONLY, WITHOUT_EFFECT)
        found = TinyConfig(
            latent_channels=config.get("latent_channels", 4),
            encoder_channels=tuple(config.get("encoder_block_out_channels", (64, 64, 64, 64))),
            decoder_channels=tuple(config.get("decoder_block_out_channels", (64, 64, 64, 64))),
            encoder_blocks=tuple(config.get("num_encoder_blocks", (1, 3, 3, 3))),
            decoder_blocks=tuple(config.get("num_decoder_blocks", (3, 3, 3, 1))),
            act_fn=config.get("act_fn", "relu"),
            upscale=config.get("upsampling_scaling_factor", 2),
            scaling_factor=config.get("scaling_factor", 1.0),
            pools=config.get("use_midblock_gn", False),
        )
        for channels in (found.encoder_channels, found.decoder_channels):
            if len(set(channels)) != 1:
                raise UserError(f"{where}: block channels {list(channels)} are not implemented; only equal ones are")
        return found


POOL_WIDTH, POOL_GROUPS, POOL_EPS = 4, 4, 1e-5


class TinyBlock(nn.Module):
    """Three 3x3 convolutions, plus the input.

    pool : before them, statistics of the whole picture are added: 1x1 convolutions round a group normalisation.
    """

    def __init__(self, channels: int, act: Activation, pool: bool = False) -> None:
        super().__init__()
        if pool:
            wide = POOL_WIDTH * channels
            self.pool = nn.Sequential(
                nn.Linear(channels, wide, bias=False),
                GroupNorm(POOL_GROUPS, wide, POOL_EPS),
                relu,
                nn.Linear(wide, channels, bias=False),
            )
        self.conv = nn.Sequential(
            Conv2d(channels, channels, 3, padding=1),
            act,
            Conv2d(channels, channels, 3, padding=1),
            act,
            Conv2d(channels, channels, 3, padding=1),
        )

    def __call__(self, x: mx.array) -> mx.array:
        if "pool" in self:
            x = x + self.pool(x)
        return relu(self.conv(x) + x)


class AutoencoderTiny(nn.Module):
    """Pictures in [-1, 1], (B, H, W, 3), to latents of 1/8 the size and back."""

    def __init__(self, config: TinyConfig, where: str = "vae/config.json") -> None:
        super().__init__()
        self.config = config
        act = activation_function(config.act_fn, where)
        self.encoder = nn.Sequential(*_encoder_layers(config, act))
        self.decoder = nn.Sequential(*_decoder_layers(config, act))

    @property
    def latent_channels(self) -> int:
        return self.config.latent_channels

    @property
    def downscale(self) -> int:
        """Picture pixels to one latent pixel, along one side."""
        return self.config.upscale ** (len(self.config.decoder_channels) - 1)

    def encode(self, picture: mx.array) -> mx.array:
        """picture : (B, H, W, 3) in [-1, 1]. Returns latents, (B, h, w, latent_channels)."""
        return self.encoder((picture + 1) * 0.5)

    def decode(self, z: mx.array) -> mx.array:
        """z : (B, h, w, latent_channels). Returns pictures, nominally in [-1, 1], unclipped."""
        return self.decoder(mx.tanh(z / 3) * 3) * 2 - 1


def _encoder_layers(config: TinyConfig, act: Activation) -> list[Any]:
    layers: list[Any] = []
    for i, (c, blocks) in enumerate(zip(config.encoder_channels, config.encoder_blocks, strict=True)):
        layers.append(Conv2d(c, c, 3, stride=2, padding=1, bias=False) if i else Conv2d(3, c, 3, padding=1))
        pool = config.pools and i == len(config.encoder_channels) - 1
        layers += [TinyBlock(c, act, pool) for _ in range(blocks)]
    return [*layers, Conv2d(config.encoder_channels[-1], config.latent_channels, 3, padding=1)]


def _decoder_layers(config: TinyConfig, act: Activation) -> list[Any]:
    layers: list[Any] = [Conv2d(config.latent_channels, config.decoder_channels[0], 3, padding=1), act]
    for i, (c, blocks) in enumerate(zip(config.decoder_channels, config.decoder_blocks, strict=True)):
        layers += [TinyBlock(c, act, pool=config.pools and i == 0) for _ in range(blocks)]
        if i < len(config.decoder_channels) - 1:
            layers += [lambda x: upsample_nearest(x, config.upscale), Conv2d(c, c, 3, padding=1, bias=False)]
    return [*layers, Conv2d(config.decoder_channels[-1], 3, 3, padding=1)]
