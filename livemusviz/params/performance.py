"""Declares the methods that a parameter or an action may call; `session.Session` implements them. Pure.

A declaration in `params` calls them, so that its effect stands beside its name, range and doc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

Way = Literal["next", "previous", "random"]


class TempoGestures(Protocol):
    """Changes the tempo by the performer's gestures. Times in s, of the gesture."""

    def tap(self, now: float) -> None: ...
    def set_bpm(self, bpm: float, now: float) -> None: ...
    def nudge(self, beats: float, now: float) -> None: ...
    def scale(self, factor: float, now: float) -> None: ...
    def resync(self, now: float) -> None: ...


class Performance(Protocol):
    """Changes the performance. Every method raises UserError, and changes nothing, if it cannot be done."""

    @property
    def tempo(self) -> TempoGestures: ...
    def lead_tempo(self, source: str) -> None:
        """Let one source of the tempo lead, or "auto"."""

    def play_cue(self, number: int, time: float) -> None:
        """Take the prompt of cue `number`, from 1; 0 takes none."""

    def step_cue(self, way: Way, time: float) -> None:
        """Play another cue."""

    def load_preset(self, name: str) -> str:
        """Load a preset by its name or as "#3"; return its name."""

    def step_preset(self, way: Way) -> None:
        """Load another entry of the playlist."""

    def save_preset(self, name: str) -> None:
        """Save the current values as a preset; "" keeps the current preset's name."""

    def set_input(self, shader: str, name: str, value: object) -> None:
        """Set an input of a shader, over preset and drive."""

    def change_map(self, verb: str, text: str) -> None:
        """Change the mapping of a screen; see `session.maps`."""

    def start_recording(self, label: str) -> None: ...
    def stop_recording(self) -> None: ...
    def learn_control(self, wish: str) -> None: ...
    def forget_control(self, address: str) -> None: ...


Do = Callable[[Performance, Any, float], Any]
"""Sets in motion what an event asks for: (performance, the event's value, its time in s). What it returns is the value
that the parameter takes; None is the event's own."""
