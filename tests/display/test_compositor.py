"""The canvas, judged by its pixels."""

import numpy as np
import pytest

from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import View
from livemusviz.display.base import cover
from livemusviz.display.compositor import Compositor
from livemusviz.display.plain import mesh
from livemusviz.errors import UserError

from .conftest import SIZE, Stage, colourful, flat


def test_the_idle_scene_is_neither_black_nor_flat_and_moves(stage):
    first = stage.run(10)
    later = stage.run(60)
    assert first.mean() > 8
    assert first.std() > 8
    assert np.abs(later - first).mean() > 0.5


def test_the_idle_scene_answers_the_sound(ctx):
    quiet, loud = Stage(ctx), Stage(ctx)
    assert loud.run(20, bass=2.0, treble=2.0, energy=1.0).mean() > 1.15 * quiet.run(20).mean()


def test_a_frame_stands_upright_in_its_own_colours(stage):
    image = flat(250, 10, 10)
    image[32:] = (10, 10, 250, 255)
    stage.settle(image)
    picture = stage.run(1)
    top, bottom = picture[10].mean(axis=0), picture[-10].mean(axis=0)
    assert np.abs(top - (250, 10, 10)).max() < 6
    assert np.abs(bottom - (10, 10, 250)).max() < 6


def test_left_stays_left(stage):
    image = flat(0, 0, 0)
    image[:, :32] = 255
    stage.settle(image)
    picture = stage.run(1)
    assert picture[:, 20].mean() > 230
    assert picture[:, -20].mean() < 20


def test_pictures_are_opaque_and_own_their_memory(stage):
    stage.run(1)
    first = stage.compositor.read()
    kept = first.copy()
    stage.run(30)
    assert (first == kept).all()
    assert first.flags.c_contiguous and first.shape == (SIZE[1], SIZE[0], 4)
    assert (first[..., 3] == 255).all()


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_cross_fade_runs_over_the_time_between_frames(ctx, share):
    stage = Stage(ctx, zoom=0.0, pulse=0.0)
    stage.settle(flat(0, 0, 0))
    for _ in range(60):  # a steady engine, a frame each 0.2 s
        stage.show(flat(0, 0, 0))
        stage.run(12)
    stage.show(flat(200, 200, 200))
    dt = 0.01
    frames = round(0.22 * share / dt) - 1  # the picture drawn at t stands until t + dt
    assert stage.run(frames, dt).mean() == pytest.approx(200 * share, abs=12)
    assert stage.run(60, dt).mean() == pytest.approx(200, abs=3)


def test_a_long_cross_fade_evens_out_what_changes_from_frame_to_frame(ctx):
    spans = []
    for seconds in (0.0, 0.4):
        stage, view, means = Stage(ctx, zoom=0.0, pulse=0.0), View(frame_fade=seconds), []
        stage.settle(flat(100, 100, 100))
        for number in range(60):  # a steady engine, a frame each 0.1 s
            light = 80 + 40 * (number % 2)
            stage.show(flat(light, light, light))
            means += [stage.run(1, view=view).mean() for _ in range(6)]
        spans.append(np.ptp(means[-60:]))
    assert spans[0] > 30
    assert spans[1] < 12


def test_a_frame_that_arrives_early_starts_from_what_is_on_the_screen(ctx):
    stage = Stage(ctx, zoom=0.0, pulse=0.0)
    stage.settle(flat(0, 0, 0))
    stage.show(flat(240, 240, 240))
    before = stage.run(3).mean()
    stage.show(flat(0, 0, 0))
    after = stage.run(1).mean()
    assert 40 < before < 200
    assert abs(after - before) < 45


def test_the_first_frame_comes_in_over_the_idle_scene_without_a_jump(stage):
    idle = stage.run(30)
    stage.show(flat(255, 255, 255))
    assert np.abs(stage.run(1) - idle).mean() < 8
    assert stage.run(120).mean() > 235


def test_frames_of_another_size_and_aspect_may_follow(stage):
    stage.settle(flat(200, 0, 0))
    stage.show(flat(0, 200, 0, (96, 48)))
    assert stage.run(1)[..., 0].mean() > 60, "the old picture must still be there at the start of the fade"
    picture = stage.run(120)
    assert np.abs(picture.mean(axis=(0, 1)) - (0, 200, 0)).max() < 4


@pytest.mark.parametrize("shape", [(64, 64, 3), (64, 64), (0, 64, 4)])
def test_a_frame_of_a_wrong_shape_is_refused_and_the_canvas_lives(stage, shape):
    stage.settle(flat(200, 0, 0))
    with pytest.raises(ValueError, match="uint8"):
        stage.show(np.zeros(shape, np.uint8))
    assert stage.run(5)[..., 0].mean() > 190


def test_a_frame_covers_the_canvas(stage):
    image = flat(0, 0, 0, (64, 64))
    image[14:50] = (0, 0, 255, 255)  # the middle 9/16 are seen on a 16:9 canvas
    stage.settle(image)
    assert stage.run(1)[..., 2].min() > 200
    wide = flat(0, 0, 255, (256, 36))
    wide[:, :90] = wide[:, -90:] = (255, 0, 0, 255)
    stage.settle(wide)
    assert stage.run(1)[..., 0].max() < 60


def test_cover_and_mesh():
    assert cover((256, 256), (640, 360)) == (1.0, 360 / 640)
    assert cover((640, 180), (640, 360)) == (0.5, 1.0)
    points = mesh(3, 2)
    assert points.shape == (36, 2)
    assert points.min() == 0.0 and points.max() == 1.0


