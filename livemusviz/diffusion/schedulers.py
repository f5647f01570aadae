"""Computes noise schedules in numpy, with diffusers' numbers; their arithmetic works for any array type.

Pure: no thread, no mlx. At step i the latents are x = signal[i] x0 + noise[i] eps, with x0 the clean latents and eps
unit noise; every schedule here is a choice of those two numbers and of the way from one step to the next.
"""

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from livemusviz.diffusion.configs import class_name
from livemusviz.errors import UserError

Latents = Any
"""A numpy or mlx array of any shape."""

PREDICTIONS = ("epsilon", "v_prediction", "sample")
SPACINGS = ("trailing", "leading", "linspace")
BETA_SCHEDULES = ("linear", "scaled_linear")
MAX_STEPS = 50
MIN_STRENGTH = 0.001
MAX_TIME_STEP = 100_000
ONLY = {
    "trained_betas": (None,),
    "use_karras_sigmas": (False, None),
    "use_exponential_sigmas": (False, None),
    "use_beta_sigmas": (False, None),
    "timestep_type": ("discrete",),
    "interpolation_type": ("linear",),
    "final_sigmas_type": ("zero",),
    "thresholding": (False,),
    "beta_schedule": BETA_SCHEDULES,
    "prediction_type": PREDICTIONS,
    "timestep_spacing": SPACINGS,
}
"""Config keys that change the arithmetic, with the values implemented here."""
COMMON = {
    "_class_name", "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas",
    "prediction_type", "timestep_spacing", "steps_offset", "rescale_betas_zero_snr", "one_step",
}  # fmt: skip
SIGMAS = {
    "interpolation_type", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "timestep_type",
    "final_sigmas_type",
}  # fmt: skip
CLIPPING = {"clip_sample", "clip_sample_range", "thresholding"}
"""Config keys by the schedulers that have them: those of another kind of scheduler have no effect."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Holds the choices of a noise schedule.

    scheduler : a key of `SCHEDULERS`, or None for the model's own.
    steps : 1 to 50.
    timesteps : descending, in place of `steps`; Hyper-SD's one-step SDXL needs (800,).
    strength : 0 to 1, with a picture to start from: the share of the schedule that is run; 1 starts from pure noise.
    eta : 0 to 1, TCD's share of fresh noise between steps.
    """

    scheduler: str | None = None
    steps: int = 1
    timesteps: tuple[int, ...] = ()
    strength: float = 1.0
    eta: float = 0.3

    def validate(self) -> None:
        """Raises UserError for a value out of its range."""
        if self.scheduler is not None and self.scheduler not in SCHEDULERS:
            raise UserError(f"scheduler '{self.scheduler}': there are {', '.join(SCHEDULERS)}")
        if not 1 <= self.steps <= MAX_STEPS:
            raise UserError(f"{self.steps} steps: give 1 to {MAX_STEPS}")
        if len(self.timesteps) > MAX_STEPS or any(
            a <= b for a, b in zip(self.timesteps, self.timesteps[1:], strict=False)
        ):
            raise UserError(f"time steps {list(self.timesteps[:8])}: give at most {MAX_STEPS}, in descending order")
        if any(t > MAX_TIME_STEP for t in self.timesteps):
            raise UserError(f"time step over {MAX_TIME_STEP}: no model knows so many")
        if not MIN_STRENGTH <= self.strength <= 1:
            raise UserError(f"strength {self.strength:g}: give {MIN_STRENGTH:g} to 1")
        if not 0 <= self.eta <= 1:
            raise UserError(f"eta {self.eta:g}: give 0 to 1")


