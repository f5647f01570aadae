"""The torch model: the folder's pictures are of the prompt's colour, and training lowers the loss. Needs torch,
diffusers and transformers."""

from pathlib import Path

import numpy as np
import pytest

from livemusviz.diffusion.folder import EMBEDDED, resolve_model

FOLDER = resolve_model(EMBEDDED)

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")


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
    from training.painter import Painter

    return Painter(load(FOLDER), FOLDER / "tokenizer/tokenizer.json")


def test_prompt_colours_the_picture(painter) -> None:  # type: ignore[no-untyped-def]
    from training.figures import dominant_hue, hue_error

    for prompt, hue in (("deep blue ocean", 222), ("red lava", 0), ("green fire", 135)):
        image = painter(prompt, 5)
        assert image.shape == (256, 256, 3) and image.std() > 0.1
        assert hue_error(dominant_hue(image), hue) <= 30, prompt


def test_wide_pictures_and_half_way_prompts_keep_their_contrast(painter) -> None:  # type: ignore[no-untyped-def]
    from training.painter import noise

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


def test_a_critic_learns_to_tell_and_leaves_its_gradients_to_itself() -> None:
    import torch

    from training.critic import Critic, balance, critic_loss, painter_loss, texture_loss

    torch.manual_seed(0)
    wanted, made = torch.rand(4, 3, 64, 64) * 2 - 1, torch.zeros(4, 3, 64, 64, requires_grad=True)
    family = torch.arange(4)
    critic = Critic(4, width=16)
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss = critic_loss(critic, made.detach(), wanted, family)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
    optimiser.zero_grad(set_to_none=True)
    fault, matching = painter_loss(critic, made, wanted, family)
    (fault + matching).backward()
    assert made.grad is not None and made.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())
    last = torch.ones(3, requires_grad=True)
    factor = balance((2 * last).sum(), (0.5 * last).square().sum(), last)  # gradients of 2 and 0.5
    assert float(factor) == pytest.approx(4.0, rel=1e-3) and not factor.requires_grad
    assert texture_loss(made, wanted) > 5 * texture_loss(wanted.roll(1, 3), wanted) > 0


def _words():  # type: ignore[no-untyped-def]
    from training.captions import Lexicon
    from training.teacher import WIDTH, Words, grammar_words

    pieces = grammar_words()
    vectors = np.random.default_rng(0).standard_normal((len(pieces), WIDTH), dtype=np.float32)
    return Words(pieces, vectors, Lexicon((("red", "eye", "red"),), (("a b", "eye", "red"),), (("b", "red"),), ("c",)))


def test_words_survive_the_disk(tmp_path: Path) -> None:
    from training.teacher import Words

    words = _words()
    words.save(tmp_path / "words.json")
    again = Words.load(tmp_path / "words.json")
    assert again.pieces == words.pieces and again.lexicon == words.lexicon
    assert (again.vectors == words.vectors).all()


def test_steps_lower_the_loss_and_a_checkpoint_resumes(tmp_path: Path) -> None:
    import threading

    import torch

    from training import tokens
    from training.train import Plan, Shared, Trainer, draw_batch

    plan, words = Plan(out=tmp_path, critic_from=0.3), _words()
    tokenizer = tokens.build(words.pieces)
    trainer = Trainer(plan, words, "cpu")
    shared = Shared(None, torch.zeros(2, sum(p.numel() for p in trainer.muon.parameters)), None, threading.Barrier(1))
    table = trainer.model.word_table.clone()

    def batch(shape: tuple[int, int], count: int):  # type: ignore[no-untyped-def]
        return draw_batch(plan, tokenizer, words.lexicon, 0, 0, shape, count)

    drawn, told = batch((0, 0), 16), []
    for _ in range(3):
        told.append(trainer.gradients(drawn, 0.1)[1])
        trainer.step(0.1, 0, shared, 0, 1)
    drawn, losses = batch((4, 4), 2), []
    for share in (0.1, 0.1, 0.1, 0.4):
        found = trainer.gradients(drawn, share)
        losses.append(found[0])
        assert (found[2] > 0) == (share > plan.critic_from)
        trainer.step(share, 2, shared, 0, 1)
    assert losses[-1] < losses[0] and told[-1] < told[0]
    assert (trainer.model.word_table == table).all(), "the teacher's embeddings must stay"
    trainer.save()
    again = Trainer(plan, words, "cpu")
    assert again.steps == 7 and again.samples == 8
    assert all((a == b).all() for a, b in zip(again.model.parameters(), trainer.model.parameters(), strict=True))
    assert all((a == b).all() for a, b in zip(again.muon.averages, trainer.muon.averages, strict=True))
    assert (again.critic.score.weight == trainer.critic.score.weight).all()


def test_the_encoder_finds_the_pictures_latents_again(painter) -> None:  # type: ignore[no-untyped-def]
    """What it draws from a picture's latents is nearer to the picture than the picture's own mean colours are."""
    import torch

    vae = painter.model.vae
    for prompt in ("deep blue ocean", "violet crystals", "neon synthwave"):
        image = torch.from_numpy(painter(prompt, 9) * 2 - 1).permute(2, 0, 1)[None]
        with torch.no_grad():
            again = vae.decoder(vae.encoder(image))
        coarse = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(image, 16), scale_factor=16)
        assert (again - image).abs().mean() < 0.75 * (coarse - image).abs().mean(), prompt
