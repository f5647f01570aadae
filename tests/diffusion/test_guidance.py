"""Steps and guidance without torch: the stream batch against single frames, R-CFG against its other form."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from safetensors.numpy import save_file

from livemusviz.diffusion.cached_attention import MOST_FRAMES
from livemusviz.diffusion.conditioning import UNetInputs
from livemusviz.diffusion.denoiser import Guide, StreamFrame
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import LoraSpec, ModelSpec
from livemusviz.diffusion.unet import UNet2DConditionModel
from livemusviz.errors import UserError
from livemusviz.params.params import MAX_CONTROLS, control_params
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, SCHEDULER, TINY_TEXT, write_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Stable-Diffusion-like model with a time embedding that hears no prompt."""
    path = tmp_path_factory.mktemp("models") / "attentive"
    return write_model(path, ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, SCHEDULER | {"prediction_type": "epsilon"})


def load(folder: Path, scheduler: str = "euler", steps: int = 1, **choices: Any) -> Pipeline:
    return Pipeline.load(ModelSpec(folder, sampling=Sampling(scheduler, steps), **choices), 64, 64)


def noises(pipeline: Pipeline, count: int) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((count, *pipeline.latent_shape), dtype=np.float32)


@pytest.mark.parametrize("scheduler", ["euler", "lcm", "tcd", "ddim"])
@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("guidance", ["none", "full", "self", "initialize"])
def test_a_stream_batch_gives_each_frame_what_it_would_get_alone(
    folder: Path, scheduler: str, steps: int, guidance: str
) -> None:
    alone = load(folder, scheduler, steps, guidance=guidance)
    stream = load(folder, scheduler, steps, guidance=guidance, stream=True)
    options = FrameOptions(1.7, 0.8)
    text = "red lava"
    late = steps - 1
    xs = noises(alone, late + 3)
    wanted = [alone.generate(x, alone.prompts.encode(text), options=options).astype(int) for x in xs[:3]]
    found = [stream.generate(x, stream.prompts.encode(text), options=options).astype(int) for x in xs]
    for k in range(len(xs) - late):
        assert np.abs(found[k + late] - wanted[k]).max() <= 1, k
    assert all(image[..., :3].std() > 1 for image in found[:late])


@pytest.mark.parametrize("guidance", ["self", "initialize"])
def test_r_cfg_in_streamdiffusions_own_form(folder: Path, guidance: str) -> None:
    """There a `stock` of noise goes from step to step: fresh noise, plus what the last step's prediction was off by."""
    pipeline = load(folder, "lcm", 3, guidance=guidance)
    scheduler, scale, delta = pipeline.parts.scheduler, 1.4, 0.7
    text, negative = (pipeline.prompts.encode(p).inputs for p in ("red lava", "blue ocean"))
    draws = noises(pipeline, 3)
    x = draws[0]
    stock = predict(pipeline, x, 0, negative) if guidance == "initialize" else x
    for i in range(3):
        a, b = scheduler.signal[i], scheduler.noise[i]
        eps = delta * stock + scale * (predict(pipeline, x, i, text) - delta * stock)
        x0 = (x - b * eps) / a
        if i < 2:
            a_next, b_next = scheduler.signal[i + 1], scheduler.noise[i + 1]
            x = a_next * x0 + b_next * draws[i + 1]
            stock = draws[i + 1] + a_next / b_next * b / a * (stock - eps)
    against = negative if guidance == "initialize" else None
    fresh = [mx.array(draw)[None] for draw in (*draws[1:], draws[0])]
    frame = pipeline.denoiser.start(mx.array(draws[0])[None], None)
    found = pipeline.denoiser.run(frame, text, Guide(mx.array(scale), mx.array(delta), against), fresh)
    np.testing.assert_allclose(np.array(found)[0], x0, rtol=1e-3, atol=1e-3)
    plain = load(folder, "lcm", 3).denoiser.run(frame, text, Guide(mx.array(1.0), mx.array(1.0)), fresh)
    assert np.abs(np.array(plain)[0] - x0).mean() > 0.05


PLAIN_GUIDE = Guide(mx.array(1.0), mx.array(1.0))


def predict(pipeline: Pipeline, x: np.ndarray, i: int, instruction: UNetInputs) -> np.ndarray:
    latents = mx.array(x)[None]
    frame = StreamFrame(latents, latents, latents)
    (prediction,) = pipeline.denoiser._predict([(frame, i, instruction)], PLAIN_GUIDE)
    return np.array(prediction)[0]


