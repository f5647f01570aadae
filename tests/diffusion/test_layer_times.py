"""A row for each layer that a frame calls; the model is what it was afterwards."""

from pathlib import Path

import mlx.nn as nn
import numpy as np
import pytest

from livemusviz.diffusion.bench import run_bench
from livemusviz.diffusion.layer_times import layer_times, timed
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import ModelSpec


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("bits", [16, 4])
def test_every_layer_of_a_frame_has_a_row(embedded_like_folder: Path, bits: int, steps: int) -> None:
    model = ModelSpec(embedded_like_folder, bits=bits, sampling=Sampling(steps=steps))
    pipeline = Pipeline.load(model, 64, 64, compiled=False)
    noise, text = np.zeros(pipeline.latent_shape, dtype=np.float32), pipeline.prompts.encode("lava")
    before = pipeline.generate(noise, text)
    layers = [dict(model.named_modules()) for model in (pipeline.parts.unet, pipeline.parts.vae)]

    rows = {row["layer"]: row for row in layer_times(pipeline, noise, text, 2)}
    assert rows["unet.conv_in"]["input"][:3] == [1, 4, 4] and rows["unet.conv_in"]["calls"] == steps
    assert rows["unet.down_blocks.0.downsample"]["form"] == ("Conv2d" if bits == 16 else "PackedConv2d")
    assert rows["vae.decoder.fine_blocks.0.conv1"]["form"] == "F(4x4, 3x3)"
    assert rows["vae.decoder.expand"]["calls"] == min(len(pipeline.parts.streams), 4), "once a band"
    assert list(rows)[-1] == "between layers" and all(row["ms"] > 0 for row in rows.values())
    assert not any("time_proj" in name or "encoder." in name.replace("decoder.", "") for name in rows)

    after = [dict(model.named_modules()) for model in (pipeline.parts.unet, pipeline.parts.vae)]
    assert [{k: id(v) for k, v in of.items()} for of in layers] == [{k: id(v) for k, v in of.items()} for of in after]
    assert np.array_equal(pipeline.generate(noise, text), before)


def test_an_error_takes_the_stopwatches_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2), lambda x: x, nn.Linear(2, 3))
    layers = list(model.layers)
    with pytest.raises(ZeroDivisionError), timed(model) as found:
        assert len(found) == 2 and model.layers[0] is not layers[0]
        raise ZeroDivisionError
    assert all(a is b for a, b in zip(model.layers, layers, strict=True))


def test_bench_lists_them_when_asked(tiny_folder: Path) -> None:
    assert run_bench(ModelSpec(tiny_folder), (64, 64), 1, peers=False, precision=False)["layers"] == []
    figures = run_bench(ModelSpec(tiny_folder), (64, 64), 1, peers=False, precision=False, layers=True)
    assert figures["layers"][0]["layer"] == "unet.conv_in"
