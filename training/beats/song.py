"""Composes short pieces of music whose beats are known. Pure: a random generator goes in, notes and beats come out.

A piece has a style of a file, a tempo that may drift, sections in which parts come and go, fills, and a player's
timing. It need not be good music: it must stress what music of its style stresses, with its ambiguities.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

STYLES, AMBIGUOUS, MODERN = "styles.toml", "ambiguous.toml", "modern.toml"  # files of styles
LOUD = {"x": 1.0, "o": 0.72, "g": 0.4}  # of a full stroke
KICKS, SNARES, RIMS = (36, 36, 35), (38, 38, 40), (37, 37, 39)
CYMBALS = ((42,), (42,), (42, 46), (51,), (51, 53), (46,), (44,), (70,), (54,), (69,))  # hats, ride, shakers
CRASH, FOOT, TOMS = 49, 44, (50, 48, 47, 45, 43, 41)
BASSES = (32, 33, 33, 34, 35, 36, 38, 39, 43)
COMPS = (0, 1, 2, 4, 5, 7, 11, 16, 17, 18, 21, 24, 25, 26, 27, 28, 29, 30, 48, 50, 61, 62, 80, 81, 88, 89)
LEADS = (0, 11, 22, 24, 26, 27, 29, 30, 40, 52, 53, 54, 56, 60, 64, 65, 66, 68, 73, 80, 81, 85)
PADS = (48, 49, 50, 52, 88, 89, 91, 92, 94)
PROGRESSIONS = ((0, 5, 7, 0), (0, 7, 9, 5), (9, 5, 0, 7), (0, 0, 5, 5), (2, 7, 0, 0), (0, 10, 5, 0), (0,), (0, 3, 5, 7))
DRUMS, BASS, COMP, LEAD, PAD = 9, 0, 1, 2, 3  # MIDI channels
JITTER = (0.002, 0.012)  # s, standard deviation of a player's timing


class Note(NamedTuple):
    """Holds a note: start and duration in seconds, MIDI channel, key 0..127, velocity 1..127."""

    start: float
    duration: float
    channel: int
    key: int
    velocity: int


@dataclass
class Song:
    """Holds a piece.

    style : its name in the file of styles.
    bpm : the tempo at the start.
    beats : times of the beats, s.
    places : the place of each beat in its bar, 0 for the first.
    programs : MIDI program of each channel.
    notes : in no order.
    machine : True if drum machines and synthesisers play it.
    """

    style: str
    bpm: float
    beats: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    programs: dict[int, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    machine: bool = False


class Grid:
    """Gives the time of each step of a piece: tempo drift and swing included."""

    def __init__(
        self, rng: np.random.Generator, bpm: float, beats: int, steps: int, swing: float, machine: bool = False
    ) -> None:
        """Begin at a random time. machine : without drift."""
        human = rng.random() < 0.6 and not machine
        drift = np.cumsum(rng.normal(0.0, 0.006, beats)) if human else np.zeros(beats)
        drift -= np.linspace(0.0, drift[-1], beats) * rng.random()
        lengths = 60.0 / bpm * np.exp(np.clip(drift, -0.08, 0.08))
        self.beats = rng.uniform(0.0, 1.2) + np.concatenate([[0.0], np.cumsum(lengths)])
        self.steps = steps
        self._swing = swing

    def time(self, step: int) -> float:
        """Return the time of a step, s. Swing makes the odd ones of four late, by a share of a step."""
        beat, within = divmod(step, self.steps)
        late = self._swing if self.steps == 4 and within % 2 else 0.0
        beat = min(beat, len(self.beats) - 2)
        return float(self.beats[beat] + (within + late) / self.steps * (self.beats[beat + 1] - self.beats[beat]))


class Composer:
    """Writes one piece."""

    def __init__(
        self, rng: np.random.Generator, name: str, style: Mapping[str, Any], seconds: float, parts: str
    ) -> None:
        """Choose tempo, patterns and instruments.

        name, style : of a file of styles.
        parts : "drums", "rhythm" (drums and bass), "mix", or "no drums".
        """
        self.rng, self.style = rng, style
        bpm = float(np.exp(rng.uniform(*np.log(self.style["bpm"]))))
        self.in_bar, steps = self.style.get("beats", 4), self.style["steps"]
        self.bar = self.in_bar * steps
        bars = max(4, round(seconds * bpm / 60.0 / self.in_bar))
        swing = rng.uniform(*self.style.get("swing", (0.0, 0.25 if rng.random() < 0.2 else 0.0)))
        machine = bool(style.get("machine", False))
        self.grid = Grid(rng, bpm, bars * self.in_bar + 1, steps, swing, machine)
        self.bars = bars
        self.song = Song(name, bpm, machine=machine)
        self.song.beats = self.grid.beats[:-1].tolist()
        self.song.places = [i % self.in_bar for i in range(len(self.song.beats))]
        self.jitter = rng.uniform(*JITTER)
        self.late = {channel: rng.normal(0.0, 0.006) for channel in (DRUMS, BASS, COMP, LEAD, PAD)}
        if machine:
            self.jitter, self.late = 0.0, dict.fromkeys(self.late, 0.0)
        self.parts = parts
        self.key = int(rng.integers(12))
        self.minor = rng.random() < 0.5
        self.progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]

    def pick(self, options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def write(self) -> Song:
        """Return the piece."""
        plan = self._plan()
        kick = self.pick(self.style["kick"])
        if self.parts != "no drums":
            self._drums(plan, kick)
        if self.parts != "drums":
            self._bass(plan, kick)
        if self.parts in ("mix", "no drums"):
            self._comp(plan)
            if self.rng.random() < 0.7:
                self._lead(plan)
            if self.rng.random() < 0.4:
                self._pad(plan)
        return self.song

    def _plan(self) -> list[dict[str, bool]]:
        """Return for each bar the parts that play: sections of 2 to 8 bars, all parts in most of them."""
        plan: list[dict[str, bool]] = []
        first = self.rng.random() < 0.3
        while len(plan) < self.bars:
            length = int(self.pick((2, 4, 4, 8)))
            section = {part: self.rng.random() < 0.93 for part in ("kick", "snare", "cymbal", "bass", "comp", "pad")}
            section["lead"] = self.rng.random() < 0.7
            if first:  # an introduction without some of the parts
                section = {part: self.rng.random() < 0.5 for part in section}
                if not any(section[part] for part in ("kick", "snare", "cymbal", "bass", "comp")):
                    section["cymbal" if self.parts == "drums" else "comp"] = True
                first = False
            fill = self.rng.random() < 0.5
            for i in range(length):
                plan.append(section | {"crash": i == 0 and self.rng.random() < 0.4, "fill": fill and i == length - 1})
        return plan[: self.bars]

    def _note(self, step: float, channel: int, key: int, loud: float, length: float = 0.1, grace: float = 0.0) -> None:
        start = self.grid.time(int(step)) + self.late[channel] + self.rng.normal(0.0, self.jitter) + grace
        evenness = 0.0 if self.song.machine else 0.07
        velocity = int(np.clip(loud * 100 * self.rng.normal(1.0, evenness), 8, 127))
        if start > 0.0:
            self.song.notes.append(Note(start, length, channel, key, velocity))

    def _strokes(self, pattern: str, bar: int) -> list[tuple[int, float]]:
        """Return (step, loudness) of one bar of a pattern, which may be several bars long."""
        pattern = pattern * (-(-self.bar // len(pattern)))
        bars = len(pattern) // self.bar
        piece = pattern[bar % bars * self.bar : (bar % bars + 1) * self.bar]
        return [(bar * self.bar + i, LOUD[stroke]) for i, stroke in enumerate(piece) if stroke != "."]

    def _drums(self, plan: list[dict[str, bool]], kick: str) -> None:
        rng = self.rng
        self.song.programs[DRUMS] = int(self.pick(self.style.get("kits", (0, 0, 8, 16, 24, 25, 0, 40))))
        snare, cymbal = self.pick(self.style["snare"]), self.pick(self.style["cymbal"])
        snare_key = self.pick(RIMS if rng.random() < 0.15 else SNARES)
        kick_key, cymbal_keys = self.pick(KICKS), self.pick(CYMBALS)
        level = {"kick": rng.uniform(0.55, 1.2), "snare": rng.uniform(0.6, 1.2), "cymbal": rng.uniform(0.35, 1.15)}
        foot = self.pick(self.style.get("foot", ("." * self.bar,)))
        second = self.pick(self.style["kick"])  # of every other section
        section = 0
        for bar, playing in enumerate(plan):
            section += playing["crash"]
            fill_from = self.bar - self.grid.steps * int(rng.integers(1, 3)) if playing["fill"] else self.bar
            if playing["crash"]:
                self._note(bar * self.bar, DRUMS, CRASH, rng.uniform(0.7, 1.1))
            rows = {"kick": second if section % 2 and rng.random() < 0.8 else kick, "snare": snare, "cymbal": cymbal}
            for part, pattern in rows.items():
                if not playing[part]:
                    continue
                keys = {"kick": (kick_key,), "snare": (snare_key,), "cymbal": cymbal_keys}[part]
                for step, loud in self._strokes(pattern, bar):
                    if step - bar * self.bar >= fill_from or rng.random() < 0.02:
                        continue
                    self._note(step, DRUMS, self.pick(keys), loud * level[part])
                if rng.random() < 0.06:  # one stroke that is not in the pattern
                    at = int(rng.integers(self.bar))
                    self._note(bar * self.bar + at, DRUMS, self.pick(keys), rng.uniform(0.3, 0.9) * level[part])
            for step, loud in self._strokes(foot, bar):
                self._note(step, DRUMS, FOOT, loud * level["cymbal"])
            self._fill(bar, fill_from, snare_key)

    def _fill(self, bar: int, begin: int, snare: int) -> None:
        density = self.rng.uniform(0.4, 1.0)
        for i, at in enumerate(range(begin, self.bar)):
            if self.rng.random() < density:
                key = snare if self.rng.random() < 0.4 else TOMS[min(len(TOMS) - 1, i)]
                self._note(bar * self.bar + at, DRUMS, key, self.rng.uniform(0.6, 1.1))

    def _root(self, bar: int) -> int:
        return self.key + self.progression[bar % len(self.progression)]

    def _bass(self, plan: list[dict[str, bool]], kick: str) -> None:
        rng = self.rng
        self.song.programs[BASS] = int(self.pick(BASSES))
        pattern = self.pick(self.style["bass"])
        pattern = kick if pattern == "kick" else pattern
        level, moving = rng.uniform(0.6, 1.1), rng.random()
        length = rng.uniform(0.3, 1.2)
        octaves = bool(self.style.get("octaves", False)) and rng.random() < 0.5
        for bar, playing in enumerate(plan):
            if not playing["bass"]:
                continue
            root = 28 + (self._root(bar) - 4) % 12
            strokes = self._strokes(pattern, bar)
            for i, (step, loud) in enumerate(strokes):
                after = strokes[i + 1][0] if i + 1 < len(strokes) else (bar + 1) * self.bar
                seconds = (self.grid.time(after) - self.grid.time(step)) * length
                key = root if i == 0 or rng.random() > moving else root + int(self.pick((0, 7, 12, 5, 10, 3, 2)))
                if octaves:
                    key = root + 12 * (step % self.grid.steps != 0)
                if rng.random() > 0.03:
                    self._note(step, BASS, key, loud * level, max(0.05, seconds))

    def _comp(self, plan: list[dict[str, bool]]) -> None:
        rng = self.rng
        self.song.programs[COMP] = int(self.pick(COMPS))
        patterns = [self.pick(self.style["comp"]) for _ in range(2)]
        level, short = rng.uniform(0.5, 1.1), rng.random() < 0.4
        strum = rng.uniform(0.0, 0.02)
        arpeggio = rng.random() < 0.2
        third = 3 if self.minor else 4
        for bar, playing in enumerate(plan):
            if not playing["comp"]:
                continue
            root = 52 + (self._root(bar) - 4) % 12
            chord = [root, root + third, root + 7, root + 12, *([root + 10] if rng.random() < 0.3 else [])]
            strokes = self._strokes(patterns[bar // 8 % 2], bar)
            for i, (step, loud) in enumerate(strokes):
                after = strokes[i + 1][0] if i + 1 < len(strokes) else (bar + 1) * self.bar
                seconds = 0.09 if short else 0.95 * (self.grid.time(after) - self.grid.time(step))
                keys = [chord[i % len(chord)]] if arpeggio else chord
                for n, key in enumerate(keys):
                    self._note(step, COMP, key, loud * level, max(0.06, seconds), n * strum)

    def _lead(self, plan: list[dict[str, bool]]) -> None:
        """Write a melody of motifs: a rhythm that comes again, off the beat as often as voices are."""
        rng = self.rng
        self.song.programs[LEAD] = int(self.pick(LEADS))
        density, level = rng.uniform(0.12, 0.5), rng.uniform(0.6, 1.15)
        scale = (0, 3, 5, 7, 10) if self.minor else (0, 2, 4, 7, 9)
        motif: list[int] = []
        degree = int(rng.integers(5, 12))
        for bar, playing in enumerate(plan):
            if bar % 4 == 0 or not motif or rng.random() < 0.2:
                strong = np.array([1.0 if i % self.grid.steps == 0 else 0.8 for i in range(self.bar)])
                motif = np.flatnonzero(rng.random(self.bar) < density * strong).tolist()
            if not playing["lead"] or rng.random() < 0.15:
                continue
            for i, at in enumerate(motif):
                after = motif[i + 1] if i + 1 < len(motif) else self.bar
                step = bar * self.bar + at
                seconds = (self.grid.time(bar * self.bar + after) - self.grid.time(step)) * rng.uniform(0.5, 1.0)
                degree = int(np.clip(degree + rng.integers(-2, 3), 3, 15))
                key = 48 + self.key + 12 * (degree // 5) + scale[degree % 5]
                self._note(step, LEAD, key, level * rng.uniform(0.6, 1.0), max(0.08, seconds), rng.normal(0.0, 0.012))

    def _pad(self, plan: list[dict[str, bool]]) -> None:
        self.song.programs[PAD] = int(self.pick(PADS))
        level, third = self.rng.uniform(0.4, 0.9), 3 if self.minor else 4
        for bar, playing in enumerate(plan):
            if playing["pad"]:
                seconds = self.grid.time((bar + 1) * self.bar) - self.grid.time(bar * self.bar)
                root = 52 + (self._root(bar) - 4) % 12
                for key in (root, root + third, root + 7):
                    self._note(bar * self.bar, PAD, key, level, seconds)


def compose(rng: np.random.Generator, seconds: float, file: str = STYLES) -> Song:
    """Return a piece of about `seconds` in a random style of `STYLES`, `AMBIGUOUS` or `MODERN`."""
    styles: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    names = list(styles)
    shares = np.array([styles[name]["share"] for name in names])
    style = names[rng.choice(len(names), p=shares / shares.sum())]
    parts = str(rng.choice(["drums", "rhythm", "mix", "no drums"], p=[0.27, 0.1, 0.5, 0.13]))
    return Composer(rng, style, styles[style], seconds, parts).write()
