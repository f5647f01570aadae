"""Learns the codebook of strokes and the tables of rhythmic patterns, and writes them beside the network's weights.

    python -m training.beats.patterns FOLDER --weights livemusviz/features/beats.npz

The codebook comes from k-means over whitened strokes. The patterns come from expectation maximisation with hard
assignments: each stretch of 16 beats belongs to the pattern, and to the one of its two shifts by a beat, under which
it is likeliest; a table counts the codes at each position of its stretches.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from livemusviz.features.metre import BEATS
from livemusviz.features.strokes import STEP, Strokes

CODES, PATTERNS, BINS = 64, 12, 16  # BINS a beat
LOUD = 0.25  # of the largest stroke of a step: louder ones are clustered, and QUIET levels stand for the rest
QUIET = (0.0, 0.06, 0.12, 0.2)
SAMPLE = 20_000  # steps that the codebook is made of
STRETCH = 16  # beats
EVEN = 30.0  # counts of the mean distribution that are added to each row of a table
ROUNDS = 25


def make_codebook(rng: np.random.Generator, strokes: np.ndarray) -> np.ndarray:
    """Return the codebook, float32 (CODES, 5), of strokes (steps, 5)."""
    loud = strokes[strokes.max(axis=1) > LOUD]
    loud = loud[rng.permutation(len(loud))[:SAMPLE]]
    centres = loud[: CODES - len(QUIET)].copy()
    for _ in range(15):
        nearest = encode(centres, loud)
        centres = np.stack(
            [loud[nearest == i].mean(axis=0) if (nearest == i).any() else c for i, c in enumerate(centres)]
        )
    quiet = np.repeat(np.array(QUIET)[:, None], strokes.shape[1], axis=1)
    return np.concatenate([centres, quiet]).astype(np.float32)


def encode(codebook: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Return the nearest code of each step, int (steps,)."""
    return (np.square(codebook).sum(axis=1) - 2.0 * strokes @ codebook.T).argmin(axis=1)


def count(codes: np.ndarray, beats: np.ndarray) -> list[np.ndarray]:
    """Return the counts of codes at each position of each stretch of a piece: (BEATS * BINS, CODES) each."""
    time = (np.arange(len(codes)) + 0.5) * STEP
    place = np.interp(time, beats, np.arange(len(beats)), left=-1.0, right=-1.0)
    stretches = []
    for first in range(0, len(beats) - STRETCH // 2, STRETCH):
        inside = (place >= first) & (place < min(first + STRETCH, len(beats) - 1))
        counts = np.zeros((BEATS * BINS, CODES))
        np.add.at(counts, ((place[inside] * BINS).astype(int) % (BEATS * BINS), codes[inside]), 1.0)
        stretches.append(counts)
    return stretches


def learn(rng: np.random.Generator, stretches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tables, relative to the mean distribution, (PATTERNS, BEATS * BINS, CODES), and the patterns' shares.

    stretches : counts, (stretches, BEATS * BINS, CODES).
    """
    usual = stretches.sum(axis=(0, 1)) + 1.0
    usual /= usual.sum()
    shifted = [np.roll(stretches, beat * BINS, axis=1) for beat in range(BEATS)]
    choice = rng.integers(PATTERNS * BEATS, size=len(stretches))
    for _ in range(ROUNDS):
        tables = np.zeros((PATTERNS, *stretches.shape[1:]))
        for i, (pattern, beat) in enumerate(zip(*np.divmod(choice, BEATS), strict=True)):
            tables[pattern] += shifted[beat][i]
        tables += 0.25 * (np.roll(tables, 1, axis=1) + np.roll(tables, -1, axis=1))  # neighbouring positions
        tables = (tables + EVEN * usual) / (tables.sum(axis=2, keepdims=True) + EVEN)
        scores = [np.tensordot(counts, np.log(table), 2) for table in tables for counts in shifted]
        best = np.argmax(scores, axis=0)
        if np.array_equal(best, choice):
            break
        choice = best
    return tables / usual, np.bincount(choice // BEATS, minlength=PATTERNS) / len(choice)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    strokes, beats = [], []
    for path in sorted(options.folder.glob("*.npz")):
        with np.load(path) as stored:
            whitener = Strokes()
            strokes.append(np.array([whitener.step(row) for row in stored["inputs"].astype(np.float32)]))
            beats.append(stored["beats"])
    codebook = make_codebook(rng, np.concatenate(strokes)[::7])
    counts = [part for piece, at in zip(strokes, beats, strict=True) for part in count(encode(codebook, piece), at)]
    tables, shares = learn(rng, np.array(counts))
    with np.load(options.weights) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays |= {"codebook": codebook, "table": tables.astype(np.float16), "share": shares.astype(np.float32)}
    np.savez_compressed(options.weights, **arrays)
    print(f"{len(counts)} stretches, shares of the patterns {np.round(shares, 2).tolist()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