def test_full_guidance_at_one_is_none_and_leads_away_from_the_negative_prompt(folder: Path) -> None:
    full, none = load(folder, guidance="full"), load(folder)
    x = noises(full, 1)[0]
    text, sea = full.prompts.encode("red lava"), full.prompts.encode("blue ocean")
    plain = none.generate(x, none.prompts.encode("red lava"))
    np.testing.assert_allclose(
        full.generate(x, text, options=FrameOptions(1.0, negative=sea)).astype(int), plain, atol=1
    )
    strong = full.generate(x, text, options=FrameOptions(6.0, negative=sea))
    assert (strong != plain).mean() > 0.1
    np.testing.assert_array_equal(
        full.generate(x, text, options=FrameOptions(6.0, negative=text)), full.generate(x, text)
    )


def test_moving_every_fader_of_a_large_model_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guidance, delta, feedback, prompts, a live LoRA: the UNet's Python body runs only while it is traced."""
    if shutil.which("g++") is None:
        pytest.skip("MLX compiles for the CPU with g++")
    path = folder.parent / "change.safetensors"
    key = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    rng = np.random.default_rng(0)
    halves = {f"{key}.lora_A.weight": (4, 16), f"{key}.lora_B.weight": (16, 4)}
    save_file({name: rng.standard_normal(shape).astype(np.float32) for name, shape in halves.items()}, path)
    spec = ModelSpec(
        folder, sampling=Sampling("lcm", 2), guidance="initialize", stream=True, loras=(LoraSpec(path, live=True),)
    )
    traces = []
    call = UNet2DConditionModel.__call__

    def counting(self: Any, *args: Any) -> mx.array:
        traces.append(1)
        return call(self, *args)

    monkeypatch.setattr(UNet2DConditionModel, "__call__", counting)
    pipeline = Pipeline.load(spec, 64, 64, compiled=True)
    pipeline.warm_up()
    warm = 2 * (1 + MOST_FRAMES + 1)  # without cached attention, then with it filling up; of one prompt, and of two
    assert len(traces) == warm
    pictures = []
    for i, x in enumerate(noises(pipeline, 6)):
        pipeline.set_lora_weights(i / 2)
        text = pipeline.prompts.encode((("red", 1.0), ("blue", i / 3)))
        negative = pipeline.prompts.encode("dull")
        pictures.append(pipeline.generate(x, text, i / 9, FrameOptions(1 + i / 5, 1 - i / 9, negative)))
    assert len(traces) == warm
    plain = Pipeline.load(spec, 64, 64, compiled=False)
    for i, x in enumerate(noises(plain, 6)):
        plain.set_lora_weights(i / 2)
        text = plain.prompts.encode((("red", 1.0), ("blue", i / 3)))
        negative = plain.prompts.encode("dull")
        picture = plain.generate(x, text, i / 9, FrameOptions(1 + i / 5, 1 - i / 9, negative))
        assert np.abs(picture.astype(int) - pictures[i]).max() <= 2


def test_other_steps_while_running(folder: Path) -> None:
    pipeline = load(folder, "lcm", 1, stream=True)
    text, x = "red lava", noises(pipeline, 1)[0]
    one = pipeline.generate(x, pipeline.prompts.encode(text))
    pipeline.reschedule(3)
    assert pipeline.denoiser.steps == 3
    three = [pipeline.generate(x, pipeline.prompts.encode(text)) for _ in range(3)][-1]
    alone = load(folder, "lcm", 3)
    assert np.abs(three.astype(int) - alone.generate(x, alone.prompts.encode(text))).max() <= 1
    with pytest.raises(UserError, match="51 steps"):
        pipeline.reschedule(51)
    assert pipeline.denoiser.steps == 3
    for wrong in ((0, 0), (32, 16)):
        with pytest.raises(UserError, match="ascending"):
            pipeline.reschedule(0, wrong)
    pipeline.reschedule(0, (16, 32))
    assert pipeline.parts.scheduler.timesteps.tolist() == [679.0, 359.0]
    with pytest.raises(UserError, match="t_list 7: there are 4"):
        pipeline.reschedule(4, (0, 7))
    pipeline.reschedule(0)
    np.testing.assert_array_equal(pipeline.generate(x, pipeline.prompts.encode(text)), one)


