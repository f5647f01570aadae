"""Shaders drawn before they are needed: in the show itself, and by a child that fills the driver's cache."""

import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.display.isf import IsfShader
from livemusviz.display.preparation import PREPARING, Preparation
from livemusviz.display.rehearsal import Sizes
from livemusviz.display.warm import PATIENCE, SETTLED, ShaderWarmer
from livemusviz.resources import our_shaders

from .conftest import Stage, colourful

FRAME = (64, 64)
CHAIN = ("liquid", "spectrum", "bloom")
SIZES = Sizes((160, 90), (80, 45), (64, 36))


def ways_drawn(monkeypatch, draw):
    """Each way in which `draw()` draws an ISF shader: name, sizes of its images, size of the target."""
    ways, original = set(), IsfShader.draw

    def noted(shader, into, instant, values, images, buffers):
        inputs = [each.name for each in shader.header.inputs if each.name in images]
        ways.add((shader.path.stem, tuple((images[name].size, images[name].dtype) for name in inputs), into.size))
        return original(shader, into, instant, values, images, buffers)

    with monkeypatch.context() as patch:
        patch.setattr(IsfShader, "draw", noted)
        draw()
    return ways


def test_every_draw_of_a_show_was_rehearsed(ctx, monkeypatch):
    stage = Stage(ctx)
    compositor = stage.compositor

    def rehearse():
        compositor.rehearse(FRAME)
        for name in (*CHAIN, "morph", "drift"):
            compositor.prepare(name)

    def perform():
        scene = Scene(tuple(map(Effect, CHAIN)), Effect("morph"), Effect("drift"))
        view = View(scene=scene, sound=np.zeros((2048, 2), np.float32), fade=0.1)
        for i in range(30):
            if i == 8:
                stage.show(colourful(1))
            compositor.draw(i / 60.0, view if i > 2 else View())

    rehearsed, drawn = ways_drawn(monkeypatch, rehearse), ways_drawn(monkeypatch, perform)
    assert {name for name, *_ in drawn} >= {*CHAIN, "feedback", "silk", "crossfade", "morph", "drift"}
    assert drawn <= rehearsed


def test_a_show_prepares_a_part_at_each_step(ctx, monkeypatch):
    """All of it at once holds a canvas up by 100 ms on a slow machine."""
    compositor, now = Stage(ctx).compositor, 100.0
    preparation = Preparation(compositor, ("bloom", "no such", "morph"), None, SimpleNamespace(now=lambda: now))
    compositor.rehearse(FRAME)
    steps, going = [], True

    def step():
        nonlocal going
        going = preparation.step(now)

    while going:
        steps.append(ways_drawn(monkeypatch, step))
        now += 1.0 / PREPARING
    drawn = [len(ways) for ways in steps]
    assert drawn == [0, 1, 1, 1, 0, 0, 1, 1, 0]  # compile "bloom", draw it in its ways; "no such"; the same of "morph"
    assert "no such" in compositor.problems[-1] and compositor.bank.has("bloom") and compositor.bank.has("morph")


def test_a_shader_that_is_needed_while_it_is_prepared_comes_at_once(ctx):
    compositor = Stage(ctx).compositor
    compositor.rehearse(FRAME)
    parts = compositor.prepare_in_parts("bloom")
    next(parts)
    needed = compositor.bank.get("bloom")
    assert list(parts) and compositor.bank.get("bloom") is needed and not compositor.problems


def test_a_rehearsal_leaves_no_trace(ctx):
    plain, rehearsed = Stage(ctx, limit=True), Stage(ctx, limit=True)
    rehearsed.compositor.rehearse(FRAME)
    for stage in (plain, rehearsed):
        stage.run(3, onset_strength=1.0)
        stage.show(colourful(2))
    assert np.array_equal(plain.run(20, energy=0.5), rehearsed.run(20, energy=0.5))


def collect(warmer, names, now):
    """Return the names as they become ready, in that order. The clock waits for each answer: the child may be slow."""
    found, deadline = [], time.monotonic() + 60.0
    while len(found) < len(names):
        assert time.monotonic() < deadline, found
        found += warmer.ready(now)
        if warmer._answered:
            now += SETTLED
        else:
            time.sleep(0.01)
    return found


def test_a_child_compiles_in_the_order_asked_and_ends():
    warmer = ShaderWarmer(our_shaders(), SIZES)
    warmer.ask(["mirror", "grade"], 0.0)
    child = warmer._child
    assert child is not None and warmer.ready(0.0) == [] and warmer.busy
    assert collect(warmer, ["mirror", "grade"], 0.0) == ["mirror", "grade"]
    assert not warmer.busy and child.returncode is not None


def test_a_shader_that_does_not_compile_is_answered_too(tmp_path):
    bad = tmp_path / "bad.fs"
    bad.write_text("nonsense")
    warmer = ShaderWarmer({"bad": bad, **our_shaders()}, SIZES)
    warmer.ask(["bad", "mirror"], 0.0)
    assert collect(warmer, ["bad", "mirror"], 0.0) == ["bad", "mirror"]


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_without_a_child_everything_is_ready(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    warmer = ShaderWarmer(our_shaders(), SIZES)
    warmer.ask(["mirror", "grade"], 0.0)
    assert collect(warmer, ["mirror", "grade"], 0.0) == ["mirror", "grade"]


def test_a_child_that_hangs_is_given_up():
    warmer = ShaderWarmer(our_shaders(), SIZES)
    warmer.ask(["mirror"], 0.0)
    child = warmer._child
    assert warmer.ready(0.0) == []
    warmer._asked.append("grade")  # never sent: no answer will come
    assert collect(warmer, ["mirror"], 0.0) == ["mirror"]
    assert warmer.ready(SETTLED + PATIENCE + 100.0) == ["grade"]
    assert child.returncode is not None
