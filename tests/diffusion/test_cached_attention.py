"""Cached self-attention: exact at both ends, kept and forgotten as said, and nothing for a model without any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.bridge.frames import Controls, Reuse
from livemusviz.diffusion.cached_attention import PARAMS, AttentionMemory
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.layers import Attention
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.director.director import Director
from livemusviz.params.params import Params
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, write_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with self-attention."""
    return write_model(tmp_path_factory.mktemp("attentive") / "model", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT)


def pipeline(folder: Path, steps: int = 1, **options: Any) -> Pipeline:
    return Pipeline.load(ModelSpec(folder, sampling=Sampling(steps=steps), **options), 64, 64, compiled=False)


def noise(made: Pipeline, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(made.latent_shape, dtype=np.float32)


def frame(made: Pipeline, seed: int, reuse: Reuse = Reuse.NONE) -> np.ndarray:
    return made.generate(noise(made, seed), made.prompts.encode("lava"), options=FrameOptions(reuse=reuse))


def controls(**changes: Any) -> Controls:
    base = Controls(np.zeros(1), "lava", "lava", 1.0, 0.0, True, 0.0, cached_attention=1.0)
    return replace(base, **changes)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_attention_is_the_softmax_over_all_frames_with_the_past_weighed(strength: float) -> None:
    mx.random.seed(1)
    attention = Attention(16, 16, 2)
    x, past = mx.random.normal((2, 5, 16)), [attention.keys_values(mx.random.normal((2, 5, 16))) for _ in range(2)]
    memory = AttentionMemory((mx.array(strength), [[kv] for kv in past]))
    y = memory.attend(attention, x)

    own = attention.keys_values(x)
    keys, values = (mx.concatenate([own[i], *(kv[i] for kv in past)], axis=1) for i in range(2))
    q, k, v = (np.array(a).reshape(2, -1, 2, 8).transpose(0, 2, 1, 3) for a in (attention.q(x), keys, values))
    weights = np.exp(q @ k.transpose(0, 1, 3, 2) / np.sqrt(8)) * np.where(np.arange(15) < 5, 1.0, strength)
    expected = (weights / weights.sum(-1, keepdims=True)) @ v
    expected = np.array(attention.out(mx.array(expected.transpose(0, 2, 1, 3).reshape(2, 5, 16).astype(np.float32))))
    np.testing.assert_allclose(np.array(y), expected, atol=1e-5)
    assert len(memory.made) == 1 and memory.made[0][0].shape == (2, 5, 16)


@pytest.mark.parametrize("options", [{}, {"steps": 2, "stream": True}, {"steps": 2, "guidance": "full"}])
def test_strength_0_is_the_plain_frame_and_the_same_frame_cached_changes_nothing(
    folder: Path, options: dict[str, Any]
) -> None:
    plain, made = pipeline(folder, **options), pipeline(folder, **options)
    made.attention.set(0.0)
    np.testing.assert_array_equal(frame(made, 1), frame(plain, 1))
    assert made.attention.inputs() is None
    if not options:  # softmax over a frame and its copy is softmax over the frame
        made.attention.set(1.0)
        frame(made, 1)
        assert np.abs(frame(made, 1).astype(int) - frame(plain, 1)).max() <= 1
    made.attention.set(1.0, 2)
    for seed in (1, 2, 3):
        drawn, without = frame(made, seed), frame(plain, seed)
    assert (drawn != without).any()


def test_so_many_frames_are_kept_every_so_often(folder: Path) -> None:
    made = pipeline(folder)
    made.attention.set(1.0, frames=2, interval=3)
    counts, newest = [], []
    for seed in range(8):
        frame(made, seed)
        kept = made.attention.inputs()[1]
        counts.append(len(kept))
        newest.append(float(kept[-1][0][0].sum()))
    assert counts == [1, 1, 1, 2, 2, 2, 2, 2]
    assert newest[0] == newest[2] != newest[3] == newest[5] != newest[6]
    made.attention.set(1.0, frames=1, interval=3)
    assert len(made.attention.inputs()[1]) == 1


def test_cuts_and_other_steps_forget_and_reused_frames_are_not_kept(folder: Path) -> None:
    made = pipeline(folder)
    made.apply(controls())
    frame(made, 1)
    assert len(made.attention.inputs()[1]) == 1
    made.apply(controls(cut=True))
    assert made.attention.inputs()[1] == []
    frame(made, 2)
    kept = made.attention.inputs()[1]
    for reuse in (Reuse.DEEP_FEATURES, Reuse.LATENTS):
        frame(made, 3, reuse)
    assert made.attention.inputs()[1] == kept
    made.apply(controls(steps=2))
    assert made.attention.inputs()[1] == []
    frame(made, 4)


def test_a_model_without_self_attention_says_so_and_pays_nothing(tiny_folder: Path, folder: Path) -> None:
    made = pipeline(tiny_folder)
    assert set(PARAMS) <= set(made.unused_params()) and not set(PARAMS) & set(pipeline(folder).unused_params())
    made.apply(controls())
    assert made.attention.inputs() is None


def test_moving_the_faders_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for `mx.compile` that counts traces: a new tree of shapes is a new one."""
    traces: list[object] = []

    def compile_(function: Any, inputs: Any = None, outputs: Any = None) -> Any:
        seen: set[str] = set()

        def call(*arguments: Any) -> Any:
            shape = repr(_shapes(arguments))
            if shape not in seen:
                seen.add(shape)
                traces.append(shape)
            return function(*arguments)

        return call

    monkeypatch.setattr(mx, "compile", compile_)
    made = Pipeline.load(ModelSpec(folder), 64, 64, compiled=True)
    made.warm_up()
    made.prompts.encode("lava")
    before = len(traces)
    for k, (strength, frames, interval) in enumerate([(0.2, 1, 1), (0.9, 4, 2), (0.4, 3, 1), (0.0, 2, 1), (1.0, 2, 1)]):
        made.attention.set(strength, frames, interval)
        for seed in range(6):
            frame(made, 10 * k + seed)
    assert len(traces) == before


def _shapes(tree: Any) -> Any:
    if isinstance(tree, mx.array):
        return tuple(tree.shape)
    if isinstance(tree, list | tuple):
        return [_shapes(each) for each in tree]
    return tree


def test_the_director_tells_jumps_from_fades() -> None:
    from livemusviz.bridge.features import AudioFeatures

    params = Params(prompt="lava", fade=2.0)
    director, now = Director((4, 4, 8), params), 0.0

    def cut(params: Params) -> bool:
        nonlocal now
        now += 1 / 30
        return director.step(now, AudioFeatures.rest(now), params).cut

    assert cut(params) and not cut(params)
    assert not cut(replace(params, seed=9)) and not cut(replace(params, seed=9, prompt="sea"))
    for _ in range(90):
        assert not cut(replace(params, seed=9, prompt="sea"))
    at_once = replace(params, seed=4, prompt="sea", fade=0.0)
    assert cut(at_once) and not cut(at_once)
    assert cut(replace(at_once, prompt="snow")) and not cut(replace(at_once, prompt="snow"))
