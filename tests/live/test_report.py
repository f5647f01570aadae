"""The operator's lines: what is moved without effect in the model that draws is named."""

from dataclasses import replace

import numpy as np

from livemusviz.bridge.engine import EngineStatus
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import AudioStatus
from livemusviz.bridge.sources import PictureStatus
from livemusviz.display.options import DisplayHealth
from livemusviz.live.report import Snapshot, engine_name, hearing_line, hud_lines
from livemusviz.params.values import ParamValues
from livemusviz.record.loop import RecordStatus
from livemusviz.session.session import Session
from tests.session.content import small_content

REST = DisplayHealth()


def lines(values: ParamValues, engine: EngineStatus, display: DisplayHealth = REST) -> tuple[str, ...]:
    session = Session(small_content(), values, 0.0, np.random.default_rng(0))
    step = session.play(0.0, AudioFeatures.rest(0.0))
    return hud_lines(Snapshot(step, AudioStatus(), engine, display, RecordStatus(), PictureStatus(), 7000, 0.0))


def test_a_fader_that_moves_nothing_in_this_model_is_named_once_it_is_moved() -> None:
    engine = EngineStatus(unused=("cached_attention", "delta"))
    told = "without effect in this model: cached_attention"
    assert told in lines(ParamValues().with_values({"cached_attention": 0.5}), engine)
    assert not any("without effect" in line for line in lines(ParamValues(), engine))


def test_the_model_that_draws_and_the_one_that_is_being_opened_are_named() -> None:
    engine = EngineStatus(state="running", about={"model": "soft"})
    assert "running  soft" in lines(ParamValues(), engine)
    assert engine_name(replace(engine, opening="fast")) == "soft, opening fast"
    assert engine_name(replace(engine, opening="")) == "soft, opening the first model"


def test_the_onset_curve_stands_beside_its_threshold() -> None:
    quiet = AudioFeatures.rest(0.0)
    assert hearing_line(quiet, 1.0) == "hears nothing   onset curve 0.00 of 1.00 (sensitivity 1)"
    loud = replace(quiet, rms=0.1, novelty=0.8)
    assert hearing_line(loud, 2.0) == "hears -20 dB   onset curve 0.80 of 0.50 (sensitivity 2)"
    assert any(line.startswith("hears nothing") for line in lines(ParamValues(), EngineStatus()))


def test_what_the_flash_limiter_does_and_sees_stands_behind_the_canvas() -> None:
    def canvas(**figures: bool) -> str:
        return lines(ParamValues(), EngineStatus(), DisplayHealth(fps=30.0, **figures))[0]

    assert "flash limiter" not in canvas() and "striped" not in canvas()
    assert canvas(limited=True).endswith("flash limiter at work")
    assert canvas(striped=True).endswith("striped pattern")
