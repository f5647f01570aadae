"""The style pictures of one pipeline: their tokens, mixtures and fades, beside the prompt's keys and values.

Engine thread. A style is a constant of its picture: it is encoded once, and its keys and values are made once for each
mixture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import Prompt
from livemusviz.diffusion.conditioning import Conditioning, UNetInputs
from livemusviz.diffusion.interpolate import blend_embeddings
from livemusviz.diffusion.ip_adapter import LoadedStyle
from livemusviz.diffusion.layers import KeysValues
from livemusviz.diffusion.vision import prepared
from livemusviz.errors import UserError, suggest


class Styles:
    """Names style pictures and adds the chosen mixture of them to conditioning."""

    def __init__(self, loaded: LoadedStyle | None) -> None:
        """loaded : None where the model has no IP-Adapter; then no picture can be added."""
        self._loaded = loaded
        self._tokens: dict[str, mx.array] = {}
        self._without: mx.array | None = None
        self._made: dict[object, list[KeysValues]] = {}
        self._wanted: tuple[dict[str, float], float] = ({}, 0.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the pictures."""
        return tuple(self._tokens)

    def add(self, pictures: Mapping[str, np.ndarray]) -> None:
        """Encode pictures, uint8 (n, n, 3) with the n of the encoder, under their names.

        Raises UserError where the model has no IP-Adapter.
        """
        if self._loaded is None:
            if pictures:
                raise UserError("style: this model has no IP-Adapter; give --style-adapter FILE.safetensors")
            return
        n = self._loaded.encoder.config.image_size
        for name, picture in pictures.items():
            if picture.shape != (n, n, 3):
                raise UserError(f"style '{name}': the encoder reads pictures of {n}x{n}, not {picture.shape}")
            x = mx.array(prepared(picture)).astype(self._loaded.encoder.class_embedding.dtype)
            self._tokens[name] = self._loaded.adapter.tokens(self._loaded.encoder, x)
        self._without = self._loaded.adapter.no_tokens(self._loaded.encoder)
        mx.eval(list(self._tokens.values()), self._without)

    def choose(self, previous: Prompt, style: Prompt, fade: float, scale: float) -> None:
        """Choose the style of the next frames. Raises UserError for a name that there is not; then nothing changes.

        previous, style : a name, "" for none, or names with weights.  fade : 0 (previous) to 1.  scale : 0 to 2.
        """
        mix: dict[str, float] = {}
        for named, share in ((previous, 1.0 - fade), (style, fade)):
            for name, weight in self._shares(named):
                mix[name] = mix.get(name, 0.0) + share * weight
        present = {name: weight for name, weight in mix.items() if name and weight > 0}
        self._wanted = (present, scale * sum(present.values()))

    def styled(self, text: Conditioning) -> Conditioning:
        """Return a prompt's conditioning with the chosen style; as it is where the style weighs nothing."""
        inputs = self._added(text.inputs, without=False)
        return text if inputs is text.inputs else replace(text, inputs=inputs)

    def led_away(self, negative: UNetInputs | None) -> UNetInputs | None:
        """Return the inputs to lead away from, with the tokens of no picture where a style is on."""
        return None if negative is None else self._added(negative, without=True)

    def _added(self, inputs: UNetInputs, without: bool) -> UNetInputs:
        mix, scale = self._wanted
        if self._loaded is None or not mix or scale <= 0:
            return inputs
        made = self._keys_values(None if without else tuple(sorted(mix.items())))
        weight = mx.array(scale, dtype=mx.float32).reshape(1, 1, 1)

        def both(keys_values: Sequence[KeysValues]) -> list[KeysValues]:
            return [(*pair, *style, weight) for pair, style in zip(keys_values, made, strict=True)]

        regions = [region._replace(keys_values=both(region.keys_values)) for region in inputs.regions]
        return inputs._replace(keys_values=both(inputs.keys_values), regions=regions)

    def _keys_values(self, mix: tuple[tuple[str, float], ...] | None) -> list[KeysValues]:
        """Return those of a mixture, or of no picture; the last mixture's are remembered."""
        if mix not in self._made:
            if self._loaded is None or self._without is None:
                raise ValueError("no style picture was added")
            tokens = self._without
            if mix is not None:
                tokens = blend_embeddings(
                    [self._tokens[name] for name, _ in mix], [weight for _, weight in mix], "lerp"
                )
            self._made = {key: value for key, value in self._made.items() if key is None}
            self._made[mix] = self._loaded.adapter.keys_values(tokens, self._loaded.order)
            mx.eval(self._made[mix])
        return self._made[mix]

    def _shares(self, named: Prompt) -> Sequence[tuple[str, float]]:
        """Return names with weights that add up to 1. Raises UserError for a name that there is not."""
        pairs = [(named, 1.0)] if isinstance(named, str) else list(named)
        for name, _ in pairs:
            if name and name not in self._tokens:
                known = suggest(name[:64], self._tokens) if self._tokens else "this show has none; give --style FILE"
                raise UserError(f"style '{name[:64]}': no such style picture; {known}")
        total = sum(weight for _, weight in pairs) or 1.0
        return [(name, weight / total) for name, weight in pairs]
