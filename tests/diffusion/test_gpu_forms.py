"""The forms that a GPU may take, computed on this machine's device, against the plain ones; and when they are taken."""

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from livemusviz.diffusion import gpu_forms, layers
from livemusviz.diffusion.gpu_forms import TOLERANCE, choose_norms
from livemusviz.diffusion.layers import FUSED_HEADS, GroupNorm, attend
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ModelSpec

SHAPES = [(1, 1, 1, 32), (2, 3, 5, 64), (1, 16, 16, 320), (1, 8, 8, 1280)]


def normal(*shape: int, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.array(np.random.default_rng(sum(shape)).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [mx.float32, mx.float16])
@pytest.mark.parametrize("given", [False, True])
def test_a_fused_norm_is_the_plain_one(shape: tuple[int, ...], dtype: mx.Dtype, given: bool) -> None:
    B, _, _, C = shape
    norm = GroupNorm(32, C, 1e-5)
    norm.weight, norm.bias = normal(C), normal(C + 1)[1:]
    norm.set_dtype(dtype)
    affine = (normal(B, 1, 1, C, dtype=dtype), normal(B, 1, 1, C, dtype=dtype)) if given else ()
    x = (normal(*shape) * 3 + 1).astype(dtype)
    plain = norm(x, *affine)
    norm.fused = True
    fused = norm(x, *affine)
    assert fused.dtype == plain.dtype == dtype and fused.shape == shape
    scale = 1 + float(mx.abs(plain).max())
    assert float(mx.abs(fused.astype(mx.float32) - plain.astype(mx.float32)).max()) <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("channels", [layers.AVERAGED_BY_PRODUCT, layers.AVERAGED_BY_PRODUCT + 32])
def test_both_ways_of_averaging_groups_are_torchs(channels: int) -> None:
    x = normal(2, 6, 4, channels) + 5
    grouped = np.array(x).reshape(2, 24, 32, -1)
    mean, variance = grouped.mean(axis=(1, 3), keepdims=True), grouped.var(axis=(1, 3), keepdims=True)
    wanted = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    assert np.allclose(np.array(GroupNorm(32, channels, 1e-5)(x)), wanted, atol=1e-5)


class Network(nn.Module):
    def __init__(self, dtype: mx.Dtype = mx.float32) -> None:
        super().__init__()
        self.called, self.other, self.unused = (GroupNorm(4, c, 1e-5) for c in (8, 16, 8))
        self.called(normal(1, 4, 4, 8, dtype=dtype))
        self.other(normal(1, 2, 2, 16, dtype=dtype))


def seconds(fused: float, plain: float) -> Callable[[Callable[[], mx.array]], float]:
    """A timer that knows which form it is given by the order: fused, plain."""
    answers = iter([fused, plain] * 4)
    return lambda form: next(answers)


def test_a_faster_form_is_taken_where_a_frame_came_by() -> None:
    network = Network()
    assert choose_norms([network], seconds(1.0, 2.0)) == 2
    assert network.called.fused and network.other.fused and not network.unused.fused


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16])
def test_a_slower_one_is_left_without_a_word(dtype: mx.Dtype, caplog: pytest.LogCaptureFixture) -> None:
    network = Network(dtype)
    network.called.fused = True
    assert choose_norms([network], seconds(0.99, 1.0)) == 0
    assert not network.called.fused and not caplog.messages


@pytest.mark.parametrize("wrong", [1.01, float("nan")])
def test_one_that_is_not_the_same_is_not_even_timed(monkeypatch: pytest.MonkeyPatch, wrong: float) -> None:
    right = GroupNorm.normalised_by_groups
    monkeypatch.setattr(GroupNorm, "normalised_by_groups", lambda self, x: right(self, x) * wrong)
    assert choose_norms([Network()], seconds(0.0, 1.0)) == 0


def test_a_real_clock_decides_too() -> None:
    assert choose_norms([Network()]) in (0, 1, 2)


def test_a_gpu_chooses_at_warm_up(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a timer for which the fused form always wins, on a pipeline that takes itself for a GPU's."""
    monkeypatch.setattr(gpu_forms, "_median", lambda form: 1.0 if form.__closure__[0].cell_contents.fused else 2.0)
    pipeline = Pipeline.load(ModelSpec(tiny_folder), 64, 64)
    noise, text = normal(*pipeline.latent_shape), pipeline.prompts.encode("lava")
    plain = pipeline.generate(np.array(noise), text)
    pipeline.reset()
    norms = [module for module in pipeline.parts.unet.modules() if isinstance(module, GroupNorm)]
    pipeline.warm_up()
    assert not any(norm.fused for norm in norms), "a CPU is left as it is"
    pipeline.backend = "metal"
    pipeline.warm_up()
    assert all(norm.fused for norm in norms)
    fused = pipeline.generate(np.array(noise), text)
    assert np.abs(fused.astype(int) - plain).max() <= 1


@pytest.mark.parametrize("width", [8, 40, 64, 72, 120, 128, 160])
@pytest.mark.parametrize("masked", [False, True])
def test_padded_heads_attend_as_they_are(monkeypatch: pytest.MonkeyPatch, width: int, masked: bool) -> None:
    q, k, v = normal(2, 10, 3 * width), normal(1, 7, 3 * width), normal(2, 7, 3 * width + 1)[..., 1:]
    mask = normal(10, 7) if masked else None
    plain = attend(q, k, v, 3, mask)
    padded = min((fused for fused in FUSED_HEADS if fused >= width), default=width)
    monkeypatch.setattr(layers, "padded_head", lambda head: padded)
    assert float(mx.abs(attend(q, k, v, 3, mask) - plain).max()) <= 1e-6


def test_heads_are_padded_on_metal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layers.padded_head(40) == 40, "on this machine"
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    monkeypatch.setattr(mx.metal, "is_available", lambda: True)
    assert [layers.padded_head(width) for width in (40, 64, 80, 100, 128, 160)] == [64, 64, 80, 128, 128, 160]
