"""What the window is made of, without one: screens, keys, the HUD's text, where the canvas goes."""

import numpy as np
import pytest

from livemusviz.bridge.view import Meter
from livemusviz.display.drawer import fit
from livemusviz.display.hud import MAX_LINES, Hud, draw_panel, fitted_panel, lay_out, panel, share
from livemusviz.display.keys import ACTIONS, HELP, KeyMap
from livemusviz.display.operator import OperatorView
from livemusviz.display.screens import ScreenInfo, ScreenWatch, choose_screen
from livemusviz.errors import UserError

from .conftest import flat

LAPTOP = ScreenInfo("eDP-1", 0, 0, 1440, 900)
PROJECTOR = ScreenInfo("HDMI-1", 1440, 0, 1920, 1080)


def test_screens_are_counted_from_one():
    assert choose_screen([LAPTOP, PROJECTOR], None) == 0
    assert choose_screen([LAPTOP, PROJECTOR], 2) == 1
    with pytest.raises(UserError, match="--screen 3: there are 2"):
        choose_screen([LAPTOP, PROJECTOR], 3)
    with pytest.raises(UserError, match=r"--screen 0: only screen 1 \(1440x900\)"):
        choose_screen([LAPTOP], 0)
    with pytest.raises(UserError, match="--headless"):
        choose_screen([], None)


def test_a_performer_who_chose_a_window_keeps_it():
    watch = ScreenWatch()
    watch.settled(PROJECTOR)
    watch.look([LAPTOP])
    watch.settled(None)
    assert not watch.watching
    assert watch.look([LAPTOP, PROJECTOR])[0] == "stay"


def test_no_screens_at_all_for_a_moment():
    watch = ScreenWatch()
    watch.settled(LAPTOP)
    assert watch.look([])[0] == "stay"


def test_screens_without_names_are_known_by_their_place():
    nameless = ScreenInfo("", 0, 0, 800, 600)
    assert nameless.same_as(ScreenInfo("", 0, 0, 800, 600))
    assert not nameless.same_as(ScreenInfo("", 800, 0, 800, 600))


def test_keys():
    keys = KeyMap()
    pressed = [keys.action(key, 0.0) for key in "HFBZRQ"]
    assert pressed == ["hud", "fullscreen", "blackout", "freeze", "record", None]


def test_a_held_key_does_not_flicker_between_window_and_screen():
    keys = KeyMap()
    assert [keys.action("F", at) for at in (0.0, 0.3, 0.35, 0.8)] == ["fullscreen", None, None, "fullscreen"]


@pytest.mark.parametrize(
    ("presses", "ends"),
    [
        ([("ESCAPE", 0.0)], False),
        ([("ESCAPE", 0.0), ("ESCAPE", 0.5)], True),
        ([("ESCAPE", 0.0), ("ESCAPE", 1.5)], False),
        ([("ESCAPE", 0.0), ("ESCAPE", 1.5), ("ESCAPE", 2.0)], True),
        ([("ESCAPE", 0.0), ("H", 0.2), ("ESCAPE", 0.5)], False),
    ],
)
def test_escape_twice(presses, ends):
    keys = KeyMap()
    assert ("quit" in [keys.action(key, at) for key, at in presses]) is ends


def test_the_canvas_fits_the_window():
    assert fit((640, 360), (1280, 720)) == (0, 0, 1280, 720)
    assert fit((640, 360), (1000, 1000)) == (0, 219, 1000, 562)
    assert fit((100, 100), (1, 3000)) == (0, 1499, 1, 1)


def test_hud_text_is_set_and_bounded():
    picture = panel(("fps 60", "prompt: caf\u00e9 \x00\n"), 16)
    assert picture.dtype == np.uint8 and picture.shape[2] == 4
    assert (picture[..., 0] > 200).any() and (picture[..., 3] >= 190).all()
    tall = panel(("x" * 5000,) * 5000, 12)
    assert tall.shape[0] < MAX_LINES * 30 and tall.shape[1] < 2500


def test_the_hud_is_upright_in_the_top_left_corner_at_ten_hertz(ctx, stage):
    target = ctx.simple_framebuffer((320, 240), 4)
    hud = Hud(ctx, stage.compositor.quad())

    def drawn(lines, now):
        target.viewport = (0, 0, 320, 240)
        target.clear(0.0, 0.0, 1.0, 1.0)
        hud.draw(target, (320, 240), lines, now)
        return np.frombuffer(target.read(components=3), np.uint8).reshape(240, 320, 3)[::-1]

    first = drawn(("LLLLLL",), 0.0)
    assert first[0, 0, 2] < 120, "the panel darkens"
    assert first[-1, -1].tolist() == [0, 0, 255]
    ink = first[..., 0].astype(int)
    rows = np.nonzero(ink.max(axis=1) > 100)[0]
    assert rows.max() < 40
    assert ink[rows[-3:]].sum() > 1.3 * ink[rows[:3]].sum(), "an L has its bar at the bottom"
    assert (drawn(("WWWW",), 0.05) == first).all()
    assert (drawn(("WWWW",), 0.11) != first).any()
    assert drawn((), 1.0) is not None


