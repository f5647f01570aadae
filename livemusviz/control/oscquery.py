"""Answers HTTP requests of OSCQuery clients from the registry. Pure.

The format is Vidvox's proposal (github.com/Vidvox/OSCQueryProposal): a JSON object a node, with FULL_PATH, TYPE, VALUE,
RANGE, ACCESS (1 read, 2 write, 3 both) and DESCRIPTION; containers have CONTENTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from livemusviz.bridge.control import ShowState
from livemusviz.control.feedback import UNKNOWN, audio_values
from livemusviz.params.param import Param, Value
from livemusviz.params.registry import Registry

ATTRIBUTES = ("FULL_PATH", "TYPE", "VALUE", "RANGE", "ACCESS", "DESCRIPTION", "UNIT", "CONTENTS")
EXTENSIONS = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "LISTEN")
TYPES = {"float": "f", "int": "i", "bool": "i", "str": "s", "choice": "s", "prompts": "s", "seeds": "s"}
READABLE = {  # what only the show sets
    "/audio/level": "loudness against lately; 1 is as loud as lately",
    "/audio/bass": "level of the bass band",
    "/audio/mid": "level of the middle band",
    "/audio/treble": "level of the treble band",
    "/audio/onset": "jumps on an onset, then decays",
    "/audio/beat": "phase of the beat, 0 on it",
    "/audio/bpm": "tempo that leads, 0 while unknown",
    "/stream-info/fps": "generated frames a second",
    "/stream-info/state": "state of the engine",
    UNKNOWN: "words of the prompt that mean nothing to the model",
}


@dataclass(frozen=True, slots=True)
class Where:
    """Holds the addresses of the OSC and WebSocket servers of this show. host : as the client can reach it."""

    name: str
    host: str
    osc_port: int
    http_port: int


def host_info(where: Where) -> dict[str, Any]:
    """Return the answer to `?HOST_INFO`."""
    return {
        "NAME": where.name,
        "EXTENSIONS": dict.fromkeys(EXTENSIONS, True),
        "OSC_IP": where.host,
        "OSC_PORT": where.osc_port,
        "OSC_TRANSPORT": "UDP",
        "WS_IP": where.host,
        "WS_PORT": where.http_port,
    }


def current(registry: Registry, state: ShowState | None) -> dict[str, list[Any]]:
    """Return the arguments of every readable address as of now."""
    if state is None:
        return {}
    found: dict[str, list[Any]] = {
        param.address: list(param.wire(cast(Value, state.values[param.name])))
        for param in registry.params
        if param.kind != "action" and param.name in state.values
    }
    found |= {address: [value] for address, value in audio_values(state.features).items()}
    found |= {"/stream-info/fps": [state.fps], "/stream-info/state": [state.engine]}
    found[UNKNOWN] = [" ".join(state.unknown)]
    return found


def tree(registry: Registry, state: ShowState | None) -> dict[str, Any]:
    """Return the whole tree, from the root."""
    root: dict[str, Any] = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}, "DESCRIPTION": "livemusviz"}
    values = current(registry, state)
    for address, description in READABLE.items():
        value = values.get(address)
        text = address in ("/stream-info/state", UNKNOWN)
        leaf: dict[str, Any] = {"TYPE": "s" if text else "f", "ACCESS": 1, "DESCRIPTION": description}
        _place(root, address, leaf if value is None else leaf | {"VALUE": value})
    for param in registry.params:
        _place(root, param.address, _leaf(param, values.get(param.address)))
    return root


def answer(target: str, registry: Registry, state: ShowState | None, where: Where) -> tuple[int, Any]:
    """Return the answer to a GET of `target` ("/fx?VALUE"): HTTP status and JSON, None for no body.

    404 : no such node.  400 : no such attribute.  204 : the node does not have it.
    """
    parts = urlsplit(target)
    if parts.query.upper() == "HOST_INFO":
        return 200, host_info(where)
    node: Any = tree(registry, state)
    for name in filter(None, unquote(parts.path).split("/")):
        node = node.get("CONTENTS", {}).get(name)
        if node is None:
            return 404, None
    if not parts.query:
        return 200, node
    if parts.query not in ATTRIBUTES:
        return 400, None
    return (200, {parts.query: node[parts.query]}) if parts.query in node else (204, None)


def _place(root: dict[str, Any], address: str, leaf: Mapping[str, Any]) -> None:
    node, path = root, ""
    for name in address.strip("/").split("/"):
        path += f"/{name}"
        contents = node.setdefault("CONTENTS", {})
        node = contents.setdefault(name, {"FULL_PATH": path, "ACCESS": 0})
    node.update(leaf)


def _leaf(param: Param, value: list[Any] | None) -> dict[str, Any]:
    leaf: dict[str, Any] = {"ACCESS": 3, "DESCRIPTION": param.doc}
    if param.kind == "action":
        return leaf | {"ACCESS": 2, "TYPE": "s" if param.maximum else "N"}
    leaf["TYPE"] = "i" * max(1, len(value or ())) if param.kind == "ints" else TYPES[param.kind]
    if param.choices:
        leaf["RANGE"] = [{"VALS": list(param.choices)}]
    elif param.kind == "bool":
        leaf["RANGE"] = [{"MIN": 0, "MAX": 1, "VALS": [0, 1]}]
    elif param.number or param.kind == "ints":
        low, high = (int(n) if param.kind != "float" else n for n in (param.minimum, param.maximum))
        leaf["RANGE"] = [{"MIN": low, "MAX": high}] * len(leaf["TYPE"])
    if param.unit:
        leaf["UNIT"] = [param.unit]
    return leaf if value is None else leaf | {"VALUE": value}
