"""The torch model: the folder's pictures are of the prompt's colour, and training lowers the loss. Needs torch,
diffusers and transformers."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

FOLDER = Path(__file__).parents[2] / "livemusviz/diffusion/embedded"


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


def test_a_step_lowers_the_loss_and_a_checkpoint_resumes(tmp_path: Path) -> None:
    from training import captions, tokens
    from training.train import Plan, Trainer, _batch

    plan = Plan(out=tmp_path)
    tokenizer = tokens.train(captions.corpus(0, 200), 800)
    sizes = (tokenizer.get_vocab_size(), tokenizer.token_to_id(tokens.START), tokenizer.token_to_id(tokens.END))
    trainer = Trainer(plan, sizes, "cpu")
    batch = _batch(plan, tokenizer, 0, 0, False, 2)
    losses = []
    for _ in range(4):
        losses.append(trainer.gradients(batch))
        trainer.step(0.05, 2)
    assert losses[-1] < losses[0]
    trainer.save()
    again = Trainer(plan, sizes, "cpu")
    assert again.steps == 4 and again.samples == 8
    assert all((a == b).all() for a, b in zip(again.parameters, trainer.parameters, strict=True))
