"""The quality ladder on a machine of given speed."""

import numpy as np
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


def shared(first_fps, work, spent, seconds=120.0, first=0):
    """(time, quality) where display and model share cores. work, spent : s of a display frame and of the model's, by
    quality and time; spent of None is a model that makes no frame."""
    periods = (1.0 / 60.0, 1.0 / 30.0)
    ladder = QualityLadder(1.0 / first_fps, first, periods, shares_cores=True)
    now, due, seen = 0.0, 0.0, []
    while now < seconds:
        quality = ladder.step(now)
        seen.append((now, quality))
        cost, frame = work(quality, now), spent(quality, now)
        ladder.drew(cost)
        if frame is not None and now >= due:
            ladder.generated(frame)
            due = now + frame
        now += max(quality.period, cost)
    return seen


def test_a_display_at_60_gives_way_to_a_model_at_3():
    seen = shared(60.0, lambda quality, now: 0.008, lambda quality, now: 0.33)
    assert str(seen[-1][1]) == "30 fps" and seen[-1][1].scale == 1.0
    light = shared(60.0, lambda quality, now: 0.003, lambda quality, now: 0.33)
    assert str(light[-1][1]) == "full", "it has little to give"


def test_a_display_at_30_takes_more_where_the_model_keeps_up():
    seen = shared(30.0, lambda quality, now: 0.006, lambda quality, now: 0.030)
    assert str(seen[0][1]) == "30 fps" and str(seen[-1][1]) == "full"
    assert not any(quality.scale < 1.0 for _, quality in seen)


def test_a_frame_that_also_encodes_a_picture_does_not_keep_the_display_at_30():
    """As with a clip at 20 pictures a second: 8 ms more in most frames, and now and then one that waited."""
    seen = shared(30.0, lambda quality, now: 0.006, lambda quality, now: 0.060 if now % 0.4 < 0.05 else 0.038)
    assert str(seen[-1][1]) == "full"


def test_neither_moves_while_both_are_in_balance():
    for fps in (30.0, 60.0):
        assert len({quality for _, quality in shared(fps, lambda q, now: 0.008, lambda q, now: 0.045)}) == 1


def test_a_model_that_suffers_from_the_faster_display_is_tried_ever_more_rarely():
    seen = shared(30.0, lambda q, now: 0.008, lambda q, now: 0.060 if q.level == 0 else 0.030, 600.0)
    changes = sum(a.level != b.level for (_, a), (_, b) in zip(seen, seen[1:], strict=False))
    assert 2 <= changes <= 14
    assert sum(quality.level == 1 for _, quality in seen) > 0.9 * len(seen)


def test_the_model_does_not_take_the_canvas():
    seen = shared(30.0, lambda quality, now: 0.020, lambda quality, now: 2.0)
    assert {str(quality) for _, quality in seen} == {"30 fps"}


def test_a_model_that_makes_nothing_changes_nothing():
    assert len({quality for _, quality in shared(30.0, lambda q, now: 0.016, lambda q, now: None)}) == 1


def test_a_display_that_misses_its_rate_beside_the_model_halves_it_before_the_canvas():
    seen = shared(60.0, lambda quality, now: 0.022 * quality.scale**2, lambda quality, now: 0.04)
    assert str(seen[-1][1]) == "30 fps"


def test_with_cores_of_its_own_the_display_does_not_ask_for_the_model():
    ladder = QualityLadder(PERIOD)
    for frame in range(1200):
        ladder.step(frame * PERIOD)
        ladder.drew(0.015)
        ladder.generated(2.0)
    assert ladder.quality.level == 0


def test_it_begins_where_it_is_told():
    assert QualityLadder(PERIOD, 2).quality == QualityLadder(PERIOD).rungs[2]
    assert str(QualityLadder(2 * PERIOD, 1, (PERIOD,)).quality) == "30 fps, 75%"
    assert QualityLadder(PERIOD, 99).quality.level == len(LADDER) - 1


def test_what_the_hud_says():
    assert str(Quality()) == "full"
    assert str(Quality(0.5, 3, 3)) == "50%, 3 filters"
    assert str(Quality(0.75, 99, 1)) == "75%"
    assert str(Quality(0.5, 1, 4, 1 / 30, True)) == "30 fps, 50%, 1 filter"


@pytest.mark.parametrize(("scale", "filters"), LADDER)
def test_every_rung_draws_the_whole_canvas(ctx, scale, filters):
    stage = Stage(ctx, look=Look(chain=("feedback", "grade", "rgbsplit", "vignette")))
    stage.settle(colourful(0.0))
    full = stage.run(20)
    stage.compositor.quality = Quality(scale, filters, 1)
    picture = stage.run(20)
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert abs(picture.mean() - full.mean()) < 40 and picture.std() > 0.5 * full.std()


def test_a_texture_has_the_canvass_size_and_pixels_at_any_quality(stage):
    stage.settle(colourful(3))
    for scale in (1.0, 0.5):
        stage.compositor.quality = Quality(scale, 99, 1)
        stage.run(1)
        canvas = stage.compositor.share(5.0)
        assert (canvas.width, canvas.height, canvas.time) == (*SIZE, 5.0)
        texture = stage.compositor.ctx.external_texture(canvas.glo, SIZE, 4, 0, "f1")
        pixels = np.frombuffer(texture.read(), np.uint8).reshape(SIZE[1], SIZE[0], 4)[::-1]
        np.testing.assert_array_equal(pixels[..., :3], stage.compositor.read()[..., :3])
