"""The prompt's reader, transformers' `CLIPTextModel` (Radford et al. 2021), on the engine thread."""

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import Activation, Attention, activation
from livemusviz.errors import UserError


@dataclass(frozen=True)
class CLIPTextConfig:
    """The numbers of a CLIPTextModel."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    max_length: int
    act_fn: str
    eps: float

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "CLIPTextConfig":
        """From `text_encoder/config.json`. Raises UserError for a key without which there is no model."""
        keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        missing = [key for key in keys if key not in config]
        if missing:
            raise UserError(f"{where}: CLIPTextModel needs {', '.join(missing)}")
        vocab, hidden, intermediate, layers, heads = (config[key] for key in keys)
        return CLIPTextConfig(
            vocab, hidden, intermediate, layers, heads,
            max_length=config.get("max_position_embeddings", 77),
            act_fn=config.get("hidden_act", "quick_gelu"),
            eps=config.get("layer_norm_eps", 1e-5),
        )  # fmt: skip


class EncoderLayer(nn.Module):
    """Causal self-attention and a two-layer perceptron, each on its own norm and added."""

    def __init__(self, config: CLIPTextConfig, act: Activation) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.eps)
        self.attn = Attention(config.hidden_size, config.hidden_size, config.heads, bias=True)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.eps)
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = act

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        x = x + self.attn(self.norm1(x), mask=mask)
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class CLIPTextModel(nn.Module):
    """Token ids, (B, T), to one vector a token, (B, T, hidden_size): the last hidden state after the last norm."""

    def __init__(self, config: CLIPTextConfig, where: str = "text_encoder/config.json") -> None:
        super().__init__()
        self.config = config
        act = activation(config.act_fn, where)
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_length, config.hidden_size)
        self.layers = [EncoderLayer(config, act) for _ in range(config.layers)]
        self.norm_out = nn.LayerNorm(config.hidden_size, eps=config.eps)

    def __call__(self, tokens: mx.array) -> mx.array:
        _, T = tokens.shape
        x = self.token_embedding(tokens) + self.position_embedding(mx.arange(T))
        mask = nn.MultiHeadAttention.create_additive_causal_mask(T, x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm_out(x)