def test_a_qr_code_stands_under_the_text_with_its_quiet_zone():
    code = ("101", "010", "111")
    plain, coded = panel(("web",), 20), panel(("web",), 20, code)
    below = coded[plain.shape[0] :, 20 : 20 + 11 * 4, 0]  # four pixels a module, four modules around
    dark = below[2 : 11 * 4 : 4, 2::4] < 128
    assert dark.shape == (11, 11) and dark.sum() == 6
    assert dark[4:7, 4:7].tolist() == [[module == "1" for module in row] for row in code]


URL = "web remote  http://192.168.178.45:7080/?token=abcdefghijklmnop"
FIGURES = ("canvas 36.1 fps  22.3 ms  stalls 3  quality 75 % of the pixels   flash limiter at work", URL, "x" * 75)
CODE = ("01" * 17,) * 33


@pytest.mark.parametrize("room", [(640, 360), (320, 180), (1280, 720), (200, 700), (960, 300), (64, 36)])
@pytest.mark.parametrize("lines", [FIGURES, (*HELP, "", *FIGURES, *FIGURES, *FIGURES), ()])
def test_nothing_of_the_hud_is_cut_off(room: tuple[int, int], lines: tuple[str, ...]) -> None:
    points = max(12, min(room[1] // 40, 32))
    whole = draw_panel(lay_out(lines, points, CODE, Meter(), beside=False), CODE, Meter())
    fitted = fitted_panel(lines, points, CODE, Meter(), room)
    assert fitted.shape[1] <= room[0] and fitted.shape[0] <= room[1]
    if whole.shape[1] <= room[0] and whole.shape[0] <= room[1]:
        assert np.array_equal(fitted, whole), "no smaller than it must be"
    if room == (640, 360):
        white = (fitted[..., :3] == 255).all(axis=2)
        assert white.sum() >= (41 * 41 - 33 * 33) * 4, "a code that is whole has its quiet zone"


def test_the_operators_window_has_the_code_beside_the_preview(ctx, stage):
    stage.settle(flat(0, 0, 0))
    stage.run(1)
    screen = ctx.simple_framebuffer((960, 600), 4)
    view = OperatorView(ctx)
    view.draw((960, 600), stage.compositor.canvas, (160, 90), FIGURES, Meter(), 0.0, CODE, target=screen)
    seen = np.frombuffer(screen.read(components=3), np.uint8).reshape(600, 960, 3)[::-1]
    white = (seen == 255).all(axis=2)
    assert white[:300, 560:].sum() > 2000 and white[300:].sum() < 200


def test_every_key_of_the_help_does_something():
    text = " ".join(HELP)
    for key in ("B", "F", "H", "Z", "R", "X", "L", "S"):
        assert key in text and ACTIONS[key]
    keys = KeyMap()
    pressed = [keys.action(key, 1.0) for key in ("SPACE", "TAB", "QUESTION", "_1", "NUM_9", "BACKSPACE")]
    assert pressed == ["next", "tap", "help", "preset 1", "preset 9", "previous"]


def test_the_meter_shows_level_peak_onset_and_beat():
    silent = panel(("x",), 16, meter=Meter())
    loud = panel(("x",), 16, meter=Meter(level=0.9, peak=1.0, onset=1.0, beat=0.0))
    assert silent.shape == loud.shape
    green = (loud[..., 1] > 200) & (loud[..., 0] < 120)
    red = (loud[..., 0] > 200) & (loud[..., 1] < 120)
    assert green.sum() > 500 and red.sum() > 50
    assert not ((silent[..., 1] > 200) & (silent[..., 0] < 120)).any()
    assert [share(level) for level in (0.0, 0.001, 1.0, 4.0)] == [0.0, 0.0, 1.0, 1.0]


def test_the_operators_window_holds_preview_and_figures(ctx, stage):
    stage.settle(flat(0, 200, 0))
    stage.run(1)
    screen = ctx.simple_framebuffer((480, 300), 4)
    view = OperatorView(ctx)
    view.draw((480, 300), stage.compositor.canvas, (160, 90), ("livemusviz",), Meter(), 0.0, target=screen)
    seen = np.frombuffer(screen.read(components=3), np.uint8).reshape(300, 480, 3)[::-1].astype(int)
    assert seen[60, 60, 1] > 180, "the preview is at the top"
    assert (seen[160:, :300].max(axis=2) > 200).any(), "there is text below it"
    assert seen[-5, -5].max() < 20
    view.draw((10, 10), stage.compositor.canvas, (160, 90), (), Meter(), 0.2, target=screen)
