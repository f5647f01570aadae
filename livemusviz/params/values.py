"""Holds a value for every parameter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from livemusviz.params.param import Value
from livemusviz.params.registry import PARAMS, REGISTRY, Registry


@dataclass(frozen=True, slots=True)
class ParamValues:
    """A full set of values; `with_value` and `with_values` give a changed copy after checking."""

    values: Mapping[str, Value] = field(default_factory=lambda: {param.name: param.default for param in PARAMS})
    registry: Registry = REGISTRY

    @classmethod
    def of(cls, registry: Registry) -> ParamValues:
        """The defaults of `registry`."""
        return cls({param.name: param.default for param in registry.params}, registry)

    def within(self, registry: Registry) -> ParamValues:
        """The same values in a larger `registry`, whose other parameters have their defaults."""
        return ParamValues({**ParamValues.of(registry).values, **self.values}, registry)

    def with_value(self, name: str, value: object) -> ParamValues:
        return self.with_values({name: value})

    def with_values(self, changes: Mapping[str, object]) -> ParamValues:
        """A copy with all of `changes`, or a UserError and no copy at all."""
        checked = {name: self.registry.lookup(name).validate(value) for name, value in changes.items()}
        return ParamValues({**self.values, **checked}, self.registry)

    def number(self, name: str) -> float:
        value = self.values[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{name} is not a number")
        return float(value)

    def text(self, name: str) -> str:
        return str(self.values[name] or "")

    def flag(self, name: str) -> bool:
        return bool(self.values[name])

    def items(self, name: str) -> tuple[object, ...]:
        """The entries of a list."""
        value = self.values[name]
        return value if isinstance(value, tuple) else ()