def test_an_onset_changes_the_very_next_picture_and_decays(ctx):
    struck, calm = Stage(ctx), Stage(ctx)
    for stage in (struck, calm):
        stage.settle(colourful(1.0))
        stage.run(30)
    differences = []
    for strength in [1.0, *(float(np.exp(-i / 9.0)) for i in range(1, 120))]:
        hit = struck.run(1, onset=strength == 1.0, onset_strength=strength, onsets=1)
        differences.append(np.abs(hit - calm.run(1)).mean())
    assert differences[0] > 12
    assert differences[-1] < 0.15 * differences[0]
    assert struck.run(1).mean() == pytest.approx(calm.run(1).mean(), abs=3)


def test_an_onset_brightens_and_brings_nearer(ctx):
    struck, calm = Stage(ctx), Stage(ctx)
    image = flat(20, 20, 20)
    image[24:40, 24:40, :3] = 120
    for stage in (struck, calm):
        stage.settle(image)
    hit, rest = struck.run(1, onset_strength=1.0), calm.run(1)
    assert hit.mean() > 1.2 * rest.mean()
    widths = [(row[:, 1] > (row.min() + row.max()) / 2).sum() for row in (hit[45], rest[45])]
    assert widths[0] >= widths[1] + 2, "the square in the middle must look larger"


def test_pulse_at_nothing_ignores_onsets(ctx):
    struck, calm = (Stage(ctx, zoom=0.0, pulse=0.0) for _ in range(2))
    for stage in (struck, calm):
        stage.settle(colourful(1.0))
    assert np.abs(struck.run(1, onset_strength=1.0) - calm.run(1)).mean() < 0.5


@pytest.mark.parametrize("knobs", [0.5, 1.0])
def test_feedback_never_whites_out_nor_smears_and_comes_to_rest(ctx, knobs):
    stage = Stage(ctx, zoom=knobs, pulse=knobs)
    plain = Stage(ctx, zoom=0.0, pulse=0.0)
    for each in (stage, plain):
        each.settle(colourful(0.0))
    means, deviations = [], []
    for i in range(600):
        if i % 6 == 0:
            stage.show(colourful(i / 200.0))
        picture = stage.run(1, energy=1.0, bass=4.0, onset_strength=float(np.exp(-(i % 15) / 9.0)))
        means.append(picture.mean())
        deviations.append(picture.std())
    still = plain.run(1)
    assert still.mean() * 0.6 < min(means) and max(means) < 205
    assert min(deviations) > 0.45 * still.std(), "a smear has no contrast"
    stage.show(colourful(0.0))
    assert np.abs(stage.run(240) - plain.run(240)).mean() < 12


def test_a_trail_keeps_the_hue_of_what_it_lights(ctx):
    stage = Stage(ctx, zoom=1.0)
    stage.settle(flat(255, 255, 255))
    stage.show(flat(60, 0, 0))
    glow = stage.run(14, energy=1.0, bass=4.0)
    red, green, blue = glow[20:40, 20:40].mean((0, 1))
    assert red > 75, "white leaves its light behind"
    assert max(green, blue) < 0.5 * red, "and none of its grey"


def test_black_frames_leave_no_ghost(stage):
    stage.settle(flat(255, 255, 255))
    stage.show(flat(0, 0, 0))
    assert stage.run(300, energy=1.0, bass=2.0).max() <= 2


def test_blackout_is_quick_but_not_a_cut_and_gives_the_picture_back(stage):
    stage.settle(flat(200, 200, 200))
    view = View(blackout=True)
    assert 20 < stage.run(1, view=view).mean() < 195
    assert stage.run(4, view=view).max() == 0
    assert stage.run(5).mean() > 190


def test_freeze_holds_the_picture_through_everything(stage):
    stage.settle(colourful(0.0))
    held = stage.run(1)
    view = View(freeze=True)
    assert (stage.run(30, view=view, bass=3.0, onset_strength=1.0) == held).all()
    assert stage.run(5, view=View(freeze=True, blackout=True)).max() == 0
    assert (stage.run(5, view=view) == held).all()
    assert np.abs(stage.run(30, bass=2.0, energy=1.0) - held).mean() > 0.5


def test_frozen_from_the_start_is_not_black(stage):
    assert stage.run(3, view=View(freeze=True)).mean() > 5


def test_a_leap_of_the_clock_is_one_ordinary_frame(stage):
    stage.settle(colourful(0.0))
    before = stage.run(1)
    assert np.abs(stage.run(1, dt=3600.0) - before).mean() < 15


def test_features_that_are_not_numbers_do_no_lasting_harm(stage):
    stage.settle(colourful(0.0))
    stage.run(10, bass=float("nan"), treble=float("inf"), energy=float("nan"), onset_strength=float("nan"))
    assert stage.run(60).std() > 20


@pytest.mark.parametrize("size", [(0, 360), (640, 8), (20000, 360)])
def test_absurd_canvas_sizes_are_refused(ctx, size):
    with pytest.raises(UserError, match="canvas"):
        Compositor(ctx, size)


def test_a_portrait_canvas_of_odd_size(ctx):
    compositor = Compositor(ctx, (91, 163))
    compositor.show(Frame(flat(0, 120, 0), 1, 0.0, 0.0, 0.1), 0.0)
    for i in range(40):
        compositor.draw(i * 0.1, View())
    assert compositor.read().shape == (163, 91, 4)
    assert np.abs(compositor.read()[..., 1].astype(float) - 120).mean() < 4
