"""A screen without a monitor: an X server of our own, and what a window manager would do to a window on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

CLOSE = """
import sys
from ctypes import byref
from pyglet.libs.x11 import xlib
display, window = xlib.XOpenDisplay(None), int(sys.argv[1])
event = xlib.XEvent()
event.type = 33
event.xclient.window, event.xclient.format = window, 32
event.xclient.message_type = xlib.XInternAtom(display, b"WM_PROTOCOLS", 0)
event.xclient.data.l[0] = xlib.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
xlib.XSendEvent(display, window, 0, 0, byref(event))
xlib.XCloseDisplay(display)
"""


@pytest.fixture(scope="module")
def x_display() -> Iterator[str]:
    """The name of an X server of our own, 800x600."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(10)


DUMMY = """
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 64000
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Modes "1024x768"
    Virtual 2048 1024
  EndSubSection
EndSection
"""
PROJECTOR = (
    "640x360_p",
    "18.00",
    "640",
    "656",
    "720",
    "800",
    "360",
    "363",
    "368",
    "374",
)  # a mode for the second output


class TwoScreens:
    """An X server with two outputs of the dummy driver: DUMMY0 of 1024x768, DUMMY1 of 640x360 to plug and unplug."""

    def __init__(self, display: str) -> None:
        self.display = display
        self._xrandr("--newmode", *PROJECTOR)
        self._xrandr("--addmode", "DUMMY1", PROJECTOR[0])

    def plug(self) -> None:
        self._xrandr("--output", "DUMMY1", "--mode", PROJECTOR[0], "--pos", "1024x0")

    def unplug(self) -> None:
        self._xrandr("--output", "DUMMY1", "--off")

    def _xrandr(self, *words: str) -> None:
        environment = {**os.environ, "DISPLAY": self.display}
        subprocess.run(["xrandr", *words], env=environment, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def two_screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoScreens]:
    """Two screens, the second one plugged in."""
    folder = tmp_path_factory.mktemp("xorg")
    (folder / "xorg.conf").write_text(DUMMY)
    read, write = os.pipe()
    command = ["Xorg", "-displayfd", str(write), "-config", str(folder / "xorg.conf"), "-nolisten", "tcp", "-noreset"]
    command += ["-logfile", str(folder / "log"), "-ac", "-novtswitch", "-sharevts"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        server.wait(10)
        pytest.skip("Xorg with the dummy driver does not start here (it needs root)")
    screens = TwoScreens(f":{number}")
    screens.plug()
    yield screens
    server.terminate()
    server.wait(10)


@pytest.fixture
def window_manager(two_screens: TwoScreens) -> Iterator[str]:
    """The name of `two_screens` with openbox at work on it."""
    if shutil.which("openbox") is None:
        pytest.skip("openbox is not installed")
    environment = {**os.environ, "DISPLAY": two_screens.display}
    manager = subprocess.Popen(["openbox"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20.0
    while "window id" not in _root_property("_NET_SUPPORTING_WM_CHECK", environment):
        assert time.monotonic() < deadline and manager.poll() is None, "openbox did not start"
        time.sleep(0.05)
    yield two_screens.display
    manager.terminate()
    manager.wait(10)
    for name in ("_NET_SUPPORTING_WM_CHECK", "_NET_SUPPORTED"):  # else the next test believes that it is still there
        subprocess.run(["xprop", "-root", "-remove", name], env=environment, check=True, timeout=20)


def _root_property(name: str, environment: dict[str, str]) -> str:
    command = ["xprop", "-root", name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20).stdout


def close_window(window: str, display: str) -> None:
    """Ask a window, by its X id, to close, as a click on its cross does."""
    environment = {**os.environ, "DISPLAY": display}
    subprocess.run([sys.executable, "-c", CLOSE, window], env=environment, check=True, timeout=20)
