"""Function calls written as text, and whether they are the wanted ones: the check of the Berkeley Function-Calling
Leaderboard (V3, category "parallel", Python; Patil et al.), which the actions task uses.

The calls may come in any order. Of each call: its name, all required parameters, no unknown ones, each of its type and one
of the accepted values; texts are compared without case, spaces and the characters , . / - _ * ^; a parameter whose accepted
values hold "" may be left out.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...judges.extract import code_blocks, parse_python

TYPES: dict[str, type] = {
    "string": str, "integer": int, "float": float, "boolean": bool, "array": list, "tuple": list, "dict": dict, "any": str,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_HUGE = 1e15


class Call(NamedTuple):
    """One function call with its keyword arguments."""

    name: str
    arguments: dict[str, Any]


def read_calls(text: str) -> list[Call] | None:
    """The calls that a reply consists of: ``[f(a=1), g(b="x")]``, with or without brackets and fences; None when it is
    anything else. Nothing is run."""
    blocks = code_blocks(text)
    code = (blocks[-1] if len(blocks) == 1 else text).strip().strip("`").strip()
    line = code.replace("\n", " ").strip("[]' ")
    tree = parse_python(f"({line},)")
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return None
    body = tree.body[0].value
    found = body.elts if isinstance(body, ast.Tuple) else []
    try:
        calls = [_call(node) for node in found if isinstance(node, ast.Call)]
    except (ValueError, RecursionError, ZeroDivisionError, TypeError):
        return None
    return calls if calls and len(calls) == len(found) else None


def _call(node: ast.Call) -> Call:
    return Call(ast.unparse(node.func), {k.arg: _value(k.value) for k in node.keywords if k.arg is not None})


def _value(node: ast.expr) -> Any:
    """A literal; names, calls and subscripts as the text they are; sums and products of numbers are worked out."""
    if isinstance(node, ast.Constant):
        return "..." if node.value is Ellipsis else node.value
    if isinstance(node, ast.List | ast.Tuple):
        values = [_value(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Dict):
        return {str(_value(k)): _value(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _number(_OPERATORS[type(node.op)](_number(_value(node.left)), _number(_value(node.right))))
    if isinstance(node, ast.Call) and node.keywords:
        call = _call(node)
        return {call.name: call.arguments}
    if isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.Attribute):
        return ast.unparse(node)
    raise ValueError(f"unsupported {type(node).__name__}")


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and abs(value) < _HUGE:
        return value
    raise ValueError("not a number of a sensible size")


def matches(calls: Sequence[Call], wanted: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]]) -> str:
    """ "" when the calls are the wanted ones in any order, else the first difference. ``wanted``: one {name: {parameter:
    accepted values}} a call; ``functions``: their descriptions (name, parameters as JSON Schema)."""
    if len(calls) != len(wanted):
        return f"{len(calls)} calls instead of {len(wanted)}"
    described = {str(f["name"]): f for f in functions}
    left = list(calls)
    for goal in wanted:
        name, accepted = next(iter(goal.items()))
        faults = [_fault(call, name, accepted, described.get(name)) for call in left]
        if "" not in faults:
            return faults[0] if len(set(faults)) == 1 else f"no call is the wanted {name}"
        del left[faults.index("")]
    return ""


def _fault(call: Call, name: str, accepted: Mapping[str, list[Any]], described: Mapping[str, Any] | None) -> str:
    if call.name != name or described is None:
        return f"{call.name} instead of {name}"
    parameters = described["parameters"]
    known = parameters["properties"]
    for required in parameters.get("required", ()):
        if required not in call.arguments:
            return f"{name}: {required} is missing"
    for key, value in call.arguments.items():
        if key not in known or key not in accepted:
            return f"{name}: {key} is not a parameter"
        if not _accepted(value, accepted[key], known[key]):
            return f"{name}: {key}={value!r} is not accepted"[:300]
    absent = [key for key, values in accepted.items() if key not in call.arguments and "" not in values]
    return f"{name}: {absent[0]} is missing" if absent else ""


def _accepted(value: Any, accepted: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    kind = TYPES.get(str(schema.get("type")), str)
    if schema.get("type") == "tuple" and isinstance(value, tuple):
        value = list(value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        # A variable's name stands for a value: the accepted values are then texts, whatever the type.
        return type(value) is str and any(type(a) is str and a for a in accepted) and value in accepted
    if isinstance(value, list) and not _items_fit(value, accepted, schema):
        return False
    return any(_same(value, option) for option in accepted if option != "" or value == "")


def _items_fit(value: Sequence[Any], accepted: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    """Whether the items of a list are of the type described, or of the types of an accepted list."""
    inner = TYPES.get(str((schema.get("items") or {}).get("type")))
    kinds = {type(item) for option in accepted if isinstance(option, list) for item in option}
    return all(inner is None or type(item) is inner or type(item) in kinds for item in value)


def _same(value: Any, option: Any) -> bool:
    if isinstance(value, str) and isinstance(option, str):
        return _plain(value) == _plain(option)
    if isinstance(value, list) and isinstance(option, list):
        return len(value) == len(option) and all(map(_same, value, option))
    if isinstance(value, dict) and isinstance(option, dict):  # an accepted dictionary lists the accepted values of each key
        fits = all(key in option and any(_same(v, o) for o in option[key]) for key, v in value.items())
        return fits and all(key in value or "" in values for key, values in option.items())
    return bool(value == option)


def _plain(text: str) -> str:
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')
