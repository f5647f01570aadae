"""The decoder becomes narrower between its fine convolutions and draws nearly what it drew. Needs torch and
diffusers."""

from pathlib import Path

import numpy as np
import pytest

from livemusviz.diffusion.folder import EMBEDDED, resolve_model

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")


def test_the_convolution_behind_is_fitted_to_the_channels_that_are_kept() -> None:
    import torch

    from training.model import Residual
    from training.narrow import narrowed

    torch.manual_seed(0)
    wide = Residual(6)
    with torch.no_grad():  # the last two channels are weaker copies of the first two: nothing it adds need be lost
        wide.conv1.weight[4:] = wide.conv1.weight[:2]
        wide.conv1.bias[4:] = wide.conv1.bias[:2]
        wide.conv2.weight[:, 4:] *= 0.2
        x = torch.randn(4, 6, 24, 24)
        wanted = wide(x) - x
        found = narrowed(wide, 4, x)(x) - x
    assert found.shape == wanted.shape and float((found - wanted).square().mean() / wanted.square().mean()) < 1e-4


def test_a_narrower_decoder_learns_the_pictures_of_the_base(tmp_path: Path) -> None:
    import torch

    from training import export, narrow

    torch.set_num_threads(1)
    folder = resolve_model(EMBEDDED)
    base = export.load(folder)
    hidden = base.vae.config["fine_hidden_channels"] - 8
    narrower = narrow.Narrower(base, folder / "tokenizer/tokenizer.json", None, hidden)
    before, rng = narrower.likeness(4), np.random.default_rng(0)
    for _ in range(4):
        narrower.step(rng, 0.2)
    assert 20 < before < narrower.likeness(4)
    narrow.save(narrower.model, tmp_path)
    export.export(export.restore(tmp_path), folder / "tokenizer/tokenizer.json", tmp_path / "out")
    made, start = export.load(tmp_path / "out").state_dict(), base.state_dict()
    assert made["vae.decoder.fine_blocks.1.conv2.weight"].shape[:2] == (48, hidden)
    for name, value in start.items():
        if "vae.decoder" not in name:
            assert torch.equal(value.half(), made[name].half()), name


def test_a_training_goes_on_until_its_minutes_are_spent(tmp_path: Path) -> None:
    import torch

    from training import narrow
    from training.export import load, restore
    from training.further import resume

    torch.set_num_threads(1)
    folder = resolve_model(EMBEDDED)
    begun = narrow.train(folder, tmp_path, 24, minutes=0.01)
    assert begun and resume(restore(tmp_path), tmp_path) >= 0.01
    further = narrow.train(folder, tmp_path, 24, minutes=0.03)
    assert further and narrow.train(folder, tmp_path, 24, minutes=0.03) == []
    assert resume(load(folder), tmp_path / "no such run") == 0.0
