"""Evaluates ISF's size expressions ("floor($WIDTH / 2.0)"). Pure; only arithmetic of Python is reached."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from livemusviz.errors import UserError

MAX_LENGTH = 256  # characters

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("floor", "ceil", "sqrt", "sin", "cos", "tan", "exp", "log2", "pow")},
    "abs": abs,
    "min": min,
    "max": max,
    "round": lambda x: math.floor(x + 0.5),
    "log": math.log10,
    "ln": math.log,
    "mod": math.fmod,
}


class NoSize(UserError):
    """The arithmetic of an expression has no result with these variables: a division by zero, an overflow."""


def evaluate(expression: str | float, variables: Mapping[str, float]) -> float:
    """Return the number that `expression` stands for; `$NAME` is `variables[NAME]`. UserError if it is not arithmetic,
    `NoSize` if it has no result."""
    text = str(expression)
    if len(text) > MAX_LENGTH:
        raise UserError(f"size expression of {len(text)} characters; at most {MAX_LENGTH}")
    names = {f"v_{name}": float(value) for name, value in variables.items()}
    try:
        if isinstance(expression, int | float):
            return _finite(float(expression))
        tree = ast.parse(re.sub(r"\$(\w+)", r"v_\1", text.strip()), mode="eval")
        return _finite(float(_value(tree.body, names)))
    except (ArithmeticError, _NoResult) as error:
        raise NoSize(f"size expression '{text[:60]}': {str(error)[:80]}") from None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise UserError(f"size expression '{text[:60]}': {str(error)[:80]}") from None


class _NoResult(Exception):
    """A function is not defined there."""


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise _NoResult(f"is {number}")
    return number


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _call(_BINARY[type(node.op)], [_value(node.left, names), _value(node.right, names)])
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, names))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = _FUNCTIONS.get(node.func.id.lower())
        if function is not None:
            return _call(function, [_value(argument, names) for argument in node.args])
    if isinstance(node, ast.Name):
        raise ValueError(f"no variable ${node.id.removeprefix('v_')}")
    raise ValueError("not arithmetic")


def _call(function: Callable[..., float], arguments: list[float]) -> float:
    try:
        return function(*arguments)
    except ValueError as error:  # a root of a negative number
        raise _NoResult(str(error)) from None
