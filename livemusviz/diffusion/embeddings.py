"""Embeds the UNet's other inputs: the time step, and the prompt as one pooled vector. Engine thread.

After diffusers' `Timesteps`, `TimestepEmbedding`, `TextTimeEmbedding` and `AttentionPooling`.
"""

import math

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import Activation, attend

AddedEmbedding = tuple[mx.array, mx.array]
"""Of SDXL: the pooled prompt, (B, P), and the six numbers about the picture's size, float32 (B, 6)."""


def sinusoidal(timestep: mx.array, dim: int, flip_sin_to_cos: bool, freq_shift: float) -> mx.array:
    """Sinusoids of the time step (Vaswani et al. 2017). timestep : float32 (B,). Returns float32 (B, dim)."""
    half = dim // 2
    frequencies = mx.exp(-math.log(10000) * mx.arange(half, dtype=mx.float32) / (half - freq_shift))
    angles = timestep[:, None].astype(mx.float32) * frequencies[None]
    parts = [mx.cos(angles), mx.sin(angles)] if flip_sin_to_cos else [mx.sin(angles), mx.cos(angles)]
    return mx.concatenate(parts, axis=-1)


class TimestepEmbedding(nn.Module):
    """Two Linear layers on the sinusoids, (B, in_dim) -> (B, dim); the guidance scale's sinusoids are added first."""

    def __init__(self, in_dim: int, dim: int, act: Activation, guidance_dim: int = 0) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(in_dim, dim)
        self.linear_2 = nn.Linear(dim, dim)
        if guidance_dim:
            self.cond_proj = nn.Linear(guidance_dim, in_dim, bias=False)
        self.act = act

    def __call__(self, x: mx.array, guidance: mx.array | None = None) -> mx.array:
        if guidance is not None:
            x = x + self.cond_proj(guidance)
        return self.linear_2(self.act(self.linear_1(x)))


class AttentionPooling(nn.Module):
    """(B, T, dim) -> (B, dim): the mean token asks, it and all tokens answer."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.positional_embedding = mx.zeros((1, dim))
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.heads = heads

    def __call__(self, x: mx.array) -> mx.array:
        mean = x.mean(axis=1, keepdims=True) + self.positional_embedding
        x = mx.concatenate([mean, x], axis=1)
        return attend(self.q(mean), self.k(x), self.v(x), self.heads)[:, 0]


class TextTimeEmbedding(nn.Module):
    """(B, T, text_dim) -> (B, dim), to be added to the time embedding (`addition_embed_type: "text"`)."""

    def __init__(self, text_dim: int, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(text_dim)
        self.pool = AttentionPooling(text_dim, heads)
        self.proj = nn.Linear(text_dim, dim)
        self.norm2 = nn.LayerNorm(dim)

    def __call__(self, text: mx.array) -> mx.array:
        return self.norm2(self.proj(self.pool(self.norm1(text))))
