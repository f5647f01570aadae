"""The quality ladder on a machine of given speed."""

import pytest

from livemusviz.director.stage import Look
from livemusviz.display.quality import LADDER, STARTING, Quality, QualityLadder

from .conftest import SIZE, Stage, colourful

PERIOD = 1.0 / 60.0


def run(cost, seconds, ladder=None, start=0.0):
    """Levels over time. cost : s a frame takes, by level and time."""
    ladder, now, levels = ladder or QualityLadder(PERIOD), start, []
    while now - start < seconds:
        quality = ladder.step(now)
        levels.append((now, quality.level))
        now += max(PERIOD, cost(quality.level, now))
    return levels


def test_a_fast_machine_keeps_everything():
    assert {level for _, level in run(lambda level, now: 0.01, 60.0)} == {0}


def test_a_slow_machine_steps_down_until_it_holds_the_rate():
    levels = run(lambda level, now: (0.030, 0.022, 0.0185, 0.012, 0.010, 0.008)[level], 20.0)
    assert levels[-1][1] in (2, 3)
    first = next(now for now, level in levels if level > 0)
    assert STARTING < first < STARTING + 3.0
    steps = [b - a for (_, a), (_, b) in zip(levels, levels[1:], strict=False)]
    assert all(abs(step) <= 1 for step in steps), "one step at a time"


def test_a_hopeless_machine_ends_at_the_bottom():
    assert run(lambda level, now: 0.1, 40.0)[-1][1] == len(LADDER) - 1


def test_it_comes_back_when_the_load_has_gone():
    ladder = QualityLadder(PERIOD)
    loaded = run(lambda level, now: 0.03 / (1 + level), 20.0, ladder)
    assert loaded[-1][1] > 0
    assert run(lambda level, now: 0.008, 200.0, ladder, start=20.0)[-1][1] == 0


def test_it_does_not_swing():
    levels = run(lambda level, now: 0.025 if level == 0 else 0.010, 600.0)
    changes = sum(a != b for (_, a), (_, b) in zip(levels, levels[1:], strict=False))
    assert changes <= 14, "each failed try doubles the wait"
    at_rate = sum(level > 0 for _, level in levels) / len(levels)
    assert at_rate > 0.9


def test_a_single_hiccup_changes_nothing():
    levels = run(lambda level, now: 0.25 if 10.0 < now < 10.1 else 0.01, 20.0)
    assert {level for _, level in levels} == {0}


def test_a_laptop_that_slept_changes_nothing():
    ladder = QualityLadder(PERIOD)
    run(lambda level, now: 0.01, 10.0, ladder)
    assert {level for _, level in run(lambda level, now: 0.01, 10.0, ladder, start=3600.0)} == {0}


def test_what_the_hud_says():
    assert str(Quality()) == "full"
    assert str(Quality(0.5, 3, 3)) == "50%, 3 filters"
    assert str(Quality(0.75, 99, 1)) == "75%"


@pytest.mark.parametrize(("scale", "filters"), LADDER)
def test_every_rung_draws_the_whole_canvas(ctx, scale, filters):
    stage = Stage(ctx, look=Look(chain=("feedback", "grade", "rgbsplit", "vignette")))
    stage.settle(colourful(0.0))
    full = stage.run(20)
    stage.compositor.quality = Quality(scale, filters, 1)
    picture = stage.run(20)
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert abs(picture.mean() - full.mean()) < 40 and picture.std() > 0.5 * full.std()
