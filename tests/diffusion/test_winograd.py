"""Winograd's convolution against the direct one: sizes, batches, biases, streams, parts; and which layers take it."""

from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from livemusviz.diffusion import backend, winograd
from livemusviz.diffusion.layers import Conv2d
from livemusviz.diffusion.model import load_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.streams import OWN, side_by_side
from livemusviz.diffusion.winograd import BLOCK, F2, F4, FEW_TILES, FEWEST_TILES, Filtering, Winograd, choose_forms

TOLERANCE = 3e-5
"""Of the largest value. float32 gives 1e-6 to 1.5e-5."""


def normal(*shape: int) -> mx.array:
    return mx.array(np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32))


def assert_close(found: mx.array, wanted: mx.array) -> None:
    assert found.shape == wanted.shape
    assert float(mx.abs(found - wanted).max()) <= TOLERANCE * float(mx.abs(wanted).max())


@pytest.mark.parametrize("by", [F2, F4])
def test_the_matrices_are_those_of_a_minimal_filter(by: Filtering) -> None:
    """In one dimension A' [(G g) * (B' d)] is the correlation of d with g, exactly but for rounding."""
    random = np.random.default_rng(0)
    g, d = random.standard_normal(3), random.standard_normal(by.window)
    found = by.out_of @ ((by.filter @ g) * (by.into @ d))
    assert np.allclose(found, [d[i : i + 3] @ g for i in range(by.tile)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("shape", "outputs"),
    [
        ((1, 1, 1, 1), 1),
        ((1, 4, 4, 8), 16),
        ((1, 8, 8, 24), 16),
        ((1, 8, 8, 24), 2 * BLOCK),
        ((2, 16, 16, 8), 3 * BLOCK),
        ((3, 5, 7, 6), 9),
        ((1, 14, 13, 16), 8),
        ((1, 12, 34, 16), 48),
        ((2, 33, 18, 12), 8),
    ],
)
def test_it_is_the_direct_convolution(shape: tuple[int, ...], outputs: int, count: int) -> None:
    """Few tiles and many, both filterings, sizes that are no multiple of a tile."""
    x, weight = normal(*shape), normal(outputs, 3, 3, shape[-1])
    assert_close(Winograd(weight, side_by_side(count))(x, None), mx.conv2d(x, weight, padding=1))


def test_the_sizes_above_reach_every_form() -> None:
    assert choose_forms(1, 8, 8) == choose_forms(1, 12, 16) == (F2, True)
    assert choose_forms(1, 16, 16) == choose_forms(4, 8, 8) == (F4, True)
    assert choose_forms(2, 33, 18) == (F4, False)
    assert FEWEST_TILES <= 16 and FEW_TILES < 2 * 9 * 5


@pytest.mark.parametrize("count", [1, 2])
def test_a_large_picture_is_made_in_parts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    x, weight = normal(1, 30, 16, 8), normal(8, 3, 3, 8)
    monkeypatch.setattr(winograd, "PART_BYTES", 2 * 4 * F4.window**2 * 8 * 4)  # two of eight rows of tiles
    fast = Winograd(weight, side_by_side(count))
    assert_close(fast(x, None), mx.conv2d(x, weight, padding=1))


@pytest.mark.parametrize("heights", [[24], [12, 12], [8, 4, 12], [10, 14], [1, 2]])
@pytest.mark.parametrize("part", [winograd.PART_BYTES, 1])
@pytest.mark.parametrize("prepared", [True, False])
def test_a_picture_in_bands_is_the_whole_picture(
    monkeypatch: pytest.MonkeyPatch, heights: list[int], part: int, prepared: bool
) -> None:
    """Of heights that suit the form and of others, and too large to be computed at once."""
    monkeypatch.setattr(winograd, "PART_BYTES", part)
    layer, x = Conv2d(6, 16, 3, padding=1), normal(2, sum(heights), 40, 6)
    wanted = layer(x)
    if prepared:
        winograd.prepare_winograd([layer], side_by_side(3))
    found = layer.on_bands(list(mx.split(x, np.cumsum(heights[:-1]).tolist(), axis=1)))
    assert [band.shape[1] for band in found] == heights
    assert_close(mx.concatenate(found, axis=1), wanted)


@pytest.mark.parametrize("side", [8, 32])
@pytest.mark.parametrize("given", [None, (1, 1, 1, 16), (2, 1, 1, 16)])
def test_a_layer_adds_its_own_bias_or_the_one_given(side: int, given: tuple[int, ...] | None) -> None:
    layer, x = Conv2d(8, 16, 3, padding=1), normal(2, side, side, 8)
    bias = None if given is None else normal(*given)
    wanted = layer(x, bias)
    winograd.prepare_winograd([layer], side_by_side(2))
    assert layer.fast is not None
    assert_close(layer(x, bias), wanted)


def test_a_layer_without_bias_adds_none() -> None:
    layer, x = Conv2d(8, 16, 3, padding=1, bias=False), normal(1, 8, 8, 8)
    wanted = layer(x)
    winograd.prepare_winograd([layer], OWN)
    assert_close(layer(x), wanted)


@pytest.mark.parametrize(
    ("layer", "fits"),
    [
        (Conv2d(16, 16, 3, padding=1), True),
        (Conv2d(16, 16, 3, padding=1, stride=2), False),
        (Conv2d(16, 16, 3), False),
        (Conv2d(16, 16, 1), False),
        (Conv2d(16, 16, 5, padding=1), False),
        (nn.Conv2d(16, 16, 3, padding=1), False),
        (Conv2d(512, 512, 3, padding=1), False),
        (nn.Linear(16, 16), False),
    ],
)
def test_only_layers_that_it_suits_are_computed_so(layer: nn.Module, fits: bool) -> None:
    winograd.prepare_winograd([layer], OWN)
    assert (getattr(layer, "fast", None) is not None) == fits


def test_the_transformed_weights_are_no_parameters() -> None:
    layer = Conv2d(4, 4, 3, padding=1)
    before = set(layer.parameters())
    winograd.prepare_winograd([layer], OWN)
    assert set(layer.parameters()) == before == {"weight", "bias"}


def test_a_loaded_model_takes_it_and_shares_the_cores_among_streams(embedded_like_folder: Path) -> None:
    parts = load_model(ModelSpec(embedded_like_folder))
    layers = [m for m in (*parts.unet.modules(), *parts.vae.modules()) if isinstance(m, Conv2d)]
    fast = [layer for layer in layers if layer.fast is not None]
    assert len(fast) == sum(winograd.suits(layer) for layer in layers) > 20
    threads = backend.blas_threads() or 1
    assert {len(layer.fast.streams) for layer in fast} == {threads}
    assert backend.blas_threads() == threads


def test_packed_weights_stay_packed(embedded_like_folder: Path) -> None:
    parts = load_model(ModelSpec(embedded_like_folder, bits=4))
    fast = [m for m in parts.unet.modules() if isinstance(m, Conv2d) and m.fast is not None]
    assert sum(F4.window**2 * m.weight.nbytes // 9 for m in fast) < 1 << 20
