"""The registry as an OSCQuery tree."""

from typing import Any

import pytest

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.features import AudioFeatures
from livemusviz.control.oscquery import Where, answer, tree
from livemusviz.params.param import Param
from livemusviz.params.registry import PARAMS, REGISTRY
from livemusviz.params.values import ParamValues

WHERE = Where("livemusviz", "127.0.0.1", 7000, 7001)
VALUES = ParamValues().with_values({"gain": 2.5, "freeze": True, "t_list": (3, 4), "prompt_list": (("sea", 1.0),)})
STATE = ShowState(1, VALUES.values, AudioFeatures(time=0.0, bass=0.5), fps=21.5, engine="running")


def ask(target: str) -> tuple[int, Any]:
    return answer(target, REGISTRY, STATE, WHERE)


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_every_parameter_has_a_node(param: Param) -> None:
    status, node = ask(param.address)
    assert status == 200 and node["FULL_PATH"] == param.address and node["DESCRIPTION"] == param.doc
    if param.kind == "action":
        assert node["ACCESS"] == 2 and "VALUE" not in node
        return
    assert node["ACCESS"] == 3 and node["VALUE"] == param.wire(VALUES.values[param.name])
    letters = {float: "f", int: "i", str: "s"}
    assert node["TYPE"] == "".join(letters[type(value)] for value in node["VALUE"]) or param.kind == "ints"
    if param.number:
        assert node["RANGE"] == [{"MIN": param.minimum, "MAX": param.maximum}]
    if param.choices:
        assert node["RANGE"] == [{"VALS": list(param.choices)}]


def test_the_tree_holds_containers_and_what_is_only_read() -> None:
    root = tree(REGISTRY, STATE)
    assert root["FULL_PATH"] == "/" and root["CONTENTS"]["fx"]["ACCESS"] == 0
    assert root["CONTENTS"]["audio"]["CONTENTS"]["bass"] == {
        "FULL_PATH": "/audio/bass",
        "TYPE": "f",
        "ACCESS": 1,
        "DESCRIPTION": "level of the bass band",
        "VALUE": [0.5],
    }
    assert "VALUE" not in tree(REGISTRY, None)["CONTENTS"]["gain"]


def test_attributes_and_what_there_is_not() -> None:
    assert ask("/gain?VALUE") == (200, {"VALUE": [2.5]})
    assert ask("/gain?RANGE") == (200, {"RANGE": [{"MIN": 0.0, "MAX": 32.0}]})
    assert ask("/tap?VALUE") == (204, None)
    assert ask("/gain?CRITICAL") == (400, None)
    assert ask("/nothing") == (404, None) == ask("/gain/nothing")
    assert ask("/")[1] == ask("")[1]


def test_host_info_names_the_ports_and_the_extensions() -> None:
    status, info = ask("/?HOST_INFO")
    assert status == 200 and info["OSC_PORT"] == 7000 and info["WS_PORT"] == 7001 and info["OSC_TRANSPORT"] == "UDP"
    assert info["EXTENSIONS"]["LISTEN"] is True
