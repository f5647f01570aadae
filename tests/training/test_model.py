"""The torch model: the folder's pictures are of the prompt's colour, and training lowers the loss. Needs torch,
diffusers and transformers."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

FOLDER = Path(__file__).parents[2] / "livemusviz/diffusion/embedded"


@pytest.fixture(scope="module", autouse=True)
def one_thread():  # type: ignore[no-untyped-def]
    """Several threads crawl when the machine is busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def painter():  # type: ignore[no-untyped-def]
    from training.export import load
    from training.grid import Painter

    return Painter(load(FOLDER), FOLDER / "tokenizer/tokenizer.json")


def test_prompt_colours_the_picture(painter) -> None:  # type: ignore[no-untyped-def]
    from training.grid import dominant_hue, hue_error, noise

    for prompt, hue in (("deep blue ocean", 222), ("red lava", 0), ("green fire", 135)):
        image = painter.paint(painter.embed(prompt), noise(5))
        assert image.shape == (256, 256, 3) and image.std() > 0.1
        assert hue_error(dominant_hue(image), hue) <= 30, prompt


def test_wide_pictures_and_half_way_prompts_keep_their_contrast(painter) -> None:  # type: ignore[no-untyped-def]
    from training.grid import noise

    assert painter.paint(painter.embed("purple nebula"), noise(1, 22, 40)).shape == (352, 640, 3)
    middle = (painter.embed("deep blue ocean") + painter.embed("red lava")) / 2
    assert painter.paint(middle, noise(1)).std() > 0.08


def test_input_scale_is_eulers() -> None:
    from training.model import input_scale

    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)[-1]
    sigma = ((1 - kept) / kept) ** 0.5
    assert input_scale() == pytest.approx(sigma / (sigma**2 + 1) ** 0.5, rel=1e-4)


def test_muons_update_has_no_favourite_direction() -> None:
    import torch

    from training.muon import orthogonal

    gradient = torch.randn(24, 10, 3, 3) + 5.0
    values = torch.linalg.svdvals(orthogonal(gradient).reshape(24, 90))
    assert values.max() < 1.4 and values.min() > 0.3
    assert torch.linalg.svdvals(gradient.reshape(24, 90))[0] > 10 * torch.linalg.svdvals(gradient.reshape(24, 90))[-1]


def test_steps_lower_the_loss_and_a_checkpoint_resumes(tmp_path: Path) -> None:
    import threading

    import torch

    from training import captions, tokens
    from training.train import Plan, Shared, Trainer, draw_batch

    plan = Plan(out=tmp_path)
    tokenizer = tokens.train(captions.corpus(0, 200), 800)
    sizes = (tokenizer.get_vocab_size(), tokenizer.token_to_id(tokens.START), tokenizer.token_to_id(tokens.END))
    trainer = Trainer(plan, sizes, "cpu")
    shared = Shared(None, torch.zeros(2, sum(p.numel() for p in trainer.muon.parameters)), None, threading.Barrier(1))
    words = draw_batch(plan, tokenizer, 0, 0, 0, 8)
    told = [trainer.gradients(words, 0.1)[1]]
    trainer.step(0.1, 0, shared, 0, 1)
    batch = draw_batch(plan, tokenizer, 0, 0, 4, 2)
    losses = []
    for _ in range(4):
        picture, told_now = trainer.gradients(batch, 0.1)
        losses.append(picture)
        told.append(told_now)
        trainer.step(0.1, 2, shared, 0, 1)
    assert losses[-1] < losses[0] and told[1] < told[0]
    trainer.save()
    again = Trainer(plan, sizes, "cpu")
    assert again.steps == 5 and again.samples == 8
    assert all((a == b).all() for a, b in zip(again.model.parameters(), trainer.model.parameters(), strict=True))
    assert all((a == b).all() for a, b in zip(again.muon.averages, trainer.muon.averages, strict=True))
