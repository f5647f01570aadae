"""The embedded model in torch: CLIP text encoder, diffusers UNet, our depth-to-space autoencoder; one Euler step from
noise to picture.

It is the trainer's model and the reference for the product's own implementation. Layouts are torch's (NCHW).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel

from training.fields import LATENT_CHANNELS
from training.pictures import COORDINATE_CHANNELS
from training.teacher import WIDTH
from training.tokens import LENGTH

LAST_TIMESTEP = 999
MEAN_PICTURE = -0.4
COORDINATE_GROUPS = 12
WORD_NOISE = 0.3
UNET = {
    "sample_size": 16,
    "in_channels": LATENT_CHANNELS + COORDINATE_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "block_out_channels": [128, 192],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "mid_block_type": None,
    "act_fn": "relu",
    "norm_num_groups": 32,
    "resnet_time_scale_shift": "scale_shift",
    "cross_attention_dim": WIDTH,
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 4,
}
VAE = {
    "_class_name": "AutoencoderPixelShuffle",
    "latent_channels": 32,
    "channels": 128,
    "num_blocks": 2,
    "fine_channels": 48,
    "fine_hidden_channels": 32,
    "num_fine_blocks": 2,
    "encoder_channels": 96,
    "num_encoder_blocks": 1,
    "upscale": [4, 4],
    "scaling_factor": 1.0,
}
SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "timestep_spacing": "trailing",
    "prediction_type": "sample",
    "interpolation_type": "linear",
    "steps_offset": 1,
    "use_karras_sigmas": False,
    "trained_betas": None,
    "one_step": True,
}


def text_config(vocabulary: int, start: int, end: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=WIDTH,
        max_position_embeddings=LENGTH,
        hidden_act="quick_gelu",
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
    )


class Residual(nn.Module):
    """hidden: channels between the two convolutions, or as many as outside."""

    def __init__(self, channels: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or channels
        self.conv1 = nn.Conv2d(channels, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Decoder(nn.Module):
    """Latents (N, 32, h, w) -> RGB (N, 3, 16 h, 16 w), nominally in [-1, 1]. config: as VAE."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels, fine, self.upscale = config["channels"], config["fine_channels"], config["upscale"]
        self.conv_in = nn.Conv2d(config["latent_channels"], channels, 3, padding=1)
        self.blocks = nn.ModuleList(Residual(channels) for _ in range(config["num_blocks"]))
        self.expand = nn.Conv2d(channels, fine * self.upscale[0] ** 2, 1)
        hidden = config.get("fine_hidden_channels", fine)
        self.fine_blocks = nn.ModuleList(Residual(fine, hidden) for _ in range(config["num_fine_blocks"]))
        self.conv_out = nn.Conv2d(fine, 3 * self.upscale[1] ** 2, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.conv_in(z)
        for block in self.blocks:
            x = block(x)
        x = F.pixel_shuffle(self.expand(F.relu(x)), self.upscale[0])
        for block in self.fine_blocks:
            x = block(x)
        return F.pixel_shuffle(self.conv_out(F.relu(x)), self.upscale[1])


class Encoder(nn.Module):
    """RGB (N, 3, 16 h, 16 w) in [-1, 1] -> latents (N, 32, h, w): the decoder backwards, narrower. config: as VAE."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels, fine, self.upscale = config["encoder_channels"], config["fine_channels"], config["upscale"]
        self.conv_in = nn.Conv2d(3 * self.upscale[1] ** 2, fine, 3, padding=1)
        self.fine_block = Residual(fine)
        self.reduce = nn.Conv2d(fine * self.upscale[0] ** 2, channels, 1)
        self.blocks = nn.ModuleList(Residual(channels) for _ in range(config["num_encoder_blocks"]))
        self.conv_out = nn.Conv2d(channels, config["latent_channels"], 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.fine_block(self.conv_in(F.pixel_unshuffle(picture, self.upscale[1])))
        x = self.reduce(F.relu(F.pixel_unshuffle(x, self.upscale[0])))
        for block in self.blocks:
            x = block(x)
        return self.conv_out(F.relu(x))


class AutoencoderPixelShuffle(nn.Module):
    """config: as VAE."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        assert config["scaling_factor"] == 1.0
        self.config = dict(config)
        self.encoder, self.decoder = Encoder(config), Decoder(config)


def input_scale() -> float:
    """Return the factor of unit noise on its way into the UNet, for one trailing Euler step.

    It is init_noise_sigma / sqrt(sigma^2 + 1).
    """
    scheduler = EulerDiscreteScheduler.from_config(SCHEDULER)
    scheduler.set_timesteps(1)
    sigma = float(scheduler.sigmas[0])
    return float(scheduler.init_noise_sigma) / (sigma * sigma + 1) ** 0.5


@torch.no_grad()
def look_at_coordinates(conv_in: nn.Conv2d, groups: Iterable[int], size: int = 4) -> None:
    """Makes whole norm groups of the first convolution see u and v alone: slopes a*u + b*v + c with their kinks
    all over the picture.

    Next to 32 channels of noise the two planes are too faint, and without offsets every kink would go through the
    middle. A slope comes with its negative, so that the group's mean, which the norm takes away, is zero.
    """
    for group in groups:
        for pair in range(size // 2):
            channel = group * size + 2 * pair
            angle, offset = float(torch.rand(()) * 2 * torch.pi), float(torch.rand(()) * 4 - 2)
            slope = 3.0 * torch.tensor([torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))])
            conv_in.weight[channel : channel + 2] = 0
            for sign, row in ((1, channel), (-1, channel + 1)):
                conv_in.weight[row, LATENT_CHANNELS : LATENT_CHANNELS + 2, 1, 1] = sign * slope
                conv_in.bias[row] = sign * offset


