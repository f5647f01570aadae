"""Chooses the screen of the window when projectors come and go. Pure: works on descriptions of screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livemusviz.errors import UserError


@dataclass(frozen=True, slots=True)
class ScreenInfo:
    """Describes a screen.

    name : the system's name of it, may be empty.
    x, y : pixels on the desktop, of the upper left corner.
    width, height : pixels.
    """

    name: str
    x: int
    y: int
    width: int
    height: int

    @property
    def key(self) -> str:
        """Return the name under which its mapping is kept."""
        return self.name or f"{self.width}x{self.height}"

    def same_as(self, other: ScreenInfo) -> bool:
        """By name where both have one, else by place and size."""
        if self.name and other.name:
            return self.name == other.name
        return self == other


def choose_screen(screens: Sequence[ScreenInfo], number: int | None) -> int:
    """Index of screen `number`, counted from 1; the first one for None. UserError if there is no such screen."""
    if not screens:
        raise UserError("no screen found; --headless runs without one")
    if number is None:
        return 0
    if len(screens) == 1 and number != 1:
        raise UserError(f"--screen {number}: only screen 1 ({screens[0].width}x{screens[0].height})")
    if not 1 <= number <= len(screens):
        found = ", ".join(f"{i}: {s.width}x{s.height} {s.name}".rstrip() for i, s in enumerate(screens, 1))
        raise UserError(f"--screen {number}: there are {len(screens)} ({found})")
    return number - 1


class ScreenWatch:
    """Remembers the screen that a fullscreen window was put on, and decides what to do when the screens change."""

    def __init__(self) -> None:
        self._home: ScreenInfo | None = None
        self._lost = False

    @property
    def watching(self) -> bool:
        """Return True if there is a screen to watch."""
        return self._home is not None

    def settled(self, screen: ScreenInfo | None) -> None:
        """Note what the performer chose: fullscreen on `screen`, or a window (None)."""
        self._home, self._lost = screen, False

    def look(self, screens: Sequence[ScreenInfo]) -> tuple[str, int]:
        """Return what to do now, and with which of `screens`.

        "stay"; "leave" : its screen has gone: a window on another one, so that it never covers the operator's;
        "return" : it is back: fullscreen again.
        """
        if self._home is None or not screens:
            return "stay", 0
        found = [i for i, screen in enumerate(screens) if screen.same_as(self._home)]
        if not found and not self._lost:
            self._lost = True
            return "leave", 0
        if found and self._lost:
            self._lost = False
            return "return", found[0]
        return "stay", 0
