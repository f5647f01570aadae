"""Style from a picture: IP-Adapter (Ye et al. 2023) and its plus form. Engine thread.

Each cross-attention of the UNet also attends to a few tokens made of a picture, and adds the result, weighted. Keys and
values of these tokens are constants of the picture: `tokens` once a picture, `keys_values` once a mixture.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import KeysValues, attend, gelu
from livemusviz.diffusion.unet import UNet2DConditionModel, cross_attentions
from livemusviz.diffusion.vision import CLIPVisionModel
from livemusviz.errors import UserError

TOKENS = 4
"""Tokens of the plain form."""
HEAD = 64
"""Width of a head of the resampler."""


class ImageProjection(nn.Module):
    """The plain form: the picture's one vector, (B, in_dim), to TOKENS tokens, (B, TOKENS, dim)."""

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_dim, TOKENS * dim)
        self.norm = nn.LayerNorm(dim)

    def __call__(self, x: mx.array) -> mx.array:
        return self.norm(self.proj(x).reshape(x.shape[0], TOKENS, -1))


class ResamplerLayer(nn.Module):
    """Attention of the latents to the picture and themselves, then a perceptron; each on its own norm and added."""

    def __init__(self, dim: int, attention_dim: int, inner_dim: int) -> None:
        super().__init__()
        self.heads = attention_dim // HEAD
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.q = nn.Linear(dim, attention_dim, bias=False)
        self.kv = nn.Linear(dim, 2 * attention_dim, bias=False)
        self.out = nn.Linear(attention_dim, dim, bias=False)
        self.fc1 = nn.Linear(dim, inner_dim, bias=False)
        self.fc2 = nn.Linear(inner_dim, dim, bias=False)

    def __call__(self, latents: mx.array, x: mx.array) -> mx.array:
        """latents : (B, N, dim). x : the picture's, (B, T, dim)."""
        asking = self.norm2(latents)
        keys, values = mx.split(self.kv(mx.concatenate([self.norm1(x), asking], axis=1)), 2, axis=-1)
        latents = latents + self.out(attend(self.q(asking), keys, values, self.heads))
        return latents + self.fc2(gelu(self.fc1(self.norm3(latents))))


class Resampler(nn.Module):
    """The plus form: the picture's patches, (B, T, in_dim), to as many tokens as there are latents, (B, N, dim)."""

    def __init__(self, shapes: "AdapterShapes") -> None:
        super().__init__()
        inner = shapes["projection.proj_in.weight"][0]
        dim, in_dim = shapes["projection.proj_out.weight"][0], shapes["projection.proj_in.weight"][1]
        self.latents = mx.zeros(shapes["projection.latents"])
        self.proj_in, self.proj_out = nn.Linear(in_dim, inner), nn.Linear(inner, dim)
        self.norm_out = nn.LayerNorm(dim)
        self.layers: list[ResamplerLayer] = []
        while f"projection.layers.{len(self.layers)}.q.weight" in shapes:
            at = f"projection.layers.{len(self.layers)}"
            self.layers.append(ResamplerLayer(inner, shapes[f"{at}.q.weight"][0], shapes[f"{at}.fc1.weight"][0]))

    def __call__(self, x: mx.array) -> mx.array:
        x = self.proj_in(x)
        latents = mx.broadcast_to(self.latents, (x.shape[0], *self.latents.shape[1:]))
        for layer in self.layers:
            latents = layer(latents, x)
        return self.norm_out(self.proj_out(latents))


AdapterShapes = dict[str, tuple[int, ...]]
"""Shapes of a file's tensors, by our names."""


class StyleKeysValues(nn.Module):
    """Keys and values of a style for one cross-attention."""

    def __init__(self, text_dim: int, dim: int) -> None:
        super().__init__()
        self.k = nn.Linear(text_dim, dim, bias=False)
        self.v = nn.Linear(text_dim, dim, bias=False)


class IPAdapter(nn.Module):
    """attentions : one for each of the UNet's cross-attentions, in the file's order: down, up, middle."""

    def __init__(self, shapes: AdapterShapes) -> None:
        """shapes : of all tensors of the file. Raises LookupError for a file of another kind."""
        super().__init__()
        self.plus = "projection.latents" in shapes
        self.projection: nn.Module
        if self.plus:
            self.projection = Resampler(shapes)
        else:
            out, in_dim = shapes["projection.proj.weight"]
            self.projection = ImageProjection(in_dim, out // TOKENS)
        self.attentions: list[StyleKeysValues] = []
        while f"attentions.{len(self.attentions)}.k.weight" in shapes:
            dim, text_dim = shapes[f"attentions.{len(self.attentions)}.k.weight"]
            self.attentions.append(StyleKeysValues(text_dim, dim))

    def tokens(self, encoder: CLIPVisionModel, picture: mx.array) -> mx.array:
        """Return the tokens of a style picture, (1, N, text_dim). picture : (1, n, n, 3), see `vision.prepared`."""
        return self.projection(encoder.hidden_states(picture)[-2] if self.plus else encoder(picture))

    def no_tokens(self, encoder: CLIPVisionModel) -> mx.array:
        """Return the tokens to lead away from: of a picture of zeros, or of a vector of zeros."""
        config = encoder.config
        if self.plus:
            return self.tokens(encoder, mx.zeros((1, config.image_size, config.image_size, 3)))
        return self.projection(mx.zeros((1, config.projection_dim)))

    def keys_values(self, tokens: mx.array, order: list[int]) -> list[KeysValues]:
        """Return the keys and values of tokens, (1, N, text_dim), in the UNet's forward order. order : see
        `forward_order`."""
        return [(self.attentions[i].k(tokens), self.attentions[i].v(tokens)) for i in order]


class StyleUnfit(UserError):
    """An IP-Adapter that cannot be loaded, or not for this model; the model itself can."""


@dataclass(frozen=True)
class LoadedStyle:
    """An IP-Adapter with the encoder of its pictures. order : see `ip_adapter.forward_order`. file : its weights."""

    file: Path
    adapter: IPAdapter
    encoder: CLIPVisionModel
    order: list[int]


def forward_order(unet: UNet2DConditionModel) -> list[int]:
    """Return the place, in diffusers' order (down, up, middle), of each cross-attention in forward order."""
    groups: list[list[Any]] = [list(unet.down_blocks), [unet.mid_block] if "mid_block" in unet else [], unet.up_blocks]
    down, middle, up = (sum(len(cross_attentions(block)) for block in group) for group in groups)
    return [*range(down), *range(down + up, down + up + middle), *range(down, down + up)]
