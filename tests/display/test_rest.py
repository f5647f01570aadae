"""No picture stands still for half a second, in no preset, while the music rests: ffmpeg's freezedetect, in numpy."""

from dataclasses import replace

import numpy as np
import pytest

from livemusviz.assets import find_content, find_presets
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.display.compositor import Compositor
from livemusviz.display.sway import Sway
from livemusviz.params.values import ParamValues
from livemusviz.session.session import Session

from .conftest import SIZE, colourful

FPS = 30
STILL = 0.001  # mean difference of two pictures, of full scale, that freezedetect takes for none (-60 dB)
LONGEST = 0.5  # s
MUSIC, REST = FPS, 3 * FPS  # frames


def night(seed):
    """A dim picture with fine detail, as the model paints a night sky: a third of full light, and stars."""
    picture = colourful(seed, 256)
    picture[..., :3] = picture[..., :3] // 3
    y, x = np.random.default_rng(seed).integers(1, 255, (2, 150))
    for down, right in np.ndindex(2, 2):
        picture[y + down, x + right, :3] = 150
    return picture


def longest_freeze(pictures):
    """The longest time without a change, s, by freezedetect's rule: each picture against the first of its freeze."""
    longest, first, since = 0.0, pictures[0], 0
    for i, picture in enumerate(pictures):
        if np.abs(picture - first).mean() / 255.0 > STILL:
            first, since = picture, i
        longest = max(longest, (i - since) / FPS)
    return longest


def perform(ctx, preset, picture_at):
    """A second of music, then rest; the canvases of the rest. picture_at : the picture that comes with frame i."""
    compositor = Compositor(ctx, SIZE)
    session = Session(find_content()[0], ParamValues().with_value("preset", preset))
    pictures = []
    for i in range(MUSIC + REST):
        now = i / FPS
        features = AudioFeatures.rest(now)
        if i < MUSIC:
            features = replace(features, energy=0.6, bass=0.5, mid=0.5, treble=0.5, rms=0.3)
        view = session.play(now, features).view
        picture = picture_at(i)
        if picture is not None:
            compositor.show(Frame(picture, i, now, now, 0.05), now)
        compositor.draw(now, view)
        pictures.append(compositor.read()[..., :3].astype(np.float32))
    return pictures[MUSIC:]


def every_preset():
    return ["", *sorted(find_presets())]


@pytest.mark.parametrize("preset", every_preset())
def test_a_preset_moves_while_the_model_rests(ctx, preset):
    shown = [night(1), night(2)]
    pictures = perform(ctx, preset, lambda i: shown[i // 3 % 2] if i < MUSIC and i % 3 == 0 else None)
    assert longest_freeze(pictures) < LONGEST


@pytest.mark.parametrize("preset", ["", "lava", "neon-city"])
def test_pictures_that_hardly_differ_are_no_standstill(ctx, preset):
    same = night(1)
    assert longest_freeze(perform(ctx, preset, lambda i: same)) < LONGEST


@pytest.mark.parametrize("preset", ["", "night-sky"])
def test_the_idle_scene_moves_in_silence(ctx, preset):
    assert longest_freeze(perform(ctx, preset, lambda i: None)) < LONGEST


def test_the_measure_sees_a_standstill():
    still = [np.zeros((4, 4, 3), np.float32)] * 20
    assert longest_freeze(still) == pytest.approx(19 / FPS)


def test_the_sway_comes_and_goes_evenly_and_stays_on_the_picture():
    sway, before = Sway(), (1.0, 0.0, 0.0)
    for i in range(900):
        energy = 0.0 if 150 <= i < 500 else 1.0
        share, x, y = sway.step(False, energy, 1.0, 1 / FPS) or (1.0, 0.0, 0.0)
        assert np.abs(np.subtract((share, x, y), before)).max() < 0.0015, "no jump"
        assert 0.5 * share + max(abs(x), abs(y)) <= 0.5 + 1e-9, "never beyond the edge"
        before = share, x, y
    assert before == (1.0, 0.0, 0.0), "in music it rests"


def test_no_sway_where_none_is_wanted():
    sway = Sway()
    assert all(sway.step(True, 0.0, 0.0, 1 / FPS) is None for _ in range(100))
