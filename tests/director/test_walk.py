import math

import numpy as np
import pytest

from livemusviz.director.walk import CIRCLES, Circles, LatentWalk, WalkMotion, loop_turns, similarity, slerp

SHAPE = (16, 16, 32)
STILL = (0.0, 0.0, 0.0)


def pace(speed=0.0, kick=0.0, **rest) -> WalkMotion:
    return WalkMotion((speed,) * 3, (kick,) * 3, **rest)


def noises(circles: Circles, paces, dt: float):
    walk = LatentWalk()
    for each in paces:
        walk.advance(dt, each)
        yield circles.noise(walk.angles)


def test_noise_keeps_the_norm_of_unit_noise_at_every_angle() -> None:
    circles = Circles(SHAPE, seed=3)
    paces = (WalkMotion((0.7, 0.3, 1.1), (0.01, 0.0, 0.02)) for _ in range(200))
    for noise in noises(circles, paces, 1 / 30):
        assert noise.dtype == np.float32 and noise.shape == SHAPE
        assert np.linalg.norm(noise) == pytest.approx(math.sqrt(noise.size), rel=1e-5)
        assert abs(float(noise.mean())) < 0.05 and float(noise.std()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("fps", [30, 60])
def test_no_step_at_a_beat_is_larger_than_the_largest_inside_one(fps: int) -> None:
    """At 120 bpm with a full kick on every beat, as the director pays it."""
    circles, count = Circles((8, 8, 32), seed=1), 8 * fps
    kicked = [i % (fps // 2) == 0 for i in range(count)]
    seen = list(noises(circles, (pace(0.1, 0.05 * on) for on in kicked), 1 / fps))
    steps = [float(np.linalg.norm(b - a)) for a, b in zip(seen, seen[1:], strict=False)]
    at_beat = max(step for step, on in zip(steps, kicked[1:], strict=False) if on)
    inside = max(step for step, on in zip(steps, kicked[1:], strict=False) if not on)
    print(f"{fps} fps: at a beat {at_beat:.3f}, inside {inside:.3f}")
    assert at_beat <= inside


def test_the_angles_never_turn_back() -> None:
    walk, before = LatentWalk(), (0.0,) * CIRCLES
    for frame in range(400):
        walk.advance(1 / 60, pace(0.1, 0.02 * (frame % 30 == 0), bars=frame / 120, bar_rate=0.5))
        assert all(b >= a for a, b in zip(before, walk.angles, strict=True))
        before = walk.angles


def test_kick_is_paid_out_whole_whatever_the_frame_rate() -> None:
    for rate in (5, 10, 30, 60):
        walk = LatentWalk()
        for frame in range(rate * 3):
            walk.advance(1 / rate, pace(kick=0.25 if frame == 0 else 0.0))
        assert walk.angles == pytest.approx([math.pi / 2] * 3, rel=1e-6)


def test_bands_turn_their_own_circles() -> None:
    walk = LatentWalk()
    walk.advance(1.0, WalkMotion((0.5, 0.0, 0.0)))
    assert walk.angles == pytest.approx((math.pi, 0.0, 0.0))


@pytest.mark.parametrize("speed", [0.03, 0.11, 0.4])
def test_where_the_tempo_is_sure_whole_turns_take_whole_bars(speed: float) -> None:
    walk, rate = LatentWalk(), 0.5  # bars/s: 120 bpm
    starts = []
    for frame in range(60 * 120):
        bars = frame / 60 * rate
        walk.advance(1 / 60, pace(speed, bars=bars, bar_rate=rate))
        if frame > 60 * 20 and abs(bars - round(bars)) < 1e-9:
            starts.append(walk.angles[0] / (2 * math.pi))
    turns = np.diff(starts)  # turns a bar
    assert np.ptp(turns) < 1e-3
    octave = math.log2(turns[0])
    assert octave == pytest.approx(round(octave), abs=0.01)
    assert abs(octave - math.log2(speed / rate)) < 0.75


def test_a_four_bar_loop_closes_to_1e_6_and_is_smooth() -> None:
    circles, walk = Circles(SHAPE, seed=5), LatentWalk()
    walk.advance(1.0, pace(0.37))
    seen = []
    for i in range(4 * 48 + 1):
        walk.advance(1 / 24, pace(0.2, bars=100.0 + i / 48, bar_rate=0.5, loop=4))
        seen.append(circles.noise(walk.angles))
    assert np.abs(seen[-1] - seen[0]).max() < 1e-6
    steps = [np.linalg.norm(b - a) for a, b in zip(seen, seen[1:], strict=False)]
    on_beat = max(steps[i] for i in range(0, len(steps), 12))
    assert on_beat <= max(steps)
    assert min(steps) > 0.0 and max(steps) / np.median(steps) < 2.5


def test_a_loop_begins_where_the_walk_was_and_the_walk_goes_on_where_the_loop_was() -> None:
    circles, walk = Circles(SHAPE, seed=5), LatentWalk()
    seen = []
    for i in range(90):
        walk.advance(1 / 30, pace(0.2, bars=i / 60, loop=4 if 30 <= i < 60 else 0))
        seen.append(circles.noise(walk.angles))
    steps = [1.0 - similarity(a, b) for a, b in zip(seen, seen[1:], strict=False)]
    assert max(steps) < 0.02


def test_a_loop_turns_every_circle_a_whole_number_of_times() -> None:
    assert loop_turns(0.0, 4) == pytest.approx((0.0, 0.0, 0.0))
    assert loop_turns(4.0 - 1e-9, 4) == pytest.approx((1.0, 2.0, 3.0), abs=1e-6)


def test_slerp_keeps_the_norm_and_meets_both_ends() -> None:
    a, b = Circles(SHAPE, 1).noise(STILL), Circles(SHAPE, 2).noise(STILL)
    for t in np.linspace(0, 1, 11):
        assert np.linalg.norm(slerp(a, b, t)) == pytest.approx(math.sqrt(a.size), rel=1e-4)
    assert slerp(a, b, 0.0) == pytest.approx(a, abs=1e-6) and slerp(a, b, 1.0) == pytest.approx(b, abs=1e-6)
    assert slerp(a, a, 0.3) == pytest.approx(a, abs=1e-6)


def test_picture_does_not_come_round_after_one_turn() -> None:
    circles, walk = Circles(SHAPE, seed=2), LatentWalk()
    walk.advance(1.25, WalkMotion((1.0, 0.9, 1.3)))
    first = circles.noise(walk.angles)
    walk.advance(1.0, WalkMotion((1.0, 0.9, 1.3)))
    assert similarity(first, circles.noise(walk.angles)) < 0.95


def test_similarity_of_nothing_is_zero() -> None:
    assert similarity(np.zeros(4), np.ones(4)) == 0.0
