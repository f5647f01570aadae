"""Moving latents as pictures."""

import math

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.diffusion.drift import STILL, drifted


def moved(x: np.ndarray, *drift: float) -> np.ndarray:
    return np.array(drifted(mx.array(x)[None], mx.array(drift, dtype=mx.float32)))[0]


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((9, 9, 4)).astype(np.float32)


def test_no_movement_changes_nothing(x: np.ndarray) -> None:
    np.testing.assert_allclose(moved(x, *STILL), x, atol=1e-6)


def test_pan_goes_right_and_down(x: np.ndarray) -> None:
    np.testing.assert_allclose(moved(x, 1.0, 0.0, 2 / 9, 0.0)[:, 2:], x[:, :-2], atol=1e-5)
    np.testing.assert_allclose(moved(x, 1.0, 0.0, 0.0, 1 / 9)[1:], x[:-1], atol=1e-5)


def test_quarter_turn_is_clockwise(x: np.ndarray) -> None:
    np.testing.assert_allclose(moved(x, 1.0, math.pi / 2, 0.0, 0.0), np.rot90(x, -1), atol=1e-4)


def test_zoom_keeps_the_middle_and_spreads_the_rest(x: np.ndarray) -> None:
    zoomed = moved(x, 2.0, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(zoomed[4, 4], x[4, 4], atol=1e-5)
    np.testing.assert_allclose(zoomed[4, 6], x[4, 5], atol=1e-5)


def test_the_edge_comes_in_from_outside(x: np.ndarray) -> None:
    np.testing.assert_allclose(moved(x, 1.0, 0.0, 3 / 9, 0.0)[:, 0], x[:, 0], atol=1e-5)


def test_a_picture_that_is_not_square_turns_without_being_squeezed() -> None:
    wide = np.zeros((5, 9, 1), np.float32)
    wide[2, 6] = 1.0  # two to the right of the middle
    turned = moved(wide, 1.0, math.pi / 2, 0.0, 0.0)[..., 0]
    assert np.unravel_index(turned.argmax(), turned.shape) == (4, 4)
