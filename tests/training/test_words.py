"""The text side: definitions, the projection of meanings, its training against a finished painter, and its judges.
Needs torch, diffusers and transformers."""

from pathlib import Path

import numpy as np
import pytest

from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from training.captions import MODIFIERS, Lexicon, Wish
from training.families import FAMILIES
from training.palettes import HUES, NAMES
from training.teacher import WIDTH, Votes, Words, grammar_words, hidden_words

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

FOLDER = resolve_model(EMBEDDED)
NOUNS_FILE = """  1 a licence, indented
00000001 13 n 01 tomato 0 001 @ 00000003 n 0000 | mildly acid red fruit; "a ripe tomato"
00000002 03 n 01 rain_cloud 0 000 | a dark cloud; brings rain
00000003 13 n 01 berry 0 000 | a small fruit
"""
INDEX_FILE = """  1 a licence, indented
berry n 1 0 1 0 00000003
rain_cloud n 1 0 1 0 00000002
tomato n 2 1 @ 2 1 00000001 00000003
"""


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    (tmp_path / "data.noun").write_text(NOUNS_FILE)
    (tmp_path / "index.noun").write_text(INDEX_FILE)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tomato", "tomato: mildly acid red fruit"),
        ("tomatoes", "tomatoes: mildly acid red fruit"),
        ("berries", "berries: a small fruit"),
        ("rain cloud", "rain cloud: a dark cloud; brings rain"),
        ("xqzt", "xqzt"),
    ],
)
def test_a_word_is_followed_by_its_first_definition(wordnet: Path, text: str, wanted: str) -> None:
    from training.glosses import defined

    assert defined(text, wordnet) == wanted


def test_meanings_are_unit_vectors_from_the_mean_of_the_nouns(wordnet: Path) -> None:
    from training.glosses import Meanings

    def sentences(texts: list[str]) -> np.ndarray:
        return np.array([np.random.default_rng(len(text)).standard_normal(4) + 5 for text in texts], np.float32)

    vectors = Meanings(sentences, ["tomato", "berry", "rain cloud"], wordnet)(["tomato", "rain cloud"])
    assert vectors.shape == (2, 8) and np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert float(vectors[0] @ vectors[1]) < 0.5, "what all share must not count"


def test_the_projection_sets_families_apart_that_the_vectors_mix() -> None:
    import torch

    from training.projection import Projection, learn, project

    rng = np.random.default_rng(0)
    family = rng.integers(2, size=400)
    vectors = rng.standard_normal((400, 24)).astype(np.float32)
    vectors[:, 0] = 0.8 * (2 * family - 1)
    even = np.full((400, 2), 0.5, np.float32)
    votes = Votes(vectors, np.eye(2, dtype=np.float32)[family], even, even, even, np.ones(400, np.float32))
    model = learn(votes, steps=150, batch=64)
    rows = project(model, vectors)
    assert rows.shape == (400, WIDTH) and np.allclose((rows**2).mean(1), 1, atol=1e-3)

    def apart(x: np.ndarray) -> float:
        gap = x[family == 1].mean(0) - x[family == 0].mean(0)
        return float(np.linalg.norm(gap) / x.std(0).mean() / x.shape[1] ** 0.5)

    assert apart(rows) > 1.5 * apart(vectors)
    untrained = Projection(votes).eval()
    parts = [torch.from_numpy(part) for part in vars(votes).values()]
    with torch.no_grad():
        assert float(model.loss(parts)) < float(untrained.loss(parts))


def test_the_text_side_learns_what_the_painter_takes_of_plain_captions(tmp_path: Path) -> None:
    import torch

    from training import retext, tokens
    from training.export import restore

    pieces = grammar_words()
    rows = np.random.default_rng(0).standard_normal((len(pieces), WIDTH), dtype=np.float32)
    things, tints = (("red", "eye", "red"),), (("b", "red"),)
    Words(pieces, rows, Lexicon(things, (("a b", "eye", "red"),), tints, ("c",))).save(tmp_path / "words.json")
    tokens.build(pieces).save(str(tmp_path / "tokenizer.json"))
    losses = retext.train(FOLDER, tmp_path, steps=12, batch=16)
    assert np.mean(losses[-3:]) < losses[0]
    made, base = restore(tmp_path), retext.load(FOLDER)
    for name, value in base.state_dict().items():
        if name.startswith(("unet", "vae")) and "add_embedding" not in name:
            assert torch.equal(value, made.state_dict()[name]), name


