"""Checks a film for flashes and prints the verdict as one block: `livemusviz render --check-flashes`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

FAILS = 3  # exit status of a film that flashes too often


def check_film(path: Path) -> tuple[int, dict[str, Any]]:
    """Print the verdict on a film. Return the exit status, and what was counted as JSON values."""
    from livemusviz.render.flashes import check_flashes

    report = check_flashes(path)
    print(verdict(path, report))
    return 0 if report.passes else FAILS, asdict(report) | {"passes": report.passes}


def verdict(path: Path, report: Any) -> str:
    """Return a `FlashReport` as text for people."""
    from livemusviz.cli.output import table
    from livemusviz.display.flash import TRANSITIONS
    from livemusviz.display.flash_count import BUSY_MOST

    signals = (report.luminance, report.red)
    rows = [
        ("transitions a second, whole picture", *(_count(each.canvas) for each in signals), f"at most {TRANSITIONS}"),
        ("s of 5 with four or more", *(_seconds(each.series) for each in signals), f"under {BUSY_MOST:.1f}"),
        ("flashes a second, any ninth", *(_count(each.windows) for each in signals), f"at most {TRANSITIONS // 2}"),
    ]
    result = "pass" if report.passes else "FAIL"
    worst = ", ".join(f"{exact_clock(max(each.at - 1.0, 0.0))} ({each.amount:g})" for each in report.worst)
    return "\n".join([
        f"{path}: flashes: {result} ({report.pictures} pictures, {report.seconds:.1f} s)",
        table(rows, ("", "luminance", "red", "limit")),
        f"seconds with most transitions begin at {worst}" if worst else "no transition at all",
    ])  # fmt: skip


def exact_clock(seconds: float) -> str:
    """Return "1:02.3"."""
    minutes, rest = divmod(round(seconds, 1), 60.0)
    return f"{minutes:.0f}:{rest:04.1f}"


def _count(worst: Any) -> str:
    return f"{worst.amount} at {exact_clock(worst.at)}" if worst.amount else "0"


def _seconds(worst: Any) -> str:
    return f"{worst.amount:.1f} at {exact_clock(worst.at)}" if worst.amount else "0"
