"""The canvas on its screens, by pixels: corner pins, soft edges, turns, the grid, and a span of two screens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from livemusviz.bridge.mapping import MapChange
from livemusviz.bridge.view import View
from livemusviz.display.drawer import ScreenDrawer
from livemusviz.display.layers import Layer
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.warp import SQUARE, ScreenMap, checked_corners, fitted_corners, from_screen, parts
from livemusviz.errors import UserError

CANVAS = (160, 90)
SCREEN = (320, 200)
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "white": (230, 230, 230)}


class FlatCompositor:
    """A canvas of four quarters: red and green above, blue and white below."""

    def __init__(self, ctx) -> None:
        self.size, self._ctx = CANVAS, ctx
        picture = np.zeros((90, 160, 4), np.uint8)
        for i, colour in enumerate(COLOURS.values()):
            picture[45 * (i // 2) :, 80 * (i % 2) :, :3] = colour
        picture[..., 3] = 255
        self.canvas = ctx.texture(CANVAS, 4, picture[::-1].tobytes())
        self.canvas.repeat_x = self.canvas.repeat_y = False
        self.problems: list[str] = []

    def blit(self, target) -> None:
        raise AssertionError("a mapped canvas is not drawn plainly")


@pytest.fixture
def compositor(ctx):
    return FlatCompositor(ctx)


def drawn(ctx, compositor, maps: ScreenMaps, view: View | None = None, index: int = 0, count: int = 1) -> np.ndarray:
    """Return a window's pixels, float (height, width, 3), top row first."""
    layer = Layer(ctx, SCREEN)
    ScreenDrawer(ctx, maps, index, count).draw(layer.target, SCREEN, compositor, view or View())
    pixels = np.frombuffer(layer.target.read(components=3), np.uint8).reshape(SCREEN[1], SCREEN[0], 3)[::-1]
    layer.release()
    return pixels.astype(float)


def pinned(*changes: MapChange, names: tuple[str, ...] = ("Beamer",)) -> ScreenMaps:
    maps = ScreenMaps()
    maps.show_on(names)
    for change in changes:
        maps.change(change)
    return maps


def colour_at(pixels: np.ndarray, x: float, y: float) -> str:
    """Name the colour at a place in shares of the screen."""
    seen = pixels[round(y * (SCREEN[1] - 1)), round(x * (SCREEN[0] - 1))]
    named = {name: np.abs(seen - colour).max() for name, colour in {**COLOURS, "black": (0, 0, 0)}.items()}
    return min(named, key=named.__getitem__)


PINS = ((0.2, 0.1), (0.9, 0.25), (0.8, 0.95), (0.1, 0.7))


STEEP = ((0.4, 0.4), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))  # the screen's own corner lies beyond the horizon


def pins(corners=PINS) -> list[MapChange]:
    return [MapChange("pin", 1, i, corners[i]) for i in (1, 2, 3, 0)]


@pytest.mark.parametrize("corners", [PINS, STEEP])
def test_four_pins_lay_the_canvas_into_that_shape(ctx, compositor, corners) -> None:
    pixels = drawn(ctx, compositor, pinned(*pins(corners)))
    to_canvas = from_screen(corners)
    wrong = 0
    for y in np.linspace(0.0, 1.0, 41):
        for x in np.linspace(0.0, 1.0, 41):
            u, v, w = to_canvas @ (x, y, 1.0)
            u, v = (u / w, v / w) if w > 0 else (-1.0, -1.0)
            if min(abs(edge) for edge in (u, v, 1 - u, 1 - v, u - 0.5, v - 0.5)) < 0.03:
                continue  # too near an edge to tell
            inside = 0 < u < 1 and 0 < v < 1
            wanted = list(COLOURS)[2 * (v > 0.5) + (u > 0.5)] if inside else "black"
            wrong += colour_at(pixels, x, y) != wanted
    assert wrong == 0


def test_the_homography_takes_the_pins_to_the_corners() -> None:
    for point, corner in zip(PINS, SQUARE, strict=True):
        u, v, w = from_screen(PINS) @ (*point, 1.0)
        assert np.allclose((u / w, v / w), corner, atol=1e-9)


def test_without_pins_the_canvas_is_as_large_as_it_fits(ctx, compositor) -> None:
    pixels = drawn(ctx, compositor, pinned(MapChange("edge", 1, 0, (0.0, 1e-6, 0.0, 0.0))))
    assert colour_at(pixels, 0.5, 0.02) == "black" and colour_at(pixels, 0.02, 0.08) == "red"
    assert np.allclose(fitted_corners(CANVAS, SCREEN)[0], (0.0, 0.05))


@pytest.mark.parametrize(("degrees", "upper_left"), [(90, "blue"), (180, "white"), (270, "green")])
def test_turns_are_clockwise_and_fit(ctx, compositor, degrees: int, upper_left: str) -> None:
    pixels = drawn(ctx, compositor, pinned(MapChange("turn", 1, 0, (degrees,))))
    (x, y), *_ = fitted_corners(CANVAS, SCREEN, degrees)
    assert colour_at(pixels, x + 0.03, y + 0.03) == upper_left
    assert (colour_at(pixels, 0.03, 0.5) == "black") == (degrees != 180)


