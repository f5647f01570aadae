"""A screen without a monitor: an X server of our own, and what a window manager would do to a window on it."""

from __future__ import annotations

import os
import subprocess
import sys
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


def close_window(window: str, display: str) -> None:
    """Ask a window, by its X id, to close, as a click on its cross does."""
    environment = {**os.environ, "DISPLAY": display}
    subprocess.run([sys.executable, "-c", CLOSE, window], env=environment, check=True, timeout=20)
