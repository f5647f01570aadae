"""Which frame shows what."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from livemusviz.assets import find_content
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.director.cuefile import Change
from livemusviz.params.params import Params
from livemusviz.params.values import ParamValues
from livemusviz.render.cells import Cell, Grid, cells
from livemusviz.render.window import SoundWindow
from livemusviz.session.session import Session


def features_at(seconds: float, onsets: tuple[float, ...] = ()) -> list[AudioFeatures]:
    hops = []
    for i in range(int(seconds * SAMPLE_RATE / HOP)):
        time = (i + 1) * HOP / SAMPLE_RATE
        onset = any(time - HOP / SAMPLE_RATE < at <= time for at in onsets)
        hops.append(AudioFeatures(time=time, onset=onset, onsets=sum(at <= time for at in onsets)))
    return hops


def step(now: float, features: AudioFeatures, params: Params) -> Controls:
    return Controls(np.zeros((1, 1, 1), np.float32), params.prompt, "", 1.0, 0.0, now != 0.4, now)


def film(grid: Grid, changes: tuple[Change, ...] = (), onsets: tuple[float, ...] = ()) -> list[Cell]:
    session = Session(find_content()[0], ParamValues())
    return list(cells(grid, features_at(3.0, onsets), changes, session, SoundWindow(iter(())), step))


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_an_onset_is_shown_in_the_frame_nearest_to_it(fps: Fraction) -> None:
    onsets = (0.1, 0.51, 1.234, 2.0, 2.777)
    shown = [cell.time for cell in film(Grid(fps, 1, int(2.9 * fps)), onsets=onsets) if cell.features.onset]
    np.testing.assert_allclose(shown, onsets, atol=0.5 / float(fps) + HOP / SAMPLE_RATE)


def test_no_onset_is_lost_or_shown_twice() -> None:
    onsets = tuple(np.arange(0.05, 2.8, 0.07))
    seen = sum(cell.features.onset for cell in film(Grid(Fraction(10), 1, 29), onsets=onsets))
    assert seen == 28  # several in one frame are one flash
    assert sum(cell.features.onset for cell in film(Grid(Fraction(60), 1, 174), onsets=onsets)) == len(onsets)


def test_changes_take_effect_in_the_frame_nearest_to_them() -> None:
    changes = (Change(0.5, {"prompt": "a"}), Change(1.0, {"prompt": "b", "freeze": True}))
    made = film(Grid(Fraction(10), 1, 20), changes)
    prompts = [cell.controls.prompt for cell in made if cell.controls is not None]
    assert prompts.index("a") == 4 and prompts.index("b") == 9  # one cell is skipped
    assert [cell.view.freeze for cell in made].index(True) == 10


def test_pictures_are_painted_as_often_as_asked_and_skipped_as_directed() -> None:
    made = film(Grid(Fraction(10), 2, 20))
    painted = [cell.index for cell in made if cell.controls is not None]
    assert painted == [k for k in range(0, 20, 2) if k != 4]
    assert [cell.time for cell in made] == pytest.approx([k / 10 for k in range(20)])
