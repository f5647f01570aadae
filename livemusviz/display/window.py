"""The windows: the canvas on a screen, the operator's beside it, and the keys pressed in either. Runs on the main
thread.

pyglet makes windows and contexts; all drawing is moderngl's. pyglet's own event loop is not used: the display loop
polls. With an operator's window there is nothing but art on the canvas's; without one, figures come over it on request.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any

import moderngl

from livemusviz.bridge.view import View
from livemusviz.display import screens
from livemusviz.display.compositor import Compositor
from livemusviz.display.fullscreen import ScreenFiller
from livemusviz.display.hud import Hud
from livemusviz.display.keys import HELP, KeyMap
from livemusviz.display.operator import OperatorView
from livemusviz.display.options import DisplayOptions
from livemusviz.display.pacer import Gate
from livemusviz.errors import UserError

log = logging.getLogger(__name__)

_VERSIONS = ((4, 1), (3, 3))
OPERATOR_SIZE = (960, 600)  # pixels
OPERATOR_RATE = 12.0  # Hz; its preview costs time that the canvas needs
CORRECTIONS = 3  # of where a fullscreen canvas is
_NO_DISPLAY = "give it one (DISPLAY), or run with --headless"


class WindowSurface:
    """A resizable window, or a whole screen, and the operator's. F (fullscreen) and ? (the keys) are not reported."""

    def __init__(self, options: DisplayOptions) -> None:
        # pyglet's Cocoa loop takes SIGINT and SIGTERM for itself; the show ends on its own terms.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._pyglet = _import_pyglet()
        self._pressed: list[str] = []
        self._keys, self._watch = KeyMap(), screens.ScreenWatch()
        self._display = _open_display(self._pyglet)
        found = self._display.get_screens()
        self._screen = found[screens.choose_screen([_describe(screen) for screen in found], options.screen)]
        self._window = self._open(options.window_size, options.title, self._screen, vsync=True)
        for number, handler in handlers.items():
            if handler is not None:  # else it was not installed from Python
                signal.signal(number, handler)
        self._window.push_handlers(on_key_press=self._on_key, on_close=self._on_close)
        self.ctx = moderngl.create_context(require=330)
        self._filler, self._windowed = ScreenFiller(self._window), options.window_size
        self._corrections = 0
        self._hud: Hud | None = None
        self._full = self._hidden = self._help = False
        self._operator: Any = None  # pyglet's window
        self._operator_view: OperatorView | None = None
        self._operator_gate = Gate(OPERATOR_RATE)
        if options.fullscreen or options.screen is not None:
            self._set_fullscreen(options.fullscreen, self._screen)
        if options.operator if options.operator is not None else options.fullscreen and len(found) > 1:
            self._open_operator(found)

    def poll(self, now: float) -> list[str]:
        """Actions asked for since the last call, as `keys.ACTIONS` names them, and "quit"."""
        self._window.dispatch_events()
        if self._operator is not None:
            self._operator.dispatch_events()
        actions = [self._keys.action(key, now) if key != "close" else "quit" for key in self._pressed]
        self._pressed.clear()
        for _ in range(actions.count("fullscreen") % 2):
            self._set_fullscreen(not self._full, self._screen)
        if actions.count("help") % 2:
            self._help = not self._help
        return [action for action in actions if action is not None and action not in ("fullscreen", "help")]

    def present(self, compositor: Compositor, view: View, now: float) -> None:
        """Draw the canvas as large as it fits, what the operator is to see, and flip."""
        lines = (*HELP, "", *view.hud_lines) if self._help else view.hud_lines
        over = self._operator is None and (view.hud or self._help)
        if not self._hidden:
            self._present_canvas(compositor, view, lines if over else (), now)
        if self._operator is not None and self._operator_view is not None and self._operator_gate.opens(now):
            self.ctx.finish()  # the other context reads what this one has drawn
            self._operator.switch_to()
            size = self._operator.get_framebuffer_size()
            self._operator_view.draw(size, compositor.canvas, compositor.size, lines, view.meter, now, view.hud_code)
            self._operator.flip()
            self._window.switch_to()

    def _present_canvas(self, compositor: Compositor, view: View, lines: tuple[str, ...], now: float) -> None:
        """A window without pixels shows nothing."""
        width, height = self._window.get_framebuffer_size()
        if width > 0 and height > 0:
            target = self.ctx.screen
            target.viewport = (0, 0, width, height)
            inner = fit(compositor.size, (width, height))
            if inner[2:] != (width, height):
                target.clear(0.0, 0.0, 0.0, 1.0)
            target.viewport = inner
            compositor.blit(target)
            if lines:
                self._hud = self._hud or Hud(self.ctx, compositor.quad())
                self._hud.draw(target, (width, height), lines, now, view.hud_code, view.meter)
        self._window.flip()

    def housekeeping(self) -> None:
        """Follow the screens: off one that was unplugged, back to it when it returns. Where there is an operator's
        window the canvas's is put away meanwhile, so that it covers nothing."""
        if not self._watch.watching:
            return
        found = self._display.get_screens()
        action, index = self._watch.look([_describe(screen) for screen in found])
        if action == "stay":
            self._correct_place()
            return
        log.warning("the window's screen %s", "has gone" if action == "leave" else "is back")
        self._full = action == "return"
        self._screen = found[index]
        self._hidden = action == "leave" and self._operator is not None
        if not self._hidden:
            self._window.set_visible(True)
        self._switch()
        if self._hidden:
            self._window.set_visible(False)

    def _correct_place(self) -> None:
        """Put the canvas where it belongs should a window manager have moved it, at most `CORRECTIONS` times."""
        if not self._full or self._hidden or self._filler.fills(self._screen) or self._corrections >= CORRECTIONS:
            return
        self._corrections += 1
        self._switch()

    def close(self) -> None:
        if self._operator is not None:
            self._operator.close()
        self._window.close()

    def _open_operator(self, found: list[Any]) -> None:
        """A window with preview and figures, on another screen than the canvas's if there is one."""
        others = [screen for screen in found if _describe(screen) != _describe(self._screen)]
        self._operator = self._open(OPERATOR_SIZE, "livemusviz operator", (others or found)[0], vsync=False)
        screen = (others or found)[0]
        self._operator.set_location(screen.x + 40, screen.y + 60)
        self._operator.push_handlers(on_key_press=self._on_key, on_close=self._close_operator)
        self._operator_view = OperatorView(moderngl.create_context(require=330))
        self._window.switch_to()

    def _close_operator(self) -> bool:
        """The operator's window alone; the show goes on."""
        window, self._operator, self._operator_view = self._operator, None, None
        window.close()
        self._window.switch_to()
        return True

    def _set_fullscreen(self, full: bool, screen: Any) -> None:
        if full and not self._full:
            self._windowed = self._window.get_size()
        self._full, self._screen, self._corrections = full, screen, 0
        self._watch.settled(_describe(screen) if full else None)
        self._switch()

    def _switch(self) -> None:
        """Over the whole of the screen, or a window on it, as `_full` says."""
        window, screen = self._window, self._screen
        if not self._full:
            self._filler.leave(screen, self._windowed)
        elif not self._filler.fill(screen):
            place, size = window.get_location(), window.get_size()
            log.warning("the window manager keeps the canvas at %s, %s; its screen is %s", place, size, screen)
        window.set_mouse_visible(not self._full)
        window.activate()  # the keyboard is lost when the native window is made anew, ...
        # ... and F's release with it: pyglet would take the next F for a repeat
        getattr(window, "pressed_keys", set()).clear()
        window.switch_to()

    def _open(self, size: tuple[int, int], title: str, screen: Any, vsync: bool) -> Any:
        """A window on `screen`, its context current. Contexts share their textures."""
        reason = ""
        for major, minor in _VERSIONS:
            config = self._pyglet.gl.Config(
                double_buffer=True, red_size=8, green_size=8, blue_size=8, depth_size=0,
                major_version=major, minor_version=minor, forward_compatible=True,
            )  # fmt: skip
            try:
                window = self._pyglet.window.Window(
                    *size, title, resizable=True, screen=screen, config=config, vsync=vsync
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


def list_screens() -> list[screens.ScreenInfo]:
    """Return the screens of this machine; none where there is no display to ask."""
    try:
        return [_describe(screen) for screen in _open_display(_import_pyglet()).get_screens()]
    except UserError:
        return []


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
        raise UserError(f"no window to be had ({' '.join(str(error).split())[:120]}); {_NO_DISPLAY}") from None
    return pyglet


def _open_display(pyglet: Any) -> Any:
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


def _describe(screen: Any) -> screens.ScreenInfo:
    name = screen.get_monitor_name() if hasattr(screen, "get_monitor_name") else ""
    return screens.ScreenInfo(
        "" if name == "Unknown" else str(name or ""), screen.x, screen.y, screen.width, screen.height
    )
