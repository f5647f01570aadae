"""Keeps the mapping of each screen under the screen's name, in a file, and moves corners by keys. Main thread.

Keys, while the test grid is seen: the arrows move a corner by a pixel, with Shift by ten; C takes the next corner, V
the next screen.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livemusviz.bridge.mapping import CORNERS, MOST_EDGE, PIN_LIMITS, MapChange
from livemusviz.display.warp import SQUARE, Corners, ScreenMap, checked_corners
from livemusviz.errors import UserError
from livemusviz.regular import read_regular

log = logging.getLogger(__name__)

MAX_BYTES = 256 << 10
ARROWS = {"LEFT": (-1, 0), "RIGHT": (1, 0), "UP": (0, -1), "DOWN": (0, 1)}
FAR = 10  # pixels, with Shift
NEXT_CORNER, NEXT_SCREEN = "C", "V"


class ScreenMaps:
    """The mappings of all screens that were ever pinned.

    chosen : index of the screen and of the corner that keys move.  problems : lines for the operator; the caller
    empties it.
    """

    def __init__(self, path: Path | None = None) -> None:
        """path : of the file; None keeps nothing. A file that cannot be read is told in the log, and left alone."""
        self._path = path
        self._maps: dict[str, ScreenMap] = {}
        self._names: tuple[str, ...] = ("",)
        self._fitted: dict[int, tuple[Corners, tuple[int, int]]] = {}
        self._unsaved = False
        self.problems: list[str] = []
        self.chosen = (0, 0)
        if path is not None and os.path.lexists(path):
            try:
                self._maps = read_maps(path)
            except UserError as error:
                log.warning("%s", error)
                self._path = None

    def show_on(self, names: Sequence[str]) -> None:
        """Note the names of the screens that show the canvas now, from left to right."""
        self._names = tuple(names)
        self.chosen = (min(self.chosen[0], len(names) - 1), self.chosen[1])

    def of(self, index: int, fitted: Corners = SQUARE, size: tuple[int, int] = (1, 1)) -> ScreenMap:
        """Return the mapping of a screen. fitted, size : the corners it has without pins, and its pixels."""
        self._fitted[index] = fitted, size
        return self._maps.get(self._names[index], ScreenMap())

    def change(self, change: MapChange) -> None:
        """Change a mapping. UserError if there is no such screen, or the corners would cross; then nothing changes."""
        if change.screen > len(self._names):
            raise UserError(f"map_{change.verb}: screen {change.screen}: the canvas is on {len(self._names)}")
        index = change.screen - 1
        fitted = self._fitted.get(index, (SQUARE, (1, 1)))[0]
        made = self._maps.get(self._names[index], ScreenMap()).changed(change, fitted)
        if made == ScreenMap():
            self._maps.pop(self._names[index], None)
        else:
            self._maps[self._names[index]] = made
        self._unsaved = True

    def key(self, name: str, far: bool) -> bool:
        """Do what a key asks for. far : with Shift. False if it means nothing here."""
        screen, corner = self.chosen
        if name == NEXT_CORNER:
            self.chosen = (screen, (corner + 1) % len(CORNERS))
        elif name == NEXT_SCREEN:
            self.chosen = ((screen + 1) % len(self._names), corner)
        elif name in ARROWS:
            fitted, size = self._fitted.get(screen, (SQUARE, (1, 1)))
            x, y = (self._maps.get(self._names[screen], ScreenMap()).corners or fitted)[corner]
            by = FAR if far else 1
            moved = (x + ARROWS[name][0] * by / size[0], y + ARROWS[name][1] * by / size[1])
            try:
                self.change(MapChange("pin", screen + 1, corner, moved))
            except UserError as error:
                self.problems.append(str(error))
        else:
            return False
        return True

    def keep(self) -> None:
        """Write the file if something has changed. A disk that refuses is told; it is tried again after a change."""
        if not self._unsaved or self._path is None:
            return
        self._unsaved = False
        part = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({name: asdict(each) for name, each in self._maps.items()}), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            self.problems.append(f"{self._path}: the pins are not kept: {error.strerror or error}")


def read_maps(path: Path) -> dict[str, ScreenMap]:
    """Return the mappings of a file by the screens' names. UserError for a file that is not one."""
    try:
        data = read_regular(path, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise UserError(f"{path}: over {MAX_BYTES} bytes; move it away, and pin the screens anew")
        return {str(name): _screen_map(each) for name, each in json.loads(data).items()}
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise UserError(f"{path}: not a file of pins; move it away, and pin the screens anew") from None


def _screen_map(data: Any) -> ScreenMap:
    corners = data["corners"]
    if corners is not None:
        corners = checked_corners([(_share(x, *PIN_LIMITS), _share(y, *PIN_LIMITS)) for x, y in corners])
    left, right, top, bottom = (_share(edge, 0.0, MOST_EDGE) for edge in data["edges"])
    turn = int(data["turn"])
    return ScreenMap(corners, (left, right, top, bottom), turn if turn in (0, 90, 180, 270) else 0)


def _share(value: object, low: float, high: float) -> float:
    """Return a number within limits; one that is none, or beyond them, raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(value)
    return float(value)
