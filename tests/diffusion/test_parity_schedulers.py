"""Noise schedules against diffusers' own, step for step."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from livemusviz.diffusion.schedulers import PREDICTIONS, Sampling, make_scheduler
from tests.diffusion.model_folders import SCHEDULER

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

pytestmark = pytest.mark.parity

TOLERANCE = 1e-5
CANCELLATION = 2e-4
"""Euler's first sigma is 4096 at zero terminal SNR: theirs subtracts float32 numbers of that size, ours does not."""
THEIRS = {
    "euler": diffusers.EulerDiscreteScheduler,
    "lcm": diffusers.LCMScheduler,
    "tcd": diffusers.TCDScheduler,
    "ddim": diffusers.DDIMScheduler,
}
WALKS = {
    "one": ("trailing", Sampling()),
    "four": ("trailing", Sampling(steps=4)),
    "three": ("trailing", Sampling(steps=3)),
    "leading": ("leading", Sampling(steps=4)),
    "linspace": ("linspace", Sampling(steps=5)),
    "hyper-sd": ("trailing", Sampling(timesteps=(800,))),
    "given": ("trailing", Sampling(timesteps=(999, 700, 259))),
    "half": ("trailing", Sampling(steps=2, strength=0.5)),
    "third": ("trailing", Sampling(steps=1, strength=0.3)),
}


def error(found: np.ndarray, wanted: Any) -> float:
    return float(np.linalg.norm(found - wanted.numpy()) / np.linalg.norm(wanted.numpy()))


CASES = [
    (kind, walk, prediction, zero_snr)
    for kind, walk, prediction, zero_snr in product(THEIRS, WALKS, PREDICTIONS, (False, True))
    if not (kind == "ddim" and WALKS[walk][1].timesteps)  # diffusers' DDIM takes no list of time steps
    and not (zero_snr and prediction == "epsilon")  # refused: no signal is left in the first step
]


@pytest.mark.parametrize(("kind", "walk", "prediction", "zero_snr"), CASES)
def test_step_for_step(kind: str, walk: str, prediction: str, zero_snr: bool) -> None:
    spacing, sampling = WALKS[walk]
    config = SCHEDULER | {
        "prediction_type": prediction, "timestep_spacing": spacing, "steps_offset": 1,
        "rescale_betas_zero_snr": zero_snr, "_class_name": THEIRS[kind].__name__,
    }  # fmt: skip
    ours = make_scheduler(config, sampling, "here")
    theirs = THEIRS[kind].from_config(config)
    theirs.set_timesteps(
        **({"timesteps": list(sampling.timesteps)} if sampling.timesteps else {"num_inference_steps": ours.count})
    )
    first = ours.count - len(ours)
    timesteps = theirs.timesteps[first:]
    np.testing.assert_array_equal(ours.timesteps, timesteps.numpy())
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((1, 4, 4, 4)).astype(np.float32)
    if first:
        if kind != "ddim":
            theirs.set_begin_index(first)
        clean = rng.standard_normal(noise.shape).astype(np.float32)
        a = ours.add_noise(clean, noise)
        b = theirs.add_noise(torch.from_numpy(clean), torch.from_numpy(noise), timesteps[:1])
        assert error(a, b) < TOLERANCE
    else:
        assert ours.init_noise_sigma == pytest.approx(float(theirs.init_noise_sigma), rel=TOLERANCE)
        a = noise * ours.init_noise_sigma
        b = torch.from_numpy(noise) * theirs.init_noise_sigma
    for i, t in enumerate(timesteps):
        assert error(ours.scale_input(a, i), theirs.scale_model_input(b, t)) < TOLERANCE
        output = rng.standard_normal(a.shape).astype(np.float32)
        fresh = torch.randn(a.shape, generator=torch.Generator().manual_seed(i)).numpy()
        drawn = {} if kind == "ddim" else {"generator": torch.Generator().manual_seed(i)}
        a = ours.step(ours.denoised(output, a, i), a, i, fresh)
        b = theirs.step(torch.from_numpy(output), t, b, **drawn).prev_sample
        assert error(a, b) < (CANCELLATION if kind == "euler" and zero_snr and i == len(ours) - 1 else TOLERANCE)
        a = b.numpy()


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_tcd_at_every_share_of_fresh_noise(eta: float) -> None:
    config = SCHEDULER | {"prediction_type": "epsilon"}
    ours, theirs = (
        make_scheduler(config, Sampling("tcd", 3, eta=eta), "here"),
        diffusers.TCDScheduler.from_config(config),
    )
    theirs.set_timesteps(3)
    rng = np.random.default_rng(2)
    a = rng.standard_normal((1, 4, 4, 4)).astype(np.float32)
    b = torch.from_numpy(a)
    for i, t in enumerate(theirs.timesteps):
        output = rng.standard_normal(a.shape).astype(np.float32)
        fresh = torch.randn(a.shape, generator=torch.Generator().manual_seed(i)).numpy()
        a = ours.step(ours.denoised(output, a, i), a, i, fresh)
        b = theirs.step(torch.from_numpy(output), t, b, eta=eta, generator=torch.Generator().manual_seed(i)).prev_sample
        assert error(a, b) < TOLERANCE
