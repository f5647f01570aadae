"""Chains, transitions and idle scenes on the canvas: all our shaders, and how one scene gives way to another."""

import os

import numpy as np
import pytest

from livemusviz.assets import read_headers, usable_shaders
from livemusviz.director.stage import Look
from livemusviz.display.isf import IsfShader
from livemusviz.resources import our_shaders

from .conftest import Stage, colourful, flat

HEADERS = read_headers(our_shaders())[0]
FILTERS = [name for name, header in HEADERS.items() if header.kind == "filter"]
IDLE = [name for name, header in HEADERS.items() if header.kind == "generator"]
TRANSITIONS = [name for name, header in HEADERS.items() if header.kind == "transition"]
LOUD = {"bass": 2.0, "mid": 2.0, "treble": 2.0, "energy": 1.0, "onset_strength": 1.0, "bpm": 120.0, "level": 2.0}


def test_there_are_enough():
    assert len(FILTERS) >= 11 and len(IDLE) >= 2 and len(TRANSITIONS) >= 3 and len(HEADERS) >= 16


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_shows_the_picture_and_answers_the_sound(ctx, name):
    quiet, loud = (Stage(ctx, look=Look(chain=(name,))) for _ in range(2))
    for stage in (quiet, loud):
        stage.settle(colourful(0.0))
        stage.run(20)
    calm, struck = quiet.run(10), loud.run(10, **LOUD)
    assert calm.std() > 15 and 15 < calm.mean() < 240, "neither flat nor black nor white"
    assert struck.std() > 12 and 10 < struck.mean() < 250
    if any(each.drive for each in HEADERS[name].inputs) and name != "mirror":
        assert np.abs(struck - calm).mean() > 0.4, "it declares what moves it, so it must move"


OWN_LIGHT = {"strobe", "spectrum", "chrome", "globe", "halftone", "isolines"}
"""Filters that bring light of their own: flashes, bars, a sky that metal mirrors, stars, paper, lines."""


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_black_black_and_comes_to_rest(ctx, name):
    stage, dark = (Stage(ctx, look=Look(chain=(name,))) for _ in range(2))
    for each, light in ((stage, 255), (dark, 0)):
        each.settle(flat(light, light, light))
        each.show(flat(0, 0, 0))
        each.run(600 if name == "curtain" else 240)  # its threads fall for eight seconds at rest
    if name in OWN_LIGHT:
        assert np.abs(stage.run(1) - dark.run(1)).max() <= 3, "what was white has left no trace"
    else:
        assert stage.run(1).max() <= 3


@pytest.mark.parametrize("name", IDLE)
def test_an_idle_scene_stands_alone(ctx, name):
    stage, loud = Stage(ctx, look=Look(idle=name)), Stage(ctx, look=Look(idle=name))
    first = stage.run(10)
    assert first.mean() > 6 and first.std() > 6
    assert np.abs(stage.run(90) - first).mean() > 0.5
    loud.run(10, **LOUD)
    assert loud.run(30, **LOUD).mean() > 1.1 * stage.run(1).mean()


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_begins_and_ends_with_its_pictures(ctx, name):
    stage = Stage(ctx, look=Look(chain=(), transition=name))
    stage.settle(colourful(0.0))
    before = stage.run(1)
    for _ in range(30):
        stage.show(colourful(0.0))
        stage.run(12)
    stage.show(colourful(2.0))
    start = stage.run(1)
    assert np.abs(start - before).mean() < 25
    middle, end = stage.run(5), stage.run(60)
    plain = Stage(ctx, look=Look(chain=()))
    plain.settle(colourful(2.0))
    assert np.abs(end - plain.run(1)).mean() < 2
    assert min(np.abs(middle - start).mean(), np.abs(middle - end).mean()) > 3


def test_a_soft_cut_takes_its_time_and_a_hard_one_none(ctx):
    inverted = Look(chain=("strobe",), inputs={"strobe": {"amount": 1.0, "flash": 1.0, "negative": True}})
    for fade, share in ((1.0, 0.5), (0.0, 1.0)):
        stage = Stage(ctx, look=Look(chain=("mirror",)))
        stage.settle(flat(255, 255, 255))
        assert stage.run(1).mean() > 250
        stage.looks.load(inverted)
        stage.fade = fade
        assert stage.run(30).mean() == pytest.approx(255 * (1 - share), abs=12)
        assert stage.run(60).mean() < 3


def test_in_a_long_fade_the_chain_changes_with_the_end_of_it(ctx):
    stage = Stage(ctx, look=Look(chain=("mirror",)))
    stage.settle(flat(255, 255, 255))
    stage.looks.load(Look(chain=("strobe",), inputs={"strobe": {"amount": 1.0, "flash": 1.0, "negative": True}}))
    stage.fade = 4.0
    assert stage.run(118).mean() > 250
    assert stage.run(62).mean() == pytest.approx(127.5, abs=12)
    assert stage.run(62).mean() < 3


def test_a_chain_that_does_not_compile_leaves_the_old_one_and_says_why(ctx, tmp_path):
    bad = tmp_path / "bad.fs"
    bad.write_text('/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\nvoid main() { nonsense }')
    stage = Stage(ctx, shaders={**our_shaders(), "bad": bad})
    stage.settle(colourful(0.0))
    before = stage.run(1)
    stage.looks.load(Look(chain=("bad",), idle="silk"))
    after = stage.run(5)
    assert np.abs(after - before).mean() < 6
    assert len(stage.compositor.problems) == 1 and "bad.fs:2:" in stage.compositor.problems[0]
    stage.looks.load(Look(chain=("grade",)))
    assert np.abs(stage.run(30) - before).mean() > 1, "and the next good one comes on"


