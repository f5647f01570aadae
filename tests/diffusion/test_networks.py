"""Pieces of the networks against plain numpy, without torch."""

import os
import tempfile
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

from livemusviz.diffusion import backend, layers
from livemusviz.diffusion.clip import CLIPTextConfig, CLIPTextModel
from livemusviz.diffusion.interpolate import blend_embeddings, slerp_tokens
from livemusviz.diffusion.layers import Conv2d, GroupNorm, upsample_nearest
from livemusviz.diffusion.pixelshuffle import (
    AutoencoderPixelShuffle,
    PixelShuffleConfig,
    pixel_shuffle,
    pixel_unshuffle,
)
from livemusviz.diffusion.quantize import stage
from livemusviz.diffusion.schedulers import EulerDiscrete, Sampling, make_scheduler
from livemusviz.diffusion.taesd import AutoencoderTiny, TinyConfig
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig
from livemusviz.errors import UserError
from tests.diffusion.model_folders import SCHEDULER, TINY_VAE
from tests.diffusion.parity_tools import UNETS


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_group_norm_equals_the_plain_one() -> None:
    ours, plain = GroupNorm(4, 16, 1e-5), nn.GroupNorm(4, 16, eps=1e-5, pytorch_compatible=True)
    weight, bias = mx.array(normal(16, seed=1)), mx.array(normal(16, seed=2))
    ours.weight = plain.weight = weight
    ours.bias = plain.bias = bias
    x = mx.array(normal(2, 5, 6, 16) * 3 + 40)
    np.testing.assert_allclose(np.array(ours(x)), np.array(plain(x)), atol=2e-4)
    scale, shift = mx.array(normal(2, 1, 1, 16, seed=3)), mx.array(normal(2, 1, 1, 16, seed=4))
    told = ours(x, weight * (1 + scale), bias * (1 + scale) + shift)
    np.testing.assert_allclose(np.array(told), np.array(plain(x) * (1 + scale) + shift), atol=1e-3)


