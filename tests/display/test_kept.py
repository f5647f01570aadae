"""The last canvas is there until the next one is drawn, whoever owns its layer: a chain that goes, a buffer that
changes its size, the flash limiter's own pair."""

from __future__ import annotations

import random
from dataclasses import replace

import moderngl
import numpy as np
import pytest

from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.display.compositor import Compositor
from livemusviz.display.flash_guard import PLAIN, CanvasGuard, Hold
from livemusviz.display.flash_windows import GRID
from livemusviz.display.layers import Layer

CHAINS = ((), ("feedback",), ("bloom", "feedback"), ("trails",), ("grade",), ("feedback", "grade"))


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limiter that mixes every canvas with the last one."""
    half = Hold(np.full((GRID[1], GRID[0]), 0.5), PLAIN)
    monkeypatch.setattr(CanvasGuard, "hold", lambda guard, now, values, gains=PLAIN: half)


def test_a_kept_layer_is_released_once_it_is_let_go(ctx: moderngl.Context) -> None:
    layer = Layer(ctx, (4, 4))
    layer.keep()
    layer.release()
    assert len(layer.texture.read()) == 64
    layer.let_go()
    with pytest.raises(AttributeError):
        layer.texture.read()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_picture_is_lost_while_sizes_and_scenes_change(ctx: moderngl.Context, holding: None, seed: int) -> None:
    compositor, rng = Compositor(ctx, (96, 54)), random.Random(seed)
    view, now = View(), 0.0
    for i in range(250):
        now += rng.choice([0.03, 0.1, 0.5])
        if rng.random() < 0.15:
            chain = tuple(Effect(name) for name in rng.choice(CHAINS))
            view = replace(view, scene=Scene(chain=chain), fade=rng.choice([0.0, 0.5, 5.0]))
        if rng.random() < 0.3:
            scale, filters = rng.choice([1.0, 0.75, 0.5]), rng.choice([0, 1, 9])
            compositor.quality = replace(compositor.quality, scale=scale, filters=filters)
        mode = rng.choice(["off", "broadcast", "broadcast"])
        view = replace(view, freeze=rng.random() < 0.1, blackout=rng.random() < 0.2, flash_limit=mode)
        if rng.random() < 0.5:
            side = rng.choice([32, 48])
            light = np.full((side, 32, 4), rng.choice([40, 250]), np.uint8)
            compositor.show(Frame(light, i, now, now, 0.1), now)
        compositor.draw(now, view)
        assert compositor.read().shape == (54, 96, 4)
        assert not compositor.problems


def test_layers_of_an_old_size_are_given_back(
    ctx: moderngl.Context, holding: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = set[int]()
    make, release = Layer.__init__, Layer.release

    def made(layer: Layer, *given: object) -> None:
        make(layer, *given)  # type: ignore[arg-type]
        alive.add(id(layer.texture.mglo))
        layer.number = id(layer.texture.mglo)  # type: ignore[attr-defined]

    def released(layer: Layer) -> None:
        release(layer)
        if not layer._kept:
            alive.discard(layer.number)  # type: ignore[attr-defined]

    monkeypatch.setattr(Layer, "__init__", made)
    monkeypatch.setattr(Layer, "release", released)
    compositor, counts = Compositor(ctx, (96, 54)), list[int]()
    for i in range(60):
        compositor.quality = replace(compositor.quality, scale=(1.0, 0.75, 0.5)[i % 3])
        fade = Scene(chain=(Effect("feedback"),)) if i % 2 else Scene(chain=(Effect("grade"),))
        compositor.draw(i / 30.0, View(scene=fade, fade=1.0))
        counts.append(len(alive))
    assert max(counts[30:]) <= max(counts[10:30])