def test_soft_edges_fade_in_light(ctx, compositor) -> None:
    pixels = drawn(ctx, compositor, pinned(MapChange("edge", 1, 0, (0.25, 0.0, 0.0, 0.0))))
    row = pixels[60, :, 0]
    assert row[1] < 25 and abs(row[100] - 220) < 3
    assert (np.diff(row[:78]) >= -1).all()
    assert (row[40] / 220) ** 2.2 == pytest.approx(0.5, abs=0.03), "half of the light in the middle of the edge"


def test_the_grid_takes_the_canvas_s_place_and_marks_a_corner(ctx, compositor) -> None:
    maps = pinned(*pins())
    grid = drawn(ctx, compositor, maps, View(map_grid=True))
    assert grid.max() > 200 and colour_at(grid, 0.02, 0.02) == "black", "as far as the pins go"
    red = (grid[..., 0] > 200) & (grid[..., 1] < 80)
    rows, columns = np.nonzero(red)
    assert np.hypot(columns.mean() / SCREEN[0] - 0.2, rows.mean() / SCREEN[1] - 0.1) < 0.06
    maps.key("C", far=False)
    rows, columns = np.nonzero((moved := drawn(ctx, compositor, maps, View(map_grid=True)))[..., 1] < 80)
    assert not np.array_equal(moved, grid)


def test_two_screens_side_by_side_show_one_canvas(ctx, compositor) -> None:
    maps = pinned(names=("Left", "Right"))
    left, right = (drawn(ctx, compositor, maps, index=i, count=2) for i in range(2))
    assert [colour_at(left, x, 0.2) for x in (0.02, 0.98)] == ["red", "red"]
    assert [colour_at(right, x, 0.8) for x in (0.02, 0.98)] == ["white", "white"]


def test_where_two_screens_show_the_same_their_light_adds_up(ctx) -> None:
    compositor = FlatCompositor(ctx)
    compositor.canvas.write(np.full((90, 160, 4), 200, np.uint8).tobytes())
    maps, blend = pinned(names=("Left", "Right")), 0.25
    left, right = (drawn(ctx, compositor, maps, View(map_blend=blend), i, 2) for i in range(2))
    width = SCREEN[0]
    shared = round(blend * width)
    light = lambda pixels: (pixels[100, :, 0] / 255) ** 2.2  # noqa: E731
    total = light(left)[width - shared :] + light(right)[:shared]
    assert np.allclose(total, (200 / 255) ** 2.2, atol=0.02)
    assert parts(2, 0.25)[0][1] - parts(2, 0.25)[1][0] == pytest.approx(0.25 / 1.75)


def test_a_screens_pins_come_back_with_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "config" / "screens.json"
    maps = ScreenMaps(path)
    maps.show_on(["DUMMY1"])
    for change in pins():
        maps.change(change)
    maps.show_on(["DUMMY0"])  # the projector is unplugged, and the window on another screen
    assert maps.of(0) == ScreenMap()
    maps.show_on(["DUMMY1"])
    assert maps.of(0).corners == PINS
    maps.keep()
    later = ScreenMaps(path)  # the next night
    later.show_on(["DUMMY0", "DUMMY1"])
    assert later.of(0) == ScreenMap() and later.of(1).corners == PINS
    later.change(MapChange("reset", 2))
    later.keep()
    assert json.loads(path.read_text()) == {}


def test_keys_move_the_chosen_corner() -> None:
    maps = pinned(names=("Left", "Right"))
    maps.of(1, SQUARE, (200, 100))
    for name in ("V", "C", "C"):
        assert maps.key(name, far=False)
    assert maps.key("LEFT", far=True) and maps.key("UP", far=False) and not maps.key("B", far=False)
    assert maps.of(1).corners == (*SQUARE[:2], (0.95, 0.99), SQUARE[3]) and maps.of(0) == ScreenMap()


def test_what_cannot_be_changes_nothing(tmp_path: Path) -> None:
    maps = pinned(*pins())
    with pytest.raises(UserError, match="the corners would cross"):
        maps.change(MapChange("pin", 1, 0, (0.95, 0.95)))
    with pytest.raises(UserError, match="screen 2: the canvas is on 1"):
        maps.change(MapChange("turn", 2, 0, (90,)))
    assert maps.of(0).corners == PINS
    with pytest.raises(UserError, match="cross"):
        checked_corners([SQUARE[i] for i in (0, 3, 2, 1)])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"corners": [[0, 0]], "edges": [], "turn": 0}}'])
def test_a_bad_file_of_pins_is_left_alone(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "screens.json"
    path.write_text(text)
    maps = ScreenMaps(path)
    assert "not a file of pins; move it away" in caplog.text
    maps.change(MapChange("turn", 1, 0, (90,)))
    maps.keep()
    assert path.read_text() == text
