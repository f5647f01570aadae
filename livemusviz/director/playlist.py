"""Chooses the next preset: by hand, by number, at random, or from a playlist with durations (autopilot). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from livemusviz.errors import UserError

MAX_ENTRIES = 512
MIN_SECONDS, MAX_SECONDS = 1.0, 7200.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a playlist. seconds : for which it stays; 0 is until another is chosen."""

    preset: str
    seconds: float = 0.0


class PresetPlayer:
    """Steps through presets. `next`, `previous`, `random` and `number` return the preset to load; the caller loads it
    and calls `loaded`, also for presets chosen by name, and calls `due` once a display frame.

    locked : True stops the autopilot; the performer can still choose.
    """

    def __init__(self, entries: Sequence[Entry], rng: np.random.Generator) -> None:
        """entries : at least one."""
        if not entries:
            raise UserError("no presets to play")
        self.entries = tuple(entries)
        self.locked = False
        self._rng = rng
        self._index = -1  # of the entry that plays; -1 before the first
        self._since: float | None = None

    @property
    def current(self) -> str:
        return self.entries[self._index].preset if self._index >= 0 else ""

    def next(self) -> str:
        return self._go((self._index + 1) % len(self.entries))

    def previous(self) -> str:
        return self._go((max(self._index, 0) - 1) % len(self.entries))

    def random(self) -> str:
        """Return any other entry than the one that plays."""
        others = [i for i in range(len(self.entries)) if i != self._index]
        return self._go(int(self._rng.choice(others)) if others else 0)

    def step(self, way: Literal["next", "previous", "random"]) -> str:
        """Return the entry that `way` leads to."""
        return {"next": self.next, "previous": self.previous, "random": self.random}[way]()

    def number(self, number: int) -> str:
        """Return the entry counted from 1. UserError if there are not so many."""
        if not 1 <= number <= len(self.entries):
            raise UserError(f"preset {number}: there are {len(self.entries)}")
        return self._go(number - 1)

    def loaded(self, name: str) -> None:
        """Note that `name` plays now, however it was chosen."""
        if name != self.current:
            self._index = next((i for i, each in enumerate(self.entries) if each.preset == name), self._index)
        self._since = None

    def due(self, now: float, seconds: float) -> str | None:
        """Return the preset to load now because the last one's time is up, or None. `now` : s.

        seconds : for which entries without a duration of their own stay; 0 never ends.
        """
        if self._since is None:
            self._since = now
        stay = (self.entries[self._index].seconds if self._index >= 0 else 0.0) or seconds
        if self.locked or stay <= 0.0 or now - self._since < stay or len(self.entries) < 2:
            return None
        return self.next()

    def _go(self, index: int) -> str:
        self._index = index
        self._since = None
        return self.entries[index].preset


def parse_playlist(where: str, raw: object) -> tuple[Entry, ...]:
    """Return the entries of a playlist's `play` list: names, or tables of `preset` and `seconds`. UserError
    otherwise."""
    if not isinstance(raw, list) or not raw or len(raw) > MAX_ENTRIES:
        raise UserError(f"{where}: 'play' must be a list of 1 to {MAX_ENTRIES} presets")
    return tuple(_entry(f"{where}: play[{i}]", each) for i, each in enumerate(raw))


def _entry(where: str, raw: object) -> Entry:
    if isinstance(raw, str):
        return Entry(raw)
    if not isinstance(raw, dict) or not isinstance(raw.get("preset"), str) or set(raw) - {"preset", "seconds"}:
        raise UserError(f'{where}: give a name, or {{preset = "name", seconds = 30}}')
    seconds = raw.get("seconds", 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UserError(f"{where}: seconds must be a number")
    if seconds != 0 and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise UserError(f"{where}: seconds {seconds:g} is outside {MIN_SECONDS:g}..{MAX_SECONDS:g}")
    return Entry(raw["preset"], float(seconds))
