"""The environment of turn-level credit: one tool, ``wiki_search`` over articles by BM25, called in text."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...retrieval.bm25 import BM25
from .turn_credit_rewards import ERROR

SYSTEM = """Answer the user's question. You may look something up once before you answer.

First think inside <reasoning> and </reasoning>. Then either call the tool by writing one JSON object inside <tool> and </tool>,
<tool>{"name": "wiki_search", "args": {"query": "<what to look for>"}}</tool>
and wait: what it finds is given to you inside <result> and </result>. Or give the answer, and nothing else, inside <answer> and
</answer>. Think again inside <reasoning> after a result."""
LONGEST = 20_000
"""Characters of a message that are read."""


class Wiki:
    """The articles that are searched."""

    def __init__(self, articles: Sequence[str]) -> None:
        self.articles, self._index = articles, BM25(articles)

    def search(self, query: str) -> str:
        """The best article for a query; "" when none shares a word with it."""
        hits = self._index.search(query, 1)
        return self.articles[hits[0].document] if hits else ""

    def answer(self, call: str) -> str:
        """What the environment answers to a tool call."""
        query = _query(call)
        if query is None:
            return f'{ERROR} write one JSON object like {{"name": "wiki_search", "args": {{"query": "…"}}}} inside <tool>.'
        found = self.search(query)
        return f"<result>\n{found}\n</result>" if found else f"{ERROR} nothing was found."


def cut(text: str) -> str:
    """A message up to its first </tool> or </answer>: there generation stops."""
    text = text[:LONGEST]
    ends = [at + len(tag) for tag in ("</tool>", "</answer>") if (at := text.find(tag)) >= 0]
    return text[: min(ends)] if ends else text


def call_of(query: str) -> str:
    """A well-formed message that searches."""
    call = msgspec.json.encode({"name": "wiki_search", "args": {"query": query}}).decode()
    return f"<reasoning>I look it up.</reasoning><tool>{call}</tool>"


def _query(call: str) -> str | None:
    """The query of a tool call; None when it is none of ours."""
    try:
        found = msgspec.json.decode(call)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("name") != "wiki_search" or not isinstance(found.get("args"), dict):
        return None
    query = found["args"].get("query")
    return query if isinstance(query, str) else None
