"""A drum loop made of formulas, whose onsets are known to the sample; for every test that needs something to hear."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE = 48000
KICK, SNARE, HAT = "kick", "snare", "hat"
# One bar in eighths: boom - tick - crack - tick, a second kick before the third beat.
PATTERN = (KICK, HAT, SNARE, HAT, KICK, KICK, SNARE, HAT)


def hit(kind: str, rng: np.random.Generator) -> np.ndarray:
    """float64 (n,): a kick falling from 150 to 50 Hz, a snare of noise over 190 Hz, or a hat of bright noise."""
    t = np.arange(int(0.22 * RATE)) / RATE
    noise = rng.standard_normal(len(t))
    fade = np.clip((t[-1] - t) / 0.05, 0.0, 1.0)  # a cut tail would be a click, an onset of its own
    if kind == KICK:
        frequency = 50.0 + 100.0 * np.exp(-t / 0.03)
        return 0.8 * np.sin(2 * np.pi * np.cumsum(frequency) / RATE) * np.exp(-t / 0.07) * fade
    if kind == SNARE:
        return (0.25 * noise + 0.25 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05) * fade
    return 0.25 * np.diff(noise, prepend=0.0) * np.exp(-t / 0.02) * fade


def drum_loop(bars: int = 4, bpm: float = 120.0, lead_in: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The loop as float32 (n, 2) at RATE after `lead_in` seconds of silence, and the times of its onsets in seconds."""
    rng = np.random.default_rng(seed)
    step = 60.0 / bpm / 2.0
    times = lead_in + step * np.arange(bars * len(PATTERN))
    sound = np.zeros(round((lead_in + bars * len(PATTERN) * step) * RATE))
    for index, time in enumerate(times):
        start = round(time * RATE)
        piece = hit(PATTERN[index % len(PATTERN)], rng)[: len(sound) - start]
        sound[start : start + len(piece)] += piece
    sound = np.clip(0.7 * sound, -1.0, 1.0).astype(np.float32)
    return np.stack([sound, sound], axis=1), times


def write_drum_loop(path: Path, bars: int = 4, bpm: float = 120.0, lead_in: float = 0.0) -> np.ndarray:
    """As a 16-bit WAV file at `path`. Returns the times of its onsets in seconds."""
    import soundfile

    sound, times = drum_loop(bars, bpm, lead_in)
    soundfile.write(str(path), sound, RATE, subtype="PCM_16")
    return times
