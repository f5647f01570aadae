"""Builds the embedded model's autoencoder: convolutions at latent size, then twice depth-to-space. NHWC, engine thread.

On a CPU a 3x3 convolution costs least at few pixels and many channels, so the picture is made at 1/16 and 1/4 of
its size, and only reshaped after that (the sub-pixel convolution of Shi et al. 2016). The encoder goes the same way
back.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import Conv2d, relu
from livemusviz.diffusion.streams import OWN, Streams, on_each, split_rows
from livemusviz.errors import UserError


@dataclass(frozen=True)
class PixelShuffleConfig:
    """Holds the numbers of an AutoencoderPixelShuffle.

    latent_channels : of the latents.
    channels, num_blocks : of the decoder's coarse part, at latent size.
    fine_channels, num_fine_blocks : of its fine part.
    fine_hidden_channels : between the two convolutions of a fine block; `fine_channels` where the file says nothing.
    upscale : factors of the two depth-to-space steps.
    scaling_factor : of the latents, as the UNet takes them.
    encoder_channels, num_encoder_blocks : of the encoder; 0 without one.
    """

    latent_channels: int
    channels: int
    num_blocks: int
    fine_channels: int
    num_fine_blocks: int
    fine_hidden_channels: int
    upscale: tuple[int, int]
    scaling_factor: float
    encoder_channels: int = 0
    num_encoder_blocks: int = 0

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "PixelShuffleConfig":
        """Read `vae/config.json`. Raises UserError for a missing key."""
        keys = ("latent_channels", "channels", "num_blocks", "fine_channels", "num_fine_blocks", "upscale")
        missing = [key for key in keys if key not in config]
        if missing:
            raise UserError(f"{where}: AutoencoderPixelShuffle needs {', '.join(missing)}")
        first, second = config["upscale"]
        values = {key: config[key] for key in keys[:-1]}
        return PixelShuffleConfig(
            **values,
            fine_hidden_channels=config.get("fine_hidden_channels", values["fine_channels"]),
            upscale=(first, second),
            scaling_factor=config.get("scaling_factor", 1.0),
            encoder_channels=config.get("encoder_channels", 0),
            num_encoder_blocks=config.get("num_encoder_blocks", 0),
        )


class ConvBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))). hidden : channels between the two."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(channels, hidden, 3, padding=1)
        self.conv2 = Conv2d(hidden, channels, 3, padding=1)

    def __call__(self, x: mx.array) -> mx.array:
        return x + self.conv2(relu(self.conv1(relu(x))))

    def on_bands(self, bands: list[mx.array], streams: Streams) -> list[mx.array]:
        """Do the same to a picture in bands of rows, each on its stream."""
        h = self.conv1.on_bands(on_each(relu, streams, bands))
        h = self.conv2.on_bands(on_each(relu, streams, h))
        return on_each(mx.add, streams, bands, h)


class PixelShuffleDecoder(nn.Module):
    """(B, h, w, latent_channels) -> (B, H, W, 3).

    streams : to compute bands of the picture on, from the first depth-to-space on.
    """

    streams: Streams = OWN

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        coarse, fine = config.channels, config.fine_channels
        self.upscale = config.upscale
        self.conv_in = Conv2d(config.latent_channels, coarse, 3, padding=1)
        self.blocks = [ConvBlock(coarse, coarse) for _ in range(config.num_blocks)]
        self.expand = nn.Linear(coarse, fine * config.upscale[0] ** 2)
        self.fine_blocks = [ConvBlock(fine, config.fine_hidden_channels) for _ in range(config.num_fine_blocks)]
        self.conv_out = Conv2d(fine, 3 * config.upscale[1] ** 2, 3, padding=1)

    def __call__(self, z: mx.array) -> mx.array:
        x = self.conv_in(z)
        for block in self.blocks:
            x = block(x)
        bands = on_each(self._expanded, self.streams, split_rows(x, self.streams))
        for fine in self.fine_blocks:
            bands = fine.on_bands(bands, self.streams)
        bands = self.conv_out.on_bands(on_each(relu, self.streams, bands))
        bands = on_each(partial(pixel_shuffle, factor=self.upscale[1]), self.streams, bands)
        return mx.concatenate(bands, axis=1) if len(bands) > 1 else bands[0]

    def _expanded(self, x: mx.array) -> mx.array:
        """(B, h, w, channels) -> (B, h * f, w * f, fine_channels)."""
        return pixel_shuffle(self.expand(relu(x)), self.upscale[0])


class PixelShuffleEncoder(nn.Module):
    """(B, H, W, 3) -> (B, h, w, latent_channels)."""

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        coarse, fine = config.encoder_channels, config.fine_channels
        self.upscale = config.upscale
        self.conv_in = Conv2d(3 * config.upscale[1] ** 2, fine, 3, padding=1)
        self.fine_block = ConvBlock(fine, fine)
        self.reduce = nn.Linear(fine * config.upscale[0] ** 2, coarse)
        self.blocks = [ConvBlock(coarse, coarse) for _ in range(config.num_encoder_blocks)]
        self.conv_out = Conv2d(coarse, config.latent_channels, 3, padding=1)

    def __call__(self, picture: mx.array) -> mx.array:
        x = self.fine_block(self.conv_in(pixel_unshuffle(picture, self.upscale[1])))
        x = self.reduce(relu(pixel_unshuffle(x, self.upscale[0])))
        for block in self.blocks:
            x = block(x)
        return self.conv_out(relu(x))


class AutoencoderPixelShuffle(nn.Module):
    """Latents to pictures in [-1, 1] and, where the folder has an encoder, back."""

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = PixelShuffleDecoder(config)
        if config.encoder_channels:
            self.encoder = PixelShuffleEncoder(config)

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

    def encode(self, picture: mx.array) -> mx.array:
        """picture : (B, H, W, 3) in [-1, 1], H and W multiples of `downscale`. Returns (B, h, w, latent_channels).

        Raises UserError for a model that has no encoder.
        """
        if "encoder" not in self:
            raise UserError("this model's autoencoder has no encoder (encoder_channels is 0): it cannot read pictures")
        return self.encoder(picture)


def pixel_shuffle(x: mx.array, factor: int) -> mx.array:
    """Return (B, H, W, C*f*f) -> (B, H*f, W*f, C), channels ordered as `torch.nn.PixelShuffle` has them: c, row,
    column."""
    B, H, W, C = x.shape
    C //= factor**2
    x = x.reshape(B, H, W, C, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(B, H * factor, W * factor, C)


def pixel_unshuffle(x: mx.array, factor: int) -> mx.array:
    """Return (B, H*f, W*f, C) -> (B, H, W, C*f*f): the inverse of `pixel_shuffle`."""
    B, H, W, C = x.shape
    H, W = H // factor, W // factor
    x = x.reshape(B, H, factor, W, factor, C).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(B, H, W, C * factor**2)
