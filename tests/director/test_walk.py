import math

import numpy as np
import pytest

from livemusviz.director.walk import LatentWalk, similarity

SHAPE = (16, 16, 32)


def test_noise_keeps_the_norm_of_unit_noise_at_every_angle() -> None:
    walk = LatentWalk(SHAPE, seed=3)
    for _ in range(200):
        walk.advance(1 / 30, turns_per_second=0.7, kick_turns=0.01)
        noise = walk.noise()
        assert noise.dtype == np.float32 and noise.shape == SHAPE
        assert np.linalg.norm(noise) == pytest.approx(math.sqrt(noise.size), rel=1e-5)
        assert abs(float(noise.mean())) < 0.05 and float(noise.std()) == pytest.approx(1.0, abs=0.01)


def test_largest_step_at_a_kick_is_bounded_and_the_angle_never_jumps_back() -> None:
    walk = LatentWalk(SHAPE, seed=1)
    thetas = []
    for frame in range(120):
        walk.advance(1 / 60, turns_per_second=0.1, kick_turns=0.02 if frame % 30 == 0 else 0.0)
        thetas.append(walk.theta)
    steps = np.diff(thetas)
    assert (steps > 0).all()
    assert steps.max() < 2 * math.pi * (0.1 / 60 + 0.02 * (1 - math.exp(-1 / 60 / 0.12))) * 1.05


def test_kick_is_paid_out_whole_whatever_the_frame_rate() -> None:
    for rate in (10, 30, 60):
        walk = LatentWalk(SHAPE, seed=1)
        for frame in range(rate * 3):
            walk.advance(1 / rate, turns_per_second=0.0, kick_turns=0.25 if frame == 0 else 0.0)
        assert walk.theta == pytest.approx(math.pi / 2, rel=1e-6)


def test_seeds_give_different_circles_and_the_same_seed_the_same() -> None:
    assert np.array_equal(LatentWalk(SHAPE, 5).noise(), LatentWalk(SHAPE, 5).noise())
    assert abs(similarity(LatentWalk(SHAPE, 5).noise(), LatentWalk(SHAPE, 6).noise())) < 0.05


def test_picture_does_not_come_round_after_one_turn() -> None:
    walk = LatentWalk(SHAPE, seed=2)
    walk.advance(1.25, 1.0)
    first = walk.noise()
    walk.advance(1.0, 1.0)
    assert similarity(first, walk.noise()) < 0.9


def test_similarity_of_nothing_is_zero() -> None:
    assert similarity(np.zeros(4), np.ones(4)) == 0.0
