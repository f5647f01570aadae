"""Turns prompts into conditioning: all that the UNet takes from them, computed once and kept. Engine thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from livemusviz.bridge.frames import Prompt
from livemusviz.diffusion.blocks import Condition, Region
from livemusviz.diffusion.compositions import composition, place
from livemusviz.diffusion.fronts import front
from livemusviz.diffusion.layers import KeysValues
from livemusviz.diffusion.lora import LiveLora
from livemusviz.diffusion.model import ModelParts
from livemusviz.diffusion.t2i_adapter import T2IAdapter
from livemusviz.diffusion.text import TextEncoding, blended, weighted
from livemusviz.diffusion.tokenizer import clean_prompt
from livemusviz.diffusion.unet import UNetEncoder

CACHED_TEXTS = 64
CACHED_PAIRS = 16
FAR = 0.7
"""Cosine between two prompts' vectors, from the empty prompt's, below which they are far: what lies half-way between
them is no prompt. With the embedded model two colours of one thing have 0.8 and more, two things 0.6 and less."""
CACHED_CONDITIONINGS = 8
"""A conditioning holds the keys and values of every cross-attention: megabytes for a large model."""


class NetInputs(NamedTuple):
    """Inputs that one network takes from a prompt.

    conditions : for each step the condition of each resnet. keys_values : of each cross-attention.
    """

    conditions: list[list[Condition]]
    keys_values: list[KeysValues]


class RegionInputs(NamedTuple):
    """Inputs of the UNet from a second prompt or more, see `blocks.Region`, and their shares in each cell, float32
    (1, h, w, K)."""

    share: mx.array
    conditions: list[list[Condition]]
    keys_values: list[KeysValues]


class UNetInputs(NamedTuple):
    """Inputs of the UNet from a prompt, see `NetInputs`. nets : of each ControlNet, evaluated when needed.

    regions : one, where further prompts show in parts of the picture, or none.
    """

    conditions: list[list[Condition]]
    keys_values: list[KeysValues]
    nets: list[NetInputs] = []
    regions: list[RegionInputs] = []

    def region(self, step: int) -> Region | None:
        """Return the second prompt at one step of the schedule. `mx.compile` makes plain tuples of named ones."""
        if not self.regions:
            return None
        share, conditions, keys_values = self.regions[0]
        return Region(share, conditions[step], keys_values)


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Holds a prompt as the UNet needs it: its encoding, and the inputs computed from it.

    second : the prompt that shows in parts of the picture, see `UNetInputs.regions`.
    """

    encoding: TextEncoding
    inputs: UNetInputs
    second: Conditioning | None = None

    @property
    def tokens(self) -> mx.array:
        """Return (1, T, D)."""
        return self.encoding.tokens

    @property
    def conditions(self) -> list[list[Condition]]:
        """Return the condition of each resnet, for each step."""
        return self.inputs.conditions

    @property
    def places(self) -> int:
        """Return how many further prompts show in parts of the picture."""
        return self.inputs.regions[0].share.shape[-1] if self.inputs.regions else 0


