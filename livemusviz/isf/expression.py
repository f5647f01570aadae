"""The arithmetic of ISF's size expressions ("floor($WIDTH / 2.0)"). Pure; only arithmetic of Python is reached."""

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


def evaluate(expression: str | float, variables: Mapping[str, float]) -> float:
    """The number that `expression` stands for; `$NAME` is `variables[NAME]`. UserError if it is not arithmetic."""
    if isinstance(expression, int | float):
        return float(expression)
    if len(expression) > MAX_LENGTH:
        raise UserError(f"size expression of {len(expression)} characters; at most {MAX_LENGTH}")
    names = {f"v_{name}": float(value) for name, value in variables.items()}
    try:
        tree = ast.parse(re.sub(r"\$(\w+)", r"v_\1", expression.strip()), mode="eval")
        return float(_value(tree.body, names))
    except (SyntaxError, ValueError, TypeError, ZeroDivisionError, OverflowError, RecursionError) as error:
        raise UserError(f"size expression '{expression[:60]}': {str(error)[:80]}") from None


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, names))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = _FUNCTIONS.get(node.func.id.lower())
        if function is not None:
            return function(*(_value(argument, names) for argument in node.args))
    if isinstance(node, ast.Name):
        raise ValueError(f"no variable ${node.id.removeprefix('v_')}")
    raise ValueError("not arithmetic")
