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
from dataclasses import dataclass, replace
from typing import Any

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import Controls, Prompt
from livemusviz.diffusion import coordinates
from livemusviz.diffusion.backend import backend_name
from livemusviz.diffusion.blocks import Condition
from livemusviz.diffusion.denoiser import Denoiser, Guide, Instruction, Travelling
from livemusviz.diffusion.drift import STILL, drifted
from livemusviz.diffusion.folder import model_name
from livemusviz.diffusion.lora import LiveLora
from livemusviz.diffusion.model import ModelParts, check_guidance, load_model
from livemusviz.diffusion.schedulers import MAX_STEPS, make_scheduler
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.text import TextEncoding, blended, weighted
from livemusviz.diffusion.tokenizer import clean_prompt
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

MIN_SIZE, MAX_SIZE = 64, 2048
CACHED_TEXTS = 64
MAX_STREAM = 4
"""Frames in one stream batch."""
GLIDE, SHALLOW, FULL = 1, 2, 3
"""What is computed of a frame, as in `Controls.grade`."""
CACHED_EMBEDDINGS = 8
"""An embedding holds the keys and values of every cross-attention: megabytes for a large model."""


NOT_FINITE = "holds NaN or infinity; the model's weights may be damaged"


class NonFiniteFrame(UserError):
    """A frame came out with NaN or infinity in it; the pipeline's memory of earlier frames is untouched by it."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """A prompt as the UNet needs it: its encoding, and what it tells the UNet at each step."""

    encoding: TextEncoding
    instruction: Instruction

    @property
    def tokens(self) -> mx.array:
        """(1, T, D)."""
        return self.encoding.tokens

    @property
    def conditions(self) -> list[list[Condition]]:
        """For each step what each resnet is told."""
        return self.instruction[0]


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
        self.parts = self._loaded = parts
        self.size = (height, width)
        self.latent_shape = (height // factor, width // factor, parts.vae.latent_channels)
        self.backend = backend_name()
        self.name = model_name(parts.folder)
        self._texts: OrderedDict[str, TextEncoding] = OrderedDict()
        self._embeddings: OrderedDict[Any, Embedding] = OrderedDict()
        self._previous: mx.array | None = None  # latents of the last picture
        self._target: mx.array | None = None  # ... and what the UNet made of the last noise, before the feedback
        self._deep: list[mx.array] = []  # of the last full frame, none where the model cannot do without
        self._picture: mx.array | None = None
        self._flight: list[Travelling] | None = None
        self._guidance_told = 0.0
        self._shared_conditions: list[list[Condition]] | None = None
        self._lora_weights = {name: float(np.array(weight)) for name, weight in parts.live.items()}
        self._lora_factor = 1.0
        self._asked: tuple[int, tuple[int, ...]] = (0, ())
        self._compiled = self.backend != "cpu" if compiled is None else compiled
        self._prepare()

    @classmethod
    def load(cls, spec: ModelSpec, height: int, width: int, *, compiled: bool | None = None) -> Pipeline:
        """Load a diffusers folder for pictures of height x width.

        Raises UserError for a folder or a size that cannot be used.
        """
        return cls(load_model(spec), height, width, compiled=compiled)

    def _prepare(self) -> None:
        """What hangs on the schedule: the denoiser and the frame function."""
        parts = self.parts
        planes = coordinate_planes(*self.latent_shape[:2], parts.unet.config.coordinate_channels)
        self.denoiser = Denoiser(parts.unet, parts.scheduler, parts.spec.guidance, parts.dtype, planes)
        self._deep, self._target = [], None
        self._frame = mx.compile(self._make_frame, inputs=parts.live) if self._compiled else self._make_frame
        self._less = mx.compile(self._make_less, inputs=parts.live) if self._compiled else self._make_less
        self._glide = mx.compile(self._make_glide) if self._compiled else self._make_glide

    # --- prompts --------------------------------------------------------------------------------

    def encode_prompt(self, prompt: Prompt) -> Embedding:
        """The embedding of a prompt or of a weighted list; the last ones are remembered, and their texts' encodings.

        At most 1000 characters of a text are read. Raises UserError for a list that cannot be mixed.
        """
        mix = [(clean_prompt(text), weight) for text, weight in weighted(prompt)]
        key = tuple(mix)
        return _remember(self._embeddings, key, CACHED_EMBEDDINGS, lambda: self._embed(self._encode(mix)))

    def embed_prompt(self, text: str) -> Embedding:
        """What `encode_prompt` does for a prompt that it does not remember."""
        return self._embed(self.parts.text.encode(text))

    def encode_negative(self, text: str) -> Embedding:
        """What to lead away from. No words are zeros for a model whose index says so, else the empty prompt."""
        if not self.parts.zero_negative or clean_prompt(text):
            return self.encode_prompt(text)
        return _remember(
            self._embeddings, None, CACHED_EMBEDDINGS, lambda: self._embed(self._encode([("", 1.0)]).zeros())
        )

    def blend(self, a: Embedding, b: Embedding, t: float) -> Embedding:
        """The embedding at t, 0 (a) to 1 (b), on the arc between two. Only in between is anything computed."""
        if t <= 0:
            return a
        if t >= 1:
            return b
        return self._embed(a.encoding.toward(b.encoding, mx.array(t, dtype=mx.float32)))

    def _encode(self, mix: list[tuple[str, float]]) -> TextEncoding:
        encodings = [
            _remember(self._texts, text, CACHED_TEXTS, lambda text=text: self.parts.text.encode(text))
            for text, _ in mix
        ]
        return encodings[0] if len(mix) == 1 else blended(encodings, [weight for _, weight in mix])

    def _embed(self, encoding: TextEncoding) -> Embedding:
        memories = self.parts.unet.memories(encoding.tokens)
        conditions = self._conditions(encoding)
        mx.eval(encoding.tokens, memories, conditions)
        return Embedding(encoding, (conditions, memories))

    def _conditions(self, encoding: TextEncoding) -> list[list[Condition]]:
        """Of each step; the same for every prompt, unless this UNet's time embedding hears the prompt too."""
        config = self.parts.unet.config
        if config.text_embedding_heads or config.added_dim:
            return self._new_conditions(encoding)
        if self._shared_conditions is None:
            self._shared_conditions = self._new_conditions(encoding)
        return self._shared_conditions

    def _new_conditions(self, encoding: TextEncoding) -> list[list[Condition]]:
        height, width = self.size
        ids = mx.array([[height, width, 0, 0, height, width]], dtype=mx.float32)
        added = None if encoding.pooled is None else (encoding.pooled, ids)
        w = mx.array([self._guidance_told], dtype=mx.float32)
        unet, steps = self.parts.unet, self.parts.scheduler.timesteps
        return [unet.conditions(mx.array([float(t)]), encoding.tokens, added, w) for t in steps]

    # --- knobs that are not an argument of each frame -----------------------------------------------

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Start from a picture, at the sampling's strength, from now on; None starts from noise alone.

        picture : uint8 (height, width, 3 or 4). Raises ValueError for another shape, UserError where the model cannot.
        """
        if picture is None:
            self._picture = None
            return
        if picture.shape[:2] != self.size or picture.ndim != 3 or picture.shape[2] not in (3, 4):
            raise ValueError(f"picture has shape {picture.shape}, this pipeline takes {(*self.size, 3)}")
        vae = self.parts.vae
        if not hasattr(vae, "encode"):
            raise UserError(f"{self.name}: its autoencoder has no encoder, so it cannot start from a picture")
        rgb = mx.array(picture[None, ..., :3].astype(np.float32) / 127.5 - 1).astype(self.parts.vae_dtype)
        self._picture = (vae.encode(rgb) * vae.config.scaling_factor).astype(mx.float32)
        mx.eval(self._picture)

    def follow(self, controls: Controls) -> None:
        """Take over what the performer moved that is no argument of a frame: LoRA weights, the steps.

        Raises UserError, once, for steps that the model does not make; then they stay as they are.
        """
        self.set_lora_weights(controls.lora_weight)
        wanted = (controls.steps, controls.t_list)
        if wanted != self._asked:
            self._asked = wanted
            self.reschedule(*wanted)

    def set_lora_weights(self, factor: float) -> None:
        """Move the faders of all live LoRAs: each to `factor` times the weight it was loaded with."""
        live = self.parts.live
        if not live or factor == self._lora_factor:
            return
        live.update({name: mx.array(weight * factor, dtype=mx.float32) for name, weight in self._lora_weights.items()})
        self._lora_factor = factor
        if any(isinstance(module, LiveLora) for encoder in self.parts.text.encoders for module in encoder.modules()):
            self._texts.clear()
        self._forget_embeddings()

    def reschedule(self, steps: int, t_list: tuple[int, ...] = ()) -> None:
        """Walk the model's schedule otherwise from now on: in `steps` steps, or as StreamDiffusion's t_list says.

        steps : 0 is as loaded. t_list : indices into a schedule of `steps` steps, or of 50 where steps is 0; () is all.
        The next frame is compiled anew. Raises UserError for steps that the model does not make; then nothing changes.
        """
        asked, config = self._loaded.spec.sampling, self._loaded.scheduler.config
        if t_list and any(a >= b for a, b in zip(t_list, t_list[1:], strict=False)):
            raise UserError(f"t_list {' '.join(map(str, t_list[:8]))}: give indices in ascending order")
        if t_list:
            whole = make_scheduler(config, replace(asked, steps=steps or MAX_STEPS, timesteps=()), self.name).timesteps
            if max(t_list) >= len(whole):
                raise UserError(f"t_list {max(t_list)}: there are {len(whole)} time steps, counted from 0")
            asked = replace(asked, timesteps=tuple(int(whole[i]) for i in t_list))
        elif steps:
            asked = replace(asked, steps=steps, timesteps=())
        scheduler = make_scheduler(config, asked, self.name)
        check_guidance(scheduler, self._loaded.spec.guidance, self.name)
        self.parts = replace(self._loaded, scheduler=scheduler, spec=replace(self._loaded.spec, sampling=asked))
        self._forget_embeddings()
        self._flight = None
        self._prepare()

    def tell_guidance(self, text: Embedding, scale: float) -> Embedding:
        """For UNets that are told the guidance scale itself: a prompt under the present one."""
        if not self.parts.unet.config.guidance_dim or scale - 1 == self._guidance_told:
            return text
        self._guidance_told = scale - 1
        self._forget_embeddings()
        return self._embed(text.encoding)

    def _forget_embeddings(self) -> None:
        self._embeddings.clear()
        self._shared_conditions = None

    # --- frames ---------------------------------------------------------------------------------

    def generate(
        self, noise: np.ndarray, text: Embedding, feedback: float = 0.0, *, guidance_scale: float = 1.0,
        delta: float = 1.0, negative: Embedding | None = None, grade: int = FULL,
        drift: tuple[float, float, float, float] = STILL,
    ) -> np.ndarray:  # fmt: skip
        """One picture.

        noise : float32, shape `latent_shape`, unit normal. feedback : 0 to 1, how much of the last frame's denoised
        latents stays: x0 = (1 - feedback) x0 + feedback last_x0; without effect on the first frame after `reset`.
        guidance_scale, delta, negative : read where the model was loaded with guidance; negative None is no words.
        grade : GLIDE only moves the latents on towards the last denoised ones; SHALLOW evaluates the UNet's outermost
        level with the deep features of the last FULL frame. What the model or its memory cannot give is done in full.
        drift : movement of the latents that are fed back, see drift.py.
        As a stream batch the picture is that of the noise given steps - 1 calls ago.
        Returns uint8 RGBA, (height, width, 4), C-contiguous, top-down, alpha 255.
        Raises NonFiniteFrame; ValueError for noise of another shape.
        """
        if noise.shape != self.latent_shape:
            raise ValueError(f"noise has shape {noise.shape}, this pipeline takes {self.latent_shape}")
        text = self.tell_guidance(text, guidance_scale)
        x = mx.array(noise, dtype=mx.float32)[None]
        previous = mx.zeros_like(x) if self._previous is None else self._previous
        if drift != STILL and self._previous is not None:
            previous = drifted(previous, mx.array(drift, dtype=mx.float32))
        weight = mx.array(0.0 if self._previous is None else feedback, dtype=mx.float32)
        guide = Guide(_scalar(guidance_scale), _scalar(delta), self.against(negative))
        flight, target, deep = self._flight or [], self._target, self._deep
        if grade <= GLIDE and target is not None:
            image, x0, finite = self._glide(target, previous, weight)
        elif grade <= SHALLOW and deep:
            image, x0, finite, target = self._less(
                x, self._picture, previous, weight, text.instruction, *guide, deep[0]
            )
        else:
            flight = self._in_flight(x)
            image, x0, finite, target, flight, deep = self._frame(
                x, self._picture, flight, previous, weight, text.instruction, *guide
            )
        mx.eval(image, x0, finite, target, flight, deep)
        if not finite.item():
            self._flight, self._target, self._deep = None, None, []
            raise NonFiniteFrame(f"{self.name}: the frame {NOT_FINITE}")
        self._previous, self._flight, self._deep = x0, [Travelling(*frame) for frame in flight], deep
        self._target = target
        return np.array(image)

    def reset(self) -> None:
        """Forget the last frames, as after a cut."""
        self._previous = self._flight = self._target = None
        self._deep = []

    def warm_up(self, prompt: str = "") -> None:
        """Do everything once, so that the first real frame is as fast as the others; forgets what it drew."""
        noise = np.random.default_rng(0).standard_normal(self.latent_shape, dtype=np.float32)
        text = self.encode_prompt(prompt)
        for grade in (FULL, FULL, SHALLOW, GLIDE):
            self.generate(noise, text, grade=grade)
        self.blend(text, self.encode_prompt(f"{prompt} light"), 0.5)
        self.reset()

    def denoise(self, noise: mx.array, text: Embedding) -> mx.array:
        """Clean latents, float32 (B, h, w, c), from unit noise of that shape, through all steps. Lazy."""
        return self.clean(noise, text.instruction, Guide(_scalar(1.0), _scalar(1.0), self.against(None)))

    def clean(self, noise: mx.array, text: Instruction, guide: Guide) -> mx.array:
        """`denoise` for a batch: what the text tells may be one for all or one for each, and so may the guide."""
        x0 = self.denoiser.run(self.denoiser.start(noise, self._picture), text, guide)
        return self._near_picture(x0, self._picture)

    def decode(self, x0: mx.array) -> tuple[mx.array, mx.array]:
        """Clean latents (B, h, w, c) to (uint8 RGBA (B, height, width, 4), bool (B,): all of it finite). Lazy."""
        vae = self.parts.vae
        rgb = vae.decode((x0 / vae.config.scaling_factor).astype(self.parts.vae_dtype))
        rgb = rgb.astype(mx.float32)
        finite = mx.isfinite(rgb.sum(axis=1).sum(axis=(1, 2)))  # by rows first: that much faster on a CPU
        rgb = mx.clip(rgb * 127.5 + 128, 0, 255).astype(mx.uint8)
        alpha = mx.full((*rgb.shape[:3], 1), 255, dtype=mx.uint8)
        return mx.concatenate([rgb, alpha], axis=-1), finite

    def against(self, negative: Embedding | None) -> Instruction | None:
        """What a negative prompt tells the UNet, if the model was loaded with a guidance that asks for it."""
        if self.parts.spec.guidance not in ("full", "initialize"):
            return None
        return (self.encode_negative("") if negative is None else negative).instruction

    def _in_flight(self, x: mx.array) -> list[Travelling]:
        """The frames between two steps of the stream batch; at first the new frame, on the way to the last picture,
        stands in for all of them. More steps than a batch should hold are made one after the other."""
        if not self.parts.spec.stream or not 1 < self.denoiser.steps <= MAX_STREAM:
            return []
        if self._flight:
            return self._flight
        scheduler = self.parts.scheduler
        clean = self._picture if self._picture is not None else self._previous
        clean = mx.zeros_like(x) if clean is None else clean
        return [Travelling(scheduler.add_noise(clean, x, i), clean, x) for i in range(1, self.denoiser.steps)]

    def _make_frame(
        self, noise: mx.array, picture: mx.array | None, flight: list[Travelling], previous: mx.array,
        feedback: mx.array, text: Instruction, scale: mx.array, delta: mx.array, negative: Instruction | None,
    ) -> tuple[mx.array, mx.array, mx.array, mx.array, list[Travelling], list[mx.array]]:  # fmt: skip
        """The picture, its latents, whether they are finite, the latents before the feedback, the frames in flight, the
        UNet's deep features."""
        guide, frame = Guide(scale, delta, negative), self.denoiser.start(noise, picture)
        deep: list[mx.array] = []
        if self.denoiser.can_be_shallow and not flight:
            x0, features = self.denoiser.once(frame, text, guide)
            deep.append(features)
        elif flight:
            x0, flight = self.denoiser.stream(frame, [Travelling(*f) for f in flight], text, guide)
        else:
            x0 = self.denoiser.run(frame, text, guide)
        x0 = self._near_picture(x0, picture)
        return *self._make_glide(x0, previous, feedback), x0, flight, deep

    def _make_less(
        self, noise: mx.array, picture: mx.array | None, previous: mx.array, feedback: mx.array, text: Instruction,
        scale: mx.array, delta: mx.array, negative: Instruction | None, deep: mx.array,
    ) -> tuple[mx.array, mx.array, mx.array, mx.array]:  # fmt: skip
        """As `_make_frame`, with the deep features of an earlier frame."""
        x0, _ = self.denoiser.once(self.denoiser.start(noise, picture), text, Guide(scale, delta, negative), deep)
        x0 = self._near_picture(x0, picture)
        return *self._make_glide(x0, previous, feedback), x0

    def _make_glide(
        self, target: mx.array, previous: mx.array, feedback: mx.array
    ) -> tuple[mx.array, mx.array, mx.array]:
        """The picture between the last latents and their target, its latents, and whether they are finite."""
        x0 = target + feedback * (previous - target)
        image, finite = self.decode(x0)
        return image[0], x0, finite[0]

    def _near_picture(self, x0: mx.array, picture: mx.array | None) -> mx.array:
        if picture is None or not self.parts.scheduler.one_step:
            return x0
        return picture + self.parts.spec.sampling.strength * (x0 - picture)


def _scalar(value: float) -> mx.array:
    return mx.array(value, dtype=mx.float32)


def _remember(cache: OrderedDict[Any, Any], key: Any, limit: int, make: Any) -> Any:
    """What a least-recently-used cache holds under `key`, made and kept if it is not there."""
    if key in cache:
        cache.move_to_end(key)
        return cache[key]
    cache[key] = made = make()
    if len(cache) > limit:
        cache.popitem(last=False)
    return made


def coordinate_planes(height: int, width: int, count: int) -> mx.array:
    """The coordinate planes of a whole picture of that many latent cells, float32 (1, height, width, count)."""
    shorter = min(height, width)
    u = ((2 * np.arange(width) + 1 - width) / shorter)[None, :]
    v = ((2 * np.arange(height) + 1 - height) / shorter)[:, None]
    return mx.array(coordinates.coordinate_planes(u, v, count)[None])
