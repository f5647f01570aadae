"""Generated pictures on a larger canvas: sharper than bilinear filtering, without lines beside edges."""

import numpy as np
import pytest

from livemusviz.display.base import MOST, MOST_IN_SOFTWARE, stage_size
from livemusviz.display.layers import Layer
from livemusviz.display.plain import PlainShaders
from tests.display.conftest import Stage

OVERSHOOT = 0.02
"""Of a step's height."""


def enlarged(ctx, picture, size, name="enlarge", scale=(1.0, 1.0)):
    """Return `picture`, uint8 (h, w, 3), drawn by a method of `PlainShaders` into `size`; uint8 (height, width, 3)."""
    plain, into = PlainShaders(ctx), Layer(ctx, size)
    opaque = np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], axis=-1)
    texture = ctx.texture(picture.shape[1::-1], 4, opaque.tobytes())
    texture.repeat_x = texture.repeat_y = False
    getattr(plain, name)(texture, into, scale)
    return np.frombuffer(into.target.read(components=3, alignment=1), np.uint8).reshape(size[1], size[0], 3)


def grey(levels):
    """Return float (h, w), 0..255, as a picture, uint8 (h, w, 3)."""
    return np.repeat(np.asarray(levels).round().astype(np.uint8)[..., None], 3, axis=-1)


def signal_to_noise(found, wanted):
    """Return dB."""
    return 10 * np.log10(255**2 / ((found.astype(float) - wanted) ** 2).mean())


def chart():
    """Return steps of three heights, narrow bars, a wedge and a disc: float (64, 64), 40 to 220."""
    y, x = np.mgrid[:64, :64]
    levels = np.full((64, 64), 40.0)
    for left, level in ((8, 130), (16, 220), (24, 40), (30, 220), (31, 40), (36, 220), (38, 40)):
        levels[:32, left:] = level
    levels[32:][(y[32:] - 32) * 3 > x[32:]] = 220
    levels[(x - 50) ** 2 + (y - 46) ** 2 < 81] = 130
    return levels


@pytest.mark.parametrize("size", [(128, 128), (160, 160), (100, 77), (417, 200)])
def test_no_edge_of_the_chart_overshoots(ctx, size):
    levels = chart()
    found = enlarged(ctx, grey(levels), size)[..., 0].astype(float)
    y, x = ((np.arange(n) + 0.5) * 64 / n - 0.5 for n in size[::-1])
    corners = [
        levels[np.clip(np.floor(y).astype(int) + j, 0, 63)][:, np.clip(np.floor(x).astype(int) + i, 0, 63)]
        for j in (0, 1)
        for i in (0, 1)
    ]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    most = OVERSHOOT * (high - low) + 0.51  # and the rounding to 8 bits
    assert (found >= low - most).all() and (found <= high + most).all()
    assert (found[low == high] == low[low == high]).all()  # between equal pixels nothing changes


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (1, 128, 254), (37, 5, 90)])
def test_flat_areas_stay_as_they_are(ctx, colour):
    flat = np.broadcast_to(np.array(colour, np.uint8), (24, 32, 3)).copy()
    assert (enlarged(ctx, flat, (75, 61)) == colour).all()


@pytest.mark.parametrize("times", [2.0, 2.5])
def test_what_was_made_small_comes_back_sharper_than_by_bilinear_filtering(ctx, times):
    n = round(128 * times)
    y, x = np.mgrid[:n, :n] / n * 128
    fine = 128 + 90 * np.tanh(2 * np.sin(x / 3.1 + 2 * np.sin(y / 9))) + 30 * np.sin((x + 2 * y) / 11)
    wanted = np.clip(fine, 0, 255)
    parts = 4
    y, x = (np.mgrid[: 128 * parts, : 128 * parts] + 0.5) / parts - 0.5 / times
    whole = 128 + 90 * np.tanh(2 * np.sin(x / 3.1 + 2 * np.sin(y / 9))) + 30 * np.sin((x + 2 * y) / 11)
    small = grey(np.clip(whole.reshape(128, parts, 128, parts).mean(axis=(1, 3)), 0, 255))
    sharp, soft = (signal_to_noise(enlarged(ctx, small, (n, n), name)[..., 0], wanted) for name in ("enlarge", "fit"))
    assert sharp > soft + 0.5


def test_the_part_that_is_seen_is_the_one_that_bilinear_filtering_shows(ctx):
    y, x = np.mgrid[:32, :32]
    picture = grey(4 * x + 3 * y)
    found, wanted = (enlarged(ctx, picture, (64, 36), name, (1.0, 36 / 64)) for name in ("enlarge", "fit"))
    assert np.abs(found.astype(int)[4:-4, 4:-4] - wanted[4:-4, 4:-4]).max() <= 1


@pytest.mark.parametrize(
    ("image", "canvas", "most", "size"),
    [
        ((256, 256), (640, 360), MOST_IN_SOFTWARE, (384, 216)),
        ((256, 256), (640, 360), MOST, (640, 360)),
        ((256, 256), (1920, 1080), MOST_IN_SOFTWARE, (384, 216)),
        ((256, 256), (3840, 2160), MOST, (3840, 2160)),
        ((512, 512), (640, 360), MOST_IN_SOFTWARE, (640, 360)),
        ((1024, 576), (640, 360), MOST, (640, 360)),
        ((2, 2), (640, 360), 1.0, (2, 1)),
    ],
)
def test_a_picture_is_enlarged_up_to_the_canvas(image, canvas, most, size):
    assert stage_size(image, canvas, most) == size


def test_the_canvas_shows_edges_sharper_than_bilinear_filtering_would(ctx, monkeypatch):
    def steepest():
        stage = Stage(ctx, size=(160, 160), zoom=0.0, pulse=0.0)
        image = np.full((16, 16, 4), 255, np.uint8)
        image[:, :8, :3] = 0
        stage.settle(image)
        return np.abs(np.diff(stage.run(1)[80, :, 0].astype(int))).max()

    sharp = steepest()
    monkeypatch.setattr(PlainShaders, "enlarge", PlainShaders.fit)
    assert sharp > 1.1 * steepest()
