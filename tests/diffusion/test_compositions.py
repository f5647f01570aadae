"""Prompts of two things: the embedded model draws the subject in its place and the background around it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livemusviz.bridge.frames import Controls
from livemusviz.diffusion.batches import BatchGenerator
from livemusviz.diffusion.compositions import Composition, composition, place
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.loop import conditioning
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.ranks import Ranks
from livemusviz.diffusion.spec import ModelSpec
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, SCHEDULER, TINY_TEXT, write_model
from training.hues import dominant_hue, hue_error

ABOVE, WITHIN = "red lava over deep blue ocean", "a pink flower inside green crystals"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(ModelSpec(resolve_model("embedded")), 256, 256)


def noise_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def drawn(pipeline: Pipeline, noise: np.ndarray, prompt: str, previous: str = "", fade: float = 1.0) -> np.ndarray:
    """float32 (256, 256, 3), 0..255, of one frame."""
    controls = Controls(noise, prompt, previous, fade, 0.0, True, 0.0)
    return pipeline.generate(noise, conditioning(pipeline, controls))[..., :3].astype(np.float32)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "subject", "background", "within"),
    [
        ("a black hole over a golden ocean", "a black hole", "a golden ocean", False),
        ("A Red Planet ABOVE blue mountains", "A Red Planet", "blue mountains", False),
        ("aurora behind a forest", "aurora", "a forest", False),
        ("a city under a storm", "a storm", "a city", False),
        ("rings in front of red lava", "rings", "red lava", True),
        ("a flower inside crystals", "a flower", "crystals", True),
        ("an eye in the sky", "an eye", "the sky", True),
        ("a planet above dunes, glowing, at night", "a planet, glowing, at night", "dunes, glowing, at night", False),
        ("dark, a planet above dunes", "dark, a planet", "dark, dunes", False),
        ("a moon over a lake in front of hills", "a moon", "a lake in front of hills", False),
        ("солнце over océan", "солнце", "océan", False),
    ],
)
def test_a_preposition_divides_a_prompt(prompt: str, subject: str, background: str, within: bool) -> None:
    assert composition(prompt) == Composition(subject, background, within)


@pytest.mark.parametrize(
    "prompt",
    [
        "", "deep blue ocean", "over", "ocean from above", "lava all over", "over and over again", "inside a cave",
        "golden galaxy in space", "a city in shades of amber", "mountains in the distance", "rain over, and over",
        "stars in the night", "stars in a black sky", "discover overture", "the view over the", "above",
        "waves over and over",
    ],
)  # fmt: skip
def test_other_prompts_are_of_one_thing(prompt: str) -> None:
    assert composition(prompt) is None


def test_of_a_weighted_list_both_halves_are_lists() -> None:
    found = composition(((ABOVE, 0.7), ("gold", 0.3), ("lava in the sky", 0.0)))
    assert found == Composition(
        (("red lava", 0.7), ("gold", 0.3)), (("deep blue ocean", 0.7), ("gold", 0.3)), within=False
    )
    assert composition((("gold", 0.5), ("lava", 0.5))) is None


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(16, 16, 32), (16, 28, 32), (9, 16, 32), (32, 18, 32), (1, 1, 32)])
def test_the_subject_is_above_or_in_the_middle_in_soft_edges(shape: tuple[int, int, int]) -> None:
    h, w, _ = shape
    above, middle = (place(noise_of(shape), within) for within in (False, True))
    assert above.shape == middle.shape == (h, w, 1) and above.dtype == middle.dtype == np.float32
    assert min(above.min(), middle.min()) >= 0 and max(above.max(), middle.max()) <= 1
    if h > 1:
        assert (above[0] == 1).all() and (above[-1] == 0).all()
        assert middle[h // 2, w // 2] == 1 and (middle[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


def test_the_edge_moves_as_little_as_its_noise_and_lies_elsewhere_for_another_seed() -> None:
    noise, other = noise_of((16, 16, 32)), noise_of((16, 16, 32), 1)
    near = np.cos(0.02) * noise + np.sin(0.02) * other
    for within in (False, True):
        first = place(noise, within, 0.25, 0.25)
        np.testing.assert_array_equal(first, place(noise, within, 0.25, 0.25))
        assert np.abs(place(near, within, 0.25, 0.25) - first).mean() < 0.02
        assert np.abs(place(other, within, 0.25, 0.25) - first).mean() > 0.02


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_above_and_below_have_the_hues_of_their_own_prompts(pipeline: Pipeline, seed: int) -> None:
    noise = noise_of(pipeline.latent_shape, seed)
    both, lava, ocean = (drawn(pipeline, noise, text) / 255 for text in (ABOVE, "red lava", "deep blue ocean"))
    for rows, own, other in ((slice(0, 90), lava, ocean), (slice(-70, None), ocean, lava)):
        assert hue_error(dominant_hue(both[rows]), dominant_hue(own[rows])) <= 20
        assert hue_error(dominant_hue(both[rows]), dominant_hue(other[rows])) > 60


def test_the_middle_and_the_corners_are_drawn_as_their_prompts_alone(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    both, flower, crystals = (drawn(pipeline, noise, t) for t in (WITHIN, "a pink flower", "green crystals"))
    where = np.kron(pipeline.prompts.shown(WITHIN, noise).inputs.regions[0].share[0, ..., 0], np.ones((16, 16)))
    for at, own, other in ((where == 1, flower, crystals), (where == 0, crystals, flower)):
        assert at.sum() > 2000
        assert np.abs(both - own)[at].mean() < 0.5 * np.abs(other - own)[at].mean()


def test_a_prompt_of_one_thing_costs_nothing_more(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    assert pipeline.prompts.shown("deep blue ocean", noise) is pipeline.prompts.encode("deep blue ocean")


def test_a_model_that_reads_sentences_gets_the_whole_one(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, SCHEDULER)
    other = Pipeline.load(ModelSpec(folder), 64, 64)
    assert other.prompts.shown(ABOVE, noise_of(other.latent_shape)) is other.prompts.encode(ABOVE)


# --- fades and batches ----------------------------------------------------------------------------


@pytest.mark.parametrize(("previous", "prompt"), [("golden dunes", ABOVE), (ABOVE, "golden dunes"), (ABOVE, WITHIN)])
def test_a_fade_leads_from_one_picture_to_the_other_by_places(pipeline: Pipeline, previous: str, prompt: str) -> None:
    noise = noise_of(pipeline.latent_shape)
    first, last = drawn(pipeline, noise, previous), drawn(pipeline, noise, prompt)
    start, middle, end = (drawn(pipeline, noise, prompt, previous, fade) for fade in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(start, first, atol=1)
    np.testing.assert_array_equal(end, last)
    blocks = (np.abs(middle - one).reshape(16, 16, 16, 16, 3).mean(axis=(1, 3, 4)) for one in (first, last))
    apart = np.abs(first - last).reshape(16, 16, 16, 16, 3).mean(axis=(1, 3, 4))
    near_first, near_last = (block < 0.3 * apart for block in blocks)
    assert near_first.mean() > 0.15 and near_last.mean() > 0.15
    assert (near_first | near_last).mean() > 0.6


def test_a_fade_of_a_prompt_to_itself_is_that_prompt(pipeline: Pipeline) -> None:
    noise = noise_of(pipeline.latent_shape)
    np.testing.assert_array_equal(drawn(pipeline, noise, ABOVE, ABOVE, 0.4), drawn(pipeline, noise, ABOVE))


def test_films_have_them_as_the_live_show_does() -> None:
    small = Pipeline.load(ModelSpec(resolve_model("embedded")), 64, 96)
    at = Controls(noise_of(small.latent_shape), "red lava", ABOVE, 0.0, 0.0, True, 0.0)
    wanted = [
        replace(at, fade=fade, noise=noise_of(small.latent_shape, i)) for i, fade in enumerate((0.0, 0.5, 0.7, 1))
    ]
    wanted += [replace(wanted[0], prompt=ABOVE, fade=1.0), replace(wanted[1], prompt=ABOVE, previous_prompt=WITHIN)]
    wanted += [replace(wanted[1], prompt="deep blue ocean", previous_prompt="red lava")]
    live = np.array([small.generate(c.noise, conditioning(small, c)) for c in wanted])
    generator = BatchGenerator(small, Ranks())
    made = np.array(generator.finish(generator.begin(wanted)))
    assert np.abs(made.astype(float) - live).mean() / 255 < 1e-3
