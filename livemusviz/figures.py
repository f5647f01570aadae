"""Makes figures of measurements, and writes them as JSON. Any thread."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.errors import UserError
from livemusviz.platforms import peak_memory
from livemusviz.regular import open_to_write


class Samples:
    """Keeps the newest values of a measurement in memory taken once. One thread appends, any thread reads."""

    def __init__(self, kept: int) -> None:
        """kept : the most values; older ones go."""
        self._values = np.zeros(kept)
        self._count = 0

    def append(self, value: float) -> None:
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def __len__(self) -> int:
        return min(self._count, len(self._values))

    def newest(self, most: int | None = None) -> np.ndarray:
        """Return up to `most` of the newest values, float64, oldest first; all that are kept without it."""
        count, kept = self._count, len(self._values)
        first = count - min(count, kept if most is None else min(most, kept))
        return self._values[np.arange(first, count) % kept]

    def __iter__(self) -> Iterator[float]:
        return iter(self.newest().tolist())


def percentiles(seconds: Iterable[float]) -> dict[str, float] | None:
    """Median and 99th percentile in milliseconds, or None of nothing."""
    values = np.fromiter(seconds, dtype=np.float64)
    if values.size == 0:
        return None
    p50, p99 = np.percentile(values, [50, 99]) * 1000
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


def peak_rss_mb() -> float:
    """Return the most memory this process ever held, in MiB."""
    return round(peak_memory() / 2**20, 1)


def check_writable(path: Path) -> None:
    """UserError unless a file can be written at `path`, as far as can be seen without writing it."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {folder}; make it first")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"cannot write {path}: {'it is a folder' if path.is_dir() else 'permission denied'}")


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write `figures` to `path`. UserError if that cannot be."""
    try:
        with open_to_write(path) as file:
            file.write(json.dumps(figures, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
