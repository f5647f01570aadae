"""Carries changes of the mapping, of the canvas onto screens, from the session to the display. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass

CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
PIN_LIMITS = (-0.5, 1.5)  # shares of the screen; a picture may reach beyond it
MOST_EDGE = 0.5  # width of a soft edge, share of the picture


@dataclass(frozen=True, slots=True)
class MapChange:
    """Asks for another mapping of one screen.

    verb : "pin" one corner, "edge", "turn", or "reset".  screen : counted from 1, among those that show the canvas.
    corner : index into CORNERS, of "pin".  values : of "pin" x and y, shares of the screen from its top left corner; of
    "edge" the widths left, right, top and bottom, shares of the picture; of "turn" degrees clockwise.
    """

    verb: str
    screen: int = 1
    corner: int = 0
    values: tuple[float, ...] = ()
