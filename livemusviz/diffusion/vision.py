"""The reader of style pictures: transformers' `CLIPVisionModelWithProjection` (Radford et al. 2021). Engine thread."""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from livemusviz.diffusion.clip import EncoderLayer
from livemusviz.diffusion.configs import divides
from livemusviz.diffusion.layers import Conv2d, activation_function
from livemusviz.errors import UserError

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""Of the pictures that CLIP was trained with, by channel."""


@dataclass(frozen=True)
class CLIPVisionConfig:
    """The numbers of a CLIPVisionModelWithProjection."""

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    image_size: int
    patch_size: int
    act_fn: str
    eps: float
    projection_dim: int

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "CLIPVisionConfig":
        """Read `image_encoder/config.json`. Raises UserError for a key without which there is no model."""
        keys = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size",
                "patch_size", "projection_dim"]  # fmt: skip
        missing = [key for key in keys if key not in config]
        if missing:
            raise UserError(f"{where}: CLIPVisionModelWithProjection needs {', '.join(missing)}")
        hidden, intermediate, layers, heads, image, patch, projection = (config[key] for key in keys)
        divides(where, "hidden_size", hidden, "num_attention_heads", heads)
        divides(where, "image_size", image, "patch_size", patch)
        act_fn, eps = config.get("hidden_act", "quick_gelu"), config.get("layer_norm_eps", 1e-5)
        return CLIPVisionConfig(hidden, intermediate, layers, heads, image, patch, act_fn, eps, projection)


class CLIPVisionModel(nn.Module):
    """A picture to one vector a patch, and one for the whole."""

    def __init__(self, config: CLIPVisionConfig, where: str = "image_encoder/config.json") -> None:
        super().__init__()
        self.config = config
        width, patches = config.hidden_size, (config.image_size // config.patch_size) ** 2
        act = activation_function(config.act_fn, where)
        self.class_embedding = mx.zeros((width,))
        self.patch_embedding = Conv2d(3, width, config.patch_size, stride=config.patch_size, bias=False)
        self.position_embedding = nn.Embedding(patches + 1, width)
        self.norm_in = nn.LayerNorm(width, eps=config.eps)
        self.layers = [EncoderLayer(config, act) for _ in range(config.layers)]
        self.norm_out = nn.LayerNorm(width, eps=config.eps)
        self.projection = nn.Linear(width, config.projection_dim, bias=False)

    def hidden_states(self, x: mx.array) -> list[mx.array]:
        """Return the embeddings and each layer's output, (B, 1 + patches, hidden_size), of `prepared` pictures."""
        B = x.shape[0]
        patches = self.patch_embedding(x)
        patches = patches.reshape(B, -1, patches.shape[-1])
        first = mx.broadcast_to(self.class_embedding, (B, 1, patches.shape[-1]))
        x = mx.concatenate([first, patches], axis=1)
        states = [self.norm_in(x + self.position_embedding(mx.arange(x.shape[1])))]
        for layer in self.layers:
            states.append(layer(states[-1]))
        return states

    def __call__(self, x: mx.array) -> mx.array:
        """Return one vector a picture, (B, projection_dim), of pictures as `prepared`."""
        return self.projection(self.norm_out(self.hidden_states(x)[-1][:, 0]))


def prepared(picture: np.ndarray) -> np.ndarray:
    """Return a picture as CLIP reads it: uint8 (n, n, 3) to float32 (1, n, n, 3), normalised."""
    return np.asarray((picture[None].astype(np.float32) / 255 - MEAN) / STD)