class Scheduler:
    """The common base of all schedules.

    timesteps : float32 (steps,), as the UNet takes them.  signal, noise : float32 (steps,), see above.
    """

    defaults: dict[str, Any] = {}
    """Values that diffusers takes for a key that the config lacks, where it differs between its schedulers."""
    keys: Set[str] = frozenset()
    """Config keys that it reads; all others are dropped, as diffusers' `from_config` does."""
    draws_noise = False
    """True if `step` needs fresh unit noise."""
    clips = False
    """True where `clip_sample` is implemented."""

    def __init__(self, config: dict[str, Any], sampling: Sampling, where: str = "scheduler_config.json") -> None:
        """config : a diffusers scheduler_config.json. Raises UserError that names what is not built."""
        sampling.validate()
        unset = config.get("_use_default_values") or ()
        config = self.defaults | {k: v for k, v in config.items() if k in self.keys and k not in unset}
        for key, value in config.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"{where}: {key} {value}: must be a finite number")
        for key, allowed in ONLY.items():
            if key in config and config[key] not in allowed:
                choices = ", ".join(map(repr, allowed))
                raise UserError(f"{where}: {key} {repr(config[key])[:64]} is not implemented; only {choices} is")
        if config.get("clip_sample", False) and not self.clips:
            raise UserError(f"{where}: clip_sample True is not implemented; only False is")
        self.config, self.sampling = config, sampling
        self.train_steps = int(config.get("num_train_timesteps", 1000))
        self.prediction = config.get("prediction_type", "epsilon")
        if config.get("rescale_betas_zero_snr") and self.prediction == "epsilon":
            raise UserError(f"{where}: rescale_betas_zero_snr leaves no signal that an epsilon prediction could tell")
        self.spacing = config.get("timestep_spacing", "leading")
        self.alphas_cumprod = _alphas_cumprod(config, self.train_steps)
        wanted = np.array(sampling.timesteps, dtype=np.float32)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.train_steps):
            raise UserError(f"time steps {list(sampling.timesteps)}: this model knows 0 to {self.train_steps - 1}")
        if self.one_step and (len(wanted) or sampling.steps > 1):
            raise UserError(f"{where}: this model makes its pictures in one step of its own, so give no other steps")
        self.count = len(wanted) or self._count(sampling, where)
        """Steps of the whole schedule, of which a strength below 1 runs the last ones."""
        steps = self.count if len(wanted) else sampling.steps
        self.timesteps = (wanted if len(wanted) else self._timesteps(self.count))[-steps:]
        self._prepare()

    def __len__(self) -> int:
        return len(self.timesteps)

    @property
    def init_noise_sigma(self) -> float:
        """Return the standard deviation of the first latents of a picture made from noise alone."""
        return 1.0

    def scale_input(self, latents: Latents, i: int) -> Latents:
        """Return the UNet's input for the latents at step i."""
        return latents

    def denoised(self, prediction: Latents, latents: Latents, i: int) -> Latents:
        """Return the latents that step i takes for clean, given the UNet's prediction; what `step` wants as x0."""
        return self.bounded(self.clean(prediction, latents, i), latents, i)

    def clean(self, prediction: Latents, latents: Latents, i: int) -> Latents:
        """Return x0 from the UNet's prediction at step i."""
        signal, noise = float(self.signal[i]), float(self.noise[i])
        if self.prediction == "sample":
            return prediction
        if self.prediction == "epsilon":
            return (latents - noise * prediction) / signal
        # v = a eps - b x0 with a^2 + b^2 = 1 (Salimans and Ho 2022), of x / s, where s^2 = signal^2 + noise^2
        power = signal**2 + noise**2
        return latents * (signal / power) - prediction * (noise / math.sqrt(power))

    def bounded(self, x0: Latents, latents: Latents, i: int) -> Latents:
        """x0 under the boundary condition of the model's kind; most kinds have none."""
        return x0

    def epsilon(self, x0: Latents, latents: Latents, i: int) -> Latents:
        """Return the unit noise in the latents at step i, if x0 is the rest of them."""
        return (latents - float(self.signal[i]) * x0) / float(self.noise[i])

    def add_noise(self, x0: Latents, eps: Latents, i: int = 0) -> Latents:
        """Return clean latents with the noise of step i."""
        return float(self.signal[i]) * x0 + float(self.noise[i]) * eps

    @property
    def signal_left(self) -> bool:
        """Return True if the latents hold some of x0 at every step; with zero terminal SNR the first holds none."""
        return bool((self.signal > 0).all())

    @property
    def one_step(self) -> bool:
        """Return True if the model knows its first time step only (config key `one_step`, ours)."""
        return bool(self.config.get("one_step", False))

    def step(self, x0: Latents, latents: Latents, i: int, fresh: Latents = None) -> Latents:
        """Return the latents of step i + 1; after the last step the finished ones. fresh : unit noise where
        `draws_noise`."""
        raise NotImplementedError

    def _count(self, sampling: Sampling, where: str) -> int:
        if self.one_step:
            return 1
        count = math.ceil(sampling.steps / sampling.strength - 1e-9)
        if count > self.train_steps:
            raise UserError(
                f"{where}: {sampling.steps} steps at strength {sampling.strength:g} need {count} time steps"
            )
        return count

    def _timesteps(self, count: int) -> np.ndarray:
        raise NotImplementedError

    def _prepare(self) -> None:
        alphas = self._alpha(self.timesteps)
        self.signal, self.noise = np.sqrt(alphas), np.sqrt(1 - alphas)

    def _alpha(self, timesteps: np.ndarray) -> np.ndarray:
        return self.alphas_cumprod[timesteps.astype(int)]


