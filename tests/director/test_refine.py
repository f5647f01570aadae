"""Noise of another size that shows the same scene."""

import numpy as np
import pytest

from livemusviz.director.refine import Refiner

SHAPE = (8, 12, 4)


def low(noise: np.ndarray, h: int, w: int) -> np.ndarray:
    """The noise seen from afar: means of blocks."""
    height, width, c = noise.shape
    return noise.reshape(h, height // h, w, width // w, c).mean(axis=(1, 3))


@pytest.mark.parametrize("size", [(8, 12), (16, 24), (12, 20), (32, 48), (4, 6)])
def test_refined_noise_is_white_and_of_unit_variance(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    refine = Refiner(SHAPE, size, seed=1)
    many = np.stack([refine(rng.standard_normal(SHAPE).astype(np.float32), k) for k in range(60)])
    assert many.shape[1:] == (*size, 4) and many.dtype == np.float32
    assert many.mean() == pytest.approx(0.0, abs=0.03) and many.std() == pytest.approx(1.0, abs=0.04)
    neighbours = (many[:, :, 1:] * many[:, :, :-1]).mean()
    assert abs(neighbours) < 0.05


def test_the_same_size_gives_the_same_noise() -> None:
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    np.testing.assert_allclose(Refiner(SHAPE, SHAPE[:2], 1)(noise, 0.7), noise, atol=1e-5)


def test_from_afar_it_looks_like_the_coarse_noise() -> None:
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    fine = Refiner(SHAPE, (32, 48), 1)(noise, 0.3)
    alike = np.corrcoef(low(fine, 4, 6).ravel(), low(noise, 4, 6).ravel())[0, 1]
    assert alike > 0.9
    other = Refiner(SHAPE, (32, 48), 1)(np.random.default_rng(9).standard_normal(SHAPE).astype(np.float32), 0.3)
    assert abs(np.corrcoef(low(other, 4, 6).ravel(), low(noise, 4, 6).ravel())[0, 1]) < 0.5


def test_a_small_turn_is_a_small_change() -> None:
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    refine = Refiner(SHAPE, (16, 24), 1)
    assert np.abs(refine(noise, 0.01) - refine(noise, 0.0)).max() < 0.06
    np.testing.assert_array_equal(refine(noise, 0.5), Refiner(SHAPE, (16, 24), 1)(noise, 0.5))
