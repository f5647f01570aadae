"""Faults of the canvas: no screen, after a sleep, bad shaders (F15 to F18)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from demo.measure import bad_pictures, read_film
from livemusviz import resources
from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.director.stage import Look
from livemusviz.display import bank
from livemusviz.display.compositor import Compositor
from livemusviz.display.isf import IsfShader
from livemusviz.display.screens import ScreenInfo, ScreenWatch
from livemusviz.display.trial import TrialMarker
from livemusviz.display.window import WindowSurface
from livemusviz.errors import UserError
from livemusviz.isf.header import MAX_BYTES
from livemusviz.resources import our_shaders
from tests.display import test_program
from tests.display.conftest import Stage, flat
from tests.display.test_loop import Show
from tests.display.test_program import edit
from tests.display.test_scene import FILTER, LOOP, NEGATIVE, RED
from tests.display.test_window import Window
from tests.display.test_window_parts import LAPTOP, PROJECTOR
from tests.drum_loop import RATE, drum_loop
from tests.system import test_stage
from tests.system.shows import LiveShow

shaders = test_program.shaders
shows = test_stage.shows


def test_F15_display_lost_is_left_once_and_returned_to():
    watch = ScreenWatch()
    watch.settled(PROJECTOR)
    assert watch.look([LAPTOP, PROJECTOR])[0] == "stay"
    assert watch.look([LAPTOP]) == ("leave", 0)
    assert watch.look([LAPTOP])[0] == "stay"
    moved = ScreenInfo("HDMI-1", 0, 900, 1280, 720)
    assert watch.look([LAPTOP, moved]) == ("return", 1)
    assert watch.look([LAPTOP, moved])[0] == "stay"


@pytest.mark.skipif(shutil.which("Xvfb") is None or shutil.which("xdotool") is None, reason="needs Xvfb and xdotool")
@pytest.mark.skipif(shutil.which("Xorg") is None or shutil.which("xrandr") is None, reason="needs Xorg and xrandr")
def test_F15_display_lost_and_plugged_in_again(two_screens):
    """The canvas leaves a screen that has gone without covering the operator's, and comes back with it."""
    canvas, operator = "a test of livemusviz", "livemusviz operator"
    with Window(two_screens.display, "2", "full") as window:
        assert window.line() == "running"
        assert window.wait_for((1024, 0, 640, 360)) == (1024, 0, 640, 360)
        assert window.visible() == [canvas, operator]
        two_screens.unplug()
        assert window.wait_until(lambda: window.visible() == [operator]), "nothing covers the operator's screen"
        window.xdotool("search", "--name", operator, "windowfocus")
        window.xdotool("key", "b")
        assert window.line() == "key blackout", "and the operator is still heard"
        two_screens.plug()
        assert window.wait_until(lambda: window.visible() == [canvas, operator])
        assert window.wait_for((1024, 0, 640, 360)) == (1024, 0, 640, 360)
        window.xdotool("key", "Escape")
        window.xdotool("key", "Escape")
        assert window.line() == "key quit"
        assert "errors=0" in window.finish()


@pytest.mark.skipif(shutil.which("Xvfb") is None or shutil.which("xdotool") is None, reason="needs Xvfb and xdotool")
def test_F15_display_of_next_to_no_size(x_display):
    with Window(x_display) as window:
        assert window.line() == "running"
        window.xdotool("search", "--name", "a test of livemusviz", "windowsize", "1", "1")
        window.wait_for((0, 0, 1, 1), seconds=1.0)
        window.xdotool("search", "--name", "a test of livemusviz", "windowsize", "500", "100")
        window.xdotool("key", "Escape", "Escape")
        assert window.line() == "key quit"
        assert "errors=0" in window.finish()


def test_F16_sleep_costs_no_frame_and_no_burst(monkeypatch):
    show = Show(60)
    show.script = {30: lambda: show.clock.advance(3600.0)}
    stats = show.run()
    assert stats.frames_shown == 60 and stats.errors == 0


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "no ISF header"),
        (b"out vec4 color;\n", "no ISF header"),
        (b"/*{}*/ out vec4 color;\n", r"grade\.fs"),
        (b'/*{"INPUTS": }*/ void main() {}\n', "header: not JSON, line 1"),
        (b"\xff\xfe\x00binary", "zero bytes"),
        (b"/*{}*/ void main() {}\0", "zero bytes"),
        (b"/*{}*/ // " + b"x" * MAX_BYTES, "a shader may have"),
        (b"/*{}*/\nvoid main() {\n for (;;) {} }\n", r"grade\.fs:3: a loop without an end"),
        (b'/*{"INPUTS": [{"NAME": "a b", "TYPE": "float"}]}*/', "not an identifier"),
        (b'/*{"INPUTS": [{"NAME": "a", "TYPE": "matrix"}]}*/', "none of audio"),
        (b'/*{"IMPORTED": {"a": {"PATH": "../../secret.png"}}}*/ void main() {}', "outside the shader's folder"),
    ],
    ids=lambda text: "" if isinstance(text, bytes) else text.replace("ISF ", ""),
)
def test_F17_shader_bad_leaves_the_last_good_one(ctx, shaders, body, complaint):
    stage = Stage(ctx, look=Look(chain=("grade",)))
    stage.settle(flat(100, 100, 100))
    edit(shaders / "grade.fs", body)
    with pytest.raises(UserError, match=complaint):
        stage.compositor.reload_edited()
    assert stage.run(3).mean() == pytest.approx(99, abs=6)


