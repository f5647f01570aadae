"""The flash limiter, on its rule and on pixels: no more than three flashes in any second (WCAG 2.3.1)."""

import numpy as np
import pytest

from livemusviz.director.stage import Look
from livemusviz.display.flash import CHANGE, FlashGuard
from livemusviz.display.limiter import mixture

from .conftest import Stage, colourful, flat

FPS = 60


def luminance(picture):
    """Mean relative luminance of float RGB 0..255, after WCAG's definition."""
    rgb = picture / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float((linear @ (0.2126, 0.7152, 0.0722)).mean())


def flashes(levels, fps=FPS):
    """The most flashes in any second: pairs of opposing changes of a tenth or more, the darker state below 0.80."""
    turns, direction, low, high = [], 0, levels[0], levels[0]
    for i, level in enumerate(levels):
        low, high = min(low, level), max(high, level)
        if direction <= 0 and level - low >= CHANGE and low < 0.8:
            direction, low, high = 1, level, level
            turns.append(i / fps)
        elif direction >= 0 and high - level >= CHANGE and level < 0.8:
            direction, low, high = -1, level, level
            turns.append(i / fps)
    return max((sum(1 for t in turns if at <= t < at + 1.0) for at in turns), default=0) // 2


def strobe(stage, hertz, seconds=4.0):
    """Luminance of the canvas while white and black frames alternate, `hertz` times a second."""
    stage.settle(flat(0, 0, 0))
    levels, half = [], round(FPS / hertz / 2)
    for i in range(round(seconds * FPS)):
        if i % half == 0:
            stage.show(flat(*((255, 255, 255) if i // half % 2 == 0 else (0, 0, 0))))
        levels.append(luminance(stage.run(1)))
    return levels


def test_a_ten_hertz_strobe_is_held_to_three_flashes_a_second(ctx):
    look = Look(chain=())
    free, held = strobe(Stage(ctx, look=look), 10.0), strobe(Stage(ctx, look=look, limit=True), 10.0)
    assert flashes(free) >= 9, "or there is nothing to hold"
    assert 1 <= flashes(held) <= 3
    assert max(held) - min(held) > 0.3, "it still flashes as much as it may"


@pytest.mark.parametrize("hertz", [2.0, 5.0, 15.0, 30.0])
def test_other_rates(ctx, hertz):
    assert flashes(strobe(Stage(ctx, look=Look(chain=()), limit=True), hertz)) <= 3


def test_the_strobe_filter_too(ctx):
    def levels(limit):
        stage = Stage(ctx, look=Look(chain=("strobe",), inputs={"strobe": {"amount": 1.0}}), limit=limit)
        stage.settle(flat(10, 10, 10))
        return [luminance(stage.run(1, bpm=300.0, beat_phase=i / FPS * 5.0 % 1.0)) for i in range(240)]

    assert flashes(levels(False)) >= 4
    assert flashes(levels(True)) <= 3


def test_pictures_that_do_not_flash_are_left_alone(ctx):
    free, held = Stage(ctx), Stage(ctx, limit=True)
    for stage in (free, held):
        stage.settle(colourful(0.0))
    for i in range(60):
        for stage in (free, held):
            if i % 6 == 0:
                stage.show(colourful(i / 60.0))
        strength = float(np.exp(-(i % 30) / 6.0))
        a, b = (stage.run(1, energy=0.7, bass=1.0, onset_strength=strength) for stage in (free, held))
        assert (a == b).all()
    assert not held.compositor.limiter.active


def test_two_flashes_a_second_are_allowed(ctx):
    levels = strobe(Stage(ctx, look=Look(chain=()), limit=True), 2.0)
    assert max(levels[120:]) > 0.95 and min(levels[120:]) < 0.05


def test_blackout_is_not_held_up(ctx):
    from livemusviz.bridge.view import View

    stage = Stage(ctx, look=Look(chain=()), limit=True)
    strobe(stage, 10.0, 1.0)
    assert stage.run(6, view=View(blackout=True)).max() == 0


def test_the_rule_leaves_slow_changes_alone():
    guard = FlashGuard()
    for i in range(600):
        low, high = guard.bounds(i / FPS)
        level = 0.5 - 0.5 * np.cos(2 * np.pi * i / FPS)  # one flash a second
        assert low <= level <= high
        guard.shown(i / FPS, level)


def test_the_rule_lets_bright_pictures_flicker():
    guard = FlashGuard()
    for i in range(240):
        level = (0.82, 1.0)[i // 3 % 2]  # the darker one is above 0.80
        low, high = guard.bounds(i / FPS)
        assert low <= level <= high
        guard.shown(i / FPS, level)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_what_is_shown_keeps_the_rule(seed):
    rng, guard, shown = np.random.default_rng(seed), FlashGuard(), []
    for i in range(900):
        low, high = guard.bounds(i / FPS)
        assert low <= high
        last = shown[-1] if shown else 0.0
        assert low - 1e-9 <= last <= high + 1e-9, "the last picture may always stay"
        level = min(max(float(rng.choice([0.0, 1.0, rng.random()])), low), high)
        guard.shown(i / FPS, level)
        shown.append(level)
    assert flashes(shown) <= 3


def test_mixtures():
    assert mixture(0.0, 1.0, 1.0) == 1.0 and mixture(0.0, 1.0, 0.0) == 0.0
    assert mixture(0.0, 1.0, 0.5) == pytest.approx(0.5 ** (1 / 2.2))
    assert mixture(0.3, 0.3, 0.3) == 0.0
