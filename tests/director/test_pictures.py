"""A picture from outside in the director: the similarity filter looks at it, the strength moves, a mirror turns it."""

from dataclasses import replace

import numpy as np

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.sources import PictureInput, SourcePicture
from livemusviz.director.director import Director
from livemusviz.params.params import Params

SHAPE = (8, 8, 32)
RATE = 30
PARAMS = Params(strength=0.4)


def square(x: int, seq: int, noise: float = 0.0) -> SourcePicture:
    """Return a picture with a bright square at column x, and a sensor's noise."""
    pixels = np.random.default_rng(seq).normal(30.0, noise, (128, 128, 3))
    pixels[40:70, x : x + 30] += 180
    return SourcePicture.of(pixels.clip(0, 255).astype(np.uint8), seq, 0.0)


def computed(moving: bool, energy: float = 0.0, params: Params = PARAMS) -> float:
    """Return the share of ten quiet seconds' slots that are computed while a camera delivers its pictures."""
    director = Director(SHAPE, params)
    found = []
    for i in range(10 * RATE):
        picture = square(round(40 + 35 * np.sin(i / 10)) if moving else 40, i, noise=4.0)
        features = AudioFeatures(time=i / RATE, energy=energy)
        found.append(director.step(i / RATE, features, params, picture=PictureInput(picture)).compute)
    return float(np.mean(found))


def test_a_still_camera_in_a_quiet_passage_is_skipped_and_a_moving_one_is_not() -> None:
    assert computed(moving=False) < 0.4
    assert computed(moving=True) > 0.9
    assert computed(moving=False, energy=0.9) > 0.95, "music computes as it did"
    assert computed(moving=True, params=replace(PARAMS, strength=1.0)) < 0.4, "a picture that nobody sees"


def step(director: Director, now: float, given: PictureInput, params: Params = PARAMS) -> Controls:
    return director.step(now, AudioFeatures(time=now), params, picture=given)


def test_a_picture_that_comes_or_goes_is_drawn_at_once() -> None:
    director, picture = Director(SHAPE, PARAMS), square(40, 1)
    for i in range(30):
        last = step(director, i / RATE, PictureInput())
    assert last.picture is None and last.strength == 1.0
    came = step(director, 1.0, PictureInput(picture))
    assert came.compute and came.picture is picture and came.strength == 0.4
    assert step(director, 1.1, PictureInput()).compute


def test_a_fading_picture_gives_way_to_the_noise() -> None:
    director, picture = Director(SHAPE, PARAMS), square(40, 1)
    found = [step(director, i / 10, PictureInput(picture, presence)).strength for i, presence in enumerate((1, 0.5, 0))]
    assert np.allclose(found, (0.4, 0.7, 1.0))


def test_the_mirror_exchanges_left_and_right_once_for_each_picture() -> None:
    director, picture = Director(SHAPE, PARAMS), square(10, 1)
    mirrored = replace(PARAMS, picture_mirror=True)
    first = step(director, 0.0, PictureInput(picture), mirrored).picture
    assert first is not None and np.array_equal(first.pixels, picture.pixels[:, ::-1])
    assert first.pixels.flags["C_CONTIGUOUS"]
    assert step(director, 0.1, PictureInput(picture), mirrored).picture is first, "not encoded anew"
    assert step(director, 0.2, PictureInput(picture)).picture is picture
