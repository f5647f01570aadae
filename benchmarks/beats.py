"""Beats of the live analysis on any folder of sounds whose beats are known; a row a clip, and their mean.

    python benchmarks/beats.py FOLDER ... [--jobs 2] [--json FILE]

A sound NAME.flac (or .wav, .ogg, .mp3) lies beside NAME.beats: times in seconds, first on each line. The columns:

F          as in `hearing.py`: within 70 ms, the first 5 s left out
any octave F at the best of the marked beats, twice as many, and half of them from the first or from the second
off-beat   share of the reported beats that lie nearer to the middle between two marked beats than to either
tempo s    when the tempo is first within 4 % of the marked one for 2 s; `-` never
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.hearing import beat_score, beat_times, marks  # noqa: E402
from livemusviz.audio.file import hops  # noqa: E402
from livemusviz.audio.inprocess import InProcessAudio  # noqa: E402
from livemusviz.bridge.features import AudioFeatures  # noqa: E402
from livemusviz.bridge.sound import HOP, SAMPLE_RATE  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402

SOUNDS = (".flac", ".wav", ".ogg", ".mp3")
SKIPPED = 5.0  # s at the start that count for no score
CLOSE, LASTING = 0.04, 2.0  # of the tempo, relative; s


def octave_score(marked: np.ndarray, found: np.ndarray) -> float:
    """Return the best F with the marked beats, their double, and either half of them."""
    double = np.sort(np.concatenate([marked, (marked[1:] + marked[:-1]) / 2.0]))
    return max(beat_score(beats, found) for beats in (marked, double, marked[::2], marked[1::2]))


def off_beat(marked: np.ndarray, found: np.ndarray) -> float:
    """Return the share of the found beats that lie nearer to the middle between two marked ones than to either."""
    inside = found[(found >= max(SKIPPED, marked[0])) & (found < marked[-1])]
    if len(inside) == 0:
        return 0.0
    place = np.interp(inside, marked, np.arange(len(marked))) % 1.0
    return float(np.mean(np.abs(place - 0.5) < 0.25))


def tempo_time(marked: np.ndarray, features: Sequence[AudioFeatures]) -> float | None:
    """Return when the reported tempo is first close to that of the marked beats and stays so for `LASTING`, s."""
    times = np.array([feature.time for feature in features])
    lengths = np.convolve(np.diff(marked), np.ones(4) / 4.0, "valid")  # a bar's mean, as swing may alternate
    true = 60.0 / np.interp(times, marked[2 : 2 + len(lengths)], lengths)
    wrong = np.abs(np.array([feature.bpm for feature in features]) / true - 1.0) > CLOSE
    held = round(LASTING * SAMPLE_RATE / HOP)
    clean = np.convolve(wrong, np.ones(held), "valid") < 0.5
    return float(times[np.argmax(clean)]) if clean.any() else None


def measure(path: Path) -> dict[str, Any]:
    marked = marks(path, ".beats")
    live = list(InProcessAudio().feed_all(list(hops(path))))
    found = beat_times(live)
    after = tempo_time(marked, live)
    return {
        "clip": path.stem,
        "bpm": round(60.0 / float(np.median(np.diff(marked))), 1),
        "beat": round(beat_score(marked, found), 3),
        "any_octave": round(octave_score(marked, found), 3),
        "off_beat": round(off_beat(marked, found), 3),
        "tempo_s": None if after is None else round(after, 1),
    }


def summary(title: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means of the rows; of the times their median, where a tempo never found counts as late."""
    late = [np.inf if row["tempo_s"] is None else row["tempo_s"] for row in rows]
    middle = float(np.median(late))
    keys = ("beat", "any_octave", "off_beat")
    means = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in keys}
    return {"clip": title, "tempo_s": None if middle == np.inf else round(middle, 1)} | means


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for folder in options.folders:
            beside = (path for path in folder.iterdir() if path.with_suffix(".beats").is_file())
            clips = sorted(path for path in beside if path.suffix in SOUNDS)
            if not clips:
                parser.error(f"{folder}: no sound with a .beats file beside it; {', '.join(SOUNDS)} are read")
            found = list(pool.map(measure, clips))
            rows += [*found, summary(f"mean of {folder.name}", found)]
    keys = ("clip", "bpm", "beat", "any_octave", "off_beat", "tempo_s")
    shown = [tuple("-" if row.get(key) is None else row[key] for key in keys) for row in rows]
    print(table(shown, ("clip", "bpm", "F", "any octave", "off-beat", "tempo s")))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
