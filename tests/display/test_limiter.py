"""The flash limiter, on its rule and on pixels: no more than three flashes in any second (WCAG 2.3.1)."""

from collections import deque

import numpy as np
import pytest

from livemusviz.director.stage import Look
from livemusviz.display.flash import DARK, LUMINANCE_CHANGE, busy_seconds
from livemusviz.display.flash_guard import CanvasGuard, mixture, softened
from livemusviz.display.flash_mean import MeanGuard
from tests import iris

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
        if direction <= 0 and level - low >= LUMINANCE_CHANGE and low < 0.8:
            direction, low, high = 1, level, level
            turns.append(i / fps)
        elif direction >= 0 and high - level >= LUMINANCE_CHANGE and level < 0.8:
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


def test_a_part_that_is_held_back_has_soft_edges():
    needed = np.random.default_rng(3).random((9, 12)) ** 0.1
    needed[4:6, 5:8] = 0.0
    shares = softened(needed)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 1, constant_values=1.0), (3, 3)).min((-1, -2))
    assert (shares <= around).all() and (shares[4:6, 5:8] == 0.0).all()
    assert max(np.abs(np.diff(shares, axis=axis)).max() for axis in (0, 1)) < 0.25
    assert shares[0, 0] > 0.5 and (softened(np.ones((9, 12))) == 1.0).all()


def test_two_flashes_a_second_are_allowed_by_wcag(ctx):
    stage = Stage(ctx, look=Look(chain=()), limit=True)
    stage.limit = "wcag"
    levels = strobe(stage, 2.0)
    assert max(levels[120:]) > 0.95 and min(levels[120:]) < 0.05


def test_blackout_is_not_held_up(ctx):
    from livemusviz.bridge.view import View

    stage = Stage(ctx, look=Look(chain=()), limit=True)
    strobe(stage, 10.0, 1.0)
    assert stage.run(6, view=View(blackout=True)).max() == 0


def test_the_rule_leaves_slow_changes_alone():
    guard = MeanGuard(LUMINANCE_CHANGE, DARK, extended=False)
    for i in range(600):
        low, high = guard.bounds(i / FPS)
        level = 0.5 - 0.5 * np.cos(2 * np.pi * i / FPS)  # one flash a second
        assert low <= level <= high
        guard.shown(i / FPS, level)


