"""The small network that guides by a picture: diffusers' `T2IAdapter` (Mou et al. 2023). NHWC, engine thread.

Its features, one for each level of the UNet's way down, depend on the picture alone. So they are computed once a
picture, not once an evaluation, and the UNet adds them to its own (`ConditioningFeed.guided`).
"""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.configs import refuse_unknown
from livemusviz.diffusion.control_pictures import LUMINANCE
from livemusviz.diffusion.layers import Conv2d, relu
from livemusviz.diffusion.unet import UNetConfig
from livemusviz.errors import UserError

ADAPTER_TYPES = ("full_adapter", "full_adapter_xl")
NUMBERS = {"in_channels": 3, "num_res_blocks": 2, "downscale_factor": 8}
"""Config keys, and diffusers' values where the config does not give them."""
CHANNELS = (320, 640, 1280, 1280)
MOST_LEVELS, MOST_RESNETS, MOST_DOWNSCALE = 8, 32, 64

Level = tuple[int, int]
"""Channels of a feature, and the picture's pixels to one of its cells along each side."""


@dataclass(frozen=True)
class T2IAdapterConfig:
    """The numbers of an adapter, checked.

    in_channels : of the picture; 1 reads its luminance.
    channels : of the features, level by level.
    resnets : of each level.
    downscale : pixels to one cell of the first feature, along each side.
    xl : True halves the size before the third level alone, False before every level but the first.
    """

    in_channels: int
    channels: tuple[int, ...]
    resnets: int
    downscale: int
    xl: bool

    @property
    def levels(self) -> list[Level]:
        """Return the shape of each feature."""
        found, pixels = [], self.downscale
        for i, channels in enumerate(self.channels):
            pixels *= 2 if self.halves(i) else 1
            found.append((channels, pixels))
        return found

    def halves(self, level: int) -> bool:
        """Return True if the size is halved before a level, counted from 0."""
        return level == 2 if self.xl else level > 0

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "T2IAdapterConfig":
        """Read an adapter's `config.json`. Raises UserError, naming `where` and the key, for what is not built."""
        kind = config.get("adapter_type", ADAPTER_TYPES[0])
        refuse_unknown(config, where, {"adapter_type": ADAPTER_TYPES}, {*NUMBERS, "channels"})
        numbers = {key: config.get(key, default) for key, default in NUMBERS.items()}
        allowed = {"in_channels": (1, 3), "num_res_blocks": range(1, MOST_RESNETS + 1)}
        allowed["downscale_factor"] = range(1, MOST_DOWNSCALE + 1)
        for key, value in numbers.items():
            if value not in allowed[key]:
                shown = "1 or 3" if key == "in_channels" else f"1 to {allowed[key][-1]}"
                raise UserError(f"{where}: {key} {repr(value)[:64]}: must be {shown}")
        channels = config.get("channels", CHANNELS)
        if not isinstance(channels, list | tuple) or not 1 <= len(channels) <= MOST_LEVELS:
            raise UserError(f"{where}: channels {repr(channels)[:64]}: must be a list of 1 to {MOST_LEVELS} numbers")
        in_channels, resnets, downscale = numbers.values()
        return T2IAdapterConfig(in_channels, tuple(channels), resnets, downscale, xl=kind == "full_adapter_xl")


class AdapterResnet(nn.Module):
    """x + conv1x1(relu(conv3x3(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block1 = Conv2d(channels, channels, 3, padding=1)
        self.block2 = nn.Linear(channels, channels)

    def __call__(self, x: mx.array) -> mx.array:
        return x + self.block2(relu(self.block1(x)))


class AdapterBlock(nn.Module):
    """One level: half the size if `halve`, a projection if the channels change, resnets."""

    def __init__(self, in_channels: int, channels: int, resnets: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        if in_channels != channels:
            self.in_conv = nn.Linear(in_channels, channels)
        self.resnets = [AdapterResnet(channels) for _ in range(resnets)]

    def __call__(self, x: mx.array) -> mx.array:
        x = halved(x) if self.halve else x
        x = self.in_conv(x) if "in_conv" in self else x
        for resnet in self.resnets:
            x = resnet(x)
        return x


class T2IAdapter(nn.Module):
    """Gives a picture's features."""

    def __init__(self, config: T2IAdapterConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.conv_in = Conv2d(config.in_channels * config.downscale**2, channels[0], 3, padding=1)
        self.blocks = [
            AdapterBlock(channels[max(i - 1, 0)], wide, config.resnets, config.halves(i))
            for i, wide in enumerate(channels)
        ]

    def encode_picture(self, picture: mx.array) -> list[mx.array]:
        """picture : (B, height, width, 3), RGB, 0 to 1. Returns each level's features, (B, h, w, C).

        A size that `downscale` does not divide is filled up with the edge's pixels.
        """
        if self.config.in_channels == 1:
            picture = (picture * mx.array(LUMINANCE).astype(picture.dtype)).sum(axis=-1, keepdims=True)
        x = self.conv_in(unshuffled(filled(picture, self.config.downscale), self.config.downscale))
        features = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return features


def filled(x: mx.array, multiple: int) -> mx.array:
    """Return x, (B, H, W, C), with its last row and column repeated until `multiple` divides both sides."""
    down, across = -x.shape[1] % multiple, -x.shape[2] % multiple
    return mx.pad(x, [(0, 0), (0, down), (0, across), (0, 0)], mode="edge") if down or across else x


def unshuffled(x: mx.array, factor: int) -> mx.array:
    """Return x, (B, H, W, C), as (B, H / factor, W / factor, C factor^2), in the order of torch's `PixelUnshuffle`."""
    B, H, W, C = x.shape
    h, w = H // factor, W // factor
    return x.reshape(B, h, factor, w, factor, C).transpose(0, 1, 3, 5, 2, 4).reshape(B, h, w, C * factor**2)


def halved(x: mx.array) -> mx.array:
    """Return the means of 2x2 cells of x, (B, H, W, C); at an odd edge of those that there are."""
    x = filled(x, 2)
    B, H, W, C = x.shape
    return x.reshape(B, H // 2, 2, W // 2, 2, C).mean(axis=(2, 4))


def unet_levels(config: UNetConfig, downscale: int) -> list[Level]:
    """Return the shapes that a UNet adds features to: one for each level, and one for its middle if it has one.

    A level with attention adds them before it halves the size, a plain one behind. downscale : of the autoencoder.
    """
    last, found = len(config.channels) - 1, []
    for i, (channels, heads) in enumerate(zip(config.channels, config.down_heads, strict=True)):
        found.append((channels, downscale * 2 ** (i if heads or i == last else i + 1)))
    return found if config.mid_heads is None else [*found, (config.channels[-1], downscale * 2**last)]


def check_fits(adapter: T2IAdapter, config: UNetConfig, downscale: int, where: str) -> None:
    """Raise UserError unless every level of a UNet is given a feature of its shape. downscale : of the autoencoder."""
    found, wanted = adapter.config.levels, unet_levels(config, downscale)
    if len(found) < len(config.channels) or found != wanted[: len(found)]:
        raise UserError(
            f"{where}: its features (channels, pixels a cell) are {found}, those of the model {wanted}; "
            "give a T2I-Adapter made for this kind of model"
        )
