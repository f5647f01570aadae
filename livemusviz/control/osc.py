"""OSC messages as checked events: the address table made from the registry. Runs on the control thread; no sockets.

In: messages that passed `osc_guard`. Out: `ControlEvent`s, or a `UserError` with a sentence for the sender.
An address matches exactly or not at all; a value of the wrong type or out of range is refused, never clamped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from livemusviz.bridge.types import ControlEvent
from livemusviz.control.osc_guard import Argument
from livemusviz.director.params import BY_ADDRESS, PARAMS, Param, suggest
from livemusviz.errors import UserError

# What StreamDiffusionTD calls them: the same switch, named by its two positions.
ALIASES: dict[str, tuple[str, bool]] = {"/pause": ("freeze", True), "/play": ("freeze", False)}
Datagram = tuple[bytes, tuple[str, int]]  # the bytes and who sent them


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

    def __init__(self) -> None:
        self.addresses = tuple(sorted([*BY_ADDRESS, *ALIASES]))
        self.values = frozenset(param.address.encode("ascii") for param in PARAMS if param.kind != "action")

    def event(self, address: str, arguments: list[Argument], time: float) -> ControlEvent | None:
        """The request in a message that arrived at `time` (s). UserError if there is no such address or value.

        None for the release of a button: controllers send 1 when one is pressed and 0 when it is let go, and only
        the press does something.
        """
        if address in ALIASES:
            name, value = ALIASES[address]
            return ControlEvent(name, value, time) if _pressed(address, arguments) else None
        param = BY_ADDRESS.get(address)
        if param is None:
            raise UnknownAddress(address, self.addresses)
        if len(arguments) > 1 or (not arguments and param.kind != "action"):
            raise UserError(f"{address}: {len(arguments)} arguments; give one")
        argument = arguments[0] if arguments else None
        if param.kind == "action" and isinstance(argument, int | float):
            return ControlEvent(param.name, "", time) if _pressed(address, arguments) else None
        return ControlEvent(param.name, param.validate(_clean(argument, param)), time)


def _pressed(address: str, arguments: list[Argument]) -> bool:
    """Whether a button's argument, if it has one, says "pressed"."""
    if not arguments:
        return True
    if len(arguments) == 1 and isinstance(arguments[0], int | float) and arguments[0] in (0, 1):
        return bool(arguments[0])
    raise UserError(f"{address}: takes no argument, or 1 and 0 from a button")


def _clean(argument: Argument, param: Param) -> Argument:
    """Text in composed form without control characters; what is too long is left for the registry to refuse."""
    if not isinstance(argument, str) or len(argument) > param.maximum:
        return argument
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in unicodedata.normalize("NFC", argument))
    return spaced.strip()
