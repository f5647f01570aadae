"""One headless context for all pixel tests, made current for each, as the loop's own tests make others."""

from dataclasses import replace

import numpy as np
import pytest

from livemusviz.assets import read_headers
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import View
from livemusviz.director import stage as looks
from livemusviz.director.stage import Look
from livemusviz.display import context
from livemusviz.display.compositor import Compositor
from livemusviz.resources import our_shaders

SIZE = (160, 90)
STEP = 1.0 / 60.0


@pytest.fixture(scope="session")
def headless():
    return context.headless_context()


@pytest.fixture
def ctx(headless):
    with headless:
        yield headless


@pytest.fixture
def stage(ctx):
    return Stage(ctx)


class Stage:
    """A compositor with a clock of its own, and a director's stage that tells it what to draw."""

    def __init__(self, ctx, size=SIZE, look=None, shaders=None, limit=False, **feedback):
        shaders = our_shaders() if shaders is None else shaders
        self.compositor = Compositor(ctx, size, shaders)
        self.looks = looks.Stage(read_headers(shaders)[0])
        self.looks.base = {("feedback", name): value for name, value in feedback.items()}
        self.looks.load(look or Look())
        self.limit = "broadcast" if limit else "off"
        self.fade = 0.0
        self.now = 0.0
        self.seq = 0

    def show(self, image):
        self.seq += 1
        self.compositor.show(Frame(image, self.seq, self.now, self.now, 0.05), self.now)

    def settle(self, image):
        """`image` alone on the stage: no idle scene, no fade, no trail."""
        self.show(image)
        self.run(40, dt=0.1)

    def run(self, frames, dt=STEP, view=None, **features):
        """Draw some frames of the same features; returns the last picture as float RGB 0..255, top row first."""
        for _ in range(frames):
            self.now += dt
            scene, _driven = self.looks.step(dt, AudioFeatures(time=self.now, **features))
            seen = replace(view or View(), scene=scene, flash_limit=self.limit, fade=self.fade)
            self.compositor.draw(self.now, seen)
        return self.compositor.read()[..., :3].astype(float)


def flat(red, green, blue, size=(64, 64)):
    image = np.full((size[1], size[0], 4), 255, np.uint8)
    image[..., :3] = (red, green, blue)
    return image


def colourful(seed, size=64):
    """A smooth picture with light, dark and all hues."""
    y, x = np.mgrid[0:size, 0:size] / size * 6.0
    phase = np.array([0.0, 2.1, 4.2]) + seed
    waves = np.sin(x + np.sin(y + seed)) + np.cos(y * 1.3 + np.sin(x * 0.7))
    image = np.full((size, size, 4), 255, np.uint8)
    image[..., :3] = 127.5 + 127.0 * np.cos(waves[..., None] * 1.7 + phase)
    return image
