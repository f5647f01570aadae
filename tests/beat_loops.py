"""Steady loops of many styles whose beats are known, made of formulas: drums, bass, chords and a voice-like line.

The beat network never saw them: its training music is composed and rendered by other code (`training/beats`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.drum_loop import HAT, KICK, RATE, SNARE, hit


@dataclass(frozen=True)
class Style:
    """One bar of a loop: `steps` to a beat; x marks a stroke or a note, o a soft one.

    late : share of a step by which odd steps are late.
    """

    steps: int
    kick: str
    snare: str
    hat: str
    bass: str
    chord: str
    voice: str
    hat_level: float = 0.5
    late: float = 0.0


STYLES = {
    "four on the floor": Style(2, "x.x.x.x.", "..x...x.", ".x.x.x.x", "x.x.x.x.", "x.......", "x..xx.x."),
    "rock": Style(2, "x...xx..", "..x...x.", "xxxxxxxx", "x.xxx.xx", "x...x...", "x.xx..x."),
    "rock, loud hats": Style(2, "x....x..", "..x...x.", "xxxxxxxx", "x...x...", "x.......", ".xx.x.x.", hat_level=1.6),
    "half time": Style(4, "x..............x", "........x.......", "x.x.x.x.x.x.x.x.", "x.......x...x...",
                       "x...............", "x...x.x...x.x..."),
    "reggae": Style(4, "....x.......x...", "....o.......o...", "x.o.x.o.x.o.x.o.", "x..x..x...x.x...",
                    "..x...x...x...x.",
                    "x...x.x...x....."),
    "swing": Style(3, "o.....o.....", "...o.....o..", "x..x.ox..x.o", "x..x..x..x..", "..x......x..", "x..x.xx....x"),
    "waltz": Style(2, "x.....", "..o.o.", "x.x.x.", "x.....", "..x.x.", "x..xx."),
    "seven eight": Style(2, "x..x.x.", "..x...x", "xxxxxxx", "x..x.x.", "x......", "x.x.xx."),
}  # fmt: skip


def _tone(frequency: float, seconds: float, partials: int, attack: float, decay: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * n * frequency * t) / n for n in range(1, partials + 1))
    return wave * np.minimum(1.0, t / attack) * np.exp(-t / decay) * np.clip((seconds - t) / 0.02, 0.0, 1.0)


def _add(sound: np.ndarray, time: float, piece: np.ndarray) -> None:
    start = max(0, round(time * RATE))
    piece = piece[: max(0, len(sound) - start)]
    sound[start : start + len(piece)] += piece


def beat_loop(
    name: str, bpm: float, seconds: float, melodic: bool = True, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return a loop in a style of `STYLES`, float32 (n, 2) at RATE, and the times of its beats, s.

    bpm : of the quarter note; of "seven eight" a bar is three and a half.  melodic : with bass, chords and voice.
    """
    style, rng = STYLES[name], np.random.default_rng(seed)
    step = 60.0 / bpm / style.steps
    bar = len(style.kick)
    sound = np.zeros(round(seconds * RATE))
    roots = (45, 50, 52, 45)
    for index in range(int(seconds / step)):
        time, at = (index + (style.late if index % 2 else 0.0)) * step, index % bar
        for kind, pattern, level in (
            (KICK, style.kick, 0.8),
            (SNARE, style.snare, 0.7),
            (HAT, style.hat, style.hat_level),
        ):
            if pattern[at] != ".":
                _add(sound, time, level * (1.0 if pattern[at] == "x" else 0.5) * hit(kind, rng))
        if not melodic:
            continue
        root = 440.0 * 2 ** ((roots[index // bar % 4] - 69) / 12)
        if style.bass[at] == "x":
            _add(sound, time, 0.25 * _tone(root / 2, min(0.3, 2 * step), 4, 0.005, 0.3))
        if style.chord[at] == "x":
            length = min(0.25 if style.chord.count("x") > 2 else bar * step, 2.0)
            for ratio in (2.0, 2.5, 3.0):
                _add(sound, time, 0.07 * _tone(root * ratio, length, 5, 0.01, length))
        if style.voice[at] == "x":
            note = root * 4 * 2 ** (rng.choice((0, 2, 4, 7)) / 12)
            _add(sound, time + rng.normal(0.0, 0.015), 0.12 * _tone(note, min(0.4, 2 * step), 6, 0.04, 0.5))
    sound = np.clip(0.6 * sound, -1.0, 1.0).astype(np.float32)
    return np.stack([sound, sound], axis=1), np.arange(0.0, seconds, 60.0 / bpm)
