"""The blank pictures of a strobe: found on points, and not shown while the limiter holds back."""

import numpy as np
import pytest

from livemusviz.director.stage import Look
from livemusviz.display.flash_blank import CALM, BlankWatch
from livemusviz.display.flash_guard import factor, inward

from .conftest import Stage, colourful
from .test_limiter import FPS, fails

BLANK = {"white": 1.0, "black": 0.0, "grey": 0.2}


def points(seed=1):
    """A picture as it is measured, float32 (72, 96, 4)."""
    small = np.random.default_rng(seed).random((9, 12, 4)).astype(np.float32)
    return np.repeat(np.repeat(small, 8, 0), 8, 1)


def flat(level):
    return np.full((72, 96, 4), level, np.float32)


@pytest.mark.parametrize("colour", BLANK)
def test_a_strobe_over_a_picture_is_blank_where_it_covers_it(colour):
    watch, picture, found = BlankWatch(), points(), []
    for i in range(60):
        covered = i // 6 % 2 == 1
        light = flat(BLANK[colour]) if covered else picture
        found.append(watch.is_blank(i / FPS, i == 6, light, picture) == covered)
    assert all(found)


def test_at_rest_nothing_is_blank():
    watch, picture = BlankWatch(), points()
    assert not any(watch.is_blank(i / FPS, False, flat(1.0) if i % 2 else picture, picture) for i in range(60))


def test_a_strobe_that_ends_blank_is_shown_in_the_end():
    watch, picture = BlankWatch(), points()
    assert watch.is_blank(0.0, True, flat(1.0), picture)
    found = [watch.is_blank(i / FPS, False, flat(1.0), picture) for i in range(1, 60)]
    assert sum(found) == pytest.approx(CALM * FPS, abs=1) and found == sorted(found, reverse=True)


def test_a_picture_that_is_dimmed_or_flashes_in_a_ninth_is_not_blank():
    watch, picture = BlankWatch(), points()
    ninth = picture.copy()
    ninth[24:48, 32:64] = 1.0
    for i in range(60):
        light = (picture, picture * 0.3, ninth)[i // 6 % 3]
        assert not watch.is_blank(i / FPS, True, light, picture)


def test_a_picture_that_fades_slowly_is_not_blank():
    watch, picture = BlankWatch(), points()
    for i in range(31):
        light = picture + (flat(0.5) - picture) * (i / 30.0)
        assert not watch.is_blank(i / FPS, True, light, light)


def test_two_colours_that_take_turns_have_no_picture_to_cover():
    watch = BlankWatch()
    assert not any(watch.is_blank(i / FPS, True, flat(float(i // 6 % 2)), flat(0.0)) for i in range(60))


@pytest.mark.parametrize("colour", ["white", "black"])
def test_under_a_strobe_the_picture_is_seen_and_goes_on_moving(ctx, colour):
    """A strobe of 5 Hz covers a moving picture. After two seconds the canvas is like the picture all of the time."""
    stage = Stage(ctx, look=Look(chain=()), limit=True)
    stage.settle(colourful(0.0))
    canvases, pictures = [], []
    for i in range(4 * FPS):
        picture = colourful(i / 60.0)
        shown = picture.copy()
        if i * 10 // FPS % 2 == 1:
            shown[..., :3] = round(255 * BLANK[colour])
        stage.show(shown)
        canvases.append(stage.run(1))
        pictures.append(picture[..., :3].mean())
    assert not fails(np.array(canvases))
    levels = np.array([canvas.mean() for canvas in canvases[2 * FPS :]])
    assert np.abs(levels - np.array(pictures[2 * FPS :])).max() < 5.0
    assert np.abs(canvases[-1] - canvases[-FPS // 2]).mean() > 5.0, "it moves"


def test_gains_pass_softly_into_the_cells_that_stay():
    changed = np.zeros((9, 12), bool)
    changed[1:8, 1:9] = True
    changed[4, 5] = False  # a gap
    parts = inward(changed)
    assert parts.max() == 1.0 and parts[4, 5] == 1.0 and (parts[:, 10:] == 0.0).all()
    assert max(np.abs(np.diff(parts, axis=axis)).max() for axis in (0, 1)) < 0.5
    assert (inward(np.ones((9, 12), bool)) == 1.0).all() and (inward(np.zeros((9, 12), bool)) == 0.0).all()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_changed_the_factors_give_the_mean_that_is_allowed(seed):
    rng = np.random.default_rng(seed)
    last = rng.random((9, 12))
    values = np.where(rng.random((9, 12)) < 0.8, rng.random((9, 12)), last)
    wanted = 0.85 * float(values.mean())
    gains = factor(last, values, wanted)
    assert gains is not None and gains.min() > 0.0
    assert float((gains * values).mean()) == pytest.approx(wanted)