class EulerDiscrete(Scheduler):
    """Euler steps without churn (Karras et al. 2022, algorithm 1), signal 1 and noise sigma; SD-Turbo's own."""

    defaults = {"timestep_spacing": "linspace"}
    keys = COMMON | SIGMAS

    def _timesteps(self, count: int) -> np.ndarray:
        return _spaced(self.spacing, self.train_steps, count, self.config.get("steps_offset", 0))

    def _prepare(self) -> None:
        alphas = np.maximum(self.alphas_cumprod, np.float32(2.0**-24))  # zero terminal SNR: sigma stays finite
        sigmas = np.interp(self.timesteps, np.arange(self.train_steps), np.sqrt((1 - alphas) / alphas))
        self.noise, self.signal = sigmas.astype(np.float32), np.ones(len(sigmas), np.float32)

    @property
    def init_noise_sigma(self) -> float:
        largest = float(self.noise.max())
        return largest if self.spacing != "leading" else math.sqrt(largest**2 + 1)

    def scale_input(self, latents: Latents, i: int) -> Latents:
        return latents * (float(self.noise[i]) ** 2 + 1) ** -0.5

    def step(self, x0: Latents, latents: Latents, i: int, fresh: Latents = None) -> Latents:
        if i == len(self) - 1:
            return x0
        here, following = float(self.noise[i]), float(self.noise[i + 1])
        return latents + (latents - x0) * ((following - here) / here)


class DDIM(Scheduler):
    """Deterministic steps (Song et al. 2021, equation 12, eta 0)."""

    defaults = {"clip_sample": True, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}
    keys = COMMON | CLIPPING | {"set_alpha_to_one"}

    def _timesteps(self, count: int) -> np.ndarray:
        return np.round(_spaced(self.spacing, self.train_steps, count, self.config.get("steps_offset", 0)))

    def step(self, x0: Latents, latents: Latents, i: int, fresh: Latents = None) -> Latents:
        if self.sampling.timesteps:
            previous = int(self.timesteps[i + 1]) if i + 1 < len(self) else -1
        else:
            previous = int(self.timesteps[i]) - self.train_steps // self.count
        final = 1.0 if self.config.get("set_alpha_to_one", True) else float(self.alphas_cumprod[0])
        alpha = float(self.alphas_cumprod[previous]) if previous >= 0 else final
        return math.sqrt(alpha) * x0 + math.sqrt(1 - alpha) * self.epsilon(x0, latents, i)