def test_more_steps_than_a_stream_batch_holds_are_made_one_after_the_other(folder: Path) -> None:
    stream, alone = load(folder, "lcm", 6, stream=True), load(folder, "lcm", 6)
    for x in noises(alone, 2):
        wanted = alone.generate(x, alone.prompts.encode("red lava")).astype(int)
        assert np.abs(stream.generate(x, stream.prompts.encode("red lava")) - wanted).max() <= 1
    assert not stream._state.stream


def test_a_stream_batch_that_begins_in_a_running_show_begins_from_its_picture(folder: Path) -> None:
    """The frames that nobody asked for, until the first of the batch is through, are near the last one."""
    pipeline = load(folder, "lcm", 1, stream=True)
    x, text = noises(pipeline, 1)[0], "red lava"
    before = pipeline.generate(x, pipeline.prompts.encode(text)).astype(int)
    pipeline.reschedule(4)
    pipeline.generate(x, pipeline.prompts.encode(text))
    kept = pipeline._state.stream[-1].x
    fresh = load(folder, "lcm", 4, stream=True)
    fresh.generate(x, fresh.prompts.encode(text))
    assert before.std() > 1 and np.abs(np.array(kept - fresh._state.stream[-1].x)).mean() > 0.01


@pytest.mark.parametrize("guidance", ["self", "initialize"])
@pytest.mark.parametrize("scheduler", ["lcm", "tcd", "ddim"])
def test_r_cfg_without_a_signal_in_the_first_step_is_refused(folder: Path, scheduler: str, guidance: str) -> None:
    config = SCHEDULER | {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(config))
    try:
        with pytest.raises(UserError, match=f"--guidance {guidance}; use full"):
            load(folder, scheduler, 2, guidance=guidance)
        x = noises(full := load(folder, scheduler, 2, guidance="full"), 1)[0]
        assert full.generate(x, full.prompts.encode("red lava"), options=FrameOptions(2.0)).std() > 1
    finally:
        (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER | {"prediction_type": "epsilon"}))


def test_a_live_lora_of_the_unet_alone_leaves_encoded_texts_as_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "unet.down_blocks.0.resnets.0.conv1"
    rng = np.random.default_rng(0)
    down, up = rng.standard_normal((2, 16, 3, 3)), rng.standard_normal((16, 2, 1, 1))
    tensors = {f"{name}.lora_A.weight": down.astype(np.float32), f"{name}.lora_B.weight": up.astype(np.float32)}
    save_file(tensors, tmp_path / "lora.safetensors")
    pipeline = load(folder, loras=(LoraSpec(tmp_path / "lora.safetensors", 1.0, True),))
    pipeline.prompts.encode("red lava")
    monkeypatch.setattr(pipeline.parts.text, "encode", None)
    pipeline.set_lora_weights(0.5)
    pipeline.prompts.encode("red lava")


def test_a_picture_to_start_from(folder: Path) -> None:
    """At little strength the picture is kept, as far as its autoencoder can; at full strength the noise wins."""
    rng = np.random.default_rng(8)
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)

    def drawn(strength: float) -> np.ndarray:
        made = Pipeline.load(ModelSpec(folder, sampling=Sampling(strength=strength)), 64, 64)
        made.set_init_image(picture)
        latents = made.denoiser.start(mx.array(noises(made, 1)), made.init.latents).x
        made.generate(noises(made, 1)[0], made.prompts.encode("red"))
        made.set_init_image(None)
        assert made.init.latents is None
        return np.array(latents)

    pipeline = load(folder)
    pipeline.set_init_image(picture)
    x0 = np.array(pipeline.init.latents)
    distances = [np.abs(drawn(strength) - x0).mean() for strength in (0.02, 0.3, 1.0)]
    assert distances[0] < 0.25 * distances[2] and distances[0] < distances[1] < distances[2]
    with pytest.raises(ValueError, match="this pipeline takes"):
        pipeline.set_init_image(picture[:32])
    with pytest.raises(UserError, match="strength 0"):
        drawn(0.0)


def test_parameters_that_move_nothing_are_known(folder: Path) -> None:
    unused = ("delta", "negative_prompt", "guidance_scale", "lora_weight")
    styles = ("style", "style_list", "style_scale")
    controls = tuple(name for n in range(1, MAX_CONTROLS + 1) for name in control_params(n))
    assert load(folder).unused_params() == unused + styles + controls
    assert load(folder, guidance="full").unused_params() == ("lora_weight", *styles, *controls)
    assert load(folder).unknown_words(["nonsense qwxz"]) == ()  # CLIP's vocabulary spells out what it does not know
