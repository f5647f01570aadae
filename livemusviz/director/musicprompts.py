"""Lets the music choose prompts: notes mix theirs in, sections change them; the performer's own has priority. Pure.

In: chroma, bars, sections. Out: the prompt to fade to, and prompts to mix into it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR, PITCH_CLASSES, AudioFeatures
from livemusviz.bridge.frames import Prompt

OFF, FOCUS, CUMULATIVE = 0, 1, 2
SHARPNESS = 3.0  # power of the weights in FOCUS
LONGER = 8.0  # factor of the time constant in CUMULATIVE
GRAIN = 0.02  # weights are rounded to it, so that a sustained chord gives one prompt, not thirty a second


@dataclass(frozen=True, slots=True)
class MusicPromptKnobs:
    """Holds the parameters.

    notes : PITCH_CLASSES prompts from C; any may be empty.
    mode : OFF, FOCUS (the strongest note) or CUMULATIVE (all recent notes).
    depth : 0..1, largest share of the notes' prompts.
    seconds : s, time constant of the weights.
    sections : prompts that take turns.
    bars : bars of a turn; 0 changes with the section of the music.
    hold : s for which a prompt of the performer stays.
    """

    notes: tuple[str, ...] = ("",) * PITCH_CLASSES
    mode: int = OFF
    depth: float = 0.5
    seconds: float = 1.5
    sections: tuple[str, ...] = ()
    bars: int = 0
    hold: float = 30.0


def split_prompts(text: str) -> tuple[str, ...]:
    """Return "a | b | | d" as ("a", "b", "", "d"), and () for an empty text."""
    return tuple(part.strip() for part in text.split("|")) if text.strip() else ()


def note_prompts(text: str) -> tuple[str, ...]:
    """Return PITCH_CLASSES prompts from "C | C# | ... | B"; missing ones are empty."""
    return (split_prompts(text) + ("",) * PITCH_CLASSES)[:PITCH_CLASSES]


class NoteMix:
    """Smooths the weights of the twelve notes."""

    def __init__(self) -> None:
        self.weights = np.zeros(PITCH_CLASSES)
        self._depth = 0.0

    def advance(self, dt: float, features: AudioFeatures, knobs: MusicPromptKnobs, held: bool) -> None:
        """Advance by `dt` seconds. held : True while the prompt of the performer stays."""
        longer = LONGER if knobs.mode == CUMULATIVE else 1.0
        rate = -math.expm1(-dt / max(knobs.seconds * longer, 1e-3))
        self.weights += rate * (np.array(features.chroma) - self.weights)
        depth = 0.0 if held or knobs.mode == OFF else knobs.depth
        self._depth += -math.expm1(-dt / max(knobs.seconds, 1e-3)) * (depth - self._depth)

    def mixed(self, prompt: Prompt, knobs: MusicPromptKnobs) -> Prompt:
        """Return `prompt` with the notes' prompts mixed in, or itself if there are none."""
        weights = np.where([bool(text) for text in knobs.notes], self.weights, 0.0)
        if knobs.mode == FOCUS:
            weights = weights**SHARPNESS
        total = float(weights.sum())
        share = self._depth * min(1.0, float(self.weights.max()) * 1.5)
        if total <= 1e-6 or share < GRAIN:
            return prompt
        notes = np.round(weights / total * share / GRAIN) * GRAIN
        mix = [(text, float(w)) for text, w in zip(knobs.notes, notes, strict=True) if w > 0.0]
        rest = max(GRAIN, round(1.0 - sum(w for _, w in mix), 4))
        base = ((prompt, 1.0),) if isinstance(prompt, str) else prompt
        whole = sum(w for _, w in base)
        return (*((text, rest * w / whole) for text, w in base), *mix)


class SectionTurns:
    """Chooses between the performer's last prompt and those of the sections."""

    def __init__(self, prompt: Prompt) -> None:
        self._asked = self.prompt = prompt
        self._asked_at = float("-inf")
        self._number = -1
        self._section: int | None = None
        self._stretch: int | None = None

    def step(self, now: float, asked: Prompt, features: AudioFeatures, knobs: MusicPromptKnobs) -> Prompt:
        """Return the prompt. asked : the prompt that the performer asks for at `now`, s."""
        new_section = self._section is not None and features.sections > self._section  # a new count begins at 0
        self._section = features.sections
        stretch = math.floor(features.beats / (BEATS_A_BAR * knobs.bars)) if knobs.bars and features.bpm > 0.0 else None
        new_stretch = stretch is not None and self._stretch is not None and stretch == self._stretch + 1
        self._stretch = stretch
        if asked != self._asked:
            self._asked = self.prompt = asked
            self._asked_at = now
        elif not knobs.sections:
            self.prompt = self._asked
        elif (new_stretch if knobs.bars else new_section) and not self.held(now, knobs):
            self._number = (self._number + 1) % len(knobs.sections)
            self.prompt = knobs.sections[self._number] or self._asked
        return self.prompt

    def held(self, now: float, knobs: MusicPromptKnobs) -> bool:
        """Return True while the performer's prompt stays."""
        return now - self._asked_at < knobs.hold
