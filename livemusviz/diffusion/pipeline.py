"""Noise and a prompt in, an RGBA picture out: the whole model as one object.

Everything here belongs to one thread, the engine's: loading, encoding, compiling and generating. MLX's lazy arrays
and its random state do not cross threads; only the numpy pictures leave. Call `backend.prepare()` before importing
this module.

Every knob enters the frame function as a 0-d array and every shape is fixed when the pipeline is made, so moving
a fader compiles nothing.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np

from livemusviz.diffusion.backend import backend_name
from livemusviz.diffusion.folder import model_name
from livemusviz.diffusion.interpolate import slerp_tokens
from livemusviz.diffusion.model import ModelParts, load_model
from livemusviz.diffusion.tokenizer import clean_prompt
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MIN_SIZE, MAX_SIZE = 64, 2048
CACHED_PROMPTS = 64


class NonFiniteFrame(ArithmeticError):
    """A frame came out with NaN or infinity in it; the pipeline's memory of earlier frames is untouched by it."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """A prompt as the UNet needs it: its tokens, (1, T, D), and for each step what each resnet is told."""

    tokens: mx.array
    conditions: list[list[mx.array]]


class Pipeline:
    """One model at one picture size.

    latent_shape : (h, w, c), the shape `generate` takes noise in. size : (height, width) of the picture.
    """

    def __init__(self, parts: ModelParts, height: int, width: int, *, compiled: bool | None = None) -> None:
        """compiled : whether the frame goes through `mx.compile`; None lets the back end decide.

        On a CPU compiling gains nothing and needs a C++ compiler on the machine, so there it is off.
        """
        factor = parts.vae.downscale
        for name, value in (("height", height), ("width", width)):
            if value % factor or not MIN_SIZE <= value <= MAX_SIZE:
                raise UserError(f"{name} {value}: must be {MIN_SIZE} to {MAX_SIZE} and a multiple of {factor}")
        self.parts = parts
        self.size = (height, width)
        self.latent_shape = (height // factor, width // factor, parts.vae.latent_channels)
        self.backend = backend_name()
        self.name = model_name(parts.folder)
        self._coordinates = _coordinate_planes(*self.latent_shape[:2]).astype(parts.dtype)
        self._prompts: OrderedDict[str, Embedding] = OrderedDict()
        self._previous: mx.array | None = None
        compiled = self.backend != "cpu" if compiled is None else compiled
        self._frame = mx.compile(self._make_frame) if compiled else self._make_frame

    @classmethod
    def load(
        cls, folder: Path, height: int, width: int, *, bits: int | None = None, steps: int = 1,
        compiled: bool | None = None,
    ) -> Pipeline:  # fmt: skip
        """Load a diffusers folder for pictures of height x width. bits : 4, 8, 16 or None for the back end's choice.

        Raises UserError for a folder or a size that cannot be used.
        """
        return cls(load_model(folder, bits=bits, steps=steps), height, width, compiled=compiled)

    def encode_prompt(self, text: str) -> Embedding:
        """The embedding of a prompt; the last `CACHED_PROMPTS` are remembered. At most 1000 characters are read."""
        text = clean_prompt(text)
        if text in self._prompts:
            self._prompts.move_to_end(text)
            return self._prompts[text]
        embedding = self.embed_prompt(text)
        self._prompts[text] = embedding
        if len(self._prompts) > CACHED_PROMPTS:
            self._prompts.popitem(last=False)
        return embedding

    def embed_prompt(self, text: str) -> Embedding:
        """What `encode_prompt` does for a prompt that it does not remember."""
        return self._embed(self.parts.text_encoder(mx.array(self.parts.tokenizer(text))))

    def blend(self, a: Embedding, b: Embedding, t: float) -> Embedding:
        """The embedding at t, 0 (a) to 1 (b), on the arc between two. Only in between is anything computed."""
        if t <= 0:
            return a
        if t >= 1:
            return b
        return self._embed(slerp_tokens(a.tokens, b.tokens, mx.array(t, dtype=mx.float32)))

    def generate(self, noise: np.ndarray, text: Embedding, feedback: float = 0.0) -> np.ndarray:
        """One picture.

        noise : float32, shape `latent_shape`, unit normal. feedback : 0 to 1, how much of the last frame's denoised
        latents stays: x0 = (1 - feedback) x0 + feedback last_x0; without effect on the first frame after `reset`.
        Returns uint8 RGBA, (height, width, 4), C-contiguous, top-down, alpha 255.
        Raises NonFiniteFrame; ValueError for noise of another shape.
        """
        if noise.shape != self.latent_shape:
            raise ValueError(f"noise has shape {noise.shape}, this pipeline takes {self.latent_shape}")
        latents = mx.array(noise, dtype=mx.float32)[None]
        previous = mx.zeros_like(latents) if self._previous is None else self._previous
        weight = mx.array(0.0 if self._previous is None else feedback, dtype=mx.float32)
        image, x0, finite = self._frame(latents, previous, weight, text.tokens, text.conditions)
        mx.eval(image, x0, finite)
        if not finite.item():
            raise NonFiniteFrame(f"{self.name}: the frame holds NaN or infinity")
        self._previous = x0
        return np.array(image)

    def reset(self) -> None:
        """Forget the last frame, as after a cut."""
        self._previous = None

    def warm_up(self, prompt: str = "") -> None:
        """Do everything once, so that the first real frame is as fast as the others; forgets what it drew."""
        noise = np.random.default_rng(0).standard_normal(self.latent_shape, dtype=np.float32)
        text = self.encode_prompt(prompt)
        for _ in range(2):
            self.generate(noise, text)
        self.blend(text, self.encode_prompt(f"{prompt} light"), 0.5)
        self.reset()

    def denoise(self, noise: mx.array, tokens: mx.array, conditions: list[list[mx.array]]) -> mx.array:
        """Clean latents, float32 (1, h, w, c), from unit noise of that shape. Lazy: the caller evaluates."""
        unet, scheduler, dtype = self.parts.unet, self.parts.scheduler, self.parts.dtype
        latents = noise * scheduler.init_noise_sigma
        for i in range(len(scheduler.timesteps)):
            x = scheduler.scale_input(latents, i).astype(dtype)
            if unet.config.coordinate_channels:
                x = mx.concatenate([x, self._coordinates], axis=-1)
            prediction = unet(x, conditions[i], tokens).astype(mx.float32)
            latents = scheduler.step(scheduler.denoised(prediction, latents, i), latents, i)
        return latents

    def decode(self, x0: mx.array) -> tuple[mx.array, mx.array]:
        """Clean latents to (uint8 RGBA (height, width, 4), 0-d bool: all of it finite). Lazy."""
        vae = self.parts.vae
        rgb = vae.decode((x0 / vae.config.scaling_factor).astype(self.parts.dtype))[0]
        rgb = rgb.astype(mx.float32)
        finite = mx.isfinite(rgb.sum())
        rgb = mx.clip(rgb * 127.5 + 128, 0, 255).astype(mx.uint8)
        alpha = mx.full((*self.size, 1), 255, dtype=mx.uint8)
        return mx.concatenate([rgb, alpha], axis=-1), finite

    def _make_frame(
        self, noise: mx.array, previous: mx.array, feedback: mx.array, tokens: mx.array,
        conditions: list[list[mx.array]],
    ) -> tuple[mx.array, mx.array, mx.array]:  # fmt: skip
        x0 = self.denoise(noise, tokens, conditions)
        x0 = x0 + feedback * (previous - x0)
        image, finite = self.decode(x0)
        return image, x0, finite

    def _embed(self, tokens: mx.array) -> Embedding:
        conditions = [self.parts.unet.embed(mx.array([float(t)]), tokens) for t in self.parts.scheduler.timesteps]
        mx.eval(tokens, conditions)
        return Embedding(tokens, conditions)


def _coordinate_planes(height: int, width: int) -> mx.array:
    """u to the right, v down, (1, height, width, 2): the shorter side spans (-1, 1), aspect kept."""
    shorter = min(height, width)
    u = (2 * np.arange(width) + 1 - width) / shorter
    v = (2 * np.arange(height) + 1 - height) / shorter
    return mx.array(np.stack(np.broadcast_arrays(u[None, :], v[:, None]), axis=-1)[None].astype(np.float32))
