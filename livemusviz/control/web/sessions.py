"""Handles the messages of one WebSocket, of an OSCQuery listener or the phone page. On the web thread; no sockets here.

A session takes a client's message and returns replies; once a tick it returns the news. Every request goes through the
same table as OSC, so the same types and ranges hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.events import EventSink
from livemusviz.control.feedback import RateLimit, audio_values, encode
from livemusviz.control.osc import OscTable, Question
from livemusviz.control.osc_guard import OscRejected, read_packet
from livemusviz.control.oscquery import current
from livemusviz.errors import UserError
from livemusviz.params.param import Param, Value
from livemusviz.params.registry import Registry

Out = str | bytes
MAX_LISTENED = 1024  # addresses
REQUESTS_A_SECOND = 500.0
OUT_FIELDS = ("name", "target", "state", "message")  # of an output, for the page
TITLES = {"ssf": "Similarity filter", "num_inference_steps": "Denoising steps"}  # where an address is no plain name


class Requests:
    """Checks one client's requests and hands them on."""

    def __init__(self, table: OscTable, events: EventSink, now: Callable[[], float]) -> None:
        self.table, self._events, self.now = table, events, now
        self._limit = RateLimit(REQUESTS_A_SECOND)

    def make(self, address: str, arguments: list[Any]) -> Param | None:
        """Hand on one request. Return the parameter if it was a question. UserError if it is refused."""
        now = self.now()
        if not self._limit.allow(now):
            raise UserError(f"more than {REQUESTS_A_SECOND:g} requests a second")
        request = self.table.request(address, arguments, now)
        if isinstance(request, Question):
            return request.param
        if request is not None:
            self._events.put(request)
        return None


class ListenerSession:
    """Handles OSCQuery: `{"COMMAND": "LISTEN", "DATA": "/path"}` and IGNORE as text; OSC messages as bytes, both
    ways."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._listened: dict[str, list[Any] | None] = {}  # what the client knows by address

    def receive(self, message: str | bytes, state: ShowState | None) -> list[Out]:
        """Return the replies to one message of the client."""
        if isinstance(message, bytes):
            return self._packet(message, state)
        try:
            command = json.loads(message)
            verb, path = str(command["COMMAND"]), str(command.get("DATA", ""))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return [encode("/error", "a command is a JSON object with COMMAND and DATA")]
        registry = self._requests.table.registry
        if verb == "LISTEN" and path in current(registry, state) and len(self._listened) < MAX_LISTENED:
            self._listened[path] = None
        elif verb == "IGNORE":
            self._listened.pop(path, None)
        else:
            return [encode("/error", f"cannot {verb[:16]} {path[:64]}")]
        return []

    def news(self, state: ShowState | None) -> list[Out]:
        """Return the listened values that have changed."""
        if not self._listened:
            return []
        values = current(self._requests.table.registry, state)
        changed = [path for path, known in self._listened.items() if values.get(path) not in (None, known)]
        self._listened.update({path: values[path] for path in changed})
        return [encode(path, *values[path]) for path in changed]

    def _packet(self, datagram: bytes, state: ShowState | None) -> list[Out]:
        try:
            packet = read_packet(datagram)
        except OscRejected as error:
            return [encode("/error", str(error))]
        replies: list[Out] = [encode("/error", f"{address} {reason}".strip()) for address, reason in packet.refused]
        for address, arguments in packet.messages:
            try:
                asked = self._requests.make(address, arguments)
            except UserError as error:
                replies.append(encode("/error", str(error)))
                continue
            if asked is not None and state is not None:
                replies.append(encode(asked.address, *asked.wire(cast(Value, state.values[asked.name]))))
        return replies


class PageSession:
    """Handles the phone page: JSON both ways.

    In: {"set": "/gain", "to": [0.5]} or {"preview": true}.
    Out: {"params": [...]} once; then {"values": {...}} of what has changed, {"now": {...}}, {"error": "..."}.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._known: dict[str, object] = {}
        self._presets: tuple[str, ...] | None = None
        self._told: dict[str, tuple[str, ...]] = {}
        self._outs: list[dict[str, str]] = []
        self._problems = 0
        self.preview = False

    def hello(self) -> list[Out]:
        """Return the messages from which the page is built."""
        return [json.dumps({"params": [describe_param(param) for param in self._requests.table.registry.params]})]

    def receive(self, message: str | bytes, state: ShowState | None) -> list[Out]:
        """Return the replies to one message of the page."""
        try:
            if isinstance(message, bytes):
                raise UserError("the page speaks JSON")
            wish = json.loads(message)
            if not isinstance(wish, dict):
                raise UserError("not a JSON object")
            if "preview" in wish:
                self.preview = bool(wish["preview"])
            if "set" in wish:
                arguments = wish.get("to", [])
                if not isinstance(arguments, list):
                    raise UserError("'to' is a list of arguments")
                self._requests.make(str(wish["set"])[:128], arguments)
        except UserError as error:
            return [json.dumps({"error": str(error)})]
        except (ValueError, RecursionError) as error:
            return [json.dumps({"error": f"not JSON ({str(error)[:60]})"})]
        return []

    def news(self, state: ShowState | None) -> list[Out]:
        """Return changed values, and the meters."""
        if state is None:
            return []
        out: list[Out] = []
        wire = _page_values(self._requests.table.registry, state)
        changed = {address: value for address, value in wire.items() if self._known.get(address, self) != value}
        if changed:
            self._known.update(changed)
            out.append(json.dumps({"values": changed}))
        if state.presets != self._presets:
            self._presets = state.presets
            out.append(json.dumps({"presets": state.presets}))
        for name in ("inputs", "models", "unknown", "unused"):
            if getattr(state, name) != self._told.get(name):
                self._told[name] = getattr(state, name)
                out.append(json.dumps({name: self._told[name]}))
        outs = [{name: getattr(each, name) for name in OUT_FIELDS} for each in state.outs]
        if outs != self._outs:
            self._outs = outs
            out.append(json.dumps({"outs": outs}))
        if state.problems != self._problems:
            self._problems = state.problems
            out.append(json.dumps({"error": state.message}))
        sensitivity = cast(float, state.values.get("sensitivity", 1.0))
        now: dict[str, Any] = {
            **{name.rsplit("/", 1)[1]: round(value, 3) for name, value in audio_values(state.features).items()},
            **{"fps": round(state.fps, 1), "engine": state.engine, "source": state.tempo_source},
            **{"phase": round(state.beat % 1.0, 3), "bpm": round(state.bpm, 1), "waiting": list(state.waiting)},
            **{"novelty": round(state.features.novelty, 3), "threshold": round(1.0 / sensitivity, 3)},
            **{"recording": state.recording, "model": state.model},
        }
        out.append(json.dumps({"now": now}))
        return out


def describe_param(param: Param) -> dict[str, Any]:
    """Return a parameter as the page wants it."""
    default = param.wire(param.default) if param.kind != "action" else []
    return {
        "name": param.name, "address": param.address, "kind": param.kind, "min": param.minimum, "max": param.maximum,
        "unit": param.unit, "doc": param.doc, "hint": _hint(param), "title": TITLES.get(param.name, ""),
        "choices": param.choices, "default": default,
    }  # fmt: skip


def _hint(param: Param) -> str:
    """Return the text under the name; "" for a shader's input, whose doc describes the whole shader."""
    return "" if param.name.startswith("fx/") else param.doc


def _page_values(registry: Registry, state: ShowState) -> dict[str, object]:
    return {
        param.address: param.wire(cast(Value, state.values[param.name]))
        for param in registry.params
        if param.kind != "action" and param.name in state.values
    }
