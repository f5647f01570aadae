"""The examples of docs/LIBRARY.md as scripts, and the track they read."""

import re
from pathlib import Path

import numpy as np
import soundfile

PAGE = Path(__file__).parent.parent / "docs/LIBRARY.md"
RATE = 48_000  # Hz


def examples() -> dict[str, str]:
    """Return the page's Python by the heading above it."""
    found = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    blocks = {title: re.search(r"```python\n(.*?)```", text, re.DOTALL) for title, text in found}
    return {title: block[1] for title, block in blocks.items() if block is not None}


def write_song(folder: Path) -> None:
    """Write song.wav: 3 s of clicks, four a second."""
    time = np.arange(3 * RATE) / RATE
    clicks = np.sin(2 * np.pi * 220 * time) * np.exp(-30 * (time % 0.25))
    soundfile.write(folder / "song.wav", 0.5 * clicks, RATE)