class Embedded(nn.Module):
    """The whole model. forward: token ids (N, 32), noise (N, 32, h, w), planes (N, 32, h, w) -> picture (N, 3, 16 h, 16
    w) and its latents."""

    def __init__(self, vocabulary: int, start: int, end: int, vae: Mapping[str, Any] = VAE) -> None:
        super().__init__()
        self.text_encoder = CLIPTextModel(text_config(vocabulary, start, end))
        self.unet = UNet2DConditionModel(**UNET)
        self.vae = AutoencoderPixelShuffle(vae)
        self.scale = input_scale()
        self.word_table.requires_grad_(False)
        self.text_encoder.get_input_embeddings().register_forward_hook(self._blur_words)
        self._start()

    @property
    def word_table(self) -> Tensor:
        """Return the token embeddings, (vocabulary, WIDTH). They are the teacher's and stay as they are."""
        return self.text_encoder.get_input_embeddings().weight

    def _blur_words(self, _module: nn.Module, _inputs: object, words: Tensor) -> Tensor:
        """Add noise to the word embeddings in training, so that neighbouring words get nearly the same meaning."""
        return words + WORD_NOISE * torch.randn_like(words) if self.training else words

    def _start(self) -> None:
        """Variance-keeping convolutions, small where a residual ends, and the mean picture as the last bias.

        A residual stream that grows from block to block drowns what the text adds to it, and were the last bias 0,
        every last weight would first learn "darker", and bright pictures would leave all ReLUs dead and grey.
        """
        for name, module in [*self.unet.named_modules(), *self.vae.named_modules()]:
            if isinstance(module, nn.Conv2d):
                after_relu = not name.endswith(("conv_in", "shortcut", "samplers.0.conv"))
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu" if after_relu else "linear")
                nn.init.zeros_(module.bias)
                if name.endswith("conv2"):
                    module.weight.data *= 0.5
        look_at_coordinates(self.unet.conv_in, range(COORDINATE_GROUPS))
        nn.init.normal_(self.vae.decoder.conv_out.weight, std=0.01)
        nn.init.constant_(self.vae.decoder.conv_out.bias, MEAN_PICTURE)

    def embed(self, ids: Tensor) -> Tensor:
        """(N, 32) ids -> (N, 32, WIDTH) token embeddings."""
        return self.text_encoder(input_ids=ids).last_hidden_state

    def denoise(self, embedding: Tensor, noise: Tensor, planes: Tensor) -> Tensor:
        """x0 (N, 32, h, w) of unit noise in one step."""
        x = torch.cat([noise * self.scale, planes], dim=1)
        return self.unet(x, LAST_TIMESTEP, encoder_hidden_states=embedding, return_dict=False)[0]

    def forward(self, ids: Tensor, noise: Tensor, planes: Tensor) -> tuple[Tensor, Tensor]:
        latents = self.denoise(self.embed(ids), noise, planes)
        return self.vae.decoder(latents), latents
