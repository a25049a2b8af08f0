"""SQL as Spider's evaluation sees it: clauses whose order, aliases and values do not matter (Yu et al. 2018, arXiv 1809.08887).

Spider's grammar is small on purpose: select items and conditions of columns, aggregates and one arithmetic operator; no CASE,
functions or window clauses. What lies outside raises `Unreadable`, and counts there as no match. Beyond it, select items may
have an alias (the released parser stumbles over it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NoReturn, TypeAlias, TypeVar

from ...worlds.sql_tokens import Token, tokens

T = TypeVar("T")
Schema: TypeAlias = Mapping[str, Sequence[str]]
"""Table -> columns, in lower case."""

_AGGREGATES = frozenset({"max", "min", "count", "sum", "avg"})
_SETS = frozenset({"intersect", "union", "except"})
_END = frozenset({"where", "group", "order", "limit", "having", *_SETS})
_JOINS = frozenset({"join", "left", "right", "inner", "outer", "cross", "full", "natural"})
_SIGNS = frozenset({"=", "==", ">", "<", ">=", "<=", "!=", "<>"})
_DEEPEST, _LONGEST = 12, 20_000


class Unreadable(Exception):
    """The text is no SQL of this grammar."""


class Unit(NamedTuple):
    """``left`` or ``left operator right``; each side is (aggregate, column)."""

    left: tuple[str, str]
    operator: str = ""
    right: tuple[str, str] = ("", "")


class Condition(NamedTuple):
    """``values``: nested queries, and literals only where they are asked for."""

    negated: bool
    operator: str
    unit: Unit
    values: tuple[Query | str, ...]


class Conditions(NamedTuple):
    each: tuple[Condition, ...] = ()
    joined: tuple[str, ...] = ()


class Query(NamedTuple):
    """``order``: direction and units; ``combined``: the query after INTERSECT, UNION or EXCEPT."""

    select: tuple[Unit, ...]
    tables: tuple[Query | str, ...]
    on: Conditions
    where: Conditions
    group: tuple[str, ...]
    having: Conditions
    order: tuple[str, tuple[Unit, ...]] | None
    limit: bool
    combined: tuple[str, Query] | None


def parse(sql: str, schema: Schema | None = None, *, values: bool = False) -> Query:
    """The query that a text holds. ``schema`` says which table an unqualified column belongs to; without it columns are known
    by their names only. ``values``: keep literals. Raises `Unreadable`."""
    if len(sql) > _LONGEST:
        raise Unreadable("too long")
    reader = _Reader(tokens(sql), schema, values)
    query = reader.query({}, 0)
    if reader.at < len(reader.given) and reader.word() != ";":
        reader.fail()
    return query


class _Reader:
    def __init__(self, given: list[Token], schema: Schema | None, values: bool) -> None:
        self.given, self.schema, self.values = given, schema, values
        self.at = 0
        self.names: dict[str, str] = {}
        self.from_: list[str] = []
        self.made: dict[str, Unit] = {}

    # -- tokens ---------------------------------------------------------------------------------------------------------
    def word(self, ahead: int = 0) -> str:
        """The word or sign that comes, "" at the end or before a string."""
        at = self.at + ahead
        token = self.given[at] if at < len(self.given) else Token("end", "")
        return token.text if token.kind in ("word", "sign") else ""

    def take(self, *wanted: str) -> bool:
        if self.word() in wanted and self.word():
            self.at += 1
            return True
        return False

    def need(self, wanted: str) -> None:
        if not self.take(wanted):
            self.fail()

    def fail(self) -> NoReturn:
        raise Unreadable(f"unexpected {self.given[self.at].text[:20]!r}" if self.at < len(self.given) else "unexpected end")

    # -- queries --------------------------------------------------------------------------------------------------------
    def query(self, outer: dict[str, str], depth: int) -> Query:
        if depth > _DEEPEST:
            raise Unreadable("nested too deeply")
        saved = self.names, self.from_, self.made
        self.names, self.from_, self.made = dict(outer), [], {}
        self.need("select")
        start = self.at
        self._skip_to_from()
        tables, on = self._from(depth)
        behind, self.at = self.at, start
        self.take("distinct")
        select = self._listed(lambda: self._item(depth))
        self.need("from")
        self.at = behind
        where = self.conditions(depth) if self.take("where") else Conditions()
        group: tuple[str, ...] = ()
        having = Conditions()
        if self.take("group"):
            self.need("by")
            group = self._listed(self.column)
            having = self.conditions(depth) if self.take("having") else having
        order = self._order(depth)
        limit = self.take("limit")
        if limit:
            if self.at >= len(self.given) or self.given[self.at].kind != "number":
                self.fail()
            self.at += 1
        found = next((word for word in _SETS if self.take(word)), "")
        self.take("all") if found else None
        combined = (found, self.query(outer, depth + 1)) if found else None
        self.names, self.from_, self.made = saved
        return Query(select, tables, on, where, group, having, order, limit, combined)

    def _skip_to_from(self) -> None:
        depth = 0
        while depth > 0 or self.word() != "from":
            if self.at >= len(self.given) or depth < 0:
                self.fail()
            depth += {"(": 1, ")": -1}.get(self.word(), 0)
            self.at += 1

    def _from(self, depth: int) -> tuple[tuple[Query | str, ...], Conditions]:
        """The tables, in a fixed order, and all conditions after ON."""
        tables: list[Query | str] = []
        on: list[Conditions] = []
        self.need("from")
        while True:
            if self.take("("):
                if self.word() == "select":
                    tables.append(self.query(self.names, depth + 1))
                    self.from_.append("")
                else:
                    self.fail()
                self.need(")")
                name = ""
            else:
                name = self._name()
                tables.append(name)
                self.from_.append(name)
                self.names[name] = name
            if self.take("as") or (self.word().isidentifier() and self.word() not in _END | _JOINS | {"on"}):
                self.names[self._name()] = name
            if self.take("on"):
                # A condition may name a table that comes later only in text no database accepts.
                on.append(self.conditions(depth))
            joined = self.take(",")
            while self.take(*_JOINS):
                joined = True
            if not joined:
                break
        links = [link for i, found in enumerate(on) for link in (*(["and"] if i else []), *found.joined)]
        ordered = sorted(tables, key=lambda t: (not isinstance(t, str), repr(t)))
        return tuple(ordered), Conditions(tuple(c for found in on for c in found.each), tuple(links))

    def _order(self, depth: int) -> tuple[str, tuple[Unit, ...]] | None:
        if not self.take("order"):
            return None
        self.need("by")
        direction, units = "asc", []
        while True:
            units.append(self.unit(depth))
            if self.word() in ("asc", "desc"):
                direction = self.word()
                self.at += 1
            if not self.take(","):
                return direction, tuple(units)

    def _item(self, depth: int) -> Unit:
        """A select item; later clauses may call it by its alias."""
        unit = self.unit(depth)
        if self.take("as"):
            self.made[self._name()] = unit
        return unit

    def _listed(self, one: Callable[[], T]) -> tuple[T, ...]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return tuple(found)

    # -- columns and conditions -----------------------------------------------------------------------------------------
    def _name(self) -> str:
        token = self.given[self.at] if self.at < len(self.given) else Token("end", "")
        if token.kind not in ("word", "quoted"):
            self.fail()
        self.at += 1
        return token.text.lower()

    def column(self) -> str:
        """A column as ``table.column``; its name only where its table cannot be known."""
        if self.take("*"):
            return "*"
        name = self._name()
        if self.take("."):
            table = self.names.get(name, name)
            column = "*" if self.take("*") else self._name()
            return f"{table}.{column}" if self.schema is not None and table else column
        if name in _END or name in ("from", "and", "or", "on", "select"):
            self.at -= 1
            self.fail()
        if self.schema is None or "" in self.from_:
            return name
        for table in self.from_:
            if name in self.schema.get(table, ()):
                return f"{table}.{name}"
        raise Unreadable(f"no column {name[:20]!r}")

    def unit(self, depth: int) -> Unit:
        """A column or aggregate, or two with an operator between them; parentheses around either do not count."""
        if depth > _DEEPEST:
            raise Unreadable("nested too deeply")
        if self.word() == "(":
            self.at += 1
            inside = self.unit(depth + 1)
            self.need(")")
        elif self.word() in _AGGREGATES and self.word(1) == "(":
            aggregate = self.word()
            self.at += 2
            self.take("distinct")
            of = self.unit(depth + 1)
            self.need(")")
            inside = Unit((aggregate, of.left[1]), of.operator, of.right)
        elif self.word() in self.made and self.word(1) != ".":
            inside = self.made[self.word()]
            self.at += 1
        else:
            self.take("distinct")
            inside = Unit(("", self.column()))
        if not inside.operator and self.word() in ("+", "-", "*", "/"):
            operator = self.word()
            self.at += 1
            right = self.unit(depth + 1)
            if right.operator:
                self.fail()
            return Unit(inside.left, operator, right.left)
        return inside

    def conditions(self, depth: int) -> Conditions:
        each, joined = [self._condition(depth)], []
        while self.word() in ("and", "or"):
            joined.append(self.word())
            self.at += 1
            each.append(self._condition(depth))
        return Conditions(tuple(each), tuple(joined))

    def _condition(self, depth: int) -> Condition:
        negated = self.take("not")
        unit = self.unit(depth)
        negated |= self.take("not")
        operator = self.word()
        if operator not in _SIGNS and operator not in ("between", "in", "like", "is"):
            self.fail()
        self.at += 1
        operator = {"==": "=", "<>": "!="}.get(operator, operator)
        if operator == "is":
            negated |= self.take("not")
        found = [self._value(depth)]
        if operator == "between":
            self.need("and")
            found.append(self._value(depth))
        return Condition(negated, operator, unit, tuple(v for each in found for v in each))

    def _value(self, depth: int) -> list[Query | str]:
        if depth > _DEEPEST:
            raise Unreadable("nested too deeply")
        if self.take("("):
            if self.word() == "select":
                nested: list[Query | str] = [self.query(self.names, depth + 1)]
            else:
                nested = list(self._value(depth + 1))
                while self.take(","):
                    nested += self._value(depth + 1)
            self.need(")")
            return nested
        sign = "-" if self.take("-") else ""
        token = self.given[self.at] if self.at < len(self.given) else Token("end", "")
        if token.kind in ("string", "quoted", "number") or token.text == "null":
            self.at += 1
            return [f"{token.kind == 'number'} {sign}{token.text}"] if self.values else []
        unit = self.unit(depth + 1)
        return [repr(unit)] if self.values else []
