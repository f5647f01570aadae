"""Opens what the system has of displays, screens and windows, by pyglet. Main thread."""

from __future__ import annotations

import os
import sys
from typing import Any

from livemusviz.display import screens
from livemusviz.errors import UserError

_VERSIONS = ((4, 1), (3, 3))
_NO_DISPLAY = "give it one (DISPLAY), or run with --headless"


def open_window(pyglet: Any, size: tuple[int, int], title: str, screen: Any, vsync: bool) -> Any:
    """Open a window on `screen`, its context current. Contexts share their textures. UserError if there
    is no OpenGL to be had."""
    reason = ""
    for major, minor in _VERSIONS:
        config = pyglet.gl.Config(
            double_buffer=True, red_size=8, green_size=8, blue_size=8, depth_size=0,
            major_version=major, minor_version=minor, forward_compatible=True,
        )  # fmt: skip
        try:
            window = pyglet.window.Window(*size, title, resizable=True, screen=screen, config=config, vsync=vsync)
        except (pyglet.window.WindowException, pyglet.gl.ContextException) as error:
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            continue
        pyglet.app.platform_event_loop.start()
        window.switch_to()
        return window
    raise UserError(f"no window with OpenGL 3.3 ({reason}); --headless runs without one")


def list_screens() -> list[screens.ScreenInfo]:
    """Return the screens of this machine; none where there is no display to ask."""
    try:
        return [describe(screen) for screen in open_display(import_pyglet()).get_screens()]
    except UserError:
        return []


def import_pyglet() -> Any:
    import pyglet

    pyglet.options["headless"] = False
    pyglet.options["debug_gl"] = False
    pyglet.options["shadow_window"] = False
    try:
        import pyglet.app
        import pyglet.display
        import pyglet.gl
        import pyglet.window
        import pyglet.window.key
    except ImportError as error:  # a system library is missing
        raise UserError(f"no window to be had ({' '.join(str(error).split())[:120]}); {_NO_DISPLAY}") from None
    return pyglet


def open_display(pyglet: Any) -> Any:
    if not sys.platform.startswith("linux"):
        return pyglet.display.get_display()
    from pyglet.display.xlib import NoSuchDisplayException

    _ask_without_probing()
    try:
        return pyglet.display.get_display()
    except NoSuchDisplayException:
        name = os.environ.get("DISPLAY", "")
        reason = f"cannot connect to '{name[:80]}'" if name else "DISPLAY is not set"
        raise UserError(f"no display ({reason}); {_NO_DISPLAY}") from None


def _ask_without_probing() -> None:
    """Make pyglet's list of screens ask X for what it knows. As it is, X probes every connector each time, which
    stops all drawing for as long as 0.1 s."""
    try:
        from pyglet.libs.x11 import xrandr
    except ImportError:
        return
    if hasattr(xrandr, "XRRGetScreenResourcesCurrent"):
        xrandr.XRRGetScreenResources = xrandr.XRRGetScreenResourcesCurrent


def describe(screen: Any) -> screens.ScreenInfo:
    name = screen.get_monitor_name() if hasattr(screen, "get_monitor_name") else ""
    return screens.ScreenInfo(
        "" if name == "Unknown" else str(name or ""), screen.x, screen.y, screen.width, screen.height
    )
