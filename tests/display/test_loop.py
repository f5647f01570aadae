"""The loop without a window: what it calls, what it counts, what it survives."""

import logging

import numpy as np
import pytest

from livemusviz.assets import read_headers
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.clock import ManualClock
from livemusviz.director.stage import Stage
from livemusviz.display import loop
from livemusviz.display.compositor import Compositor
from livemusviz.display.options import DisplayHooks, DisplayOptions
from livemusviz.errors import UserError
from livemusviz.resources import our_shaders

from .conftest import flat


class Show:
    """A scripted rest of the show, on a manual clock: `script[i]` is called before display frame i."""

    def __init__(self, frames, script=None, features=lambda now, i: AudioFeatures.rest(now), view=lambda i: View()):
        self.clock = ManualClock(50.0)
        self.frames, self.script = frames, script or {}
        self.features, self.view = features, view
        self.mailbox = Latest()
        self.ticks = 0
        self.shown, self.onsets, self.pictures = [], [], []

    def tick(self, now):
        if self.ticks == self.frames:
            return None
        i, self.ticks = self.ticks, self.ticks + 1
        if i in self.script:
            self.script[i]()
        return self.features(now, i), self.view(i)

    def run(self, wants=lambda: True, **options):
        more = {
            name: options.pop(name)
            for name in ("on_problem", "on_health", "on_texture", "picture_fps")
            if name in options
        }
        hooks = DisplayHooks(
            frames=self.mailbox,
            tick=self.tick,
            on_picture=self.pictures.append,
            wants_pictures=wants,
            on_shown=lambda frame, at: self.shown.append((frame.seq, at)),
            on_onset_shown=lambda features, at: self.onsets.append((features.onsets, at)),
            **more,
        )
        options = DisplayOptions(canvas=(64, 36), headless=True, **options)
        return loop.run_display(options, hooks, self.clock, lambda seconds: self.clock.advance(seconds) and None)

    def put(self, seq, image=None):
        return lambda: self.mailbox.put(Frame(flat(255, 0, 0) if image is None else image, seq, 0.0, 0.0, 0.05))


def test_every_canvas_is_handed_over_as_a_texture_where_one_is_wanted():
    textures = []
    show = Show(20, features=lambda now, i: AudioFeatures(time=now - 0.02))
    show.run(wants=lambda: False, on_texture=textures.append)
    assert len(textures) == 20 and not show.pictures
    assert {(each.width, each.height) for each in textures} == {(64, 36)} and all(each.glo > 0 for each in textures)
    assert np.diff([each.time for each in textures]) == pytest.approx(1 / 60.0)


def test_it_runs_at_its_rate_and_hands_over_pictures_at_theirs():
    show = Show(180)
    stats = show.run()
    assert stats.frames_shown == 180
    assert stats.display_fps == pytest.approx(60.0, rel=0.01)
    assert stats.frame_ms_p50 == pytest.approx(16.7, abs=0.2)
    assert stats.errors == 0 and stats.renderer
    assert len(show.pictures) == 90
    assert np.diff([picture.time for picture in show.pictures]) == pytest.approx(1 / 30.0)
    assert show.pictures[0].pixels.shape == (36, 64, 4)


def test_a_stall_is_an_interval_over_100_ms_from_the_first_canvas_on():
    show = Show(60)
    show.script = {0: lambda: show.clock.advance(2.0), 20: lambda: show.clock.advance(0.07)}
    show.script[40] = lambda: show.clock.advance(0.25)
    healths = []
    stats = show.run(on_health=healths.append)
    assert stats.stalls == 1, "what comes before the first canvas is none, nor is one of 87 ms"
    assert stats.stalls_at == pytest.approx((40 / 60 + 0.07 + 0.25,), abs=0.08)
    assert 250.0 <= stats.frame_ms_max < 280.0
    assert healths[-1].stalls == 1


def test_it_halves_its_rate_where_it_takes_the_cores_of_a_slow_model():
    show = Show(400)

    def work():
        show.clock.advance(0.008)
        show.mailbox.put(Frame(flat(255, 0, 0), show.ticks, 0.0, 0.0, 0.4))

    show.script = dict.fromkeys(range(400), work)
    healths = []
    stats = show.run(other_fps=(30.0,), shares_cores=True, on_health=healths.append)
    assert healths[1].fps == pytest.approx(60.0, rel=0.02) and healths[1].quality == "full"
    assert healths[-1].fps == pytest.approx(30.0, rel=0.02) and stats.quality == "30 fps"


def test_no_picture_is_read_while_nobody_wants_one():
    show = Show(60)
    show.run(wants=lambda: False)
    assert show.pictures == []


