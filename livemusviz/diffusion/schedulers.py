"""Noise schedules in numpy, with diffusers' numbers; the arithmetic on latents works for any array type.

Pure: no thread, no mlx. `EulerDiscrete` is diffusers' `EulerDiscreteScheduler` without churn (Karras et al. 2022,
algorithm 1).
"""

from typing import Any

import numpy as np

from livemusviz.errors import UserError

Latents = Any
"""A numpy or mlx array of any shape."""

PREDICTIONS = ("epsilon", "v_prediction", "sample")
SPACINGS = ("trailing", "leading", "linspace")
ONLY = {
    "trained_betas": (None,),
    "use_karras_sigmas": (False, None),
    "use_exponential_sigmas": (False, None),
    "use_beta_sigmas": (False, None),
    "timestep_type": ("discrete",),
    "interpolation_type": ("linear",),
    "final_sigmas_type": ("zero",),
    "rescale_betas_zero_snr": (False,),
    "beta_schedule": ("linear", "scaled_linear"),
    "prediction_type": PREDICTIONS,
    "timestep_spacing": SPACINGS,
}


class EulerDiscrete:
    """`steps` Euler steps from pure noise to a picture.

    timesteps : float32 (steps,), what the UNet is told. sigmas : float32 (steps + 1,), the last one 0.
    """

    def __init__(self, config: dict[str, Any], steps: int = 1, where: str = "scheduler_config.json") -> None:
        for key, allowed in ONLY.items():
            if key in config and config[key] not in allowed:
                raise UserError(f"{where}: {key} {config[key]!r} is not implemented; only {allowed} is")
        train_steps = config.get("num_train_timesteps", 1000)
        if not 1 <= steps <= train_steps:
            raise UserError(f"{where}: {steps} steps, must be 1 to {train_steps}")
        self.prediction = config.get("prediction_type", "epsilon")
        self.spacing = config.get("timestep_spacing", "linspace")
        all_sigmas = _training_sigmas(config, train_steps)
        self.timesteps = _timesteps(self.spacing, train_steps, steps, config.get("steps_offset", 0))
        sigmas = np.interp(self.timesteps, np.arange(train_steps), all_sigmas)
        self.sigmas = np.append(sigmas, 0.0).astype(np.float32)

    @property
    def init_noise_sigma(self) -> float:
        """The standard deviation that the first latents have: unit noise is multiplied by it."""
        largest = float(self.sigmas.max())
        return largest if self.spacing != "leading" else (largest**2 + 1) ** 0.5

    def scale_input(self, latents: Latents, step: int) -> Latents:
        """What the UNet sees of the latents at a step: about unit variance."""
        return latents * float((self.sigmas[step] ** 2 + 1) ** -0.5)

    def denoised(self, prediction: Latents, latents: Latents, step: int) -> Latents:
        """x0, the clean latents that the UNet's prediction at a step means."""
        sigma = float(self.sigmas[step])
        if self.prediction == "sample":
            return prediction
        if self.prediction == "epsilon":
            return latents - sigma * prediction
        return prediction * (-sigma / (sigma**2 + 1) ** 0.5) + latents / (sigma**2 + 1)

    def step(self, x0: Latents, latents: Latents, step: int) -> Latents:
        """The latents at the next noise level, on the straight line from `latents` to x0."""
        if step == len(self.timesteps) - 1:
            return x0
        here, following = float(self.sigmas[step]), float(self.sigmas[step + 1])
        return latents + (latents - x0) * ((following - here) / here)


def _training_sigmas(config: dict[str, Any], train_steps: int) -> np.ndarray:
    start, end = config.get("beta_start", 0.0001), config.get("beta_end", 0.02)
    if config.get("beta_schedule", "linear") == "linear":
        betas = np.linspace(start, end, train_steps, dtype=np.float32)
    else:
        betas = np.linspace(start**0.5, end**0.5, train_steps, dtype=np.float32) ** 2
    alphas_cumprod = np.cumprod(1 - betas, dtype=np.float64)
    return np.sqrt((1 - alphas_cumprod) / alphas_cumprod)


def _timesteps(spacing: str, train_steps: int, steps: int, offset: int) -> np.ndarray:
    t: np.ndarray
    if spacing == "linspace":
        t = np.linspace(0, train_steps - 1, steps)[::-1]
    elif spacing == "leading":
        t = np.arange(steps)[::-1] * (train_steps // steps) + offset
    else:
        t = np.round(np.arange(train_steps, 0, -train_steps / steps)) - 1
    return np.ascontiguousarray(t, dtype=np.float32)