@pytest.mark.system
@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_F17_shader_bad_and_F24_preset_bad_during_a_show(tmp_path: Path, shows: list[LiveShow]) -> None:
    """Both are told in a line, and the canvas goes on."""
    sound, _ = drum_loop(8)
    soundfile.write(tmp_path / "drums.wav", np.asarray(sound), RATE)
    shaders, presets = tmp_path / "shaders", tmp_path / "config" / "livemusviz" / "presets"
    shaders.mkdir()
    presets.mkdir(parents=True)
    mine = shaders / "mine.fs"
    mine.write_text((resources.folder("shaders") / "grade.fs").read_text())
    (presets / "good.toml").write_text('version = 1\nchain = ["mine"]\n[params]\nprompt = "red lava"\n')
    (presets / "bad.toml").write_text('version = 1\nchain = ["mine"]\n[params]\nprompt = "blue"\nfadee = 2.0\n')
    words = ["--input", str(tmp_path / "drums.wav"), "--preset", "good", "--shaders", str(shaders), "--duration", "60"]
    words += ["--record", str(tmp_path / "set.mp4")]
    show = LiveShow(tmp_path, *words, env={"XDG_CONFIG_HOME": str(tmp_path / "config")})
    shows.append(show)
    show.wait_until_drawing()
    show.record_until(1.0)
    edited = tmp_path / "edited"
    edited.write_text("/*{}*/\n\nvoid main() { nonsense }\n")
    os.utime(edited, (0, mine.stat().st_mtime + 10))
    edited.replace(mine)
    show.wait_for(lambda: "mine.fs:3:" in show.log(), "the complaint about the shader")
    show.osc("/preset", "s", "bad")
    show.wait_for(lambda: "ERROR livemusviz.show: preset 'bad'" in show.log(), "the complaint about the preset")
    show.osc("/preset", "s", "lava")
    show.osc("/next")
    show.record_until(3.5)
    show.end()
    stats = show.stats()
    assert stats["display_errors"] == 0 and "fadee" in stats["error"]
    film = read_film(show.recording)
    assert film.seconds > 3.0 and bad_pictures(film) == 0


def test_F17_shader_bad_while_drawing_is_left_out_and_told_once(ctx, tmp_path, monkeypatch):
    bad, good = tmp_path / "bad.fs", tmp_path / "good.fs"
    bad.write_text(FILTER % ("", "") + RED)
    good.write_text(FILTER % ("", "") + NEGATIVE)
    stage = Stage(ctx, shaders={**our_shaders(), "bad": bad, "good": good}, look=Look(chain=("bad", "good")))
    stage.settle(flat(100, 100, 100))
    assert stage.run(2)[0, 0].tolist() == [0, 255, 255]
    draw = IsfShader._draw_pass

    def failing(self, *given):
        return 1 / 0 if self.path == bad else draw(self, *given)

    monkeypatch.setattr(IsfShader, "_draw_pass", failing)
    assert stage.run(20).mean() == pytest.approx(155, abs=3), "the picture without it"
    assert len(stage.compositor.problems) == 1 and "bad.fs: drawing it failed" in stage.compositor.problems[0]
    monkeypatch.undo()
    os.utime(bad, (0, bad.stat().st_mtime + 10))
    stage.compositor.reload_edited()
    assert stage.run(2)[0, 0].tolist() == [0, 255, 255], "and it is back when it was edited"


def test_F18_shader_hang_is_refused_until_it_is_edited(tmp_path):
    shader, file = tmp_path / "mine.fs", tmp_path / "cache" / "marker.json"
    shader.write_text("one")
    hung = TrialMarker(file).trying(shader)
    hung.__enter__()  # and the program is no more
    kept = file.read_text()
    again = TrialMarker(file)
    with pytest.raises(UserError, match="hung or crashed"), again.trying(shader):
        raise AssertionError("it must not be drawn")
    os.utime(shader, (0, shader.stat().st_mtime + 10))
    with again.trying(shader):
        assert len(json.loads(file.read_text())) == 2
    assert file.read_text() == kept
    with TrialMarker(file, trusted=tmp_path).trying(shader):
        assert file.read_text() == kept, "a trusted one is not watched"
    file.write_text("{no json")
    with TrialMarker(file).trying(shader):
        pass
    assert not file.exists()
    with TrialMarker(shader / "no folder").trying(shader):
        pass