def test_frames_and_onsets_are_reported_when_first_shown():
    def features(now, i):
        return AudioFeatures(time=now, onsets=7 + (i >= 20), onset=i == 20, onset_strength=float(i == 20))

    show = Show(40, features=features)
    show.script = {5: show.put(1), 6: show.put(2), 30: show.put(3)}
    stats = show.run()
    assert [seq for seq, _ in show.shown] == [1, 2, 3]
    assert stats.generated_shown == 3
    assert show.shown[0][1] == pytest.approx(50.0 + 5 / 60.0, abs=0.002)
    assert [count for count, _ in show.onsets] == [8], "the seven before the show are none of ours"
    assert show.onsets[0][1] == pytest.approx(50.0 + 20 / 60.0, abs=0.002)


def test_a_frozen_canvas_takes_no_frames_and_the_newest_wins_afterwards():
    show = Show(40, view=lambda i: View(freeze=i < 20))
    show.script = {5: show.put(1), 10: show.put(2)}
    show.run()
    assert [seq for seq, _ in show.shown] == [2]


def test_a_bad_frame_is_logged_once_and_the_show_goes_on(caplog):
    show = Show(30)
    bad = np.zeros((8, 8, 3), np.uint8)
    show.script = {i: show.put(9, bad) for i in range(5, 15)}
    with caplog.at_level(logging.ERROR):
        stats = show.run()
    assert stats.errors == 10
    assert stats.frames_shown == 20
    assert len([r for r in caplog.records if "display frame was lost" in r.message]) == 1


def test_an_exception_in_drawing_does_not_end_the_show(monkeypatch):
    draw, calls = Compositor.draw, []

    def sometimes(self, *args):
        calls.append(1)
        if len(calls) % 3 == 0:
            raise RuntimeError("GL says no")
        draw(self, *args)

    monkeypatch.setattr(Compositor, "draw", sometimes)
    stats = Show(60).run()
    assert (stats.frames_shown, stats.errors) == (40, 20)
    assert stats.frame_ms_p99 < 100.0, "I1"


def test_a_lost_frame_is_told_and_so_is_a_shader_that_cannot_be_prepared(monkeypatch):
    monkeypatch.setattr(Compositor, "prepare", lambda self, name: {}[name])
    told = []
    assert Show(3).run(on_problem=told.append, prepare=("bloom",)).frames_shown == 3
    assert told == ["a display frame was lost: KeyError: 'bloom'"]


def test_a_context_that_is_gone_ends_it(monkeypatch):
    monkeypatch.setattr(Compositor, "draw", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Show(10_000).run()


def test_an_edited_shader_that_is_bad_becomes_a_warning(monkeypatch, caplog):
    def bad(self):
        raise UserError("feedback.frag:3: nonsense")

    monkeypatch.setattr(Compositor, "reload_edited", bad)
    with caplog.at_level(logging.WARNING):
        stats = Show(70).run()
    assert stats.frames_shown == 70 and stats.errors == 0
    assert "feedback.frag:3" in caplog.text


def test_no_egl_is_told_in_one_line(monkeypatch):
    def nothing(*args, **kwargs):
        raise RuntimeError("libEGL.so: no such\nfile")

    monkeypatch.setattr("livemusviz.display.context.moderngl.create_context", nothing)
    with pytest.raises(UserError, match="libegl1") as caught:
        Show(1).run()
    assert "\n" not in str(caught.value)


def test_an_onset_is_light_within_two_display_frames():
    stage, lit = Stage(read_headers(our_shaders())[0]), []

    def features_at(now, i):
        return AudioFeatures(time=now, onsets=i // 30, onset_strength=float(i % 30 == 0 and i > 0))

    def view(i):
        return View(scene=stage.step(1 / 60, features_at(0.0, i))[0], flash_limit="off")

    show = Show(150, features=features_at, view=view)
    show.script = {0: show.put(1, flat(90, 90, 90))}
    show.run(picture_fps=60.0)
    levels = np.array([picture.pixels[..., :3].mean() for picture in show.pictures])
    for onset in (90, 120):  # by then the idle scene has gone
        lit.append(int(np.argmax(levels[onset:] > levels[onset - 1] + 5.0)))
    assert max(lit) < 2


def test_problems_with_shaders_are_told_and_the_health_once_a_second():
    told, health = [], []
    show = Show(130, view=lambda i: View(scene=Scene(chain=(Effect("no such shader"),))))
    show.run(on_problem=told.append, on_health=health.append)
    assert told == ["no shader 'no such shader'"]
    assert [round(each.fps) for each in health[1:]] == [60, 60]


def test_shaders_to_come_are_compiled_in_quiet_moments(monkeypatch):
    asked = []
    monkeypatch.setattr(Compositor, "prepare", lambda self, name: asked.append(name) or True)
    Show(60).run(prepare=("bloom", "glitch"))
    assert asked == ["bloom", "glitch"]
