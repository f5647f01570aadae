"""The compositor's state, saved and restored: what is drawn afterwards is the same to the bit."""

from __future__ import annotations

from dataclasses import replace

import moderngl
import numpy as np
import pytest

from livemusviz.bridge.types import AudioFeatures, Frame, View
from livemusviz.display import snapshot
from livemusviz.display.compositor import Compositor

SIZE = (160, 96)
VIEW = View()


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 4), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1))


def play(compositor: Compositor, first: int, count: int) -> list[np.ndarray]:
    canvases = []
    for k in range(first, first + count):
        now = k / 30
        if k % 3 == 0:
            compositor.show(Frame(picture(k), k, now, now, 0.0), now)
        heard = AudioFeatures(now, energy=0.6, bass=1.0, level=1.0, onset_strength=1.0 if k % 9 == 0 else 0.3)
        compositor.draw(now, heard, replace(VIEW, blackout=k in (20, 21)))
        canvases.append(compositor.read())
    return canvases


def test_a_compositor_goes_on_as_another_left_off(ctx: moderngl.Context) -> None:
    one = Compositor(ctx, SIZE)
    play(one, 0, 22)
    state = snapshot.capture(one)
    wanted = play(one, 22, 20)
    other = Compositor(ctx, SIZE)
    play(other, 0, 2)  # brings its layers to their size
    snapshot.restore(other, state)
    assert all(np.array_equal(a, b) for a, b in zip(play(other, 22, 20), wanted, strict=True))


def test_without_the_state_it_would_not(ctx: moderngl.Context) -> None:
    one = Compositor(ctx, SIZE)
    play(one, 0, 22)
    wanted = play(one, 22, 1)
    other = Compositor(ctx, SIZE)
    play(other, 0, 2)
    assert not np.array_equal(play(other, 22, 1)[0], wanted[0])


def test_a_state_of_another_size_is_refused(ctx: moderngl.Context) -> None:
    one, other = Compositor(ctx, SIZE), Compositor(ctx, (80, 48))
    play(one, 0, 2)
    play(other, 0, 2)
    with pytest.raises(ValueError, match="of this size"):
        snapshot.restore(other, snapshot.capture(one))
