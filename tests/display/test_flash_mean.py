"""Transitions of a canvas's mean: counted as EA IRIS counts them, and kept within the budget whatever comes."""

import numpy as np
import pytest
from iris_pse_detection import configuration, flash_detection

from livemusviz.display import state
from livemusviz.display.compositor import Compositor
from livemusviz.display.flash import DARK, LUMINANCE_CHANGE, TRANSITIONS
from livemusviz.display.flash_count import FlashCounter
from livemusviz.display.flash_guard import LUMINANCE, RED
from livemusviz.display.flash_mean import MeanGuard, Run
from livemusviz.display.flash_samples import changed_parts, mean_of_cells, sample_light
from livemusviz.display.layers import Layer
from tests import iris

FPS = 60
SIZE = (128, 72)
RED_LINES = np.zeros((72, 128, 3), np.uint8)
RED_LINES[::4] = (255, 0, 0)
BLUE_LINES = RED_LINES[..., ::-1]


def at(change):
    """IRIS's luminance run: exact, of pictures of which a quarter changed."""
    return Run(change, DARK, extended=False, margin=0.0, part=0.25)


def bands(seed, seconds=5):
    """Grey pictures, uint8 (n, 16, 32, 3), of eight bands each of which jumps, drifts or stays."""
    rng, levels, pictures = np.random.default_rng(seed), np.full(8, 120.0), []
    for _ in range(seconds * FPS):
        moving = rng.random(8) < rng.choice([0.1, 0.25, 0.6])
        step = rng.normal(0.0, rng.choice([2.0, 60.0])) + rng.normal(0.0, 10.0, 8)
        levels = np.clip(levels + moving * step, 0, 255)
        pictures.append(np.broadcast_to(np.repeat(levels, 4)[:, None], (16, 32, 3)).astype(np.uint8))
    return pictures


def iris_transitions(pictures):
    """The numbers of the pictures with which EA IRIS sees a transition of luminance."""
    detector = flash_detection.FlashDetection(FPS, pictures[0].shape[:2], configuration.Configuration())
    total, found = 0, []
    for i, picture in enumerate(pictures):
        detector.set_current_frame(np.ascontiguousarray(picture))
        detector.analyse_frame(i)
        now = detector.transition_tracker.luminance_transition_count.count[-1]
        found += [i] if now > total else []
        total = now
    return found


def our_transitions(pictures):
    light = [sample_light(picture) for picture in pictures]
    means = [float(mean_of_cells(each)[..., :3] @ (0.2126, 0.7152, 0.0722) @ np.ones(12) / 12 @ np.ones(9) / 9)
             for each in light]  # fmt: skip
    run = at(LUMINANCE_CHANGE)
    return [
        i
        for i in range(1, len(pictures))
        if run.shown(i / FPS, means[i - 1], means[i], changed_parts(light[i - 1], light[i])[LUMINANCE])
    ]


@pytest.mark.parametrize("seed", range(4))
def test_runs_are_counted_as_iris_counts_them(seed):
    pictures = bands(seed)
    expected = iris_transitions(pictures)
    assert len(expected) >= 5, "or there is nothing to count"
    assert our_transitions(pictures) == expected


def test_steps_of_one_direction_add_up_over_pictures_that_are_left_out():
    run = at(LUMINANCE_CHANGE)
    assert not run.shown(0.0, 0.30, 0.36, 1.0)
    assert not run.shown(0.1, 0.36, 0.33, 0.1), "too small a part of the picture falls"
    assert run.shown(0.2, 0.33, 0.38, 1.0), "0.06 and 0.05, though the mean rose by 0.08 alone"