def test_a_few_families_are_refined_and_the_rest_is_held(tmp_path: Path) -> None:
    import torch

    from training import refine, retext
    from training.export import restore

    base = retext.load(FOLDER)
    refiner = refine.Refiner(base, FOLDER / "tokenizer/tokenizer.json", None, ("contours", "geometry"))
    rng = np.random.default_rng(0)
    assert {refine.focused(rng, None, ("contours", "geometry")).family for _ in range(40)} == {"contours", "geometry"}
    assert float(refiner.kept_fault(rng, 8, 2)) == 0  # the model is the base still
    losses = [refiner.step(rng, 0.2, 4) for _ in range(3)]
    assert np.isfinite(losses).all() and float(refiner.kept_fault(rng, 8, 2)) > 0
    refine.save(refiner.model, tmp_path, 0.5)
    made, start = restore(tmp_path).state_dict(), base.state_dict()
    moved = {name for name, value in start.items() if not torch.equal(value, made[name])}
    assert moved and all(name.startswith("unet") and "add_embedding" not in name for name in moved)


def test_plain_captions_say_all_of_a_wish_in_the_usual_words() -> None:
    from training.retext import plain_captions

    wish = Wish("whales under a navy sky", "ocean", "deep blue", "gold", ("dark",))
    assert plain_captions(wish) == ["dark deep blue and golden ocean", "deep blue and golden ocean, dark"]
    assert plain_captions(Wish("sea", "ocean", "blue")) == ["blue ocean"]


def test_strangers_prompts_are_judged_by_families_and_hues() -> None:
    from training.strangers import faults, stranger_prompts

    class Judge:
        def ranking(self, image: np.ndarray) -> list[str]:
            return ["ocean", "tunnel", "silk", "eye"]

    prompts = stranger_prompts()
    assert len(prompts) == 30
    for wanted in prompts.values():
        assert wanted and set(wanted) <= {"families", "both", "colours"}
        assert {*wanted.get("families", []), *wanted.get("both", [])} <= set(FAMILIES)
        assert set(wanted.get("colours", [])) <= set(HUES)
    assert set(hidden_words()).isdisjoint(grammar_words())
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1.0
    assert not faults(red, {"families": ["ocean"], "both": ["ocean", "silk"], "colours": ["red"]}, Judge())  # type: ignore[arg-type]
    wrong = {"families": ["tunnel"], "both": ["ocean", "eye"], "colours": ["blue"]}
    assert len(faults(red, wrong, Judge())) == 3  # type: ignore[arg-type]


def test_the_two_things_of_a_picture_are_looked_for_in_its_halves_too() -> None:
    from training.strangers import likeliest

    class Judge:
        def ranking(self, image: np.ndarray) -> list[str]:
            order = {(1.0, 0.0): "planet", (1.0,): "eye", (0.0,): "ocean"}
            first = order[tuple(sorted(set(image[:, 0, 0].tolist()), reverse=True))]
            return [first, "silk", "ink", "never"]

    picture = np.zeros((16, 16, 3), np.float32)
    picture[:8] = 1.0
    assert likeliest(picture, Judge()) == {"planet", "eye", "ocean", "silk", "ink"}  # type: ignore[arg-type]


def test_similarity_is_one_for_the_same_picture_and_low_for_noise() -> None:
    import torch

    from training.strangers import structural_similarity

    a, b = torch.rand(2, 40, 40, generator=torch.Generator().manual_seed(0))
    found = structural_similarity(torch.stack([a, a, b]))
    assert found[0, 1] == pytest.approx(1.0, abs=1e-4) and abs(found[0, 2]) < 0.2


def test_votes_join() -> None:
    one = Votes(*(np.ones((2, n), np.float32) for n in (4, len(FAMILIES), len(NAMES), len(NAMES), 3)), np.ones(2))  # type: ignore[arg-type]
    assert (one + one).vectors.shape == (4, 4) and (one + one).weights.shape == (4,)
    assert len(MODIFIERS) == 11