def test_shaders_are_compiled_before_they_are_needed(ctx):
    stage = Stage(ctx)
    assert stage.compositor.prepare("bloom") and not stage.compositor.prepare("bloom")
    assert stage.compositor.prepare("no such") is True and "no such" in stage.compositor.problems[-1]


def test_the_same_calls_make_the_same_pictures(ctx):
    def film():
        stage = Stage(ctx, look=Look(chain=("feedback", "liquid", "datamosh", "vignette")), limit=True)
        pictures = []
        for i in range(40):
            if i % 5 == 0:
                stage.show(colourful(i / 10.0))
            pictures.append(stage.run(1, energy=0.5, bass=1.0, onset_strength=1.0 - i % 10 / 10))
        return np.stack(pictures)

    assert (film() == film()).all()


def test_a_users_broken_file_of_our_name_gives_way_to_ours(ctx, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    (tmp_path / "feedback.fs").write_text('/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/ nonsense')
    (tmp_path / "silk.fs").write_text("{")
    paths, headers, problems = usable_shaders([tmp_path])
    assert paths["feedback"].parent == tmp_path and paths["silk"] == our_shaders()["silk"]
    assert headers["silk"].kind == "generator" and len(problems) == 1 and "silk.fs" in problems[0]
    stage = Stage(ctx, shaders=paths)
    assert stage.run(5).mean() > 6
    red = '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/ void main() { gl_FragColor = vec4(1, 0, 0, 1); }'
    (tmp_path / "feedback.fs").write_text(red)
    os.utime(tmp_path / "feedback.fs", (0, 2e9))
    stage.compositor.reload_edited()
    assert stage.run(2)[0, 0].tolist() == [255, 0, 0], "and comes on when it is repaired"


def test_a_repaired_shader_comes_on(ctx, tmp_path):
    path = tmp_path / "mine.fs"
    path.write_text('/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\nnonsense')
    stage = Stage(ctx, shaders={**our_shaders(), "mine": path}, look=Look(chain=("mine",)))
    stage.settle(colourful(0.0))
    assert len(stage.compositor.problems) == 1
    path.write_text(path.read_text().replace("nonsense", "void main() { gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0); }"))
    os.utime(path, (0, path.stat().st_mtime + 10))
    stage.compositor.reload_edited()
    assert stage.run(2)[0, 0].tolist() == [255, 0, 0]


FILTER = '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}%s]%s}*/\n'
RED = "void main() { gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0); }"
NEGATIVE = "void main() { gl_FragColor = vec4(1.0 - IMG_THIS_PIXEL(inputImage).rgb, 1.0); }"


def test_one_bad_filter_costs_itself_and_not_the_chain(ctx, tmp_path):
    bad, good = tmp_path / "bad.fs", tmp_path / "good.fs"
    bad.write_text(FILTER % ("", "") + "nonsense")
    good.write_text(FILTER % ("", "") + NEGATIVE)
    stage = Stage(ctx, shaders={**our_shaders(), "bad": bad, "good": good}, look=Look(chain=("bad", "good")))
    stage.settle(flat(255, 255, 255))
    assert stage.run(2).mean() < 3
    assert len(stage.compositor.problems) == 1 and "bad.fs:2:" in stage.compositor.problems[0]


def test_an_idle_scene_and_a_transition_that_fail_give_way_to_ours(ctx, tmp_path, monkeypatch):
    idle, cut = tmp_path / "mine.fs", tmp_path / "cut.fs"
    idle.write_text("/*{}*/\n" + RED)
    images = '{"NAME": "startImage", "TYPE": "image"}, {"NAME": "endImage", "TYPE": "image"}'
    cut.write_text(f'/*{{"INPUTS": [{images}, {{"NAME": "progress", "TYPE": "float"}}]}}*/\n{RED}')
    stage = Stage(ctx, shaders={**our_shaders(), "mine": idle, "cut": cut}, look=Look((), "cut", "mine"))
    assert stage.run(2)[0, 0].tolist() == [255, 0, 0]
    draw = IsfShader._draw_pass

    def failing(self, *given):
        return 1 / 0 if self.path in (idle, cut) else draw(self, *given)

    monkeypatch.setattr(IsfShader, "_draw_pass", failing)
    assert stage.run(5).std() > 6, "silk"
    stage.settle(flat(0, 255, 0))
    assert stage.run(5)[0, 0].tolist() == [0, 255, 0]
    assert len(stage.compositor.problems) == 2


LOOP = """void main() { float x = isf_FragNormCoord.x;
for (int i = 0; i < 2000000000; i++) x = fract(x * 1.7 + 0.1);
gl_FragColor = vec4(x); }"""


def test_a_filters_picture_may_have_any_name(ctx, tmp_path):
    mine = tmp_path / "mine.fs"
    body = "void main() { gl_FragColor = vec4(1.0 - IMG_THIS_PIXEL(tex).rgb, 1.0); }"
    mine.write_text('/*{"INPUTS": [{"NAME": "tex", "TYPE": "image"}]}*/\n' + body)
    stage = Stage(ctx, shaders={**our_shaders(), "mine": mine}, look=Look(chain=("mine",)))
    stage.settle(flat(200, 200, 200))
    assert stage.run(1).mean() == pytest.approx(55, abs=2)
    stage.looks.load(Look(idle="mine"))  # as before, it may stand alone as well
