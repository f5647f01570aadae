"""The preset of docs/CONNECT.md: onsets push the strength, and the performer's own value comes back without it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.presets import parse_preset
from livemusviz.params.values import ParamValues
from livemusviz.session.session import Session
from tests.session.content import SHADERS, small_content

PAGE = Path(__file__).parents[2] / "docs/CONNECT.md"


def test_a_preset_lets_onsets_push_the_strength() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    presets = {"pushed": parse_preset("pushed", text.encode(), SHADERS)}
    content = small_content()
    content = replace(content, load=lambda name: presets.get(name) or small_content().load(name))
    session = Session(content, ParamValues().with_values({"strength": 0.2}))

    def strength(now: float, onset: float, *events: ControlEvent) -> float:
        features = AudioFeatures(time=now, onset_strength=onset)
        return session.step(now, features, events=events).params.strength

    assert strength(0.0, 1.0) == 0.2
    strength(0.1, 0.0, ControlEvent("preset", "pushed", 0.1))
    rest = [strength(0.2 + 0.1 * i, 0.0) for i in range(20)][-1]
    struck = strength(2.3, 1.0)
    after = [strength(2.4 + 0.1 * i, 0.0) for i in range(30)]
    assert (rest, after[-1]) == (pytest.approx(0.35, abs=0.01),) * 2
    assert struck > 0.7 and after == sorted(after, reverse=True)