@pytest.mark.parametrize(
    ("limit", "said"),
    [("TRIAL_LIMIT", "s for 1 pixels here"), ("FRAME_LIMIT", "a frame of 160x90")],
    ids=["pixels", "frame"],
)
def test_F18_shader_hang_is_foretold_and_never_seen(ctx, tmp_path, monkeypatch, limit, said):
    """Mesa's software renderer leaves every loop after 65535 turns; the limits are as much smaller here."""
    slow = tmp_path / "slow.fs"
    slow.write_text(FILTER % ("", "") + NEGATIVE)
    stage = Stage(ctx, shaders={**our_shaders(), "slow": slow}, look=Look(chain=("slow",)))
    stage.settle(flat(255, 255, 255))
    monkeypatch.setattr(bank, limit, 1e-4)
    slow.write_text(FILTER % ("", "") + LOOP)
    os.utime(slow, (0, slow.stat().st_mtime + 10))
    with pytest.raises(UserError, match=rf"slow\.fs: .*{said}.*left out"):
        stage.compositor.reload_edited()
    assert stage.run(2).mean() < 3, "the last good program goes on"


def test_F18_shader_hang_at_full_size_is_left_out_of_the_next_show(ctx, tmp_path, monkeypatch):
    file, mine = tmp_path / "marker.json", tmp_path / "mine.fs"
    mine.write_text(FILTER % ("", "") + RED)
    shaders = {**our_shaders(), "mine": mine}
    view = View(scene=Scene(chain=(Effect("mine"), Effect("grade"))))
    draw = IsfShader._draw_pass

    def killed(self, i, into, *given):
        if self.path == mine and into.size == (160, 90):
            raise KeyboardInterrupt  # stands for SIGKILL: no `except Exception` sees it
        return draw(self, i, into, *given)

    monkeypatch.setattr(IsfShader, "_draw_pass", killed)
    monkeypatch.setattr(TrialMarker, "_write", lambda self, keys, real=TrialMarker._write: keys and real(self, keys))
    with pytest.raises(KeyboardInterrupt):
        Compositor(ctx, (160, 90), shaders, file).draw(0.0, view)
    monkeypatch.undo()
    after = Compositor(ctx, (160, 90), shaders, file)
    after.draw(0.0, view)
    assert len(after.problems) == 1 and "mine.fs: an earlier show hung or crashed on it" in after.problems[0]
    assert after.read()[..., :3].std() > 4, "the rest of its chain is on"


def test_F18_shader_hang_is_watched_for_until_the_first_frame_of_full_size(ctx, tmp_path, monkeypatch):
    file, mine = tmp_path / "marker.json", tmp_path / "mine.fs"
    mine.write_text(FILTER % ("", "") + RED)
    shaders = {**our_shaders(), "mine": mine}
    sizes = []
    draw = IsfShader._draw_pass

    def spy(self, i, into, *given):
        if self.path == mine:
            sizes.append((into.size, file.exists() and str(mine) in file.read_text()))
        return draw(self, i, into, *given)

    monkeypatch.setattr(IsfShader, "_draw_pass", spy)
    shown = Compositor(ctx, (160, 90), shaders, file)
    view = View(scene=Scene(chain=(Effect("mine"),)))
    for i in range(3):
        shown.draw(i / 60.0, view)
    full = [marked for size, marked in sizes if size == (160, 90)]
    assert all(marked for size, marked in sizes if size != (160, 90)), "while it is tried"
    assert full == [True, False, False], "and for the first frame that is seen"
    assert not file.exists()


def test_F15_display_of_no_size_draws_nothing_and_goes_on(ctx) -> None:
    """A window of 0x0 pixels, as when it is minimised."""
    window = SimpleNamespace(get_framebuffer_size=lambda: (0, 0), flip=lambda: None)
    surface = WindowSurface.__new__(WindowSurface)
    surface._window, surface.ctx = window, ctx
    surface._present_canvas(Stage(ctx).compositor, View(), (), 0.0)


def test_F16_sleep_moves_shaders_by_a_tenth_of_a_second(ctx) -> None:
    """dt is clamped: an hour with the lid closed is no leap of the picture and no burst afterwards."""
    awake, slept = Stage(ctx), Stage(ctx)
    for stage in (awake, slept):
        stage.run(30)
    slept.now += 3600.0
    assert np.array_equal(awake.run(1, dt=0.1), slept.run(1, dt=0.1))
    assert np.array_equal(awake.run(5), slept.run(5))