def test_group_norm_keeps_half_precision_finite() -> None:
    x = mx.array(normal(1, 8, 8, 16) * 300).astype(mx.float16)
    y = GroupNorm(4, 16, 1e-5)(x)
    assert y.dtype == mx.float16
    assert np.isfinite(np.array(y)).all()


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (3, 2, 0), (1, 1, 0), (5, 3, 2)])
@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_a_convolution_in_bands_equals_the_whole(
    kernel: int, stride: int, padding: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = Conv2d(6, 4, kernel, stride=stride, padding=padding)
    x = mx.array(normal(2, 17, 11, 6))
    whole = np.array(layer(x))
    stage(layer)
    row_bytes = 2 * whole.shape[2] * kernel**2 * 6 * 4
    monkeypatch.setattr(layers, "BAND_BYTES", rows * row_bytes)
    np.testing.assert_allclose(np.array(layer(x)), whole, atol=1e-5)
    told = mx.array(normal(2, 1, 1, 4))
    np.testing.assert_allclose(np.array(layer(x, told)), whole - np.array(layer.bias) + np.array(told), atol=1e-5)


@pytest.mark.skipif(mx.default_device().type != mx.DeviceType.cpu, reason="a CPU's way of convolving")
def test_a_staged_decoder_never_holds_a_whole_unfolded_input() -> None:
    channels = (64, 64, 64, 64)
    vae = AutoencoderTiny(TinyConfig(4, channels, channels, (1, 3, 3, 3), (3, 3, 3, 1), "relu", 2, 1.0))
    z = mx.array(normal(1, 32, 32, 4))
    mx.eval(vae.parameters(), z)
    stage(vae)
    mx.reset_peak_memory()
    mx.eval(vae.decode(z))
    assert mx.get_peak_memory() < 256 * 256 * 9 * 64 * 4 * 2 / 3


def test_pixel_shuffle_puts_channel_row_column_in_torchs_order() -> None:
    x = normal(1, 3, 2, 5 * 4)
    y = np.array(pixel_shuffle(mx.array(x), 2))
    assert y.shape == (1, 6, 4, 5)
    for row, column, c in ((0, 0, 0), (5, 3, 4), (2, 1, 3)):
        assert y[0, row, column, c] == x[0, row // 2, column // 2, c * 4 + row % 2 * 2 + column % 2]


def test_pixel_unshuffle_undoes_pixel_shuffle() -> None:
    x = normal(2, 3, 5, 12 * 4)
    y = pixel_shuffle(mx.array(x), 2)
    np.testing.assert_array_equal(np.array(pixel_unshuffle(y, 2)), x)


def test_an_autoencoder_without_encoder_says_so() -> None:
    vae = AutoencoderPixelShuffle(PixelShuffleConfig.read(TINY_VAE | {"encoder_channels": 0}, "vae"))
    with pytest.raises(UserError, match="no encoder"):
        vae.encode(mx.zeros((1, 16, 16, 3)))


def test_a_folder_that_names_no_hidden_channels_has_as_many_inside_a_block() -> None:
    config = {key: value for key, value in TINY_VAE.items() if key != "fine_hidden_channels"}
    for read, hidden in ((config, 8), (TINY_VAE, 4)):
        block = AutoencoderPixelShuffle(PixelShuffleConfig.read(read, "vae")).decoder.fine_blocks[0]
        assert block.conv1.weight.shape == (hidden, 3, 3, 8) and block.conv2.weight.shape == (8, 3, 3, hidden)


def test_upsample_nearest() -> None:
    x = normal(1, 2, 3, 2)
    np.testing.assert_array_equal(np.array(upsample_nearest(mx.array(x))), x.repeat(2, 1).repeat(2, 2))


def test_pixel_shuffle_autoencoder_against_numpy() -> None:
    mx.random.seed(1)
    vae = AutoencoderPixelShuffle(PixelShuffleConfig.read(TINY_VAE, "vae"))
    d = vae.decoder

    def conv(x: np.ndarray, layer: nn.Module) -> np.ndarray:
        w, b = np.array(layer.weight), np.array(layer.bias)
        if w.ndim == 2:
            return x @ w.T + b
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        H, W, _ = x.shape
        shifted = [padded[i : i + H, j : j + W] @ w[:, i, j].T for i in range(3) for j in range(3)]
        return sum(shifted) + b

    def block(x: np.ndarray, b: nn.Module) -> np.ndarray:
        return x + conv(np.maximum(conv(np.maximum(x, 0), b.conv1), 0), b.conv2)

    def shuffle(x: np.ndarray) -> np.ndarray:
        H, W, C = x.shape
        return x.reshape(H, W, C // 16, 4, 4).transpose(0, 3, 1, 4, 2).reshape(4 * H, 4 * W, C // 16)

    z = normal(3, 4, 8)
    x = conv(z, d.conv_in)
    for b in d.blocks:
        x = block(x, b)
    x = shuffle(conv(np.maximum(x, 0), d.expand))
    for b in d.fine_blocks:
        x = block(x, b)
    x = shuffle(conv(np.maximum(x, 0), d.conv_out))
    np.testing.assert_allclose(np.array(vae.decode(mx.array(z)[None]))[0], x, atol=1e-5)
    assert x.shape == (3 * vae.downscale, 4 * vae.downscale, 3)


def test_slerp_holds_for_identical_tokens_and_turns_the_others() -> None:
    a, b = normal(1, 5, 16), normal(1, 5, 16, seed=1)
    b[0, 0] = a[0, 0]
    b[0, 1] = -a[0, 1]
    b[0, 2] = 0
    y = np.array(slerp_tokens(mx.array(a), mx.array(b), mx.array(0.5)))
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y[0, 0], a[0, 0], atol=1e-6)
    cosine = (a[0, 3] * b[0, 3]).sum() / np.linalg.norm(a[0, 3]) / np.linalg.norm(b[0, 3])
    half = np.sin(np.arccos(cosine) / 2) / np.sin(np.arccos(cosine))
    np.testing.assert_allclose(y[0, 3], half * (a[0, 3] + b[0, 3]), rtol=1e-4, atol=1e-5)
    for t, end in ((0.0, a), (1.0, b)):
        np.testing.assert_allclose(np.array(slerp_tokens(mx.array(a), mx.array(b), mx.array(t))), end, atol=1e-5)


def test_a_lerp_of_several_is_the_weighted_mean() -> None:
    arrays, weights = [normal(1, 3, 8, seed=i) for i in range(4)], [1.0, 0.0, 2.5, 0.5]
    mean = sum(w * a for w, a in zip(weights, arrays, strict=True)) / 4
    lerped = blend_embeddings([mx.array(a) for a in arrays], weights, "lerp")
    np.testing.assert_allclose(np.array(lerped), mean, atol=1e-6)
    alone = blend_embeddings([mx.array(a) for a in arrays], [0.0, 3.0, 0.0, 0.0])
    np.testing.assert_allclose(np.array(alone), arrays[1], atol=1e-5)


def test_slerp_of_unit_vectors_stays_on_the_sphere() -> None:
    a, b = normal(1, 20, 8), normal(1, 20, 8, seed=1)
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    for t in (0.1, 0.5, 0.8):
        y = np.array(slerp_tokens(mx.array(a), mx.array(b), mx.array(t)))
        np.testing.assert_allclose(np.linalg.norm(y, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["sd15", "sdxs-0.9", "sdxs-dreamshaper", "tiny-sd"])
def test_the_outer_level_alone_on_its_own_deep_features_is_the_whole(name: str) -> None:
    unet = UNet2DConditionModel(UNetConfig.read(UNETS[name], ""))
    conditions, text = unet.conditions(mx.array([999.0]), mx.zeros((1, 5, 48))), mx.array(normal(1, 5, 48))
    x, keys_values = mx.array(normal(1, 16, 8, 4)), unet.keys_values(text)
    whole, deep = unet.with_deep(x, conditions, keys_values)
    np.testing.assert_allclose(np.array(unet.shallow(x, conditions, keys_values, deep)), np.array(whole), atol=1e-5)


def test_one_trailing_euler_step_has_sd_turbos_numbers() -> None:
    euler = make_scheduler(SCHEDULER, Sampling(), "here")
    assert euler.timesteps.tolist() == [999.0]
    assert euler.init_noise_sigma == pytest.approx(14.6146, abs=1e-3)
    latents = normal(4) * euler.init_noise_sigma
    prediction = normal(4, seed=1)
    np.testing.assert_array_equal(euler.step(euler.denoised(prediction, latents, 0), latents, 0), prediction)
    assert euler.scale_input(latents, 0).std() == pytest.approx(normal(4).std(), rel=0.01)


def test_schedules_refuse_what_they_do_not_compute() -> None:
    for wrong in ({"prediction_type": "flow"}, {"use_karras_sigmas": True}, {"beta_schedule": "squaredcos_cap_v2"}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            make_scheduler(SCHEDULER | wrong, Sampling(), "here")
    with pytest.raises(UserError, match="clip_sample True"):
        unclipped = {k: v for k, v in SCHEDULER.items() if k != "clip_sample"}
        make_scheduler(unclipped | {"_class_name": "DDIMScheduler"}, Sampling(), "here")
    with pytest.raises(UserError, match="class PNDMScheduler.*--scheduler"):
        make_scheduler(SCHEDULER | {"_class_name": "PNDMScheduler"}, Sampling(), "here")


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("kind", ["euler", "ddim", "lcm", "tcd"])
def test_a_schedule_in_the_place_of_another_kind_begins_with_noise(kind: str, spacing: str) -> None:
    config = SCHEDULER | {"_class_name": "PNDMScheduler", "timestep_spacing": spacing, "steps_offset": 1}
    del config["clip_sample"]
    for steps in (1, 2, 4):
        assert make_scheduler(config, Sampling(kind, steps), "here").timesteps[0] == 999


@pytest.mark.parametrize(
    ("name", "spacing"),
    [("EulerDiscreteScheduler", "linspace"), ("EulerDiscreteScheduler", "leading"), ("DDIMScheduler", "leading")],
)
def test_a_schedule_that_would_begin_without_noise_is_refused(name: str, spacing: str) -> None:
    config = SCHEDULER | {"_class_name": name, "timestep_spacing": spacing}
    with pytest.raises(UserError, match=rf"{spacing} spacing, 1 steps begin at time step 0, .*--timesteps 999"):
        make_scheduler(config, Sampling(), "here")
    assert make_scheduler(config, Sampling(timesteps=(999,)), "here").timesteps[0] == 999
    assert make_scheduler(config, Sampling(steps=4), "here").timesteps[0] > 700
    assert make_scheduler(config, Sampling(strength=0.5), "here").count == 2


def test_an_ancestral_schedule_is_euler_in_its_only_step() -> None:
    config = SCHEDULER | {"_class_name": "EulerAncestralDiscreteScheduler"}
    assert isinstance(make_scheduler(config, Sampling(), "here"), EulerDiscrete)
    with pytest.raises(UserError, match="class EulerAncestralDiscreteScheduler"):
        make_scheduler(config, Sampling(steps=2), "here")


@pytest.mark.parametrize(
    ("sampling", "told"),
    [
        (Sampling(steps=0), "0 steps"),
        (Sampling(steps=51), "51 steps"),
        (Sampling("dpm"), "there are euler"),
        (Sampling(strength=0.0), "strength 0"),
        (Sampling(timesteps=(300, 700)), "descending"),
        (Sampling(timesteps=(1000,)), "knows 0 to 999"),
        (Sampling(steps=2), "in one step"),
    ],
)
def test_samplings_out_of_range(sampling: Sampling, told: str) -> None:
    config = SCHEDULER | ({"one_step": True} if told == "in one step" else {})
    with pytest.raises(UserError, match=told):
        make_scheduler(config, sampling, "here")


def test_strength_runs_the_end_of_a_longer_schedule() -> None:
    made = make_scheduler(SCHEDULER, Sampling(steps=2, strength=0.5), "here")
    assert made.count == 4 and made.timesteps.tolist() == [499.0, 249.0]
    x0, eps = normal(4), normal(4, seed=1)
    np.testing.assert_allclose(made.epsilon(x0, made.add_noise(x0, eps), 0), eps, atol=1e-5)


def test_backend_says_what_it_runs_on() -> None:
    assert backend.backend_name() == "cpu"
    gflops = backend.matmul_gflops()
    assert gflops > 0
    assert backend.blas_name() in ("openblas", "accelerate", "netlib (slow)", "system BLAS")


def test_sd_turbos_configs_have_sd_turbos_sizes() -> None:
    """The real architectures, built but not evaluated: as many weights as the published checkpoints hold."""
    unet = {
        "block_out_channels": [320, 640, 1280, 1280],
        "attention_head_dim": [5, 10, 20, 20],
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
    }
    text = {
        "vocab_size": 49408,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 23,
        "num_attention_heads": 16,
        "hidden_act": "gelu",
    }
    sizes = [
        sum(a.size for a in tree_flatten(network.parameters(), destination={}).values())
        for network in (
            UNet2DConditionModel(UNetConfig.read(unet, "unet")),
            CLIPTextModel(CLIPTextConfig.read(text, "text_encoder")),
            AutoencoderTiny(TinyConfig.read({}, "vae")),
        )
    ]
    assert sizes == [865_910_724, 340_387_840, 2_445_063]


def test_the_jit_folder_is_private_and_pythons_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tempfile.gettempdir()
    monkeypatch.setenv("TMPDIR", before)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    backend._private_jit_folder()
    folder = Path(os.environ["TMPDIR"])
    assert folder.is_relative_to(tmp_path) and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    backend._private_jit_folder()
    assert Path(os.environ["TMPDIR"]) != folder
    assert Path(os.environ["TMPDIR"]).stat().st_mode & 0o777 == 0o700
    Path(os.environ["TMPDIR"]).rmdir()
    assert tempfile.gettempdir() == before
