"""Holds a checked value for every parameter of a registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from livemusviz.params.param import Value
from livemusviz.params.params import Params
from livemusviz.params.registry import REGISTRY, Registry

DECLARED = frozenset(each.name for each in fields(Params))


@dataclass(frozen=True)
class ParamValues:
    """Holds a full set of values; `with_value` and `with_values` return a changed copy after checking.

    params : the program's own, typed.  inputs : of shaders, found at run time, as "fx/<shader>/<input>".
    """

    params: Params = Params()
    inputs: Mapping[str, Value] = field(default_factory=dict)
    registry: Registry = REGISTRY

    @classmethod
    def of(cls, registry: Registry) -> ParamValues:
        """Return the defaults of `registry`."""
        found = {param.name: param.default for param in registry.params if param.name not in REGISTRY.by_name}
        return cls(Params(), found, registry)

    def within(self, registry: Registry) -> ParamValues:
        """Return the same values in a larger `registry`, whose other parameters have their defaults."""
        return replace(self, inputs={**ParamValues.of(registry).inputs, **self.inputs}, registry=registry)

    def with_value(self, name: str, value: object) -> ParamValues:
        """Return a copy with one change, or raise a UserError."""
        return self.with_values({name: value})

    def with_values(self, changes: Mapping[str, object]) -> ParamValues:
        """Return a copy with all of `changes`, or raise a UserError and make none."""
        checked = {name: self.registry.lookup(name).validate(value) for name, value in changes.items()}
        declared: dict[str, Any] = {name: value for name, value in checked.items() if name in DECLARED}
        inputs = {name: value for name, value in checked.items() if name in self.inputs}
        return replace(
            self,
            params=replace(self.params, **declared) if declared else self.params,
            inputs={**self.inputs, **inputs} if inputs else self.inputs,
        )

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Return every value by name, an action's as None: for controllers, logs and presets."""
        return {param.name: self.value(param.name) for param in self.registry.params}

    def value(self, name: str) -> Value:
        """Return one value by its name; None of an action."""
        return getattr(self.params, name) if name in DECLARED else self.inputs.get(name)
