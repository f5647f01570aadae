"""Addresses, types and ranges: every parameter of the registry, and what is refused."""

import json

import pytest

from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.events import MAX_ACTIONS, CoalescedEvents
from livemusviz.control.osc import OscTable, Question, UnknownAddress
from livemusviz.control.osc_guard import Argument
from livemusviz.errors import UserError
from livemusviz.params.param import Param
from livemusviz.params.registry import ACTIONS, BY_NAME, PARAMS

TABLE = OscTable()


def good_value(param: Param) -> Argument:
    """As OSC carries it."""
    lists = {"prompts": '[["red lava", 2.0], ["sea", 0.5]]', "seeds": "[[7, 1.0], [9, 0.25]]", "ints": 7}
    if param.kind in lists:
        return lists[param.kind]
    if param.kind == "choice":
        return param.choices[-1]
    if param.kind in ("str", "action"):
        return "x" * int(param.minimum or min(3, param.maximum))
    return {"float": param.maximum, "int": int(param.maximum), "bool": True}[param.kind]


def bad_values(param: Param) -> list[Argument]:
    if param.kind == "prompts":
        return [
            3,
            b"blob",
            "[",
            '[["a"]]',
            '[["a", -1]]',
            '[["a", 0]]',
            '[["a", 1e999]]',
            "[[3, 1]]",
            '{"a": 1}',
            "[" * 9000,
        ]
    if param.kind in ("seeds", "ints"):
        return [b"blob", "[", "[[1", "[-1]", "[0.5]", "[true]", '["a"]', "[1e999]", "[" * 9000, "x"]
    if param.kind == "choice":
        return [1, b"blob", "", "x", None]
    if param.kind in ("str", "action"):
        return ["x" * (int(param.maximum) + 1), b"blob", -3 if param.kind == "action" else False]
    if param.kind == "bool":
        return [2, -1, float("nan"), "on", None]
    return [param.maximum * 2 + 1, param.minimum - 1, "1", None, True, b"", float("nan"), 10**400]


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_every_address_takes_its_value(param: Param) -> None:
    value = good_value(param)
    assert TABLE.request(param.address, [value], 1.5) == ControlEvent(param.name, param.validate(value), 1.5)


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_every_address_refuses_what_is_not_its_value(param: Param) -> None:
    for value in bad_values(param):
        with pytest.raises(UserError):
            TABLE.request(param.address, [value], 0.0)
    if param.kind not in ("prompts", "ints", "str", "action", "preset"):  # which may come as several arguments
        with pytest.raises(UserError):
            TABLE.request(param.address, [good_value(param)] * 2, 0.0)


def test_numbers_of_either_kind_are_taken_where_they_fit() -> None:
    assert TABLE.request("/gain", [2], 0.0) == ControlEvent("gain", 2.0, 0.0)
    assert TABLE.request("/seed", [3.0], 0.0) == ControlEvent("seed", 3, 0.0)
    for on in (1, 1.0, True):
        assert TABLE.request("/blackout", [on], 0.0) == ControlEvent("blackout", True, 0.0)


def value(address: str, *arguments: Argument) -> object:
    event = TABLE.request(address, list(arguments), 0.0)
    assert isinstance(event, ControlEvent)
    return event.value


def test_actions_fire_on_a_press_and_not_on_its_release() -> None:
    start = ControlEvent("record_start", "", 0.0)
    presses: list[list[Argument]] = [[], [1.0], [True], [None], [5], [0.8], [127], [0.004], [""]]
    assert [TABLE.request("/record/start", arguments, 0.0) for arguments in presses] == [start] * 9
    assert TABLE.request("/record/start", [0.0], 0.0) is TABLE.request("/next", [0], 0.0) is None
    assert TABLE.request("/next", [0.8], 0.0) == ControlEvent("next", "", 0.0)
    assert value("/record/start", "encore") == "encore" and value("/record/start", "take", 2) == "take 2"
    for address, arguments, says in (
        ("/record/start", [-1], "a number above 0 to press it and 0 to release it"),
        ("/next", [float("nan")], "above 0"),
        ("/next", [1, 1], "above 0"),
        ("/next", ["go"], "takes no text; send it without an argument, or 1"),
    ):
        with pytest.raises(UserError, match=says):
            TABLE.request(address, arguments, 0.0)


def test_numbers_are_rounded_and_switches_turn_at_a_half() -> None:
    assert [value("/seed", n) for n in (41.6, 41.4, 0.5, 3)] == [42, 41, 1, 3]
    assert [value("/freeze", n) for n in (0.99, 0.5, 0.49, 0.0, 1, True, False)] == [True] * 2 + [False] * 2 + [
        True, True, False,
    ]  # fmt: skip
    assert value("/t_list", 18.2, 25.9) == (18, 26) and value("/seed_list", 3.0, 5) == ((3, 1.0), (5, 1.0))
    for address, number, says in (
        ("/seed", -0.6, "-1 is outside 0..2147483647"),
        ("/freeze", 127, "127 is not 0 or 1; send 1 for on and 0 for off"),
        ("/gain", "loud", "'loud' is not a number; send one of 0..32"),
        ("/seed", float("inf"), "inf is not a whole number"),
    ):
        with pytest.raises(UserError, match=says):
            TABLE.request(address, [number], 0.0)