def test_the_rule_lets_bright_pictures_flicker():
    guard = MeanGuard(LUMINANCE_CHANGE, DARK, extended=False)
    for i in range(240):
        level = (0.82, 1.0)[i // 3 % 2]  # the darker one is above 0.80
        low, high = guard.bounds(i / FPS)
        assert low <= level <= high
        guard.shown(i / FPS, level)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_what_is_shown_keeps_the_rule(seed):
    rng, guard, shown = np.random.default_rng(seed), MeanGuard(LUMINANCE_CHANGE, DARK, extended=False), []
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


WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def alternate(stage, first, second, hertz, seconds, picture=flat):
    """Canvases, float (n, H, W, 3), while two colours take turns `hertz` times a second."""
    stage.settle(picture(*second))
    canvases = []
    for i in range(round(seconds * FPS)):
        at_first = i / FPS * hertz % 1.0 < 0.5
        if i == 0 or at_first != ((i - 1) / FPS * hertz % 1.0 < 0.5):
            stage.show(picture(*(first if at_first else second)))
        canvases.append(stage.run(1))
    return np.array(canvases)


def judge(canvases):
    """The results of EA IRIS (its Python port) on canvases at `FPS`: (luminance, red)."""
    tracker = iris.watch(canvases.astype(np.uint8), FPS, canvases.shape[1:3]).transition_tracker
    return tracker.luminance_results, tracker.red_results


def fails(canvases):
    return any(result.flash_fail or result.extended_fail for result in judge(canvases))


PAIRS = [(WHITE, BLACK), (RED, BLACK), (RED, BLUE)]
RATES = [2.0, 2.5, 3.0, 5.0, 8.0, 15.0]
EVERY_RUN = [(*PAIRS[0], 2.0), (*PAIRS[1], 8.0), (*PAIRS[2], 3.0)]
OTHERS = [(*pair, rate) for pair in PAIRS for rate in RATES if (*pair, rate) not in EVERY_RUN]


@pytest.mark.parametrize(
    ("first", "second", "hertz"), [*EVERY_RUN, *(pytest.param(*other, marks=pytest.mark.slow) for other in OTHERS)]
)
def test_strobes_pass_the_broadcasters_test(ctx, first, second, hertz):
    look = Look(chain=())
    assert fails(alternate(Stage(ctx, look=look), first, second, hertz, 8.0)), "or there is nothing to hold"
    held = alternate(Stage(ctx, look=look, limit=True), first, second, hertz, 8.0)
    assert not fails(held)
    assert np.ptp(held.mean((1, 2)), axis=0).max() > 60.0, "it still flashes as much as it may"


def ninth(red, green, blue):
    """Grey, with one ninth of the canvas in a colour; as wide as the canvas, so that all of it is seen."""
    image = flat(60, 60, 60, size=(160, 90))
    image[30:60, 53:106, :3] = (red, green, blue)
    return image


def test_a_flash_in_one_ninth_of_the_screen_is_held_there_and_nowhere_else(ctx):
    canvases = alternate(Stage(ctx, look=Look(chain=()), limit=True), WHITE, BLACK, 8.0, 4.0, ninth)
    levels = [luminance(canvas[32:58, 56:103]) for canvas in canvases]
    assert 1 <= flashes(levels) <= 3
    assert max(levels) - min(levels) > 0.3
    assert np.ptp(canvases[:, :20], axis=0).max() == 0.0, "what does not flash stays as it is"


def test_the_limiter_comes_to_rest_after_a_strobe(ctx):
    stage = Stage(ctx, look=Look(chain=()), limit=True)
    alternate(stage, WHITE, BLACK, 8.0, 6.0)
    stage.show(flat(*WHITE))
    stage.run(180)
    assert not stage.compositor.limiter.active
    slow = [luminance(canvas) for canvas in alternate(stage, WHITE, BLACK, 1.0, 3.0)]
    assert max(slow) > 0.95 and min(slow) < 0.05, "one flash a second is shown in full"


def test_series_of_transitions_are_timed():
    assert busy_seconds(deque(), 10.0) == 0.0
    assert busy_seconds(deque([9.0, 9.1, 9.2]), 10.0) == 0.0
    assert busy_seconds(deque([9.0, 9.1, 9.2, 9.3]), 9.8) == pytest.approx(0.5)
    assert busy_seconds(deque(np.arange(0.0, 10.0, 0.25)), 10.0) == pytest.approx(5.0)


@pytest.mark.parametrize("seed", range(5))
def test_every_window_keeps_the_rule_whatever_comes(seed):
    """Cells that jump at random: nowhere does a quarter of a window make more than six transitions in a second."""
    rng, guard, shown = np.random.default_rng(seed), CanvasGuard(extended=False), []
    for i in range(240):
        values = np.zeros((3, 9, 12))
        values[0] = rng.integers(0, 2, (9, 12)) if i % 3 == 0 else shown[-1][0]
        if guard.hold(i / FPS, values) is not None:
            values = shown[-1]  # as the limiter does in the end: the last picture in the place of the new one
        guard.shown(i / FPS, values)
        shown.append(values)
    moves = np.abs(np.diff(np.array(shown)[:, 0], axis=0)) > 0.1
    assert moves.any()
    for start in range(len(moves) - FPS):
        too_often = moves[start : start + FPS].sum(0) > 6
        assert max(too_often[y : y + 3, x : x + 4].mean() for y, x in np.ndindex(7, 9)) < 0.25


def test_a_picture_that_is_held_back_goes_on_moving(ctx):
    """Light and dark take turns three times a second behind a picture that moves: no quarter of a second is frozen."""
    stage = Stage(ctx, look=Look(chain=()), limit=True)
    canvases, active = [], []
    for i in range(6 * FPS):
        image = colourful(i / 30.0)
        image[..., :3] = image[..., :3] * (1.0 if i % 20 < 10 else 0.4)
        stage.show(image)
        canvases.append(stage.run(1))
        active.append(stage.compositor.limiter.active)
    assert sum(active) > FPS, "or there is nothing to hold"
    assert not fails(np.array(canvases))
    moved = np.abs(np.diff(np.array(canvases), axis=0)).mean((1, 2, 3)) > 0.1
    since = np.diff(np.flatnonzero(np.concatenate([[True], moved, [True]])))
    assert since.max() < FPS / 4
