"""Exact-set match: Spider's comparison of two queries, clause by clause (Yu et al. 2018, arXiv 1809.08887).

Select items, conditions and group columns are compared as multisets, tables as a set; AND and OR, the direction and columns
of ORDER BY, whether there is a LIMIT, and the keywords must agree; queries after INTERSECT, UNION and EXCEPT match in turn.
DISTINCT, aliases, ON conditions and (unless asked for) literal values do not count: two queries may match and answer
differently. As in MMSQL's code, columns equal by a foreign key are not the same.
"""

from __future__ import annotations

from collections import Counter

from .mmsql_parse import Conditions, Query, Schema, Unreadable, parse


def exact_match(predicted: str, gold: str, schema: Schema | None = None, *, values: bool = False) -> bool | None:
    """Whether two queries match. None: the gold query is outside Spider's grammar. An unreadable prediction is no match."""
    try:
        wanted = parse(gold, schema, values=values)
    except Unreadable:
        return None
    try:
        return _match(parse(predicted, schema, values=values), wanted)
    except Unreadable:
        return False


def _match(one: Query, other: Query) -> bool:
    if (one.combined is None) != (other.combined is None):
        return False
    if one.combined is not None and other.combined is not None:
        (kind, rest), (other_kind, other_rest) = one.combined, other.combined
        if kind != other_kind or not _match(rest, other_rest):
            return False
    return (
        Counter(one.select) == Counter(other.select)
        and Counter(one.where.each) == Counter(other.where.each)
        and set(one.where.joined) == set(other.where.joined)
        and Counter(map(_bare, one.group)) == Counter(map(_bare, other.group))
        and (not one.group or (one.group == other.group and one.having == other.having))
        and one.order == other.order
        and (one.order is None or one.limit == other.limit)
        and _keywords(one) == _keywords(other)
        and one.tables == other.tables
    )


def _bare(column: str) -> str:
    return column.rpartition(".")[2]


def _keywords(query: Query) -> set[str]:
    found = {word for word, there in (("where", query.where.each), ("group", query.group), ("having", query.having.each),
                                      ("limit", query.limit)) if there}  # fmt: skip
    if query.order is not None:
        found |= {"order", query.order[0]}
    for part in (query.on, query.where, query.having):
        found |= _of(part)
    return found


def _of(part: Conditions) -> set[str]:
    found = {"or"} & set(part.joined)
    for condition in part.each:
        found |= {"not"} if condition.negated else set()
        found |= {condition.operator} & {"in", "like"}
    return found
