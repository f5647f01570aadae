"""Striped patterns: seen where six or more cover a quarter of the picture for half a second, and told of once."""

import numpy as np
import pytest

from livemusviz.director.stage import Look
from livemusviz.display import state
from livemusviz.display.flash_pattern import WARNING, PatternWatch, is_striped

from .conftest import Stage, colourful

Y, X = np.mgrid[0:72, 0:96]
EVERYWHERE = np.full(X.shape, True)
QUARTER = (X < 48) & (Y < 36)
STRIP = Y < 18
NINTH = (X < 32) & (Y < 24)


def stripes(pairs, angle=0.0, light=1.0, dark=0.0, where=EVERYWHERE):
    """Luminance of a square wave with so many pairs in a width of the picture. angle : degrees."""
    phase = pairs / 96.0 * (X * np.cos(np.radians(angle)) + Y * np.sin(np.radians(angle)))
    return np.where(where, np.where(phase % 1.0 < 0.5, light, dark), 0.3)


@pytest.mark.parametrize("angle", [0.0, 20.0, 60.0, 90.0, 135.0])
@pytest.mark.parametrize("pairs", [10, 13, 24, 36])
def test_stripes_are_seen_in_any_direction(pairs, angle):
    assert is_striped(stripes(pairs, angle))


PICTURES = {
    "six pairs": (stripes(6), True),
    "four pairs": (stripes(4), False),
    "a quarter": (stripes(16, where=QUARTER), True),
    "a strip": (stripes(8, where=STRIP), True),
    "a ninth": (stripes(18, where=NINTH), False),
    "faint": (stripes(12, light=0.5, dark=0.38), True),
    "too faint": (stripes(12, light=0.5, dark=0.42), False),
    "too bright": (stripes(12, light=1.0, dark=0.85), False),
    "a sine": (0.5 + 0.5 * np.sin(2 * np.pi * 12 * X / 96), True),
    "black": (np.zeros(X.shape), False),
    "noise": (np.random.default_rng(0).random(X.shape), False),
    "checks": (((X // 6 + Y // 6) % 2).astype(float), False),
    "a ramp": (X / 96.0, False),
}


@pytest.mark.parametrize("name", PICTURES)
def test_only_stripes_of_enough_contrast_over_a_quarter_count(name):
    picture, seen = PICTURES[name]
    assert is_striped(picture) is seen


def light(picture):
    return np.repeat(picture[..., None], 4, axis=-1).astype(np.float32)


def test_they_must_stay_for_half_a_second():
    watch, there, plain = PatternWatch(), light(stripes(12)), light(np.zeros(X.shape))
    assert not any(watch.look(i / 60, there) for i in range(25))
    assert not any(watch.look(i / 60, plain) for i in range(25, 60))
    seen = [watch.look(i / 60, there) for i in range(60, 120)]
    assert not seen[25] and seen[40]
    assert watch.look(3.0, plain) and not watch.look(9.0, plain), "told of again only after some calm"


def test_a_watch_that_is_restored_goes_on_as_it_was():
    watch, other, there = PatternWatch(), PatternWatch(), light(stripes(12))
    for i in range(40):
        watch.look(i / 60, there)
    state.restore(other, state.capture(watch))
    assert watch.striped and other.striped
    assert other.look(40 / 60, there)


def striped_picture():
    image = np.full((256, 256, 4), 255, np.uint8)
    image[:, np.arange(256) // 8 % 2 == 0, :3] = 0
    return image


def test_the_operator_is_told_once(ctx):
    stage = Stage(ctx, look=Look(chain=()), limit=True)
    stage.settle(colourful(0.0))
    stage.run(60)
    assert not stage.compositor.limiter.patterns.striped and WARNING not in stage.compositor.problems
    stage.show(striped_picture())
    stage.run(120)
    assert stage.compositor.limiter.patterns.striped
    assert stage.compositor.problems.count(WARNING) == 1
