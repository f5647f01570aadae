"""Onsets and beats on recordings that people marked: ours causal, ours offline, aubio's defaults; a row a clip.

    python benchmarks/hearing.py ../shared/audio_eval/mdb_*/*.flac [--json FILE] [--onset aubio] [--sensitivity 2]

A clip NAME.flac lies beside NAME.drums (onsets) and NAME.beats (beats), times in seconds first on each line. Onsets are
matched within 50 ms (marks closer than 50 ms are one), beats within 70 ms, the first 5 s left out, both by mir_eval.
Figures are causal ones if nothing else is said: an onset counts when it is reported, a beat when the phase wraps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aubio
import mir_eval
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from livemusviz.audio.file import hops  # noqa: E402
from livemusviz.audio.inprocess import InProcessAudio  # noqa: E402
from livemusviz.bridge.features import AudioFeatures  # noqa: E402
from livemusviz.bridge.sound import HOP, SAMPLE_RATE  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402
from livemusviz.features.offline import analyse_hops  # noqa: E402
from livemusviz.features.onset import METHODS  # noqa: E402

TUNED = ("80sRock_Drum", "Grunge_Drum", "Rock_Drum", "Rock_MIX")  # the clips the thresholds were chosen on
APART = 0.05  # s


def marks(path: Path, suffix: str) -> np.ndarray:
    lines = path.with_suffix(suffix).read_text().splitlines()
    return np.array(sorted(float(line.split()[0]) for line in lines if line.strip()))


def merged(times: Sequence[float]) -> np.ndarray:
    kept: list[float] = []
    for moment in times:
        if not kept or moment - kept[-1] > APART:
            kept.append(moment)
    return np.array(kept)


def beat_times(features: Sequence[AudioFeatures]) -> np.ndarray:
    """Return the times at which the phase wrapped, s."""
    pairs = zip(features, features[1:], strict=False)
    return np.array([b.time - b.beat_phase * 60.0 / b.bpm for a, b in pairs if b.beats > a.beats and b.bpm > 0.0])


def onset_score(marked: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """F within 50 ms, and the median delay of the matched ones in ms."""
    if len(found) == 0:
        return 0.0, 0.0
    score = mir_eval.onset.f_measure(marked, found, window=0.05)[0]
    pairs = mir_eval.util.match_events(marked, found, 0.05)
    return float(score), 1000.0 * float(np.median([found[j] - marked[i] for i, j in pairs] or [0.0]))


def beat_score(marked: np.ndarray, found: np.ndarray) -> float:
    return float(mir_eval.beat.f_measure(mir_eval.beat.trim_beats(marked), mir_eval.beat.trim_beats(found)))


def aubio_onsets(mono: np.ndarray) -> np.ndarray:
    detector = aubio.onset("default", 1024, HOP, SAMPLE_RATE)
    return _reported(mono, lambda hop: bool(detector(hop)[0]))


def aubio_beats(mono: np.ndarray) -> np.ndarray:
    tracker = aubio.tempo("default", 1024, HOP, SAMPLE_RATE)
    return _reported(mono, lambda hop: bool(tracker(hop)[0]))


def _reported(mono: np.ndarray, found: Callable[[np.ndarray], bool]) -> np.ndarray:
    return np.array([(i + HOP) / SAMPLE_RATE for i in range(0, len(mono), HOP) if found(mono[i : i + HOP])])


def measure(path: Path, method: str, sensitivity: float) -> dict[str, Any]:
    sound = list(hops(path))
    mono = np.concatenate(sound).mean(axis=1)
    audio = InProcessAudio(onset=method, sensitivity=sensitivity)
    began = time.process_time()
    live = list(audio.feed_all(sound))
    spent = time.process_time() - began
    track = analyse_hops(sound, sensitivity=sensitivity)
    offline = np.array([f.time for f in track if f.onset])
    row: dict[str, Any] = {"clip": path.stem, "us_per_hop": round(1e6 * spent / len(sound), 1)}
    if path.with_suffix(".drums").is_file():
        marked = merged(list(marks(path, ".drums")))
        found = np.array([f.time for f in live if f.onset])
        for name, times in (("onset", found), ("onset_offline", offline), ("onset_aubio", aubio_onsets(mono))):
            row[name], row[f"{name}_delay_ms"] = (round(value, 3) for value in onset_score(marked, times))
    if path.with_suffix(".beats").is_file():
        marked = marks(path, ".beats")
        row["beat"] = round(beat_score(marked, beat_times(live)), 3)
        row["beat_offline"] = round(beat_score(marked, beat_times(list(track))), 3)
        row["beat_aubio"] = round(beat_score(marked, aubio_beats(mono)), 3)
    return row


def means(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for drums, for mixes, for the clips that were tuned on and for the others."""
    groups: dict[str, Callable[[str], bool]] = {
        "mean of drums": lambda clip: "MIX" not in clip,
        "mean of mixes": lambda clip: "MIX" in clip,
        "mean of the tuned": lambda clip: clip.endswith(TUNED),
        "mean of the others": lambda clip: not clip.endswith(TUNED),
    }
    found = []
    for title, belongs in groups.items():
        members = [row for row in rows if belongs(row["clip"])]
        if members:
            keys = [key for key in members[0] if key != "clip" and all(key in row for row in members)]
            found.append({"clip": title} | {key: round(float(np.mean([r[key] for r in members])), 3) for key in keys})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--onset", choices=METHODS, default=METHODS[0], help="how our onsets are found")
    parser.add_argument("--sensitivity", type=float, default=1.0, help="of our onsets, as /sensitivity")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [measure(path, options.onset, options.sensitivity) for path in options.clips]
    rows += means(rows)
    shown = (
        "onset",
        "onset_delay_ms",
        "onset_offline",
        "onset_aubio",
        "beat",
        "beat_offline",
        "beat_aubio",
        "us_per_hop",
    )
    head = ("clip", "onset F", "ms", "offline", "aubio", "beat F", "offline", "aubio", "us/hop")
    print(table([(row["clip"], *(row.get(key, "-") for key in shown)) for row in rows], head))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
