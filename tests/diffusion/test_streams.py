"""Bands of rows on several streams against the whole."""

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.diffusion.streams import OWN, in_bands, side_by_side


@pytest.mark.parametrize("count", [1, 2, 3, 20])
@pytest.mark.parametrize("rows", [1, 7, 16])
def test_bands_are_the_whole(rows: int, count: int) -> None:
    x = mx.array(np.random.default_rng(0).standard_normal((2, rows, 5, 3), dtype=np.float32))

    def doubled(band: mx.array) -> mx.array:
        return mx.repeat(mx.maximum(band, 0), 2, axis=1)

    assert mx.array_equal(in_bands(doubled, x, side_by_side(count)), doubled(x))


def test_each_stream_is_another() -> None:
    found = []
    for stream in side_by_side(3).each:
        with stream():
            found.append(mx.default_stream(mx.Device(mx.cpu)))
    assert len({str(stream) for stream in found}) == 3 and len(OWN) == 1
