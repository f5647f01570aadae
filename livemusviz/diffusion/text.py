"""Encodes prompts for the UNet: one CLIP text encoder as in Stable Diffusion, or two as in SDXL. Engine thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx

from livemusviz.bridge.frames import Prompt
from livemusviz.diffusion.clip import CLIPTextModel
from livemusviz.diffusion.interpolate import METHODS, blend_embeddings
from livemusviz.diffusion.tokenizer import PromptTokenizer
from livemusviz.errors import UserError

MAX_PROMPTS = 64  # as many as the registry lets in, and as many as are remembered


@dataclass(frozen=True, eq=False)
class TextEncoding:
    """Holds an encoded prompt. tokens : (1, T, D). pooled : (1, P), or None where it is not used."""

    tokens: mx.array
    pooled: mx.array | None = None

    def zeros(self) -> TextEncoding:
        """Return SDXL's encoding of no words."""
        return TextEncoding(mx.zeros_like(self.tokens), None if self.pooled is None else mx.zeros_like(self.pooled))

    def toward(self, other: TextEncoding, t: mx.array, method: str = "slerp") -> TextEncoding:
        """Return the encoding at t, 0-d, 0 (this one) to 1 (the other)."""
        mix = METHODS[method]
        pooled = None if self.pooled is None or other.pooled is None else mix(self.pooled, other.pooled, t)
        return TextEncoding(mix(self.tokens, other.tokens, t), pooled)


class PromptEncoder:
    """Runs the tokenizers and text encoders of one model."""

    def __init__(self, tokenizers: Sequence[PromptTokenizer], encoders: Sequence[CLIPTextModel]) -> None:
        """Take one of each, or two: then the second one's pooled output counts too."""
        self.tokenizers = tuple(tokenizers)
        self.encoders = tuple(encoders)

    @property
    def text_dim(self) -> int:
        """Width of a token."""
        return sum(encoder.config.hidden_size for encoder in self.encoders)

    @property
    def pooled_dim(self) -> int:
        """Return the width of the pooled output; 0 where it is not used."""
        last = self.encoders[-1].config
        return last.projection_dim if len(self.encoders) > 1 else 0

    def encode(self, text: str) -> TextEncoding:
        """Return one prompt. SDXL reads the layer before the last one of both, without the norm, side by side."""
        if len(self.encoders) == 1:
            return TextEncoding(self.encoders[0](mx.array(self.tokenizers[0](text))))
        states = []
        for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
            tokens = mx.array(tokenizer(text))
            hidden = encoder.hidden_states(tokens)
            states.append(hidden[-2])
        return TextEncoding(mx.concatenate(states, axis=-1), encoder.pooled(tokens, hidden[-1]))


def blended(encodings: Sequence[TextEncoding], weights: Sequence[float], method: str = "slerp") -> TextEncoding:
    """Return the weighted mean of encodings of one model."""
    pooled = [e.pooled for e in encodings if e.pooled is not None]
    mean = blend_embeddings(pooled, weights, method) if len(pooled) == len(encodings) else None
    return TextEncoding(blend_embeddings([e.tokens for e in encodings], weights, method), mean)


def weighted(prompt: Prompt) -> list[tuple[str, float]]:
    """Return a prompt as texts with positive weights. Raises UserError for a list that cannot be mixed."""
    if isinstance(prompt, str):
        return [(prompt, 1.0)]
    if not 1 <= len(prompt) <= MAX_PROMPTS:
        raise UserError(f"{len(prompt)} prompts in a list: give 1 to {MAX_PROMPTS}")
    kept = [(text, float(weight)) for text, weight in prompt if weight > 0]
    if not kept or not all(weight < float("inf") for _, weight in kept):
        raise UserError("the weights of a prompt list must be finite, and one of them above 0")
    return kept
