"""Reads the texts of `/map/pin`, `/map/edge`, `/map/turn` and `/map/reset`. Pure.

    top_left 0.02 0.05       2 bottom_right 0.98 1       edge: 0 0.1 0 0       turn: 2 90

A whole number in front is the screen, among those that show the canvas; without it, the first.
"""

from __future__ import annotations

import math

from livemusviz.bridge.mapping import CORNERS, MOST_EDGE, PIN_LIMITS, MapChange
from livemusviz.errors import UserError
from livemusviz.sizes import whole_number

MOST_SCREENS = 8
TURNS = (0, 90, 180, 270)
FORMS = {
    "pin": "[SCREEN] top_left|top_right|bottom_right|bottom_left X Y",
    "edge": "[SCREEN] LEFT RIGHT TOP BOTTOM",
    "turn": "[SCREEN] 0|90|180|270",
    "reset": "[SCREEN]",
}
_COUNTS = {"pin": 2, "edge": 4, "turn": 1, "reset": 0}


def parse_map_change(verb: str, text: str) -> MapChange:
    """Return what a text asks for. verb : of `FORMS`. UserError that says what to send instead."""
    words = text.split()
    corner = 0
    if verb == "pin":
        at = next((i for i, word in enumerate(words) if word.lower() in CORNERS), None)
        if at is None:
            raise _wrong(verb, text)
        corner = CORNERS.index(words.pop(at).lower())
        if at > 1:
            raise _wrong(verb, text)
    screen = 1
    if len(words) == _COUNTS[verb] + 1:
        first = words.pop(0)
        number = whole_number(first, 1, MOST_SCREENS)
        if number is None:
            raise UserError(f"map_{verb}: screen {first[:16]} is outside 1..{MOST_SCREENS}")
        screen = number
    if len(words) != _COUNTS[verb]:
        raise _wrong(verb, text)
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        raise _wrong(verb, text) from None
    return MapChange(verb, screen, corner, _checked(verb, values))


def _checked(verb: str, values: tuple[float, ...]) -> tuple[float, ...]:
    low, high = (0.0, MOST_EDGE) if verb == "edge" else PIN_LIMITS
    for value in values:
        if verb == "turn":
            if value not in TURNS:
                raise UserError(f"map_turn: {value:g} is not one of {', '.join(map(str, TURNS))} degrees")
        elif not (math.isfinite(value) and low <= value <= high):
            raise UserError(f"map_{verb}: {value:g} is outside {low:g}..{high:g}")
    return values


def _wrong(verb: str, text: str) -> UserError:
    return UserError(f"map_{verb}: {text[:48]!r}: send {FORMS[verb]}")
