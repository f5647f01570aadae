"""Maps the keys of the window to actions. Pure."""

from __future__ import annotations

ESCAPE_TWICE = 1.0  # s, the second Esc must follow within
FULLSCREEN_REST = 0.4  # s between two switches: a key held down repeats
ACTIONS = {
    "B": "blackout",
    "F": "fullscreen",
    "H": "hud",
    "Z": "freeze",
    "R": "record",
    "M": "learn",
    "SPACE": "next",
    "BACKSPACE": "previous",
    "X": "random",
    "L": "lock",
    "TAB": "tap",
    "S": "preset_save",
    "G": "map_grid",
    "QUESTION": "help",
    "SLASH": "help",  # the same key on most keyboards, without Shift
    **{f"_{number}": f"preset {number}" for number in range(1, 10)},
    **{f"NUM_{number}": f"preset {number}" for number in range(1, 10)},
}
HELP = (
    "B blackout    F fullscreen    H figures    Z freeze",
    "space next preset    backspace previous    X random    L lock",
    "1-9 presets    S save preset    R record    Tab tap tempo",
    "G test grid; then arrows move a corner, C another corner, V another screen",
    "M learn MIDI    ? these keys    Esc twice leaves",
)


class KeyMap:
    """Turns key names into action names. A single Esc does nothing, so that a slip does not end a show."""

    def __init__(self) -> None:
        self._escaped_at: float | None = None
        self._switched_at: float | None = None

    def action(self, key: str, now: float) -> str | None:
        """Return the action of `key` ("H", "ESCAPE", ...) pressed at `now`, s; None if it has none."""
        if key != "ESCAPE":
            self._escaped_at = None
            return None if key == "F" and self._too_soon(now) else ACTIONS.get(key)
        again = self._escaped_at is not None and now - self._escaped_at <= ESCAPE_TWICE
        self._escaped_at = None if again else now
        return "quit" if again else None

    def _too_soon(self, now: float) -> bool:
        soon = self._switched_at is not None and now - self._switched_at < FULLSCREEN_REST
        self._switched_at = now
        return soon
