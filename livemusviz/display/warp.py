"""Describes how a part of the canvas lies on one screen, and computes its perspective. Pure.

Points are shares of the screen, (0, 0) its top left corner and (1, 1) its bottom right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from livemusviz.bridge.mapping import MapChange
from livemusviz.errors import UserError

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""Top left, top right, bottom right, bottom left, as they are seen."""
SQUARE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LEAST_AREA = 1e-4  # share of the screen, of the triangle at each corner


@dataclass(frozen=True, slots=True)
class ScreenMap:
    """Holds the mapping of one screen.

    corners : pinned points; None is the canvas as large as it fits.
    edges : widths of the soft edges left, right, top and bottom, shares of the picture, 0..0.5.
    turn : degrees clockwise, 0, 90, 180 or 270.
    """

    corners: Corners | None = None
    edges: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    turn: int = 0

    def changed(self, change: MapChange, fitted: Corners) -> ScreenMap:
        """Return it after a change. fitted : corners of the canvas as large as it fits, which pins begin at. UserError
        for corners that no picture can have."""
        match change.verb:
            case "pin":
                corners = list(self.corners or fitted)
                corners[change.corner] = (change.values[0], change.values[1])
                return replace(self, corners=checked_corners(corners))
            case "edge":
                left, right, top, bottom = change.values
                return replace(self, edges=(left, right, top, bottom))
            case "turn":
                return replace(self, turn=int(change.values[0]), corners=self.corners)
        return ScreenMap()


def checked_corners(corners: Sequence[Point]) -> Corners:
    """Return four corners. UserError unless they go round a convex shape clockwise, which a perspective needs."""
    a, b, c, d = corners
    for one, two, three in ((a, b, c), (b, c, d), (c, d, a), (d, a, b)):
        area = (two[0] - one[0]) * (three[1] - two[1]) - (two[1] - one[1]) * (three[0] - two[0])
        if area < LEAST_AREA:
            raise UserError("map_pin: the corners would cross, or lie on a line; move another corner first")
    return (a, b, c, d)


def fitted_corners(image: tuple[int, int], screen: tuple[int, int], turn: int = 0) -> Corners:
    """Return the corners of an image of that shape, as large as it fits in the middle. Sizes in pixels."""
    across, down = image if turn in (0, 180) else image[::-1]
    scale = min(screen[0] / across, screen[1] / down)
    x, y = 0.5 * (1.0 - across * scale / screen[0]), 0.5 * (1.0 - down * scale / screen[1])
    return ((x, y), (1.0 - x, y), (1.0 - x, 1.0 - y), (x, 1.0 - y))


def from_screen(corners: Corners) -> np.ndarray:
    """Return the homography that takes the corners to those of the unit square, float64 (3, 3).

    Its third row is positive on the side of the horizon where the picture is.
    """
    rows, wanted = [], []
    for (u, v), (x, y) in zip(SQUARE, corners, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        wanted += [x, y]
    to_screen = np.append(np.linalg.solve(np.array(rows, float), np.array(wanted)), 1.0).reshape(3, 3)
    inverse = np.linalg.inv(to_screen)
    middle = np.append(np.mean(corners, axis=0), 1.0)
    return inverse / (inverse[2] @ middle)


def parts(count: int, blend: float) -> list[Point]:
    """Return the left and right end, in shares of the canvas, of what each of several screens side by side shows.

    blend : 0..0.5, share of a screen's width that it shows together with its neighbour.
    """
    whole = count - (count - 1) * blend  # widths of a screen
    return [((i * (1.0 - blend)) / whole, (i * (1.0 - blend) + 1.0) / whole) for i in range(count)]
