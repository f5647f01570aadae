"""Builds the text encoder: transformers' `CLIPTextModel`, also `WithProjection` (Radford et al. 2021). Engine
thread."""

from dataclasses import dataclass
from typing import Any, Protocol

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.configs import divides
from livemusviz.diffusion.layers import Activation, Attention, activation_function
from livemusviz.errors import UserError

FIRST_CLIP_END = 2
"""`eos_token_id` in the configs of the first checkpoints, and wrong: their end token is the highest id there is."""


@dataclass(frozen=True)
class CLIPTextConfig:
    """Holds the numbers of a CLIPTextModel.

    vocab_size : number of tokens.
    hidden_size, intermediate_size : width of a layer, and of its MLP.
    layers, heads : number of layers, attention heads of each.
    max_length : tokens of a prompt, with those around it.
    act_fn : name of the activation.
    eps : of the layer norms.
    end_token : id of the token that ends a prompt.
    projection_dim : width of the pooled output; 0 without a projection.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    max_length: int
    act_fn: str
    eps: float
    end_token: int
    projection_dim: int = 0

    @staticmethod
    def read(config: dict[str, Any], where: str) -> "CLIPTextConfig":
        """Read `text_encoder/config.json`. Raises UserError for a key without which there is no model."""
        projects = (config.get("architectures") or [""])[0] == "CLIPTextModelWithProjection"
        keys = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
        missing = [key for key in keys + ["projection_dim"] * projects if key not in config]
        if missing:
            raise UserError(f"{where}: CLIPTextModel needs {', '.join(missing)}")
        vocab, hidden, intermediate, layers, heads = (config[key] for key in keys)
        divides(where, "hidden_size", hidden, "num_attention_heads", heads)
        return CLIPTextConfig(
            vocab, hidden, intermediate, layers, heads,
            max_length=config.get("max_position_embeddings", 77),
            act_fn=config.get("hidden_act", "quick_gelu"),
            eps=config.get("layer_norm_eps", 1e-5),
            end_token=config.get("eos_token_id", 49407),
            projection_dim=config["projection_dim"] if projects else 0,
        )  # fmt: skip


class LayerSizes(Protocol):
    """Holds the sizes of an encoder's layer."""

    @property
    def hidden_size(self) -> int: ...
    @property
    def intermediate_size(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def eps(self) -> float: ...


class EncoderLayer(nn.Module):
    """Self-attention, causal under a mask, and a two-layer perceptron, each on its own norm and added."""

    def __init__(self, config: LayerSizes, act: Activation) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.eps)
        self.attn = Attention(config.hidden_size, config.hidden_size, config.heads, bias=True)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.eps)
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = act

    def __call__(self, x: mx.array, mask: mx.array | None = None) -> mx.array:
        x = x + self.attn(self.norm1(x), mask=mask)
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class CLIPTextModel(nn.Module):
    """Token ids to one vector a token, and one for the whole prompt."""

    def __init__(self, config: CLIPTextConfig, where: str = "text_encoder/config.json") -> None:
        super().__init__()
        self.config = config
        act = activation_function(config.act_fn, where)
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_length, config.hidden_size)
        self.layers = [EncoderLayer(config, act) for _ in range(config.layers)]
        self.norm_out = nn.LayerNorm(config.hidden_size, eps=config.eps)
        if config.projection_dim:
            self.projection = nn.Linear(config.hidden_size, config.projection_dim, bias=False)

    def __call__(self, tokens: mx.array) -> mx.array:
        """tokens : int (B, T). Returns the last hidden state after the last norm, (B, T, hidden_size)."""
        return self.norm_out(self.hidden_states(tokens)[-1])

    def hidden_states(self, tokens: mx.array) -> list[mx.array]:
        """Return the embeddings, then every layer's output, before the last norm: each (B, T, hidden_size)."""
        _, T = tokens.shape
        x = self.token_embedding(tokens) + self.position_embedding(mx.arange(T))
        mask = nn.MultiHeadAttention.create_additive_causal_mask(T, x.dtype)
        states = [x]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states

    def pooled(self, tokens: mx.array, last: mx.array) -> mx.array:
        """Return the end token's vector of the last hidden state, normed here, projected if the model projects: (B,
        P)."""
        if self.config.end_token == FIRST_CLIP_END:
            end = mx.argmax(tokens, axis=1)
        else:
            end = mx.argmax(tokens == self.config.end_token, axis=1)
        vector = self.norm_out(last)[mx.arange(tokens.shape[0]), end]
        return self.projection(vector) if "projection" in self else vector
