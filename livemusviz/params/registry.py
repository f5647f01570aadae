"""Finds every declared parameter by name and by address. Pure.

A value that is not of the declared type or range is refused with a `UserError`, never clamped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from livemusviz.errors import UserError, suggest
from livemusviz.params.declare import read_params
from livemusviz.params.lists import show_value
from livemusviz.params.param import Param
from livemusviz.params.params import Params


class Registry:
    """Parameters by name and by address. Immutable; `plus` gives one with more, as a shader's inputs."""

    def __init__(self, params: Iterable[Param]) -> None:
        self.params = tuple(params)
        self.by_name: Mapping[str, Param] = {param.name: param for param in self.params}
        self.by_address: Mapping[str, Param] = {param.address: param for param in self.params}
        if not len(self.by_name) == len(self.by_address) == len(self.params):
            raise ValueError("two parameters of one name or address")
        self.actions = frozenset(param.name for param in self.params if param.kind == "action")

    def plus(self, params: Iterable[Param]) -> Registry:
        """Return a registry with `params` after its own. ValueError for a name or address that it has."""
        return Registry((*self.params, *params))

    def lookup(self, name: str) -> Param:
        """Return the parameter of that name; a UserError that names the nearest one otherwise."""
        if name in self.by_name:
            return self.by_name[name]
        raise UserError(f"no parameter {show_value(name)}; {suggest(name, self.by_name)}")


PARAMS = read_params(Params)
REGISTRY = Registry(PARAMS)
BY_NAME = REGISTRY.by_name
BY_ADDRESS = REGISTRY.by_address
ACTIONS = REGISTRY.actions


def lookup(name: str) -> Param:
    """Return the parameter of that name in the registry of the program itself; a UserError otherwise."""
    return REGISTRY.lookup(name)
