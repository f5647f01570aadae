"""Sound files with clicks at known samples, for tests: every kind that a performer may bring."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import soundfile

from livemusviz.audio.track import TrackReader, probe
from livemusviz.bridge.sound import SAMPLE_RATE

KINDS = ("wav", "flac", "mp3", "ogg", "m4a", "opus")


def clicks(path: Path, seconds: float, every: float = 1.0, first: float = 0.5, rate: int = 44_100) -> np.ndarray:
    """Write a 16-bit WAV of short clicks over a faint bass; the times of the clicks, s."""
    count = round(seconds * rate)
    sound = np.zeros(count, np.float32)
    t = np.arange(round(0.02 * rate)) / rate
    click = (0.8 * np.sin(2 * np.pi * 1800 * t) * np.exp(-t / 0.004)).astype(np.float32)
    times = np.arange(first, seconds - 0.05, every)
    for time in times:
        begin = round(time * rate)
        sound[begin : begin + len(click)] += click
    soundfile.write(path, np.stack([sound, sound], axis=1), rate, subtype="PCM_16")
    return times


def convert(wav: Path, kind: str, *options: str) -> Path:
    """The same sound as another kind of file, beside it."""
    other = wav.with_suffix(f".{kind}")
    if other != wav:
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(wav), *options, str(other)], check=True)
    return other


def heard_clicks(path: Path) -> np.ndarray:
    """When the clicks in a file are heard, s on the file's own time line."""
    reader = TrackReader(probe(path))
    sound = np.concatenate(list(reader.blocks()))[:, 0]
    loud = np.flatnonzero(np.abs(sound) > 0.25) / SAMPLE_RATE + float(reader.origin)
    return loud[np.r_[True, np.diff(loud) > 0.2]]
