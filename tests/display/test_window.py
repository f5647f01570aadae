"""The real window, on a virtual X server, with real key presses."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest

from livemusviz.display.keys import FULLSCREEN_REST
from tests.fixtures_display import close_window

pytestmark = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("xdotool") is None, reason="needs Xvfb and xdotool"
)

# A show of nothing but the idle scene, which ends when it is asked to. It says on stdout what it was told.
PROGRAM = """
import sys
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import View
from livemusviz.clock import SystemClock
from livemusviz.display.loop import run_display
from livemusviz.display.options import DisplayHooks, DisplayOptions
from livemusviz.errors import UserError

told, started = [], []

def tick(now):
    if not started:
        started.append(now)
        print("running", flush=True)
    if "quit" in told or now - started[0] > 20.0:
        return None
    return AudioFeatures.rest(now), View(hud="hud" in told, hud_lines=("livemusviz",))

def on_key(name):
    told.append(name)
    print("key", name, flush=True)

screen = int(sys.argv[1]) if len(sys.argv) > 1 else None
options = DisplayOptions(
    canvas=(160, 90), window_size=(320, 180), screen=screen, fullscreen="full" in sys.argv, title="a test of livemusviz"
)
try:
    print(run_display(options, DisplayHooks(Latest(), tick, on_key), SystemClock()))
except UserError as error:
    print("UserError:", error)
"""


class Window:
    """The program above in a process of its own."""

    def __init__(self, display, *arguments):
        self.environment = {**os.environ, "DISPLAY": display}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True
        )

    def line(self):
        return self.process.stdout.readline().strip()

    def xdotool(self, *arguments):
        command = ["xdotool", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=20).stdout

    def geometry(self, title="a test of livemusviz"):
        """Place and size of the window, pixels; nothing while the window manager has it between two states."""
        found = self.xdotool("search", "--name", title, "getwindowgeometry")
        match = re.search(r"(-?\d+),(-?\d+).*?(\d+)x(\d+)", found, re.DOTALL)
        return tuple(map(int, match.groups())) if match else ()

    def visible(self):
        """Titles of the windows to be seen."""
        found = self.xdotool("search", "--onlyvisible", "--name", "livemusviz").split()
        return sorted(self.xdotool("getwindowname", each).strip() for each in found)

    def wait_until(self, condition, seconds=8.0):
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.1)
        return condition()

    def wait_for(self, geometry, seconds=5.0):
        deadline = time.monotonic() + seconds
        while self.geometry() != geometry and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.geometry()

    def finish(self):
        output = self.process.stdout.read()
        self.process.wait(20)
        return output

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()


def test_keys_fullscreen_and_escape_twice(x_display):
    with Window(x_display) as window:
        assert window.line() == "running"
        windowed = window.geometry()
        assert windowed[2:] == (320, 180)
        keys = (("h", "hud"), ("b", "blackout"), ("z", "freeze"), ("r", "record"), ("space", "next"), ("Tab", "tap"))
        for key, action in (*keys, ("3", "preset 3"), ("BackSpace", "previous")):
            window.xdotool("key", key)
            assert window.line() == f"key {action}"
        window.xdotool("key", "f")
        assert window.wait_for((0, 0, 800, 600)) == (0, 0, 800, 600)
        time.sleep(FULLSCREEN_REST)
        window.xdotool("key", "f")
        assert window.wait_for(windowed)[2:] == (320, 180)
        window.xdotool("key", "Escape")
        window.xdotool("key", "Escape")
        assert window.line() == "key quit"
        stats = window.finish()
        assert "errors=0" in stats
        assert int(re.search(r"frames_shown=(\d+)", stats)[1]) > 10
        assert window.process.returncode == 0


def test_closing_the_window_ends_the_show(x_display):
    with Window(x_display) as window:
        assert window.line() == "running"
        found = window.xdotool("search", "--name", "a test of livemusviz").split()[0]
        close_window(found, x_display)
        assert window.line() == "key quit"
        assert "errors=0" in window.finish()


def test_an_unknown_screen_says_how_many_there_are(x_display):
    with Window(x_display, "3") as window:
        assert re.match(r"UserError: --screen 3: only screen 1 \(800x600\)", window.finish())


def test_no_display_at_all_points_to_headless():
    with Window("") as window:
        output = window.finish()
        assert output.startswith("UserError: no display (DISPLAY is not set)") and "--headless" in output
    with Window(":987") as window:
        assert window.finish().startswith("UserError: no display (cannot connect to ':987')")


CANVAS, OPERATOR = "a test of livemusviz", "livemusviz operator"
FIRST, SECOND = (0, 0, 1024, 768), (1024, 0, 640, 360)


@pytest.mark.skipif(shutil.which("Xorg") is None or shutil.which("xrandr") is None, reason="needs Xorg and xrandr")
@pytest.mark.parametrize(("screen", "place", "other"), [("2", SECOND, FIRST), ("1", FIRST, SECOND)])
def test_under_a_window_manager_the_canvas_fills_its_screen_and_the_operator_has_the_other(
    window_manager, screen, place, other
):
    with Window(window_manager, screen, "full") as window:
        assert window.line() == "running"
        assert window.wait_for(place) == place
        assert window.wait_until(lambda: window.visible() == [CANVAS, OPERATOR])
        x, y = window.geometry(OPERATOR)[:2]
        assert other[0] <= x < other[0] + other[2] and other[1] <= y < other[1] + other[3]
        for full in (False, True, False, True):  # F twice, and twice again
            time.sleep(FULLSCREEN_REST)
            window.xdotool("search", "--name", CANVAS, "windowfocus", "--sync")
            window.xdotool("key", "f")
            assert window.wait_until(lambda full=full: (window.geometry() == place) == full)
            if not full:
                assert window.wait_until(lambda: window.geometry()[2:] == (320, 180))
                assert place[0] <= window.geometry()[0] < place[0] + place[2], "a window on the same screen"
        window.xdotool("key", "Escape", "Escape")
        assert window.line() == "key quit"
        assert "errors=0" in window.finish()


@pytest.mark.skipif(shutil.which("Xorg") is None or shutil.which("xrandr") is None, reason="needs Xorg and xrandr")
def test_a_canvas_that_a_window_manager_moves_away_comes_back(window_manager):
    with Window(window_manager, "2", "full") as window:
        assert window.line() == "running" and window.wait_for(SECOND) == SECOND
        found = window.xdotool("search", "--name", CANVAS).split()[0]
        state = ["xprop", "-id", found, "-f", "_NET_WM_STATE", "32a", "-remove", "_NET_WM_STATE"]
        subprocess.run(state, env=window.environment, check=True, timeout=20)
        window.xdotool("windowmove", found, "10", "10", "windowsize", found, "300", "200")
        assert window.wait_until(lambda: window.geometry() == SECOND, seconds=15.0)


def test_help_is_shown_and_not_reported(x_display):
    with Window(x_display) as window:
        assert window.line() == "running"
        window.xdotool("key", "question")
        window.xdotool("key", "h")
        assert window.line() == "key hud", "and nothing before it"
        window.xdotool("key", "Escape", "Escape")
        assert window.line() == "key quit"
        assert "errors=0" in window.finish()
