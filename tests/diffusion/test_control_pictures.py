"""Processors of control pictures: lines where edges are, nothing in flat pictures, everything in 0..1."""

import numpy as np
import pytest

from livemusviz.diffusion.control_pictures import MAKERS, TILE, canny, luminance, otsu, process, soft_edges
from livemusviz.diffusion.spec import PROCESSORS


def square(height: int = 64, width: int = 80, level: int = 255) -> np.ndarray:
    """A bright square, 24 pixels wide, on black; uint8 (height, width, 3)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[20:44, 30:54] = level
    return picture


def test_there_is_a_maker_for_every_processor() -> None:
    assert tuple(MAKERS) == PROCESSORS


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("shape", [(64, 80), (67, 61), (8, 8)])
def test_any_picture_of_any_size(processor: str, shape: tuple[int, int]) -> None:
    pictures = [
        np.zeros((*shape, 3)),
        np.full((*shape, 3), 255),
        np.random.default_rng(0).integers(0, 256, (*shape, 3)),
    ]
    for picture in pictures:
        made = process(picture.astype(np.uint8), processor)
        assert made.shape == (*shape, 3) and made.dtype == np.float32 and made.flags.c_contiguous
        assert made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize("level", [255, 40, 8])
def test_canny_draws_the_outline_of_a_square_once(level: int) -> None:
    """Whatever its contrast: the thresholds follow the picture."""
    edges = process(square(level=level), "canny")[..., 0]
    assert set(np.unique(edges)) == {0.0, 1.0}
    rows, columns = np.nonzero(edges)
    assert rows.min() in (19, 20) and rows.max() in (43, 44) and columns.min() in (29, 30) and columns.max() in (53, 54)
    assert 84 <= edges.sum() <= 100  # 4 x 24, one pixel wide
    assert not edges[26:38, 36:48].any()


def test_canny_keeps_weak_edges_beside_strong_ones_alone() -> None:
    """One line that grows faint is whole; a faint one by itself is not drawn."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 20:] = np.linspace(60, 200, 64).astype(np.uint8)[:, None, None]
    picture[40:, 50:] += 6
    edges = canny(picture.astype(np.float32) / 255)
    assert edges[:, 18:22].any(axis=1).all()
    assert not edges[44:60, 46:54].any()


def test_canny_ignores_noise_beside_an_edge() -> None:
    rng = np.random.default_rng(0)
    picture = np.clip(square().astype(int) // 2 + rng.integers(0, 12, (64, 80, 3)), 0, 255).astype(np.uint8)
    edges = process(picture, "canny")[..., 0]
    assert edges[19:45, 29:55].sum() > 80
    assert edges.sum() - edges[17:47, 27:57].sum() < 10


def test_a_flat_picture_has_no_edges() -> None:
    flat = np.full((32, 32, 3), 0.5, np.float32)
    assert not canny(flat).any() and not soft_edges(flat).any()
    assert otsu(np.zeros((4, 4), np.float32)) == 0


def test_soft_edges_fall_off_and_do_not_depend_on_contrast() -> None:
    bright, dim = process(square(), "soft")[..., 0], process(square(level=50), "soft")[..., 0]
    np.testing.assert_allclose(bright, dim, atol=0.02)
    assert bright[32, 30] > 0.9 and 0 < bright[32, 27] < bright[32, 29] and bright[32, 42] == 0


def test_luminance_weighs_the_colours() -> None:
    np.testing.assert_allclose(luminance(np.eye(3, dtype=np.float32)[None]), [[0.299, 0.587, 0.114]], rtol=1e-6)
    picture = process(square(), "luminance")
    assert (picture[..., 0] == picture[..., 2]).all()


def test_tile_keeps_the_mean_and_loses_the_detail() -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    made = process(np.repeat(checks[..., None], 3, axis=2), "tile")
    np.testing.assert_allclose(made, 0.5, atol=0.01)
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    assert np.abs(process(ramp, "tile") - ramp / 255)[:, TILE:-TILE].max() < 0.01


def test_passing_on_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    np.testing.assert_allclose(process(picture, "pass") * 255, picture, atol=1e-4)
