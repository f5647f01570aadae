"""Generates an RGBA picture from noise and a prompt: the whole model as one object.

Everything here belongs to one thread, the engine's: loading, encoding, compiling and generating. MLX's lazy arrays
and its random state do not cross threads; only the numpy pictures leave. Call `backend.prepare_backend()` before
importing this module.

Every knob enters the frame function as a 0-d array and every shape is fixed when the pipeline is made, so moving
a fader compiles nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import Controls, Reuse
from livemusviz.diffusion.backend import backend_name, share_threads
from livemusviz.diffusion.cached_attention import MOST_FRAMES, PARAMS, AttentionCache
from livemusviz.diffusion.conditioning import Conditioner, Conditioning, UNetInputs
from livemusviz.diffusion.control_units import ControlUnits
from livemusviz.diffusion.denoiser import Denoiser, Guide, StreamFrame
from livemusviz.diffusion.drift import STILL, drifted
from livemusviz.diffusion.folder import model_name
from livemusviz.diffusion.frame import PLAIN, FrameGraph, FrameOptions, FrameState
from livemusviz.diffusion.fronts import front
from livemusviz.diffusion.gpu_forms import choose_norms
from livemusviz.diffusion.init_picture import STRENGTHS, InitPicture
from livemusviz.diffusion.lora import LoraFaders
from livemusviz.diffusion.model import ModelParts, check_guidance, load_model
from livemusviz.diffusion.schedulers import MAX_STEPS, make_scheduler
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.styles import Styles
from livemusviz.errors import UserError
from livemusviz.params.params import MAX_CONTROLS, control_params

MIN_SIZE, MAX_SIZE = 64, 2048
MAX_STREAM = 4
"""Frames in one stream batch."""
NOT_FINITE = "holds NaN or infinity; the model's weights may be damaged"


class NonFiniteFrame(UserError):
    """Reports a frame with NaN or infinity in it; the pipeline's state does not change."""


class Forms(NamedTuple):
    """Holds the functions of a frame, see `FrameGraph`, compiled where that gains something."""

    full: Callable[..., Any]
    shallow: Callable[..., Any]
    decoded: Callable[..., Any]


class Schedule(NamedTuple):
    """Holds what depends on the noise schedule."""

    parts: ModelParts
    graph: FrameGraph
    forms: Forms


