"""The compositor's state, saved and restored: what is drawn afterwards is the same to the bit."""

from __future__ import annotations

import moderngl
import numpy as np
import pytest

from livemusviz.assets import find_content
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import View
from livemusviz.display import state
from livemusviz.display.compositor import Compositor
from livemusviz.params.values import ParamValues
from livemusviz.session.scenes import ScenePlayer

SIZE = (160, 96)
SWITCH, SAVED, END = 5, 40, 60  # frames


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 4), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1))


def views(first: str, then: str) -> list[View]:
    """A preset, and another from frame `SWITCH` on."""
    values = ParamValues().with_value("preset", first)
    scenes, made = ScenePlayer(find_content()[0], values), []
    for k in range(END):
        if k == SWITCH:
            values = scenes.load(then, values)
        heard = AudioFeatures(k / 30, energy=0.6, bass=1.0, level=1.0, onset_strength=(k % 9) / 9)
        scene, _ = scenes.move(k / 30, heard, values)
        made.append(View(scene=scene, fade=0.4, blackout=k in (38, 39)))
    return made


def play(compositor: Compositor, shown: list[View], first: int, last: int) -> list[np.ndarray]:
    canvases = []
    for k in range(first, last):
        if k % 3 == 0:
            compositor.show(Frame(picture(k), k, k / 30, k / 30, 0.0), k / 30)
        compositor.draw(k / 30, shown[k])
        canvases.append(compositor.read())
    return canvases


@pytest.mark.parametrize(("first", "then"), [("lava", "lava"), ("lava", "ink"), ("nebula", "warehouse")])
def test_a_compositor_goes_on_as_another_left_off(first: str, then: str, ctx: moderngl.Context) -> None:
    shown = views(first, then)
    one = Compositor(ctx, SIZE)
    play(one, shown, 0, SAVED)
    saved = state.capture(one)
    wanted = play(one, shown, SAVED, END)
    other = Compositor(ctx, SIZE)
    play(other, shown, SAVED - 20, SAVED)  # brings on what was on
    state.restore(other, saved)
    made = play(other, shown, SAVED, END)
    assert all(np.array_equal(a, b) for a, b in zip(made, wanted, strict=True))


def test_without_the_state_it_would_not(ctx: moderngl.Context) -> None:
    shown = views("lava", "lava")
    one, other = Compositor(ctx, SIZE), Compositor(ctx, SIZE)
    play(one, shown, 0, SAVED)
    play(other, shown, SAVED - 6, SAVED)
    assert not np.array_equal(play(other, shown, SAVED, SAVED + 1)[0], play(one, shown, SAVED, SAVED + 1)[0])


def test_a_state_of_another_size_is_refused(ctx: moderngl.Context) -> None:
    shown = views("lava", "lava")
    one, other = Compositor(ctx, SIZE), Compositor(ctx, (80, 48))
    play(one, shown, 0, 2)
    play(other, shown, 0, 2)
    with pytest.raises(ValueError, match="of this size"):
        state.restore(other, state.capture(one))
