"""The network that holds a picture's structure: diffusers' `ControlNetModel` (Zhang et al. 2023). NHWC, engine thread.

It is a copy of the UNet's encoder that also sees a control picture. Its results, one for each skip of the UNet and one
for the UNet's middle, are residuals that the UNet adds to its own. The picture is encoded once (`encode_picture`), the
residuals are computed once an evaluation of the UNet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.blocks import Condition, ConditioningFeed
from livemusviz.diffusion.layers import Conv2d, KeysValues, silu
from livemusviz.diffusion.unet import UNetConfig, UNetEncoder, skip_channels
from livemusviz.errors import UserError

PICTURE_CHANNELS = (16, 32, 96, 256)
"""Of the picture's encoder where the config does not give them; each step but the first halves the size."""
OWN_KEYS = {
    "conditioning_channels", "conditioning_embedding_out_channels", "controlnet_conditioning_channel_order",
    "global_pool_conditions",
}  # fmt: skip
"""Config keys that a UNet has not."""
UP_FOR_DOWN = {"DownBlock2D": "UpBlock2D", "CrossAttnDownBlock2D": "CrossAttnUpBlock2D"}


class ControlUnfit(UserError):
    """A ControlNet that cannot be loaded, or not for this model; the model itself can."""


@dataclass(frozen=True)
class ControlNetConfig:
    """The numbers of a ControlNet, checked.

    encoder : those that it shares with a UNet. picture_channels : of the picture (3), then of its encoder's
    convolutions. bgr : the picture's channels are read in the order blue, green, red.
    """

    encoder: UNetConfig
    conditioning_channels: int
    picture_channels: tuple[int, ...]
    bgr: bool

    @property
    def downscale(self) -> int:
        """Return the pixels of a picture to one latent cell, along each side."""
        return int(2 ** (len(self.picture_channels) - 1))

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "ControlNetConfig":
        """Read a ControlNet's `config.json`. Raises UserError, naming `where` and the key, for what is not built.

        The first ControlNets' configs have no `conditioning_channels`: they are 3.
        """
        if config.get("global_pool_conditions"):
            raise UserError(f"{where}: global_pool_conditions is not implemented; ControlNets of style have it")
        order = config.get("controlnet_conditioning_channel_order") or "rgb"
        if order not in ("rgb", "bgr"):
            raise UserError(f"{where}: controlnet_conditioning_channel_order {order!r}: must be rgb or bgr")
        channels = config.get("conditioning_channels") or 3
        if channels != 3:
            raise UserError(f"{where}: conditioning_channels {channels} is not implemented; only 3, a picture, is")
        shared = {key: value for key, value in config.items() if key not in OWN_KEYS}
        down = shared.get("down_block_types") or ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
        up = [UP_FOR_DOWN.get(name, "UpBlock2D") for name in reversed(down)]
        picture = tuple(config.get("conditioning_embedding_out_channels") or PICTURE_CHANNELS)
        if not 1 <= len(picture) <= 8 or not all(isinstance(c, int) and 1 <= c <= 16384 for c in picture):
            raise UserError(f"{where}: conditioning_embedding_out_channels {picture}: must be 1 to 8 numbers above 0")
        encoder = UNetConfig.read(shared | {"up_block_types": up}, where)
        return ControlNetConfig(encoder, channels, picture, bgr=order == "bgr")


class PictureEncoder(nn.Module):
    """Convolutions that bring a control picture to the size of the latents: (B, height, width, 3) -> (B, h, w, C)."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        channels = config.picture_channels
        self.conv_in = Conv2d(config.conditioning_channels, channels[0], 3, padding=1)
        self.blocks = []
        for wide, wider in zip(channels, channels[1:], strict=False):
            self.blocks += [Conv2d(wide, wide, 3, padding=1), Conv2d(wide, wider, 3, stride=2, padding=1)]
        self.conv_out = Conv2d(channels[-1], config.encoder.channels[0], 3, padding=1)

    def __call__(self, picture: mx.array) -> mx.array:
        x = silu(self.conv_in(picture))
        for block in self.blocks:
            x = silu(block(x))
        return self.conv_out(x)


class ControlNetModel(UNetEncoder):
    """A UNet's encoder with a picture, and a projection of each of its results."""

    def __init__(self, config: ControlNetConfig, where: str = "config.json") -> None:
        super().__init__(config.encoder, where)
        self.bgr, self.downscale = config.bgr, config.downscale
        self.picture_encoder = PictureEncoder(config)
        self.skip_projections = [nn.Linear(channels, channels) for channels in skip_channels(config.encoder)]
        self.mid_projection = nn.Linear(config.encoder.channels[-1], config.encoder.channels[-1])

    def encode_picture(self, picture: mx.array) -> mx.array:
        """picture : (B, height, width, 3), RGB, 0 to 1. Returns (B, h, w, C), for `__call__`."""
        return self.picture_encoder(picture[..., ::-1] if self.bgr else picture)

    def __call__(
        self, x: mx.array, picture: mx.array, conditions: Sequence[Condition], keys_values: Sequence[KeysValues]
    ) -> list[mx.array]:
        """Return the residuals of one evaluation, at scale 1: for each skip in order, and for the middle's output.

        x, conditions, keys_values : as for the UNet, the last two made by this network. picture : of B or of 1.
        """
        x, skips = self.encode(self.conv_in(x) + picture, ConditioningFeed(conditions, keys_values))
        projected = [project(skip) for project, skip in zip(self.skip_projections, skips, strict=True)]
        return [*projected, self.mid_projection(x)]
