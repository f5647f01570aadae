"""The windows: the canvas on a screen, the operator's beside it, and the keys pressed in either. Runs on the main
thread.

pyglet makes windows and contexts; all drawing is moderngl's. pyglet's own event loop is not used: the display loop
polls. With an operator's window there is nothing but art on the canvas's; without one, figures come over it on request.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

import moderngl

from livemusviz.bridge.view import View
from livemusviz.display import screens
from livemusviz.display.compositor import Compositor
from livemusviz.display.drawer import ScreenDrawer
from livemusviz.display.fullscreen import ScreenFiller
from livemusviz.display.keys import HELP, KeyMap
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.native import describe, import_pyglet, open_display, open_window
from livemusviz.display.operator_window import OperatorWindow
from livemusviz.display.options import DisplayOptions
from livemusviz.display.span import SpanWindow

log = logging.getLogger(__name__)

CORRECTIONS = 3  # of where a fullscreen canvas is


class WindowSurface:
    """A resizable window, or a whole screen, and the operator's. F (fullscreen) and ? (the keys) are not reported."""

    def __init__(self, options: DisplayOptions) -> None:
        # pyglet's Cocoa loop takes SIGINT and SIGTERM for itself; the show ends on its own terms.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._pyglet = import_pyglet()
        self._pressed: list[str] = []
        self._keys, self._watch = KeyMap(), screens.ScreenWatch()
        self._display = open_display(self._pyglet)
        found = self._display.get_screens()
        self._screen = found[screens.choose_screen([describe(screen) for screen in found], options.screen)]
        self._window = open_window(self._pyglet, options.window_size, options.title, self._screen, vsync=True)
        for number, handler in handlers.items():
            if handler is not None:  # else it was not installed from Python
                signal.signal(number, handler)
        self._window.push_handlers(on_key_press=self._on_key, on_close=self._on_close)
        self.ctx = moderngl.create_context(require=330)
        self._filler, self._windowed = ScreenFiller(self._window), options.window_size
        self._corrections = 0
        self._drawer = ScreenDrawer(self.ctx, ScreenMaps(options.maps), 0, 1 + len(options.span))
        self._full = self._hidden = self._help = False
        self._operator: OperatorWindow | None = None
        self._span: list[SpanWindow] = []
        if options.fullscreen or options.screen is not None:
            self._set_fullscreen(options.fullscreen, self._screen)
        self._open_span(options, found)
        shown = len(options.span) + 1
        if options.operator if options.operator is not None else options.fullscreen and len(found) > shown:
            self._open_operator(found)

    def poll(self, now: float) -> list[str]:
        """Return the actions asked for since the last call, as `keys.ACTIONS` names them, and "quit"."""
        self._window.dispatch_events()
        for other in self._others():
            other.dispatch_events()
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
        self._drawer.take(view.map_changes, compositor.problems)
        if self._span:
            self.ctx.finish()  # the other contexts read what this one has drawn
        for window in self._span:
            window.present(compositor, view)
        if self._span:
            self._window.switch_to()
        if not self._hidden:
            self._present_canvas(compositor, view, lines if over else (), now)
        if self._operator is not None and self._operator.present(self.ctx, compositor, view, lines, now):
            self._window.switch_to()

    def _present_canvas(self, compositor: Compositor, view: View, lines: tuple[str, ...], now: float) -> None:
        """Draw the canvas into its window, unless that has no pixels."""
        width, height = self._window.get_framebuffer_size()
        if width > 0 and height > 0:
            self._drawer.draw(self.ctx.screen, (width, height), compositor, view)
            self._drawer.draw_figures(self.ctx.screen, (width, height), lines, view, now)
        self._window.flip()

    def housekeeping(self) -> None:
        """Follow the screens: off one that was unplugged, back to it when it returns. Where there is an operator's
        window the canvas's is put away meanwhile, so that it covers nothing."""
        self._drawer.maps.keep()
        if not self._watch.watching and not self._span:
            return
        found = self._display.get_screens()
        for window in self._span:
            window.housekeeping(found)
        action, index = self._watch.look([describe(screen) for screen in found])
        if action == "stay":
            self._correct_place()
            return
        log.warning("the window's screen %s", "has gone" if action == "leave" else "is back")
        self._full = action == "return"
        self._screen = found[index]
        self._name_screens()
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
        self._drawer.maps.keep()
        for other in self._others():
            other.close()
        self._window.close()

    def _open_operator(self, found: list[Any]) -> None:
        """Open a window with preview and figures, on another screen than the canvas's if there is one."""
        taken = [describe(self._screen), *(each.screen for each in self._span)]
        others = [screen for screen in found if describe(screen) not in taken]
        self._operator = OperatorWindow(self._pyglet, (others or found)[0])
        self._operator.window.push_handlers(on_key_press=self._on_key, on_close=self._close_operator)
        self._window.switch_to()

    def _close_operator(self) -> bool:
        """Close the operator's window alone; the show goes on."""
        operator, self._operator = self._operator, None
        if operator is not None:
            operator.window.close()
        self._window.switch_to()
        return True

    def _open_span(self, options: DisplayOptions, found: list[Any]) -> None:
        """Open a window on each further screen that the canvas spans."""
        count = len(options.span) + 1
        for index, number in enumerate(options.span, 1):
            screen = found[screens.choose_screen([describe(each) for each in found], number)]
            window = SpanWindow(self._pyglet, options.title, screen, self._drawer.maps, index, count)
            window.window.push_handlers(on_key_press=self._on_key, on_close=self._on_close)
            self._span.append(window)
        if self._span:
            self._window.switch_to()
            self._window.activate()
        self._name_screens()

    def _name_screens(self) -> None:
        """Tell the mapping on which screens the canvas is."""
        infos = [describe(self._screen), *(window.screen for window in self._span)]
        self._drawer.maps.show_on([info.key for info in infos])

    def _others(self) -> list[Any]:
        """Return pyglet's windows beside the canvas's first."""
        return [each.window for each in (*self._span, self._operator) if each is not None]

    def _set_fullscreen(self, full: bool, screen: Any) -> None:
        if full and not self._full:
            self._windowed = self._window.get_size()
        self._full, self._screen, self._corrections = full, screen, 0
        self._watch.settled(describe(screen) if full else None)
        self._name_screens()
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

    def _on_key(self, symbol: int, modifiers: int) -> bool:
        name = self._pyglet.window.key.symbol_string(symbol)
        far = bool(modifiers & self._pyglet.window.key.MOD_SHIFT)
        if not (self._drawer.grid and self._drawer.maps.key(name, far)):
            self._pressed.append(name)
        return True  # else pyglet closes the window on Esc

    def _on_close(self) -> bool:
        self._pressed.append("close")
        return True  # the show closes it, when it has ended
