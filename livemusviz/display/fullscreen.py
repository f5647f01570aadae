"""Puts a window over one whole screen, and takes it off again. Runs on the main thread.

On X11 the window manager decides where a fullscreen window goes: to the screen on which the window stands. pyglet makes
its window anew for that, in the corner of the first screen, and so lands over the operator. Here the window is moved to
its screen first, waited for, made fullscreen by the manager's own message, and looked for again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from ctypes import POINTER, byref, c_int, c_ubyte, c_ulong
from typing import Any

PATIENCE = 0.5  # s for a window manager to do what it was asked
LOOK = 0.005  # s between looks
TRIES = 3
_CORNER = (40, 60)  # pixels from the corner of a screen to that of a window on it
_REMOVE, _ADD = 0, 1  # of the message _NET_WM_STATE


class ScreenFiller:
    """`fill` a screen with a pyglet window, `leave` it again."""

    def __init__(self, window: Any) -> None:
        self._window = window
        self._in_state = False  # the window manager's fullscreen state

    def fill(self, screen: Any) -> bool:
        """Put the window over the whole of `screen`. False if it did not get there."""
        if sys.platform == "darwin":
            _switch_borderless(self._window, True, screen)
            return True
        if not sys.platform.startswith("linux"):
            self._window.set_fullscreen(True, screen=screen)
            return True
        return any(self._fill_once(screen) for _ in range(TRIES))

    def leave(self, screen: Any, size: tuple[int, int]) -> None:
        """Make it a window of `size` pixels on `screen`, wherever it is now."""
        if sys.platform == "darwin":
            _switch_borderless(self._window, False, screen)
        elif not sys.platform.startswith("linux"):
            self._window.set_fullscreen(False)
        else:
            self._leave_state()
            self._window.set_size(*size)
        self._window.set_location(screen.x + _CORNER[0], screen.y + _CORNER[1])

    def fills(self, screen: Any) -> bool:
        """Return True if the window covers exactly this screen, or if that cannot be asked."""
        if not sys.platform.startswith("linux"):
            return True
        place, size = (screen.x, screen.y), (screen.width, screen.height)
        return bool(self._window.get_location() == place and self._window.get_size() == size)

    def _fill_once(self, screen: Any) -> bool:
        window = self._window
        if _is_managed(window):
            self._leave_state()
            if not _stands_on(window, screen):
                window.set_location(screen.x + _CORNER[0], screen.y + _CORNER[1])
                _wait(window, lambda: _stands_on(window, screen))
            self._in_state = True
            _send_state(window, _ADD)
        else:
            window.set_location(screen.x, screen.y)
            window.set_size(screen.width, screen.height)
        return _wait(window, lambda: self.fills(screen))

    def _leave_state(self) -> None:
        if self._in_state:
            self._in_state = False
            before = self._window.get_size()
            _send_state(self._window, _REMOVE)
            _wait(self._window, lambda: bool(self._window.get_size() != before))


def _stands_on(window: Any, screen: Any) -> bool:
    x, y = window.get_location()
    return screen.x <= x < screen.x + screen.width and screen.y <= y < screen.y + screen.height


def _wait(window: Any, condition: Callable[[], bool]) -> bool:
    """Let events come until `condition` holds; whether it does."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        window.dispatch_events()
        time.sleep(LOOK)
    return condition()


def _is_managed(window: Any) -> bool:
    """Return True if the X server has a window manager that announces itself."""
    from pyglet.libs.x11 import xlib

    display = window._x_display
    kind, bits, count, left, data = xlib.Atom(), c_int(), c_ulong(), c_ulong(), POINTER(c_ubyte)()
    name = xlib.XInternAtom(display, b"_NET_SUPPORTING_WM_CHECK", False)
    root = xlib.XDefaultRootWindow(display)
    asked = (display, root, name, 0, 1, False, xlib.AnyPropertyType)
    xlib.XGetWindowProperty(*asked, byref(kind), byref(bits), byref(count), byref(left), byref(data))
    if data:
        xlib.XFree(data)
    return count.value > 0


def _send_state(window: Any, change: int) -> None:
    """Ask the window manager to add or remove the fullscreen state."""
    from pyglet.libs.x11 import xlib

    display = window._x_display
    event = xlib.XEvent()
    event.xclient.type, event.xclient.format = xlib.ClientMessage, 32
    event.xclient.display, event.xclient.window = display, window._window
    event.xclient.message_type = xlib.XInternAtom(display, b"_NET_WM_STATE", False)
    state = xlib.XInternAtom(display, b"_NET_WM_STATE_FULLSCREEN", False)
    for i, value in enumerate((change, state, 0, 1)):  # the last: an ordinary program asks
        event.xclient.data.l[i] = value
    mask = xlib.SubstructureRedirectMask | xlib.SubstructureNotifyMask
    xlib.XSendEvent(display, xlib.XDefaultRootWindow(display), False, mask, byref(event))
    xlib.XFlush(display)


def _switch_borderless(window: Any, full: bool, screen: Any) -> None:
    """Make the native window anew around the same context, without a border or with one.

    Real fullscreen on macOS takes the display away from everything else, and pyglet has no public way to change a
    window's style. Not tried on a Mac.
    """
    window._style = window.WINDOW_STYLE_BORDERLESS if full else window.WINDOW_STYLE_DEFAULT
    window._recreate([])
    if full:
        window.set_size(screen.width, screen.height)
        window.set_location(screen.x, screen.y)
    else:
        window.set_size(1280, 720)
