"""Turns OSC messages into checked events, by the address table of the registry. Any thread; no sockets.

In: messages that passed `osc_guard`. Out: `ControlEvent`s, questions, or a `UserError` with a sentence for the sender.
An address matches exactly, but for a slash at its end, or not at all; arguments are read by `plain`; a value that is
not of the type or out of range is refused, never clamped.

    /gain 2.5            sets           /gain? or /gain "?"    asks
    /gain "+" 0.1        moves          /gain "-0.1"           moves
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from livemusviz.bridge.control import ControlEvent
from livemusviz.control.osc_guard import ADDRESS, Argument
from livemusviz.control.plain import plain_value, pressed, rounded, step
from livemusviz.errors import UserError
from livemusviz.params.lists import show_value
from livemusviz.params.param import Param
from livemusviz.params.registry import REGISTRY, Registry

# What StreamDiffusionTD calls them: the same switch, named by its two positions.
ALIASES: dict[str, tuple[str, bool]] = {"/pause": ("freeze", True), "/play": ("freeze", False)}
PING = "/ping"  # TouchOSC's, to say that it is there
MAX_ENTRY = 999


@dataclass(frozen=True, slots=True)
class Question:
    """Asks for the value of `param`."""

    param: Param


RULES = "addresses have small letters, digits and _ / . + -, and no patterns"


class UnknownAddress(UserError):
    """Says that there is no such address. `explain` adds the nearest one, too slow for every packet of a flood."""

    def __init__(self, address: str, known: Iterable[str]) -> None:
        super().__init__(f"{address}: no such address")
        self._address, self._known = address, tuple(known)

    def explain(self) -> str:
        near = difflib.get_close_matches(self._address[:64].lower(), self._known, n=1)
        why = "" if ADDRESS.fullmatch(self._address.encode()) else f": {RULES}"
        return f"{self}{why}; " + (f"did you mean '{near[0]}'?" if near else "`livemusviz osc` lists them all")


class OscTable:
    """Maps exact addresses to parameters.

    addresses : all there are.  values : those, as they start a datagram, where a newer message replaces an older one.
    """

    def __init__(self, registry: Registry = REGISTRY) -> None:
        self.registry = registry
        self.addresses = tuple(sorted([*registry.by_address, *ALIASES]))
        self.values = frozenset(param.address.encode("ascii") for param in registry.params if param.kind != "action")

    def request(self, address: str, arguments: Sequence[Argument], time: float) -> ControlEvent | Question | None:
        """Return what a message that arrived at `time` (s) asks for. UserError if there is no such address or value.

        None for the release of a button, since only its press does something, and for what asks nothing.
        """
        if address in ALIASES:
            name, value = ALIASES[address]
            return ControlEvent(name, value, time) if pressed(address, arguments) else None
        if address == PING:
            return None
        asks = address.endswith("?") or list(arguments) == ["?"]
        param = self.registry.by_address.get(address.removesuffix("?").rstrip("/"))
        if param is None:
            raise UnknownAddress(address, self.addresses)
        if asks:
            if param.kind == "action":
                raise UserError(f"{param.address}: an action has no value")
            return Question(param)
        if param.kind == "action":
            return self._action(param, arguments, time)
        moved = step(arguments) if param.number else None
        if moved is not None:
            param.moved(param.default, moved)  # refuses a step that is too wide
            return ControlEvent(param.name, moved, time, relative=True)
        if param.name == "preset" and len(arguments) == 1 and isinstance(arguments[0], int | float):
            return ControlEvent(param.name, osc_entry(param, arguments[0]), time)
        return ControlEvent(param.name, param.validate(plain_value(param, arguments)), time)

    def _action(self, param: Param, arguments: Sequence[Argument], time: float) -> ControlEvent | None:
        """Return a press; with text where the action takes some."""
        numbers = param.minimum >= 1 and len(arguments) > 0 and all(map(_is_number, arguments))  # as in /map/turn 90
        if list(arguments) == [""] or not (numbers or any(isinstance(argument, str) for argument in arguments)):
            given = [] if list(arguments) == [""] else arguments
            return ControlEvent(param.name, "", time) if pressed(param.address, given) else None
        if not param.maximum:
            raise UserError(f"{param.address}: takes no text; send it without an argument, or 1")
        return ControlEvent(param.name, param.validate(plain_value(param, arguments)), time)


def _is_number(argument: Argument) -> bool:
    return isinstance(argument, int | float) and not isinstance(argument, bool) and 0 <= argument < 1e6


def osc_entry(param: Param, number: float) -> str:
    """Return an entry of the presets or the playlist by its number, as `/preset` takes it in text."""
    whole = rounded(number)
    if isinstance(number, bool) or not 1 <= whole <= MAX_ENTRY:
        raise UserError(f"{param.name}: {show_value(number)} is no entry; send a name, or a number of 1..{MAX_ENTRY}")
    return f"#{whole}"
