"""Addresses, types and ranges: every parameter of the registry, and what is refused."""

import pytest

from livemusviz.bridge.events import MAX_ACTIONS, CoalescedEvents
from livemusviz.bridge.types import ControlEvent
from livemusviz.control.osc import OscTable, UnknownAddress
from livemusviz.control.osc_guard import Argument
from livemusviz.director.params import ACTIONS, PARAMS, Param
from livemusviz.errors import UserError

TABLE = OscTable()


def good_value(param: Param) -> Argument:
    if param.kind in ("str", "action"):
        return "x" * int(param.minimum or min(3, param.maximum))
    return {"float": param.maximum, "int": int(param.maximum), "bool": True}[param.kind]


def bad_values(param: Param) -> list[Argument]:
    if param.kind in ("str", "action"):
        return ["x" * (int(param.maximum) + 1), b"blob", 3]
    if param.kind == "bool":
        return [2, -1, 0.5, "on", None]
    return [param.maximum * 2 + 1, param.minimum - 1, "1", None, True, b""] + ([0.5] if param.kind == "int" else [])


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_every_address_takes_its_value(param: Param) -> None:
    value = good_value(param)
    assert TABLE.event(param.address, [value], 1.5) == ControlEvent(param.name, param.validate(value), 1.5)


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_every_address_refuses_what_is_not_its_value(param: Param) -> None:
    for value in bad_values(param):
        with pytest.raises(UserError):
            TABLE.event(param.address, [value], 0.0)
    with pytest.raises(UserError):
        TABLE.event(param.address, [good_value(param)] * 2, 0.0)


def test_numbers_of_either_kind_are_taken_where_they_fit() -> None:
    assert TABLE.event("/gain", [2], 0.0) == ControlEvent("gain", 2.0, 0.0)
    assert TABLE.event("/seed", [3.0], 0.0) == ControlEvent("seed", 3, 0.0)
    for on in (1, 1.0, True):
        assert TABLE.event("/blackout", [on], 0.0) == ControlEvent("blackout", True, 0.0)


def test_actions_fire_on_a_press_and_not_on_its_release() -> None:
    start = ControlEvent("record_start", "", 0.0)
    assert [TABLE.event("/record/start", arguments, 0.0) for arguments in ([], [1.0], [True])] == [start] * 3
    assert TABLE.event("/record/start", [0.0], 0.0) is None
    assert TABLE.event("/record/start", ["encore"], 0.0) == ControlEvent("record_start", "encore", 0.0)
    with pytest.raises(UserError, match="no argument, or 1 and 0"):
        TABLE.event("/record/start", [5], 0.0)


def test_pause_and_play_are_the_two_ends_of_freeze() -> None:
    assert TABLE.event("/pause", [], 0.0) == TABLE.event("/pause", [1], 0.0) == ControlEvent("freeze", True, 0.0)
    assert TABLE.event("/play", [], 0.0) == ControlEvent("freeze", False, 0.0)
    assert TABLE.event("/pause", [0.0], 0.0) is None
    with pytest.raises(UserError):
        TABLE.event("/pause", ["now"], 0.0)


def test_prompts_arrive_composed_and_without_control_characters() -> None:
    event = TABLE.event("/prompt", [" cafe\u0301\n\x1b[2J sea\t"], 0.0)
    assert event is not None and event.value == "caf\u00e9  [2J sea"
    with pytest.raises(UserError, match="0 characters"):
        TABLE.event("/prompt", ["\n\n"], 0.0)
    with pytest.raises(UserError, match="60000 characters"):
        TABLE.event("/prompt", ["x" * 60_000], 0.0)


def test_an_unknown_address_names_the_nearest() -> None:
    with pytest.raises(UnknownAddress) as caught:
        TABLE.event("/promt", ["x"], 0.0)
    assert caught.value.explain() == "/promt: no such address; did you mean '/prompt'?"


def test_only_values_may_be_overtaken() -> None:
    assert b"/gain" in TABLE.values
    assert TABLE.values.isdisjoint({b"/record/start", b"/pause", b"#bundle", b""})


def test_events_keep_the_newest_value_in_the_order_it_came() -> None:
    events = CoalescedEvents(ACTIONS)
    for name, value in (("gain", 1.0), ("preset", "a"), ("record_start", ""), ("gain", 2.0), ("record_start", "b")):
        assert events.put(ControlEvent(name, value, 0.0))
    assert [(e.name, e.value) for e in events.drain()] == [
        ("preset", "a"),
        ("record_start", ""),
        ("gain", 2.0),
        ("record_start", "b"),
    ]
    assert events.drain() == [] and events.coalesced == 1


def test_events_are_bounded() -> None:
    events = CoalescedEvents(ACTIONS)
    for number in range(1000):
        events.put(ControlEvent("gain", float(number), 0.0))
        events.put(ControlEvent("record_start", str(number), 0.0))
    drained = events.drain()
    assert len(drained) == MAX_ACTIONS + 1 and events.dropped == 1000 - MAX_ACTIONS
    assert drained[-1].value == "999" and [e.value for e in drained if e.name == "gain"] == [999.0]
