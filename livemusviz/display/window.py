"""The window: the canvas on a screen, and the keys pressed there. Runs on the main thread.

pyglet makes the window and the context; all drawing is moderngl's, in that same context. pyglet's own event loop is
not used: the display loop polls.
"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

import moderngl

from livemusviz.bridge.types import View
from livemusviz.display import screens
from livemusviz.display.compositor import Compositor
from livemusviz.display.hud import Hud
from livemusviz.display.keys import KeyMap
from livemusviz.display.options import DisplayOptions
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

_VERSIONS = ((4, 1), (3, 3))
_HELP = "give it one (DISPLAY), or run with --headless"


class WindowSurface:
    """A resizable window, or a whole screen. F switches between the two and is not reported."""

    def __init__(self, options: DisplayOptions) -> None:
        # pyglet's Cocoa loop takes SIGINT and SIGTERM for itself; the show ends on its own terms.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._pyglet = _import_pyglet()
        self._pressed: list[str] = []
        self._keys, self._watch = KeyMap(), screens.ScreenWatch()
        self._display = _open_display(self._pyglet)
        found = self._display.get_screens()
        self._screen = found[screens.choose([_describe(screen) for screen in found], options.screen)]
        self._window = self._open(options)
        for number, handler in handlers.items():
            if handler is not None:  # else it was not installed from Python
                signal.signal(number, handler)
        self._window.push_handlers(on_key_press=self._on_key, on_close=self._on_close)
        self.ctx = moderngl.create_context(require=330)
        self._hud: Hud | None = None
        self._full = False
        if options.fullscreen or options.screen is not None:
            self._set_fullscreen(options.fullscreen, self._screen)

    def poll(self, now: float) -> list[str]:
        """Actions asked for since the last call: "hud", "blackout", "freeze", "record", "quit"."""
        self._window.dispatch_events()
        actions = [self._keys.action(key, now) if key != "close" else "quit" for key in self._pressed]
        self._pressed.clear()
        for _ in range(actions.count("fullscreen") % 2):
            self._set_fullscreen(not self._full, self._screen)
        return [action for action in actions if action is not None and action != "fullscreen"]

    def present(self, compositor: Compositor, view: View, now: float) -> None:
        """Draw the canvas as large as it fits, the HUD over it, and flip. A window without pixels shows nothing."""
        width, height = self._window.get_framebuffer_size()
        if width > 0 and height > 0:
            target = self.ctx.screen
            target.viewport = (0, 0, width, height)
            inner = fit(compositor.size, (width, height))
            if inner[2:] != (width, height):
                target.clear(0.0, 0.0, 0.0, 1.0)
            target.viewport = inner
            compositor.blit(target)
            if view.hud:
                self._hud = self._hud or Hud(self.ctx, compositor.quad())
                self._hud.draw(target, (width, height), view.hud_lines, now, view.hud_code)
        self._window.flip()

    def housekeeping(self) -> None:
        """Follow the screens: off one that was unplugged, back to it when it returns."""
        if not self._watch.watching:
            return
        found = self._display.get_screens()
        action, index = self._watch.look([_describe(screen) for screen in found])
        if action == "stay":
            return
        log.warning("the window's screen %s", "has gone" if action == "leave" else "is back")
        self._full = action == "return"
        self._screen = found[index]
        _switch(self._window, self._full, self._screen)

    def close(self) -> None:
        self._window.close()

    def _set_fullscreen(self, full: bool, screen: Any) -> None:
        self._full = full
        self._watch.settled(_describe(screen) if full else None)
        _switch(self._window, full, screen)

    def _open(self, options: DisplayOptions) -> Any:
        width, height = options.window_size
        reason = ""
        for major, minor in _VERSIONS:
            config = self._pyglet.gl.Config(
                double_buffer=True, red_size=8, green_size=8, blue_size=8, depth_size=0,
                major_version=major, minor_version=minor, forward_compatible=True,
            )  # fmt: skip
            try:
                window = self._pyglet.window.Window(
                    width, height, options.title, resizable=True, screen=self._screen, config=config, vsync=True
                )
            except (self._pyglet.window.WindowException, self._pyglet.gl.ContextException) as error:
                reason = " ".join(str(error).split())[:120] or type(error).__name__
                continue
            self._pyglet.app.platform_event_loop.start()
            window.switch_to()
            return window
        raise UserError(f"no window with OpenGL 3.3 ({reason}); --headless runs without one")

    def _on_key(self, symbol: int, modifiers: int) -> bool:
        self._pressed.append(self._pyglet.window.key.symbol_string(symbol))
        return True  # else pyglet closes the window on Esc

    def _on_close(self) -> bool:
        self._pressed.append("close")
        return True  # the show closes it, when it has ended


def fit(image: tuple[int, int], window: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest x, y, width, height (pixels) in the middle of `window` with the image's aspect."""
    scale = min(window[0] / image[0], window[1] / image[1])
    width, height = max(round(image[0] * scale), 1), max(round(image[1] * scale), 1)
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


def _import_pyglet() -> Any:
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
        raise UserError(f"no window to be had ({' '.join(str(error).split())[:120]}); {_HELP}") from None
    return pyglet


def _open_display(pyglet: Any) -> Any:
    if not sys.platform.startswith("linux"):
        return pyglet.display.get_display()
    from pyglet.display.xlib import NoSuchDisplayException

    _ask_without_probing()
    try:
        return pyglet.display.get_display()
    except NoSuchDisplayException as error:
        raise UserError(f"no display ({' '.join(str(error).split())[:120]}); {_HELP}") from None


def _ask_without_probing() -> None:
    """Make pyglet's list of screens ask X for what it knows. As it is, X probes every connector each time, which
    stops all drawing for as long as 0.1 s."""
    try:
        from pyglet.libs.x11 import xrandr
    except ImportError:
        return
    if hasattr(xrandr, "XRRGetScreenResourcesCurrent"):
        xrandr.XRRGetScreenResources = xrandr.XRRGetScreenResourcesCurrent


def _describe(screen: Any) -> screens.ScreenInfo:
    name = screen.get_monitor_name() if hasattr(screen, "get_monitor_name") else ""
    return screens.ScreenInfo(
        "" if name == "Unknown" else str(name or ""), screen.x, screen.y, screen.width, screen.height
    )


def _switch(window: Any, full: bool, screen: Any) -> None:
    """Fullscreen on `screen`, or a window on it. On macOS a borderless window, since real fullscreen there takes
    the display away from everything else."""
    if sys.platform == "darwin":
        _switch_borderless(window, full, screen)
    elif full or window.fullscreen:
        window.set_fullscreen(full, screen=screen if full else None)
    if not full:
        window.set_location(screen.x + 40, screen.y + 60)
    window.set_mouse_visible(not full)
    window.activate()  # the keyboard is lost when the native window is made anew, ...
    getattr(
        window, "pressed_keys", set()
    ).clear()  # ... and F's release with it: pyglet would take the next F for a repeat
    window.switch_to()


def _switch_borderless(window: Any, full: bool, screen: Any) -> None:
    """pyglet has no public way to change a window's style; this makes the native window anew around the same context.
    Not tried on a Mac."""
    window._style = window.WINDOW_STYLE_BORDERLESS if full else window.WINDOW_STYLE_DEFAULT
    window._recreate([])
    if full:
        window.set_size(screen.width, screen.height)
        window.set_location(screen.x, screen.y)
    else:
        window.set_size(1280, 720)
