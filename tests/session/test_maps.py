"""Texts of `/map/...`: what they ask for, and what is refused; and their way through the session into the view."""

import pytest

from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.mapping import MapChange
from livemusviz.errors import UserError
from livemusviz.params.values import ParamValues
from livemusviz.session.maps import parse_map_change
from livemusviz.session.session import Session
from tests.session.content import small_content


@pytest.mark.parametrize(
    ("verb", "text", "change"),
    [
        ("pin", "top_left 0.02 0.05", MapChange("pin", 1, 0, (0.02, 0.05))),
        ("pin", "2 bottom_right 1 0.9", MapChange("pin", 2, 2, (1.0, 0.9))),
        ("pin", "2 TOP_RIGHT -0.1 1.2", MapChange("pin", 2, 1, (-0.1, 1.2))),
        ("edge", "0 0.1 0 0.05", MapChange("edge", 1, 0, (0.0, 0.1, 0.0, 0.05))),
        ("edge", "3 0 0.1 0 0.05", MapChange("edge", 3, 0, (0.0, 0.1, 0.0, 0.05))),
        ("turn", "90", MapChange("turn", 1, 0, (90.0,))),
        ("turn", "2 270", MapChange("turn", 2, 0, (270.0,))),
        ("reset", "", MapChange("reset", 1)),
        ("reset", "2", MapChange("reset", 2)),
    ],
)
def test_what_a_text_asks_for(verb: str, text: str, change: MapChange) -> None:
    assert parse_map_change(verb, text) == change


@pytest.mark.parametrize(
    ("verb", "text", "message"),
    [
        ("pin", "middle 0 0", "send .SCREEN. top_left"),
        ("pin", "top_left 0.1", "send .SCREEN. top_left"),
        ("pin", "top_left 2 0", "map_pin: 2 is outside -0.5..1.5"),
        ("pin", "top_left nan 0", "map_pin: nan is outside"),
        ("pin", "1 2 top_left 0", "send .SCREEN. top_left"),
        ("pin", "9 top_left 0 0", "screen 9 is outside 1..8"),
        ("edge", "0.1", "send .SCREEN. LEFT RIGHT TOP BOTTOM"),
        ("edge", "0.6 0 0 0", "map_edge: 0.6 is outside 0..0.5"),
        ("turn", "45", "map_turn: 45 is not one of 0, 90, 180, 270"),
        ("turn", "left", "send .SCREEN. 0.90"),
        ("reset", "all", "screen all is outside 1..8"),
    ],
)
def test_what_has_no_meaning_is_refused(verb: str, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_map_change(verb, text)


def test_changes_reach_the_display_once_by_the_view() -> None:
    session = Session(small_content(), ParamValues())
    events = [ControlEvent("map_pin", "top_left 0.1 0.1", 0.0), ControlEvent("map_turn", "45", 0.0)]
    step = session.step(0.0, AudioFeatures.rest(0.0), events=events)
    assert step.view.map_changes == (MapChange("pin", 1, 0, (0.1, 0.1)),)
    assert len(step.errors) == 1 and step.requests == ()
    assert session.step(0.1, AudioFeatures.rest(0.1)).view.map_changes == ()