def test_a_step_is_forgotten_after_a_second():
    run = at(LUMINANCE_CHANGE)
    assert not run.shown(0.0, 0.30, 0.36, 1.0)
    assert not run.shown(1.0, 0.36, 0.42, 1.0)
    assert run.shown(1.5, 0.42, 0.47, 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_comes_no_second_has_a_transition_too_many(seed):
    rng, guard, reference = np.random.default_rng(seed), MeanGuard(LUMINANCE_CHANGE, DARK, extended=False), at(0.1)
    last, times = 0.5, []
    for i in range(900):
        low, high = guard.bounds(i / FPS)
        assert low <= last <= high or i == 0, "the last picture may always stay"
        part = float(rng.choice([0.1, 0.24, 0.26, 1.0]))
        value = min(max(last + rng.normal(0.0, rng.choice([0.01, 0.2])), low, 0.0), high, 1.0)
        guard.shown(i / FPS, value, part)
        times += [i / FPS] if reference.shown(i / FPS, last, value, part) else []
        last = value
    assert len(times) > 20, "or there is nothing to count"
    assert max(sum(start <= time < start + 0.999 for time in times) for start in times) <= TRANSITIONS


def test_a_ramp_at_the_threshold_is_slowed():
    """0.1 a second: rounding alone takes the sum of a second above the change and back, with any picture."""
    guard, value = MeanGuard(LUMINANCE_CHANGE, DARK, extended=True), 0.0
    for i in range(6 * FPS):
        low, high = guard.bounds(i / FPS)
        value = min(max(value, low, 0.1 * i / FPS), high)
        guard.shown(i / FPS, value)
    assert 0.54 < value < 0.595


def test_a_guard_that_is_restored_goes_on_as_it_was():
    guard, other, rng = (
        *(MeanGuard(LUMINANCE_CHANGE, DARK, extended=True) for _ in range(2)),
        np.random.default_rng(1),
    )
    for i in range(400):
        if i == 200:
            state.restore(other, state.capture(guard))
        low, high = guard.bounds(i / FPS)
        assert i < 200 or other.bounds(i / FPS) == (low, high)
        value = min(max(float(rng.random()), low), high)
        for each in (guard, other) if i >= 200 else (guard,):
            each.shown(i / FPS, value)
    assert (low, high) != (0.0, 1.0), "or there is nothing to restore"


@pytest.fixture
def limiter(ctx):
    return Compositor(ctx, SIZE).limiter


def layer_of(ctx, picture):
    layer = Layer(ctx, SIZE)
    layer.texture.write(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]).tobytes())
    return layer


@pytest.mark.parametrize("picture", [RED_LINES, np.roll(RED_LINES, 1, axis=0)])
def test_thin_lines_are_measured_in_linear_light(ctx, limiter, picture):
    values, _ = limiter.measure(layer_of(ctx, picture), layer_of(ctx, picture))
    assert values[RED].mean() == pytest.approx(0.25, abs=0.005)
    assert values[LUMINANCE].mean() == pytest.approx(0.25 * 0.2126, abs=0.002)


def test_the_part_that_changed_is_measured(ctx, limiter):
    red, blue = layer_of(ctx, RED_LINES), layer_of(ctx, BLUE_LINES)
    assert limiter.measure(red, red)[1] == pytest.approx([0.0, 0.0])
    assert limiter.measure(red, blue)[1] == pytest.approx([0.25, 0.25], abs=0.01)
    grey = layer_of(ctx, np.where(RED_LINES.any(-1, keepdims=True), 90, BLUE_LINES).astype(np.uint8))
    assert limiter.measure(grey, blue)[1] == pytest.approx([0.25, 0.0], abs=0.01), "grey and blue are no red"


def test_a_strobe_of_thin_lines_passes_with_the_limiter_alone(ctx, limiter):
    """The red of these is just above the rule: measured too dark it was no flash."""
    free = [RED_LINES if i / FPS * 2.5 % 1.0 < 0.5 else BLUE_LINES for i in range(7 * FPS)]
    held, before, layers = [], None, {0: layer_of(ctx, RED_LINES), 255: layer_of(ctx, BLUE_LINES)}
    for i, picture in enumerate(free):
        before = limiter.limit(i / FPS, layers[int(picture[0, 0, 2])], before, "broadcast")
        pixels = np.frombuffer(before.texture.read(), np.uint8).reshape(SIZE[1], SIZE[0], 4)
        held.append(pixels[..., :3])
    assert iris.watch(free, FPS, SIZE[::-1]).extended_failure, "or there is nothing to hold"
    detector = iris.watch(held, FPS, SIZE[::-1])
    assert not (detector.flash_fail or detector.extended_failure)


def test_the_counter_sees_the_lines_as_iris_does():
    counter = FlashCounter()
    for i in range(6 * FPS):
        counter.add(i / FPS, RED_LINES if i / FPS * 2.5 % 1.0 < 0.5 else BLUE_LINES)
    report = counter.report()
    assert report.red.canvas.amount == 5 and not report.red.passes and report.luminance.passes
