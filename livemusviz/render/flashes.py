"""Check a film for flashes: decode it and count by the flash limiter's rules. Main thread."""

from __future__ import annotations

from pathlib import Path

from livemusviz.display.flash_count import FlashCounter, FlashReport
from livemusviz.record.readback import read_pictures


def check_flashes(path: Path) -> FlashReport:
    """Return what the film at `path` shows, as its viewers see it: after the codec. UserError if it cannot be read."""
    counter = FlashCounter()
    for time, picture in read_pictures(path):
        counter.add(time, picture)
    return counter.report()
