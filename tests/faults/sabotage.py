"""Runs `livemusviz` with a model that can be broken in the running show: `sabotage.py FILE live ...`.

FILE holds what the model is to do from now on: "slow", "hang", "fail", or, where there is no file, its work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SLOW = 0.7  # s more for a picture
LOOK = 0.05  # s between looks at whether a hang is over


def main(order: Path) -> int:
    """Run the program with the orders of a file."""
    from livemusviz.diffusion import opening

    opening.open_pipeline = _sabotaged(opening.open_pipeline, order)
    from livemusviz.cli import entry

    return entry()


def _sabotaged(open_pipeline: Callable[..., Any], order: Path) -> Callable[..., Any]:
    """Return `open_pipeline` with pipelines that look at `order` before each picture."""

    def opened(*given: Any) -> Any:
        pipeline, about = open_pipeline(*given)
        generate = pipeline.generate

        def sabotaged(*arguments: Any) -> Any:
            if _read(order) == "slow":
                time.sleep(SLOW)
            while _read(order) == "hang":
                time.sleep(LOOK)
            if _read(order) == "fail":
                raise RuntimeError("[malloc] Unable to allocate 268435456 bytes.")
            return generate(*arguments)

        pipeline.generate = sabotaged
        return pipeline, about

    return opened


def _read(order: Path) -> str:
    try:
        return order.read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    path = Path(sys.argv.pop(1))
    raise SystemExit(main(path))
