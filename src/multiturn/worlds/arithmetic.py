"""A pocket calculator: numbers, + - * / and parentheses, read by ourselves; nothing is ever evaluated as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

LONGEST = 100
_TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


class Wrong(ValueError):
    """The expression has no value, and why."""


def value_of(expression: str) -> float:
    """The value of an expression of at most `LONGEST` characters; raises `Wrong`."""
    if len(expression) > LONGEST or not all(c in "0123456789+-*/(). " for c in expression):
        raise Wrong(f"only numbers, + - * / ( ) and at most {LONGEST} characters")
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError, ValueError, RecursionError, MemoryError) as error:
        raise Wrong(f"no value: {type(error).__name__}") from None
    if not math.isfinite(value):
        raise Wrong("no value: too large")
    return value


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        return _TWO[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError("not arithmetic")
