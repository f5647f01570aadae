"""The embedded model's decoder: convolutions at latent size, then twice depth-to-space. NHWC, engine thread.

On a CPU a 3x3 convolution costs least at few pixels and many channels, so the picture is made at 1/16 and 1/4 of
its size, and only reshaped after that (the sub-pixel convolution of Shi et al. 2016).
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import relu
from livemusviz.errors import UserError


@dataclass(frozen=True)
class PixelShuffleConfig:
    """The numbers of an AutoencoderPixelShuffle. `upscale` : the factors of the two depth-to-space steps."""

    latent_channels: int
    channels: int
    num_blocks: int
    fine_channels: int
    num_fine_blocks: int
    upscale: tuple[int, int]
    scaling_factor: float

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "PixelShuffleConfig":
        """From `vae/config.json`. Raises UserError for a missing key."""
        keys = ("latent_channels", "channels", "num_blocks", "fine_channels", "num_fine_blocks", "upscale")
        missing = [key for key in keys if key not in config]
        if missing:
            raise UserError(f"{where}: AutoencoderPixelShuffle needs {', '.join(missing)}")
        first, second = config["upscale"]
        values = {key: config[key] for key in keys[:-1]}
        return PixelShuffleConfig(**values, upscale=(first, second), scaling_factor=config.get("scaling_factor", 1.0))


class ConvBlock(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def __call__(self, x: mx.array) -> mx.array:
        return x + self.conv2(relu(self.conv1(relu(x))))


class Decoder(nn.Module):
    """(B, h, w, latent_channels) -> (B, H, W, 3)."""

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        coarse, fine = config.channels, config.fine_channels
        self.upscale = config.upscale
        self.conv_in = nn.Conv2d(config.latent_channels, coarse, 3, padding=1)
        self.blocks = [ConvBlock(coarse) for _ in range(config.num_blocks)]
        self.expand = nn.Linear(coarse, fine * config.upscale[0] ** 2)
        self.fine_blocks = [ConvBlock(fine) for _ in range(config.num_fine_blocks)]
        self.conv_out = nn.Conv2d(fine, 3 * config.upscale[1] ** 2, 3, padding=1)

    def __call__(self, z: mx.array) -> mx.array:
        x = self.conv_in(z)
        for block in self.blocks:
            x = block(x)
        x = pixel_shuffle(self.expand(relu(x)), self.upscale[0])
        for block in self.fine_blocks:
            x = block(x)
        return pixel_shuffle(self.conv_out(relu(x)), self.upscale[1])


class AutoencoderPixelShuffle(nn.Module):
    """Latents to pictures in [-1, 1]; this first version has no encoder."""

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = Decoder(config)

    @property
    def latent_channels(self) -> int:
        return self.config.latent_channels

    @property
    def downscale(self) -> int:
        """Picture pixels to one latent pixel, along one side."""
        return self.config.upscale[0] * self.config.upscale[1]

    def decode(self, z: mx.array) -> mx.array:
        """z : (B, h, w, latent_channels). Returns pictures, nominally in [-1, 1], unclipped."""
        return self.decoder(z)


def pixel_shuffle(x: mx.array, factor: int) -> mx.array:
    """(B, H, W, C*f*f) -> (B, H*f, W*f, C), channels ordered as `torch.nn.PixelShuffle` has them: c, row, column."""
    B, H, W, C = x.shape
    C //= factor**2
    x = x.reshape(B, H, W, C, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(B, H * factor, W * factor, C)