class Pipeline:
    """One model at one picture size.

    init : the picture that frames start from.
    attention : the cache of self-attention.
    latent_shape : (h, w, c), the shape `generate` takes noise in.
    size : (height, width) of the picture, pixels.
    prompts : makes conditioning of prompts.
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
        self.prompts = Conditioner(parts, self.size)
        self._compiled = self.backend != "cpu" if compiled is None else compiled
        self.styles = Styles(parts.style)
        self.controls = ControlUnits(parts, self.size, self._compiled)
        self._state = FrameState()
        self.init = InitPicture(parts, self.size, self.name)
        self.attention = AttentionCache(parts.unet)
        self._loras = LoraFaders(parts.live)
        self._asked: tuple[int, tuple[int, ...], float | None] = (0, (), None)
        self._schedules: OrderedDict[Any, Schedule] = OrderedDict()  # the last ones, by what was asked for
        self._prepare()

    @classmethod
    def load(cls, spec: ModelSpec, height: int, width: int, *, compiled: bool | None = None) -> Pipeline:
        """Load a diffusers folder for pictures of height x width.

        Raises UserError for a folder or a size that cannot be used.
        """
        return cls(load_model(spec), height, width, compiled=compiled)

    @property
    def denoiser(self) -> Denoiser:
        """Return the UNet with the present schedule."""
        return self.graph.denoiser

    def _prepare(self) -> None:
        """Make the frame's functions, which depend on the schedule."""
        self.graph = graph = FrameGraph(self.parts, self.latent_shape)
        self._state = replace(self._state, deep=(), target=None, residuals=())
        self._forms = Forms(graph.full, graph.shallow, graph.decoded)
        if self._compiled:
            live = self.parts.live
            self._forms = Forms(
                mx.compile(graph.full, inputs=live), mx.compile(graph.shallow, inputs=live), mx.compile(graph.decoded)
            )

    # --- knobs that are not an argument of each frame -------------------------------------------

    def set_init_image(self, image: np.ndarray | None) -> None:
        """Start from an image, at the sampling's strength, from now on; None starts from noise alone.

        image : uint8 (height, width, 3 or 4). Raises ValueError for another shape, UserError where the model cannot.
        """
        self.init.set(image)

    def apply(self, controls: Controls) -> None:
        """Apply the controls that are no argument of a frame: LoRA weights, ControlNets, the picture, the steps, the
        style.

        Raises UserError, once, for steps that the model does not make; then they stay as they are. Likewise for a
        picture that it cannot read; then it starts from noise. Each time for a style that there is not; the last one
        stays.
        """
        if self.backend == "cpu":
            share_threads(among_streams=len(self.parts.streams) > 1)  # another model may be loading beside this one
        self.set_lora_weights(controls.lora_weight)
        self.controls.set_levels(controls.control_levels)
        self.controls.take_live(controls.picture)
        self.attention.apply(controls)
        unread = self.init.take(controls.picture)
        self.init.strength = controls.strength
        wanted = (controls.steps, controls.t_list, None if controls.t_list else self.init.noise_level())
        if wanted != self._asked:
            self._asked = wanted
            self.reschedule(*wanted)
        self.styles.choose(controls.previous_style, controls.style, controls.style_fade, controls.style_scale)
        if unread is not None:
            raise unread

    def set_lora_weights(self, factor: float) -> None:
        """Move the faders of all live LoRAs: each to `factor` times the weight it was loaded with."""
        if self._loras.move(factor):
            self.prompts.forget_lora()

    def reschedule(self, steps: int, t_list: tuple[int, ...] = (), strength: float | None = None) -> None:
        """Change the schedule from now on: to `steps` steps, or to StreamDiffusion's t_list.

        steps : 0 is as loaded. t_list : indices into a schedule of `steps` steps, or of 50 where steps is 0; () is all.
        strength : 0.05..1, of the steps, not of a t_list; None is as loaded. The next frame is compiled anew, unless it
        was one of the last `STRENGTHS` schedules. Raises UserError for steps that the model does not make; then nothing
        changes.
        """
        key = (steps, t_list, strength)
        found = self._schedules.get(key)
        self.parts = rescheduled(self._loaded, self.name, steps, t_list, strength) if found is None else found.parts
        self.prompts.reschedule(self.parts)
        self.attention.forget()
        self._state = replace(self._state, stream=())
        if found is None:
            self._prepare()
        else:
            self.graph, self._forms = found.graph, found.forms
            self._state = replace(self._state, deep=(), target=None, residuals=())
        self._schedules[key] = Schedule(self.parts, self.graph, self._forms)
        self._schedules.move_to_end(key)
        if len(self._schedules) > STRENGTHS:
            self._schedules.popitem(last=False)

    # --- frames ---------------------------------------------------------------------------------

    def generate(
        self, noise: np.ndarray, text: Conditioning, feedback: float = 0.0, options: FrameOptions = PLAIN
    ) -> np.ndarray:
        """Generate one picture: `enqueue` it, wait for it, read its pixels.

        noise : float32, shape `latent_shape`, unit normal.  feedback : 0 to 1, how much of the last frame's denoised
        latents stays: x0 = (1 - feedback) x0 + feedback last_x0; without effect on the first frame after `reset`.
        As a stream batch the picture is that of the noise given steps - 1 calls ago.
        Returns uint8 RGBA, (height, width, 4), C-contiguous, top-down, alpha 255.
        Raises NonFiniteFrame; ValueError for noise of another shape.
        """
        frame = self.enqueue(noise, text, feedback, options)
        frame.wait()
        return frame.pixels()

    def enqueue(
        self, noise: np.ndarray, text: Conditioning, feedback: float = 0.0, options: FrameOptions = PLAIN
    ) -> EnqueuedFrame:
        """Begin a frame with the arguments of `generate`, and return at once. The one before must have been waited for.

        Raises ValueError for noise of another shape.
        """
        if noise.shape != self.latent_shape:
            raise ValueError(f"noise has shape {noise.shape}, this pipeline takes {self.latent_shape}")
        text = self.styles.styled(self.prompts.with_guidance(text, options.guidance_scale))
        x, state = mx.array(noise, dtype=mx.float32)[None], self._state
        before = self._before(x, feedback, options.drift)
        negative = self.styles.led_away(self.prompts.negative_inputs(options.negative))
        guide = Guide(_scalar(options.guidance_scale), _scalar(options.delta), negative)
        kept = self.controls.kept_inputs(state.residuals)
        if options.reuse >= Reuse.LATENTS and state.target is not None and kept is not None:
            image, latents, finite, target = self._forms.decoded(state.target, before)
            made = replace(state, latents=latents)
        elif options.reuse >= Reuse.DEEP_FEATURES and state.deep and kept is not None:
            planes = self.graph.planes(x)
            image, latents, finite, target = self._forms.shallow(
                x, planes, self.init.init(), before, text.inputs, guide, state.deep[0], kept
            )
            made = replace(state, latents=latents, target=target)
        else:
            planes = self.graph.planes(x)
            controls = self.controls.inputs(state.residuals)
            cached = self.attention.inputs()
            image, latents, finite, target, stream, deep, residuals, keys_values = self._forms.full(
                x, planes, self.init.init(), self._stream(x, planes), before, text.inputs, guide, controls, cached
            )
            frames = tuple(StreamFrame(*frame) for frame in stream)
            made = FrameState(latents, target, tuple(deep), frames, tuple(residuals), tuple(keys_values))
        mx.async_eval(image, finite, made.arrays)
        return EnqueuedFrame(self, image, finite, made)

    def finish(self, finite: bool, made: FrameState) -> None:
        """Keep what a frame leaves for the next one. Raises NonFiniteFrame; then its latents are lost."""
        if not finite:
            self._state = FrameState(self._state.latents)
            raise NonFiniteFrame(f"{self.name}: the frame {NOT_FINITE}")
        self.attention.keep(made.attention)
        self._state = replace(made, attention=())

    def unknown_words(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the words of some prompts that mean nothing to the model, of the first hundred. Any thread: the
        tokenizer has nothing of MLX."""
        return tuple(self._loaded.text.tokenizers[0].unknown_words(" ".join(texts)))

    def unused_params(self) -> tuple[str, ...]:
        """Return the names of the parameters that move nothing in this model as it was loaded."""
        parts = self._loaded
        guided = parts.spec.guidance != "none"
        found = [] if guided else ["delta", "negative_prompt"]
        found += [] if guided or parts.unet.config.guidance_dim else ["guidance_scale"]
        found += [] if parts.live else ["lora_weight"]
        found += [] if self.attention.usable else PARAMS
        found += [] if parts.style else ["style", "style_list", "style_scale"]
        absent = range(len(self.controls) + 1, MAX_CONTROLS + 1)
        return (*found, *(name for n in absent for name in control_params(n)))

    def reset(self) -> None:
        """Forget the last frames, as after a cut."""
        self._state = FrameState()
        self.controls.forget_frames()
        self.attention.forget()

    def warm_up(self, prompt: str = "") -> None:
        """Do everything once, so that the first real frame is as fast as the others; forgets what it drew."""
        self._draw_every_form(prompt)
        networks = (self.parts.unet, self.parts.vae, *self.parts.controls)
        if self.backend != "cpu" and choose_norms(networks):
            self._schedules.clear()
            self._prepare()
            self._draw_every_form(prompt)
        text = self.prompts.encode(prompt)
        self.prompts.blend(text, self.prompts.encode(f"{prompt} light"), 0.5)
        self.reset()

    def _draw_every_form(self, prompt: str) -> None:
        """Draw in full, twice, and with each reuse of earlier frames; of one prompt and, where they are forms of
        their own, of two in one picture and of a fade to a composition; without ControlNets and with them."""
        noise = np.random.default_rng(0).standard_normal(self.latent_shape, dtype=np.float32)
        text = self.prompts.encode(prompt)
        both = self.prompts.beside(text, self.prompts.encode(f"{prompt} light"), front(noise, 0.5), 0.5)
        faded = [self.prompts.fade(prompt, f"{prompt} over light", noise, 0.5)] if self.prompts.composes else []
        for _ in self.controls.rehearse():
            for shown in (text, both, *faded) if self._compiled else (text,):
                for reuse in (Reuse.NONE, Reuse.NONE, Reuse.DEEP_FEATURES, Reuse.LATENTS):
                    self.generate(noise, shown, options=FrameOptions(reuse=reuse))
                self._rehearse_cached_attention(noise, shown)

    def _rehearse_cached_attention(self, noise: np.ndarray, text: Conditioning) -> None:
        """Draw once for each number of frames that are attended to, so that moving its faders compiles nothing."""
        if self._compiled and self.attention.usable:
            self.attention.set(1.0, MOST_FRAMES)
            for _ in range(MOST_FRAMES + 1):
                self.generate(noise, text)
            self.attention.set(0.0)

    def denoise(self, noise: mx.array, text: Conditioning) -> mx.array:
        """Return clean latents, float32 (B, h, w, c), from unit noise of that shape, through all steps. Lazy."""
        guide = Guide(_scalar(1.0), _scalar(1.0), self.prompts.negative_inputs(None))
        return self.denoise_batch(noise, text.inputs, guide)

    def denoise_batch(self, noise: mx.array, text: UNetInputs, guide: Guide) -> mx.array:
        """Do what `denoise` does where text and guide are one for all or one for each."""
        return self.graph.denoise(
            noise, self.graph.planes(noise), self.init.init(), text, guide, self.controls.inputs()
        )

    def _before(self, x: mx.array, feedback: float, drift: tuple[float, ...]) -> tuple[mx.array, mx.array]:
        """Return the last frame's latents, moved on, and their weight in the next one's."""
        latents = self._state.latents
        if latents is None:
            return mx.zeros_like(x), _scalar(0.0)
        if drift != STILL:
            latents = drifted(latents, mx.array(drift, dtype=mx.float32))
        return latents, _scalar(feedback)

    def _stream(self, x: mx.array, planes: mx.array | None) -> list[StreamFrame]:
        """Return the frames between two steps of the stream batch; at first the new frame, on the way to the last
        picture, stands in for all of them. More steps than a batch should hold are made one after the other."""
        if not self.parts.spec.stream or not 1 < self.denoiser.steps <= MAX_STREAM:
            return []
        if self._state.stream:
            return list(self._state.stream)
        scheduler = self.parts.scheduler
        clean = self.init.latents if self.init.latents is not None else self._state.latents
        clean = mx.zeros_like(x) if clean is None else clean
        return [StreamFrame(scheduler.add_noise(clean, x, i), clean, x, planes) for i in range(1, self.denoiser.steps)]


@dataclass(frozen=True, eq=False)
class EnqueuedFrame:
    """A frame that the device computes. `wait`, then read its `pixels`; the next frame may be enqueued in between.

    image : uint8 RGBA (height, width, 4). finite : 0-d bool. made : what it leaves for the next frame.
    """

    pipeline: Pipeline
    image: mx.array
    finite: mx.array
    made: FrameState

    def wait(self) -> None:
        """Wait until it is computed. Raises NonFiniteFrame."""
        made = self.made
        mx.eval(self.image, self.finite, made.arrays)
        self.pipeline.finish(bool(self.finite.item()), made)

    def pixels(self) -> np.ndarray:
        """Return the picture, C-contiguous."""
        image = np.array(self.image)
        self.pipeline.controls.take_frame(image)
        return image


def _scalar(value: float) -> mx.array:
    return mx.array(value, dtype=mx.float32)


def rescheduled(
    loaded: ModelParts, name: str, steps: int, t_list: tuple[int, ...], strength: float | None
) -> ModelParts:
    """Return a model as it was loaded with another schedule; see `Pipeline.reschedule`. name : for messages."""
    asked, config = loaded.spec.sampling, loaded.scheduler.config
    if strength is not None:
        asked = replace(asked, strength=strength)
    if t_list and any(a >= b for a, b in zip(t_list, t_list[1:], strict=False)):
        raise UserError(f"t_list {' '.join(map(str, t_list[:8]))}: give indices in ascending order")
    if t_list:
        every = replace(asked, steps=steps or MAX_STEPS, timesteps=(), strength=1.0)
        whole = make_scheduler(config, every, name).timesteps
        if max(t_list) >= len(whole):
            raise UserError(f"t_list {max(t_list)}: there are {len(whole)} time steps, counted from 0")
        asked = replace(asked, timesteps=tuple(int(whole[i]) for i in t_list))
    elif steps:
        asked = replace(asked, steps=steps, timesteps=())
    scheduler = make_scheduler(config, asked, name)
    check_guidance(scheduler, loaded.spec.guidance, name)
    return replace(loaded, scheduler=scheduler, spec=replace(loaded.spec, sampling=asked))
