import math

import numpy as np
import pytest

from livemusviz.director.seeds import Seeds
from livemusviz.director.walk import similarity

SHAPE = (16, 16, 32)
HERE = (0.4, 1.0, 2.0)


def norm(noise: np.ndarray) -> float:
    return float(np.linalg.norm(noise)) / math.sqrt(noise.size)


def test_same_seed_same_noise_and_another_seed_another() -> None:
    first = Seeds(SHAPE, ((5, 1.0),)).noise(HERE)
    assert np.array_equal(first, Seeds(SHAPE, ((5, 1.0),)).noise(HERE))
    assert abs(similarity(first, Seeds(SHAPE, ((6, 1.0),)).noise(HERE))) < 0.05


def test_a_blend_lies_between_and_keeps_the_variance() -> None:
    one, two = (Seeds(SHAPE, ((seed, 1.0),)).noise(HERE) for seed in (1, 2))
    blend = Seeds(SHAPE, ((1, 3.0), (2, 1.0))).noise(HERE)
    assert norm(blend) == pytest.approx(1.0, abs=1e-4)
    assert similarity(blend, one) > 0.9 > similarity(blend, two) > 0.2


def test_a_new_seed_is_walked_to_on_the_circle_between_both() -> None:
    seeds = Seeds(SHAPE, ((1, 1.0),))
    before = seeds.noise(HERE)
    assert seeds.set(((2, 1.0),), 2.0) and not seeds.set(((2, 1.0),), 2.0)
    seen = []
    for _ in range(61):
        seen.append(seeds.noise(HERE))
        seeds.advance(1 / 30)
    assert np.allclose(seen[0], before, atol=1e-5)
    assert all(norm(noise) == pytest.approx(1.0, abs=0.02) for noise in seen)
    assert max(1.0 - similarity(a, b) for a, b in zip(seen, seen[1:], strict=False)) < 0.01
    assert not seeds.fading and np.allclose(seen[-1], Seeds(SHAPE, ((2, 1.0),)).noise(HERE), atol=1e-5)


def test_no_seconds_is_a_cut() -> None:
    seeds = Seeds(SHAPE, ((1, 1.0),))
    seeds.set(((2, 1.0),), 0.0)
    assert np.array_equal(seeds.noise(HERE), Seeds(SHAPE, ((2, 1.0),)).noise(HERE))