def test_words_are_joined_and_a_number_is_a_prompts_text() -> None:
    assert value("/prompt", "red", "lava", 7, "seas") == "red lava 7 seas"
    assert value("/prompt", 1984) == "1984" and value("/prompt", 41.5) == "41.5" and value("/prompt", 3.0) == "3"
    assert value("/prompt", '"red', 'lava"') == "red lava" == value("/prompt", "\u201cred lava\u201d")
    assert value("/prompt", '"a" and "b"') == '"a" and "b"' and value("/prompt", "it's") == "it's"
    assert value("/quantise", "2", "bar") == "2_bar" and value("/quantise", "Bar") == "bar"
    assert value("/preset", 3) == "#3" and value("/preset", "deep", "sea") == "deep sea"
    for address, arguments, says in (
        ("/prompt", [True], "True is not text; send words"),
        ("/prompt", ["sea", b"x"], "is not text"),
        ("/prompt", ["x" * 600, "y" * 600], "1201 characters; give 1 to 1000"),
        ("/preset", [0], "0 is no entry; send a name, or a number of 1..999"),
        ("/quantise", [2], "'2' is not one of none, beat, bar"),
    ):
        with pytest.raises(UserError, match=says):
            TABLE.request(address, arguments, 0.0)


def test_a_slash_at_the_end_of_an_address_means_nothing() -> None:
    assert value("/gain/", 2.5) == 2.5 and TABLE.request("/next/", [1.0], 0.0) == ControlEvent("next", "", 0.0)
    assert isinstance(TABLE.request("/gain/", ["?"], 0.0), Question)
    with pytest.raises(UnknownAddress):
        TABLE.request("/", [1.0], 0.0)


def test_a_controllers_keep_alive_asks_nothing() -> None:
    assert TABLE.request("/ping", [], 0.0) is TABLE.request("/ping", [1.0], 0.0) is None


def test_pause_and_play_are_the_two_ends_of_freeze() -> None:
    assert TABLE.request("/pause", [], 0.0) == TABLE.request("/pause", [1], 0.0) == ControlEvent("freeze", True, 0.0)
    assert TABLE.request("/play", [], 0.0) == ControlEvent("freeze", False, 0.0)
    assert TABLE.request("/pause", [0.0], 0.0) is None
    with pytest.raises(UserError):
        TABLE.request("/pause", ["now"], 0.0)


def test_prompts_arrive_composed_and_without_control_characters() -> None:
    event = TABLE.request("/prompt", [" cafe\u0301\n\x1b[2J sea\t"], 0.0)
    assert event is not None and event.value == "caf\u00e9  [2J sea"
    with pytest.raises(UserError, match="0 characters"):
        TABLE.request("/prompt", ["\n\n"], 0.0)
    with pytest.raises(UserError, match="60000 characters"):
        TABLE.request("/prompt", ["x" * 60_000], 0.0)


def test_an_unknown_address_names_the_nearest() -> None:
    with pytest.raises(UnknownAddress) as caught:
        TABLE.request("/promt", ["x"], 0.0)
    assert caught.value.explain() == "/promt: no such address; did you mean '/prompt'?"
    with pytest.raises(UnknownAddress) as caught:
        TABLE.request("/xxxxxxx", [], 0.0)
    assert caught.value.explain() == "/xxxxxxx: no such address; `livemusviz osc` lists them all"


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


def test_questions_are_told_from_values() -> None:
    gain = BY_NAME["gain"]
    assert TABLE.request("/gain?", [], 0.0) == TABLE.request("/gain", ["?"], 0.0) == Question(gain)
    assert TABLE.request("/prompt", ["?"], 0.0) == Question(BY_NAME["prompt"])
    with pytest.raises(UserError, match="an action has no value"):
        TABLE.request("/tap?", [], 0.0)
    with pytest.raises(UnknownAddress):
        TABLE.request("/gainn?", [], 0.0)


@pytest.mark.parametrize("arguments", [["+", 0.25], ["+0.25"], ["-", -0.25], ["+.25"]])
def test_steps(arguments: list[Argument]) -> None:
    assert TABLE.request("/gain", arguments, 1.0) == ControlEvent("gain", 0.25, 1.0, relative=True)


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("/gain", ["+", 40.0]),  # wider than the range
        ("/gain", ["+", "1"]),
        ("/gain", ["*", 2.0]),
        ("/gain", ["+1e3"]),
        ("/seed", ["+", 0.5]),
        ("/blackout", ["+", 1]),
        ("/quantise", ["+", 1]),
    ],
)
def test_bad_steps_are_refused(address: str, arguments: list[Argument]) -> None:
    with pytest.raises(UserError):
        TABLE.request(address, arguments, 0.0)


def test_lists_come_as_json_or_as_arguments() -> None:
    assert value("/prompt_list", '[["lava", 2], ["sea", 0.5]]') == (("lava", 2.0), ("sea", 0.5))
    assert value("/cue/list", "lava", "sea") == (("lava", 1.0), ("sea", 1.0)) == value("/cue/list", '["lava", "sea"]')
    assert value("/t_list", 18, 26) == (18, 26) == value("/t_list", "[18, 26]")
    assert value("/prompt_list", "[]") == () == value("/t_list")
    assert value("/cue/list", '["cafe\u0301\\n"]') == (("caf\u00e9", 1.0),)


def test_a_prompt_list_of_60_kb_is_taken_and_a_longer_one_is_not() -> None:
    entries = [[f"{n} " + "x" * 900, 1.0] for n in range(64)]
    event = TABLE.request("/prompt_list", [json.dumps(entries)], 0.0)
    assert isinstance(event, ControlEvent) and isinstance(event.value, tuple) and len(event.value) == 64
    with pytest.raises(UserError, match="65 entries; at most 64"):
        TABLE.request("/prompt_list", [json.dumps([*entries, ["y", 1]])], 0.0)