class Conditioner:
    """Makes and remembers the conditioning of prompts, for one model at one picture size and schedule."""

    def __init__(self, parts: ModelParts, size: tuple[int, int]) -> None:
        """size : (height, width) of the picture, pixels."""
        self._parts, self._size = parts, size
        self._texts: OrderedDict[str, TextEncoding] = OrderedDict()
        self._conditionings: OrderedDict[Any, Conditioning] = OrderedDict()
        self._shared_conditions: dict[int, list[list[Condition]]] = {}  # by network
        self._far: OrderedDict[Any, bool] = OrderedDict()
        self._guidance = 0.0  # scale - 1, for UNets that take it as an input

    def reschedule(self, parts: ModelParts) -> None:
        """Make conditioning for another schedule of the same model from now on."""
        self._parts = parts
        self.forget()

    def encode(self, prompt: Prompt) -> Conditioning:
        """Return the conditioning of a prompt or of a weighted list; the last ones are remembered, and their texts.

        At most 1000 characters of a text are read. Raises UserError for a list that cannot be mixed.
        """
        mix = [(clean_prompt(text), weight) for text, weight in weighted(prompt)]
        key = tuple(mix)
        return _remember(self._conditionings, key, CACHED_CONDITIONINGS, lambda: self._make(self._encode(mix)))

    def encode_anew(self, text: str) -> Conditioning:
        """Return what `encode` does for a prompt that it does not remember."""
        return self._make(self._parts.text.encode(text))

    def encode_negative(self, text: str) -> Conditioning:
        """Return the conditioning to lead away from. No words are zeros for a model whose index says so, else the empty
        prompt."""
        if not self._parts.zero_negative or clean_prompt(text):
            return self.encode(text)
        return _remember(
            self._conditionings, None, CACHED_CONDITIONINGS, lambda: self._make(self._encode([("", 1.0)]).zeros())
        )

    def negative_inputs(self, negative: Conditioning | None) -> UNetInputs | None:
        """Return the UNet's inputs for a negative prompt (None is no words), if the model's guidance asks for them."""
        if self._parts.spec.guidance not in ("full", "initialize"):
            return None
        return (self.encode_negative("") if negative is None else negative).inputs

    def blend(self, a: Conditioning, b: Conditioning, t: float) -> Conditioning:
        """Return the conditioning at t, 0 (a) to 1 (b), on the arc between two; at the ends nothing is computed."""
        if t <= 0:
            return a
        if t >= 1:
            return b
        return self._make(a.encoding.toward(b.encoding, mx.array(t, dtype=mx.float32)))

    def beside(self, a: Conditioning, b: Conditioning, share: np.ndarray, t: float) -> Conditioning:
        """Return the conditioning of a picture that shows `a`, and `b` in parts of it.

        share : of b in each latent cell, float32 (h, w, 1).  t : 0 to 1, of b in all; ControlNets, which draw what
        their picture holds, take the blend.
        """
        region = RegionInputs(mx.array(share)[None], b.inputs.conditions, b.inputs.keys_values)
        nets: list[NetInputs] = []
        if self._parts.controls:
            between = a.encoding.toward(b.encoding, mx.array(t, dtype=mx.float32))
            nets = [self._inputs(network, between) for network in self._parts.controls]
        return Conditioning(a.encoding, a.inputs._replace(nets=nets, regions=[region]), b)

    def shown(self, prompt: Prompt, noise: np.ndarray) -> Conditioning:
        """Return the conditioning of a prompt in the frame of a noise, (h, w, c): of two things, each in its place.

        Where the UNet reads tokens by cross-attention it places them itself, and this is `encode`.
        """
        found = composition(prompt) if self.composes else None
        if found is None:
            return self.encode(prompt)
        config = self._parts.unet.config
        share = place(noise, found.within, config.coordinate_pan, config.coordinate_zoom)
        return self.beside(self.encode(found.background), self.encode(found.subject), share, float(share.mean()))

    def fade(self, previous: Prompt, prompt: Prompt, noise: np.ndarray, t: float) -> Conditioning:
        """Return the conditioning at t, 0 to 1, between two prompts in the frame of a noise, (h, w, c).

        Near prompts are blended, far ones and those of two things share the picture.
        """
        if t >= 1.0:
            return self.shown(prompt, noise)
        if self.composes and (composition(previous) or composition(prompt)):
            if previous == prompt:
                return self.shown(prompt, noise)
            return self._faded(self.shown(previous, noise), self.shown(prompt, noise), front(noise, t))
        a, b = self.encode(previous), self.encode(prompt)
        return self.beside(a, b, front(noise, t), t) if self.far(previous, prompt) else self.blend(a, b, t)

    @property
    def composes(self) -> bool:
        """Return True if the UNet takes a prompt as one vector alone, so that two things in it have no place."""
        config = self._parts.unet.config
        attends = any((*config.down_heads, *config.up_heads, config.mid_heads))
        return bool(config.text_embedding_heads) and not attends and not config.guidance_dim

    def _faded(self, a: Conditioning, b: Conditioning, share: np.ndarray) -> Conditioning:
        """Return the conditioning of a picture that shows `a`, and `b` in parts of it, where either has a region.

        It always has four prompts, some of them nowhere, so that a GPU compiles one form for all such fades.
        """
        shares, conditions = [], []
        for weight, inputs in ((1.0 - share, a.inputs), (share, b.inputs)):
            region = inputs.regions[0] if inputs.regions else RegionInputs(mx.zeros(1), inputs.conditions, [])
            own = np.array(region.share)[0]
            shares += [weight * (1.0 - own), weight * own]
            conditions += [inputs.conditions, region.conditions]
        joined = tree_map(lambda *each: mx.concatenate(list(each), axis=2), *conditions[1:])
        rest = RegionInputs(mx.array(np.concatenate(shares[1:], axis=-1))[None], joined, [])
        return Conditioning(a.encoding, a.inputs._replace(regions=[rest]), b)

    def far(self, a: Prompt, b: Prompt) -> bool:
        """Return True if what lies half-way between two prompts is neither: then a fade is better one of places.

        What both hold with the same weight, as notes' prompts mixed into both, does not count.
        """
        first, second = (dict(weighted(prompt)) for prompt in (a, b))
        common = first.items() & second.items()
        rests = [tuple(pair for pair in prompt.items() if pair not in common) for prompt in (first, second)]
        if not all(rests):
            return False
        return _remember(self._far, tuple(rests), CACHED_PAIRS, lambda: self._cosine(*rests) < FAR)

    def _cosine(self, a: Prompt, b: Prompt) -> float:
        """Return the cosine between two prompts' vectors from the empty prompt's."""
        u, v, origin = (self._vector(self.encode(prompt).encoding) for prompt in (a, b, ""))
        u, v = u - origin, v - origin
        return float(u @ v) / max(float(np.linalg.norm(u) * np.linalg.norm(v)), 1e-12)

    def _vector(self, encoding: TextEncoding) -> np.ndarray:
        """Return a prompt as one vector: what the UNet takes as such, else the mean of its tokens."""
        unet = self._parts.unet
        if unet.config.text_embedding_heads:
            vector = unet.added_embedding(encoding.tokens)
        else:
            vector = encoding.tokens[:, 1:].mean(axis=1) if encoding.pooled is None else encoding.pooled
        return np.array(vector.astype(mx.float32))[0]

    def with_guidance(self, text: Conditioning, scale: float) -> Conditioning:
        """Return a prompt's conditioning under a guidance scale, for UNets that take the scale as an input."""
        if not self._parts.unet.config.guidance_dim or scale - 1 == self._guidance:
            return text
        self._guidance = scale - 1
        self.forget()
        made = self._make(text.encoding)
        if text.second is None:
            return made
        second = self._make(text.second.encoding)
        region = text.inputs.regions[0]._replace(
            conditions=second.inputs.conditions, keys_values=second.inputs.keys_values
        )
        return Conditioning(made.encoding, made.inputs._replace(regions=[region]), second)

    def forget(self) -> None:
        """Forget all conditioning, as after a change of the UNet's weights or schedule; keep the texts' encodings."""
        self._conditionings.clear()
        self._shared_conditions.clear()

    def forget_lora(self) -> None:
        """Forget what depends on the weights of live LoRAs."""
        if any(isinstance(module, LiveLora) for encoder in self._parts.text.encoders for module in encoder.modules()):
            self._texts.clear()
            self._far.clear()
        self.forget()

    def _encode(self, mix: list[tuple[str, float]]) -> TextEncoding:
        encodings = [
            _remember(self._texts, text, CACHED_TEXTS, lambda text=text: self._parts.text.encode(text))
            for text, _ in mix
        ]
        return encodings[0] if len(mix) == 1 else blended(encodings, [weight for _, weight in mix])

    def _make(self, encoding: TextEncoding) -> Conditioning:
        inputs, *nets = (self._inputs(network, encoding) for network in (self._parts.unet, *self._parts.controls))
        mx.eval(encoding.tokens, inputs)
        return Conditioning(encoding, UNetInputs(*inputs, nets))

    def _inputs(self, network: UNetEncoder | T2IAdapter, encoding: TextEncoding) -> NetInputs:
        """Return what a network takes from a prompt; a T2I-Adapter takes nothing."""
        if isinstance(network, T2IAdapter):
            return NetInputs([], [])
        return NetInputs(self._conditions(network, encoding), network.keys_values(encoding.tokens))

    def _conditions(self, network: UNetEncoder, encoding: TextEncoding) -> list[list[Condition]]:
        """Return those of each step; the same for every prompt, unless the network's time embedding takes the prompt.

        network : the UNet, or a ControlNet.
        """
        if network.config.text_embedding_heads or network.config.added_dim:
            return self._new_conditions(network, encoding)
        if id(network) not in self._shared_conditions:
            self._shared_conditions[id(network)] = self._new_conditions(network, encoding)
        return self._shared_conditions[id(network)]

    def _new_conditions(self, network: UNetEncoder, encoding: TextEncoding) -> list[list[Condition]]:
        height, width = self._size
        ids = mx.array([[height, width, 0, 0, height, width]], dtype=mx.float32)
        added = None if encoding.pooled is None else (encoding.pooled, ids)
        w = mx.array([self._guidance], dtype=mx.float32)
        steps = self._parts.scheduler.timesteps
        return [network.conditions(mx.array([float(t)]), encoding.tokens, added, w) for t in steps]


def stacked(trees: Sequence[Any]) -> Any:
    """Return trees of arrays as one, joined along the batch; the same tree for all stays as it is."""
    if all(tree is trees[0] for tree in trees):
        return trees[0]
    return tree_map(lambda *arrays: mx.concatenate(list(arrays)), trees[0], *trees[1:])


def _remember(cache: OrderedDict[Any, Any], key: Any, limit: int, make: Any) -> Any:
    """Return what a least-recently-used cache holds under `key`, made and kept if it is not there."""
    if key in cache:
        cache.move_to_end(key)
        return cache[key]
    cache[key] = made = make()
    if len(cache) > limit:
        cache.popitem(last=False)
    return made
