"""Three-argument lambdas that a model wrote, evaluated without running them as Python.

The text is parsed (never compiled, never ``eval``-ed); a whitelist of syntax becomes a tree of our own closures. There are
no names but the arguments, the variables of comprehensions and the functions listed here, no attributes but
``is_integer`` and those of ``math``, no texts. Sizes are bounded: of the text, of numbers, of ranges, and of the work that
loops may do over the lifetime of one `Lambda`.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

LONGEST = 2_000
"""Characters of a lambda."""
NODES = 200
WORK = 20_000_000
"""Syntax nodes that the loops of one lambda may evaluate, over all its calls."""
BITS = 4_096

Env: TypeAlias = list[Any]
Eval: TypeAlias = Callable[[Env], Any]


class BadLambda(ValueError):
    """The text is not a lambda of three numbers in the syntax allowed here, or one that cannot be evaluated."""


# -- bounded arithmetic -----------------------------------------------------------------------------------------------
_NUMBERS = frozenset({int, float, complex, bool})
_LARGEST = 1 << BITS


def _bounded(value: Any) -> Any:
    if type(value) is int and not -_LARGEST < value < _LARGEST:
        raise BadLambda("a number grew too large")
    return value


def _arithmetic(do: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if type(a) not in _NUMBERS or type(b) not in _NUMBERS:
            raise BadLambda("arithmetic is for numbers")
        value = do(a, b)
        return value if type(value) is float else _bounded(value)

    return apply


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and abs(a).bit_length() * abs(b) > BITS:
        raise BadLambda("a power grew too large")
    return a**b


def _shift(do: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if isinstance(b, int) and abs(b) > 256:
            raise BadLambda("a shift is too long")
        return do(a, b)

    return apply


def _set_or_number(do: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if not (isinstance(a, (int, set)) and isinstance(b, (int, set))):
            raise BadLambda("bit operations are for whole numbers and sets")
        return do(a, b)

    return apply


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _arithmetic(operator.add), ast.Sub: _arithmetic(operator.sub), ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv), ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod), ast.Pow: _arithmetic(_power),
    ast.BitAnd: _set_or_number(operator.and_), ast.BitOr: _set_or_number(operator.or_),
    ast.BitXor: _set_or_number(operator.xor),
    ast.LShift: _arithmetic(_shift(operator.lshift)), ast.RShift: _arithmetic(_shift(operator.rshift)),
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


def _round(value: Any, digits: Any = None) -> Any:
    if digits is not None and abs(digits) > 20:
        raise BadLambda("round() to too many digits")
    return round(value, digits)


def _pow(a: Any, b: Any) -> Any:
    return _BINARY[ast.Pow](a, b)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "int": int, "float": float, "bool": bool, "round": _round, "sum": sum, "all": all,
    "any": any, "len": len, "sorted": sorted, "set": set, "list": list, "tuple": tuple, "divmod": divmod, "pow": _pow,
    "reversed": lambda found: list(reversed(found)), "zip": lambda *found: list(zip(*found, strict=False)),
}  # fmt: skip
_MATH: dict[str, Any] = {
    name: getattr(math, name)
    for name in (
        "gcd", "sqrt", "floor", "ceil", "isqrt", "fabs", "trunc", "isclose", "log", "log2", "log10", "exp", "hypot", "pi", "e",
        "sin", "cos", "tan", "fmod", "modf", "copysign",
    )
} | {"pow": math.pow}  # fmt: skip
_KEYWORDS = frozenset({"reverse", "default", "abs_tol", "rel_tol", "start"})
_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "complex": complex}


class Lambda:
    """A lambda of three numbers. Raises `BadLambda` when made of anything else; calling it raises what Python would raise,
    or `BadLambda` when a bound is reached."""

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        self._work = WORK
        self._slots = 3
        tree = _parsed(self.source)
        names = [a.arg for a in tree.args.args]
        self.shape = ast.dump(tree) if names == ["x", "y", "z"] else self.source
        """Equal for lambdas of x, y, z with the same syntax tree."""
        self._body = self._compile(tree.body, {name: i for i, name in enumerate(names)})

    def __call__(self, x: float, y: float, z: float) -> Any:
        return self._body([x, y, z, *[None] * (self._slots - 3)])

    def _spend(self, work: int) -> None:
        self._work -= work
        if self._work < 0:
            raise BadLambda("its loops do too much work")

    def _all(self, nodes: list[ast.expr], scope: dict[str, int]) -> list[Eval]:
        return [self._compile(node, scope) for node in nodes]

    def _compile(self, node: ast.expr, scope: dict[str, int]) -> Eval:
        match node:
            case ast.Constant(value=int() | float() | complex() | None as value):
                return lambda e: value
            case ast.Name(id=name) if name in scope:
                slot = scope[name]
                return lambda e: e[slot]
            case ast.BoolOp(op=op, values=values):
                return _bool_op(isinstance(op, ast.And), self._all(values, scope))
            case ast.BinOp(left=left, op=op, right=right):
                do, a, b = _BINARY.get(type(op)), self._compile(left, scope), self._compile(right, scope)
                if do is not None:
                    return lambda e: do(a(e), b(e))
            case ast.UnaryOp(op=op, operand=operand):
                one, a = _UNARY[type(op)], self._compile(operand, scope)
                return lambda e: one(a(e))
            case ast.Compare(left=left, ops=ops, comparators=right):
                return _chain([_COMPARE[type(op)] for op in ops], self._all([left, *right], scope))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                t, a, b = self._all([test, body, orelse], scope)
                return lambda e: a(e) if t(e) else b(e)
            case ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
                parts, make = self._all(elts, scope), {ast.Tuple: tuple, ast.List: list, ast.Set: set}[type(node)]
                return lambda e: make([part(e) for part in parts])
            case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                a, b = self._compile(value, scope), self._compile(index, scope)
                return lambda e: a(e)[b(e)]
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                return self._comprehension(node, scope)
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if isinstance(_MATH.get(name), float):
                value = _MATH[name]
                return lambda e: value
            case ast.Call():
                return self._call(node, scope)
        raise BadLambda(f"`{ast.unparse(node)[:60]}` is not allowed here")

    def _call(self, node: ast.Call, scope: dict[str, int]) -> Eval:
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[value, kinds], keywords=[]):
                a = self._compile(value, scope)
                wanted = _types(kinds)
                return lambda e: isinstance(a(e), wanted)
            case ast.Call(func=ast.Attribute(value=value, attr="is_integer"), args=[], keywords=[]):
                a = self._compile(value, scope)
                return lambda e: float(a(e)).is_integer()
            case ast.Call(func=ast.Name(id="range"), keywords=[]):
                args = self._all(node.args, scope)
                return lambda e: self._range([arg(e) for arg in args])
            case ast.Call(func=ast.Name(id=name)) if name not in scope and name in _FUNCTIONS | _MATH:
                function = _FUNCTIONS.get(name) or _MATH[name]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name)) if callable(_MATH.get(name)):
                function = _MATH[name]
            case _:
                raise BadLambda(f"`{ast.unparse(node)[:60]}` is not allowed here")
        if any(k.arg not in _KEYWORDS for k in node.keywords):
            raise BadLambda(f"`{ast.unparse(node)[:60]}` is not allowed here")
        args = self._all(node.args, scope)
        named = [(str(k.arg), self._compile(k.value, scope)) for k in node.keywords]

        def run(e: Env) -> Any:
            values = [arg(e) for arg in args]
            for value in values:
                if isinstance(value, (list, tuple, set)):
                    self._spend(len(value))
            return _bounded(function(*values, **{key: value(e) for key, value in named}))

        return run

    def _range(self, args: list[Any]) -> range:
        found = range(*args)
        if len(found) > 10_000:
            raise BadLambda("a range is too long")
        self._spend(len(found))
        return found

    def _comprehension(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp, scope: dict[str, int]) -> Eval:
        inner = dict(scope)
        levels: list[tuple[Eval, list[int], bool, list[Eval]]] = []
        for part in node.generators:
            source = self._compile(part.iter, inner)
            names = [part.target] if isinstance(part.target, ast.Name) else getattr(part.target, "elts", [])
            slots = []
            for name in names:
                if not isinstance(name, ast.Name):
                    raise BadLambda("only plain names can be the variables of a comprehension")
                inner[name.id] = self._slots
                slots.append(self._slots)
                self._slots += 1
            levels.append((source, slots, isinstance(part.target, ast.Name), self._all(part.ifs, inner)))
        body = self._compile(node.elt, inner)
        cost = sum(1 for _ in ast.walk(node))

        def run(e: Env, level: int) -> Iterator[Any]:
            if level == len(levels):
                yield body(e)
                return
            source, slots, plain, tests = levels[level]
            for value in source(e):
                self._spend(cost)
                if plain:
                    e[slots[0]] = value
                else:
                    for slot, part in zip(slots, value, strict=True):
                        e[slot] = part
                if all(test(e) for test in tests):
                    yield from run(e, level + 1)

        if isinstance(node, ast.GeneratorExp):
            return lambda e: run(e, 0)
        make: Callable[[Any], Any] = list if isinstance(node, ast.ListComp) else set
        return lambda e: make(run(e, 0))


def _parsed(source: str) -> ast.Lambda:
    if len(source) > LONGEST:
        raise BadLambda(f"a lambda has at most {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd literals: not ours to print
            tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadLambda("this is not a Python expression") from None
    if not isinstance(tree, ast.Lambda):
        raise BadLambda("this is not a lambda")
    if sum(1 for _ in ast.walk(tree)) > NODES * 2:  # contexts and operators are nodes of Python's tree, too
        raise BadLambda("this lambda is too large")
    args = tree.args
    plain = not (args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg or args.defaults)
    if not plain or len({a.arg for a in args.args}) != 3:
        raise BadLambda("a rule takes exactly three numbers")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            _bounded(node.value)
    return tree


def _types(node: ast.expr) -> tuple[type, ...]:
    found = [
        _TYPES.get(n.id) if isinstance(n, ast.Name) else None for n in (node.elts if isinstance(node, ast.Tuple) else [node])
    ]
    if None in found:
        raise BadLambda("isinstance() knows int, float, bool and complex here")
    return tuple(kind for kind in found if kind is not None)


def _bool_op(conjunction: bool, parts: list[Eval]) -> Eval:
    def run(e: Env) -> Any:
        value: Any = conjunction
        for part in parts:
            value = part(e)
            if bool(value) is not conjunction:
                return value
        return value

    return run


def _chain(tests: list[Callable[[Any, Any], Any]], parts: list[Eval]) -> Eval:
    if len(tests) == 1:
        test, a, b = tests[0], *parts
        return lambda e: test(a(e), b(e))

    def run(e: Env) -> Any:
        left = parts[0](e)
        value: Any = True
        for test, part in zip(tests, parts[1:], strict=True):
            right = part(e)
            value = test(left, right)
            if not value:
                return value
            left = right
        return value

    return run
