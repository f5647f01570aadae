"""OSC messages as checked events: the address table made from the registry. Any thread; no sockets.

In: messages that passed `osc_guard`. Out: `ControlEvent`s, questions, or a `UserError` with a sentence for the sender.
An address matches exactly or not at all; a value of the wrong type or out of range is refused, never clamped.

    /gain 2.5            sets           /gain? or /gain "?"    asks
    /gain "+" 0.1        moves          /gain "-0.1"           moves
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from livemusviz.bridge.control import ControlEvent
from livemusviz.control.osc_guard import Argument
from livemusviz.errors import UserError, suggest
from livemusviz.params.param import Param, clean
from livemusviz.params.registry import REGISTRY, Registry

# What StreamDiffusionTD calls them: the same switch, named by its two positions.
ALIASES: dict[str, tuple[str, bool]] = {"/pause": ("freeze", True), "/play": ("freeze", False)}
STEP = re.compile(r"[+-](?:\d{1,9}\.?\d{0,9}|\.\d{1,9})")


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody wants to know the value of `param`."""

    param: Param


class UnknownAddress(UserError):
    """No such address. `explain` adds the nearest one, which costs too much to do for every packet of a flood."""

    def __init__(self, address: str, known: Iterable[str]) -> None:
        super().__init__(f"{address}: no such address")
        self._address, self._known = address, known

    def explain(self) -> str:
        return f"{self}; {suggest(self._address, self._known)}"


class OscTable:
    """Exact addresses to parameters.

    addresses : all there are.  values : those, as they start a datagram, where a newer message replaces an older one.
    """

    def __init__(self, registry: Registry = REGISTRY) -> None:
        self.registry = registry
        self.addresses = tuple(sorted([*registry.by_address, *ALIASES]))
        self.values = frozenset(param.address.encode("ascii") for param in registry.params if param.kind != "action")

    def request(self, address: str, arguments: Sequence[Argument], time: float) -> ControlEvent | Question | None:
        """What a message that arrived at `time` (s) asks for. UserError if there is no such address or value.

        None for the release of a button: controllers send 1 when one is pressed and 0 when it is let go, and only
        the press does something.
        """
        if address in ALIASES:
            name, value = ALIASES[address]
            return ControlEvent(name, value, time) if _pressed(address, arguments) else None
        asks = address.endswith("?") or list(arguments) == ["?"]
        param = self.registry.by_address.get(address.removesuffix("?"))
        if param is None:
            raise UnknownAddress(address, self.addresses)
        if asks:
            if param.kind == "action":
                raise UserError(f"{param.address}: an action has no value")
            return Question(param)
        if param.kind == "action":
            if not arguments or arguments[0] is None or isinstance(arguments[0], int | float):
                return ControlEvent(param.name, "", time) if _pressed(address, arguments) else None
            return ControlEvent(param.name, param.validate(_clean(_only(address, arguments), param)), time)
        step = _step(arguments) if param.number else None
        if step is not None:
            param.moved(param.default, step)  # refuses a step that is too wide
            return ControlEvent(param.name, step, time, relative=True)
        return ControlEvent(param.name, param.validate(_value(param, arguments)), time)


def _value(param: Param, arguments: Sequence[Argument]) -> object:
    """One argument; a list may also come as several."""
    single = arguments[0] if len(arguments) == 1 else None
    as_text = isinstance(single, str) and single.lstrip().startswith(("[", "{"))
    if param.kind == "ints":
        return single if isinstance(single, str) else list(arguments)
    if param.kind == "prompts" and arguments and not as_text:
        return list(arguments)
    return _clean(_only(param.address, arguments), param)


def _only(address: str, arguments: Sequence[Argument]) -> Argument:
    if len(arguments) != 1:
        raise UserError(f"{address}: {len(arguments)} arguments; give one")
    return arguments[0]


def _step(arguments: Sequence[Argument]) -> float | None:
    """ "+" 0.1, "-" 0.1, "+0.1" or "-0.1" as a number; None if it is no step."""
    if len(arguments) == 2 and arguments[0] in ("+", "-"):
        size = arguments[1]
        if isinstance(size, int | float) and not isinstance(size, bool):
            return float(size) if arguments[0] == "+" else -float(size)
    if len(arguments) == 1 and isinstance(arguments[0], str) and STEP.fullmatch(arguments[0]):
        return float(arguments[0])
    return None


def _pressed(address: str, arguments: Sequence[Argument]) -> bool:
    """Whether a button's argument, if it has one, says "pressed"."""
    if not arguments or list(arguments) == [None]:
        return True
    if len(arguments) == 1 and isinstance(arguments[0], int | float) and arguments[0] in (0, 1):
        return bool(arguments[0])
    raise UserError(f"{address}: takes no argument, or 1 and 0 from a button")


def _clean(argument: Argument, param: Param) -> Argument:
    """Text as the registry wants it; what is too long is left for the registry to refuse."""
    plain = param.kind in ("str", "choice", "action")
    short = isinstance(argument, str) and len(argument) <= max(param.maximum, 64)
    return clean(str(argument)) if plain and short else argument
