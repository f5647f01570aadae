"""Signals for the time of a block. Main thread."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def signals(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Those of `numbers` go to `handler` within this block, and where they went before after it. A SIGHUP that is
    ignored (`nohup`) stays ignored."""
    hangup = getattr(signal, "SIGHUP", None)
    wanted = [each for each in numbers if each != hangup or signal.getsignal(each) is not signal.SIG_IGN]
    kept = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, previous in kept.items():
            signal.signal(number, previous)
