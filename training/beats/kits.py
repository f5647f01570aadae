"""Plays drums with the recorded strokes of drum kits, as `hydrogen-drumkits` brings them. In: notes. Out: sound.

A kit is a folder with `drumkit.xml` (Hydrogen's form) and a file a stroke. What an instrument is, its name tells.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from livemusviz.bridge.sound import SAMPLE_RATE
from training.beats.song import Note

ROLES = {
    "kick": r"kick|bass ?drum|\bbd\b|kik",
    "snare": r"snare|\bsn\b|\bsd\b|clap|rim",
    "open": r"open|\bohh?\b",
    "hat": r"hat|hh|closed|pedal|shaker|tamb",
    "crash": r"crash|china|splash",
    "ride": r"ride|bell",
    "tom": r"tom|conga|bongo",
}
"""Patterns of instruments' names; the first that fits tells the role."""
KEYS = {35: "kick", 36: "kick", 37: "snare", 38: "snare", 39: "snare", 40: "snare", 42: "hat", 44: "hat", 46: "open"}
KEYS |= dict.fromkeys((54, 69, 70), "hat") | dict.fromkeys((51, 53), "ride") | {49: "crash"}
LONGEST = 1.2  # s, of a stroke
PITCH = 0.12  # standard deviation of a kit's pitch, octaves


class Kits:
    """Holds the files of each role, over all kits of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the kits' lists. Raises ValueError where a role has no file."""
        self._files: dict[str, list[list[Path]]] = {role: [] for role in ROLES}  # of each instrument, its strokes
        for path in sorted(folder.glob("*/drumkit.xml")):
            text = re.sub(r'xmlns="[^"]*"', "", path.read_text(encoding="utf-8", errors="replace"))
            for instrument in ElementTree.fromstring(text).iter("instrument"):  # noqa: S314
                name = (instrument.findtext("name") or "").lower()
                role = next((role for role, words in ROLES.items() if re.search(words, name)), None)
                files = [path.parent / each.text for each in instrument.iter("filename") if each.text]
                files = [each for each in files if each.is_file()]
                if role and files:
                    self._files[role].append(files)
        missing = [role for role, found in self._files.items() if not found]
        if missing:
            raise ValueError(f"{folder}: no {', '.join(missing)} in its kits")

    def play(self, rng: np.random.Generator, notes: Sequence[Note]) -> np.ndarray:
        """Return drums of a kit that is put together at random, float32 (n,)."""
        instruments = {role: found[rng.integers(len(found))] for role, found in self._files.items()}
        level = {role: rng.uniform(0.4, 1.0) for role in ROLES} | {"kick": rng.uniform(0.6, 1.2)}
        speed = {role: 2.0 ** rng.normal(0.0, PITCH) for role in ROLES}
        strokes: dict[Path, np.ndarray] = {}
        struck = []
        for note in notes:
            role = KEYS.get(note.key, "tom")
            path = instruments[role][rng.integers(len(instruments[role]))]
            if path not in strokes:
                strokes[path] = _stroke(path, speed[role])
            struck.append((note.start, np.float32(level[role] * note.velocity / 100) * strokes[path]))
        return added_up(struck)


def added_up(sounds: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Return sounds, (m,) each, that begin at their times, s, as one, float32 (n,): until the last of them ends."""
    placed = [(round(start * SAMPLE_RATE), sound) for start, sound in sounds]
    whole = np.zeros(max((first + len(sound) for first, sound in placed), default=0), np.float32)
    for first, sound in placed:
        whole[first : first + len(sound)] += sound
    return whole


def _stroke(path: Path, speed: float) -> np.ndarray:
    """Return a recorded stroke at SAMPLE_RATE and full level, played that much faster, float32 (n,)."""
    data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    mono = data.mean(axis=1)
    loud = np.flatnonzero(np.abs(mono) > 0.02 * np.abs(mono).max(initial=1e-6))
    mono = mono[loud[0] if len(loud) else 0 :]
    at = np.arange(0.0, min(len(mono) - 1, LONGEST * rate), speed * rate / SAMPLE_RATE)
    return (np.interp(at, np.arange(len(mono)), mono) / max(float(np.abs(mono).max()), 1e-6)).astype(np.float32)