class Distilled(Scheduler):
    """The time steps that consistency models are distilled at, thinned out."""

    defaults = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    keys = COMMON | {"original_inference_steps"}
    draws_noise = True

    def _timesteps(self, count: int) -> np.ndarray:
        original = int(self.config.get("original_inference_steps", 50))
        if count > original:
            raise UserError(f"{count} steps: a consistency model has at most {original}")
        distilled = (np.arange(1, original + 1) * (self.train_steps // original) - 1)[::-1]
        return distilled[np.floor(np.linspace(0, original, count, endpoint=False)).astype(int)].astype(np.float32)


class LCM(Distilled):
    """Latent consistency (Luo et al. 2023): clean, then noised again with fresh noise."""

    SIGMA_DATA = 0.5
    keys = Distilled.keys | CLIPPING | {"timestep_scaling"}
    clips = True

    def bounded(self, x0: Latents, latents: Latents, i: int) -> Latents:
        """With the boundary condition of consistency models (Song et al. 2023, section 3)."""
        if self.config.get("clip_sample", False):
            limit = self.config.get("clip_sample_range", 1.0)
            x0 = (abs(x0 + limit) - abs(x0 - limit)) * 0.5  # clamped to [-limit, limit], for any array type
        t = float(self.timesteps[i]) * self.config.get("timestep_scaling", 10.0)
        skip, out = self.SIGMA_DATA**2 / (t**2 + self.SIGMA_DATA**2), t / math.sqrt(t**2 + self.SIGMA_DATA**2)
        return out * x0 + skip * latents

    def step(self, x0: Latents, latents: Latents, i: int, fresh: Latents = None) -> Latents:
        return x0 if i == len(self) - 1 else self.add_noise(x0, fresh, i + 1)


class TCD(Distilled):
    """Trajectory consistency (Zheng et al. 2024, strategic stochastic sampling), as Hyper-SD wants it.

    The last step leaves the noise of time step 0 in, 3 % of unit noise, as diffusers does.
    """

    def step(self, x0: Latents, latents: Latents, i: int, fresh: Latents = None) -> Latents:
        last = i == len(self) - 1
        previous = 0.0 if last else float(self.timesteps[i + 1])
        between = float(self.alphas_cumprod[math.floor(np.float32(1 - self.sampling.eta) * np.float32(previous))])
        x = math.sqrt(between) * x0 + math.sqrt(1 - between) * self.epsilon(x0, latents, i)
        if last or self.sampling.eta == 0:
            return x
        ratio = float(self.alphas_cumprod[int(previous)]) / between
        return math.sqrt(ratio) * x + math.sqrt(1 - ratio) * fresh


SCHEDULERS: dict[str, type[Scheduler]] = {"euler": EulerDiscrete, "lcm": LCM, "tcd": TCD, "ddim": DDIM}
CLASSES = {"EulerDiscreteScheduler": "euler", "LCMScheduler": "lcm", "TCDScheduler": "tcd", "DDIMScheduler": "ddim"}
"""diffusers' names."""
IN_ONE_STEP = {"EulerAncestralDiscreteScheduler": "euler"}
"""... of those that are another in their last step, and so in their only one; SDXL-Turbo's own."""
CHOICES = "|".join(SCHEDULERS)


def needs_choice(config: dict[str, Any]) -> bool:
    """True for a model whose own scheduler is not implemented at any number of steps, so that one must be chosen."""
    found = config.get("_class_name")
    return not isinstance(found, str) or (found not in CLASSES and found not in IN_ONE_STEP)


def make_scheduler(config: dict[str, Any], sampling: Sampling, where: str) -> Scheduler:
    """Return the schedule that `sampling` names, or the model's own. Raises UserError for one that is not built, or
    that has nothing to draw from.

    One that takes the place of another kind has trailing time steps, whatever spacing that had, because any other is of
    no use in a few steps (Lin et al. 2024, section 3.3), and its own noise levels, no Karras sigmas of that kind's.
    """
    sampling.validate()
    found = str(config.get("_class_name"))
    own = CLASSES.get(found)
    if len(sampling.timesteps) == 1 or (sampling.steps == 1 and not sampling.timesteps):
        own = own or IN_ONE_STEP.get(found)
    kind = sampling.scheduler or own
    if kind is None:
        raise UserError(
            f"{where}: class {class_name(config.get('_class_name'))} is not implemented; there is "
            f"{', '.join(CLASSES)}: choose one of them with --scheduler {CHOICES}"
        )
    if kind != own:
        kept = {key: value for key, value in config.items() if key not in SIGMAS}
        config = {"clip_sample": False} | kept | {"timestep_spacing": "trailing"}
    made = SCHEDULERS[kind](config, sampling, where)
    if sampling.strength == 1 and not sampling.timesteps and made.noise[0] < made.signal[0]:
        raise UserError(
            f"{where}: with {made.spacing} spacing, {len(made)} steps begin at time step {made.timesteps[0]:g}, where "
            f"there is no noise to draw from; give more --steps, or --timesteps {made.train_steps - 1}"
        )
    return made


def _alphas_cumprod(config: dict[str, Any], train_steps: int) -> np.ndarray:
    """Return the product of 1 - beta up to each time step: float32 (train_steps,)."""
    start, end = config.get("beta_start", 0.0001), config.get("beta_end", 0.02)
    if config.get("beta_schedule", "linear") == "linear":
        betas = np.linspace(start, end, train_steps, dtype=np.float32)
    else:
        betas = np.linspace(start**0.5, end**0.5, train_steps, dtype=np.float32) ** 2
    alphas = np.cumprod(1 - betas, dtype=np.float64)
    if config.get("rescale_betas_zero_snr", False):  # Lin et al. 2024, algorithm 1
        root = np.sqrt(alphas)
        alphas = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return alphas.astype(np.float32)


def _spaced(spacing: str, train_steps: int, steps: int, offset: int) -> np.ndarray:
    """Time steps in descending order (Lin et al. 2024, table 2): float32 (steps,)."""
    t: np.ndarray
    if spacing == "linspace":
        t = np.linspace(0, train_steps - 1, steps)[::-1]
    elif spacing == "leading":
        t = np.arange(steps)[::-1] * (train_steps // steps) + offset
    else:
        t = np.round(np.arange(train_steps, 0, -train_steps / steps)) - 1
    return np.ascontiguousarray(t, dtype=np.float32)
