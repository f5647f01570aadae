"""Real windows on two screens of an X server: pins come back with their screen, and a canvas spans both.

Pixels are read from the screens themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("Xorg") is None or shutil.which("xrandr") is None, reason="needs Xorg and xrandr"
)

# A show of nothing but the test grid, pinned on its first frame if asked to, which ends when its input does.
PROGRAM = """
import sys, threading
from pathlib import Path
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.mapping import MapChange
from livemusviz.bridge.view import View
from livemusviz.clock import SystemClock
from livemusviz.display.loop import run_display
from livemusviz.display.options import DisplayHooks, DisplayOptions

screens, maps, pin = [int(each) for each in sys.argv[1].split(",")], Path(sys.argv[2]), sys.argv[3:] == ["pin"]
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
changes = [(MapChange("pin", 1, 0, (0.4, 0.4)),)] if pin else []

def tick(now):
    view = View(map_grid=True, map_changes=changes.pop() if changes else ())
    return None if over.is_set() else (AudioFeatures.rest(now), view)

options = DisplayOptions(
    canvas=(160, 90), window_size=(320, 180), screen=screens[0], span=tuple(screens[1:]), fullscreen=True, maps=maps,
    operator=False, title="a test of livemusviz",
)
print(run_display(options, DisplayHooks(Latest(), tick, on_problem=print), SystemClock()))
"""
FIRST, SECOND = (0, 0, 1024, 768), (1024, 0, 640, 360)


class Show:
    def __init__(self, display: str, *arguments: str) -> None:
        self._display = display
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, "DISPLAY": display}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def seen(self, screen: tuple[int, int, int, int]) -> np.ndarray:
        """Return the pixels of a screen, uint8 (height, width, 3)."""
        x, y, width, height = screen
        options = {"video_size": f"{width}x{height}", "draw_mouse": "0"}
        with av.open(f"{self._display}+{x},{y}", format="x11grab", options=options) as grabbed:
            return next(grabbed.decode(video=0)).to_ndarray(format="rgb24")

    def until(self, condition: Callable[[], bool], within: float = 20.0) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline and self.process.poll() is None, "waited too long"
            time.sleep(0.1)

    def finish(self) -> str:
        output, _ = self.process.communicate(timeout=20)
        return output

    def __enter__(self) -> Show:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


def is_pinned(pixels: np.ndarray) -> bool:
    """Return True if the picture's upper left corner is near the middle of the screen."""
    height, width = pixels.shape[:2]
    return pixels[: height // 4, : width // 4].max() == 0 and pixels[height * 3 // 4 :, width * 3 // 4 :].max() > 150


def is_full(pixels: np.ndarray) -> bool:
    height, width = pixels.shape[:2]
    return all(pixels[y:, x:][:60, :60].max() > 80 for y in (5, height - 65) for x in (5, width - 65))


def test_a_screens_pins_come_back_with_the_screen(two_screens, tmp_path: Path) -> None:
    maps = tmp_path / "screens.json"
    with Show(two_screens.display, "2", str(maps), "pin") as show:
        show.until(lambda: is_pinned(show.seen(SECOND)))
        try:
            two_screens.unplug()
            show.until(lambda: not is_pinned(show.seen(FIRST)) and show.seen(FIRST).max() > 150)
        finally:
            two_screens.plug()
        show.until(lambda: is_pinned(show.seen(SECOND)))
        assert "errors=0" in show.finish()
    with Show(two_screens.display, "2", str(maps)) as later:
        later.until(lambda: is_pinned(later.seen(SECOND)))


def test_a_canvas_spans_two_screens(two_screens, tmp_path: Path) -> None:
    with Show(two_screens.display, "1,2", str(tmp_path / "screens.json")) as show:
        show.until(lambda: is_full(show.seen(FIRST)) and is_full(show.seen(SECOND)))
        assert "errors=0" in show.finish()
