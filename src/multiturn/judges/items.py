"""What people have judged: items with labels, which a judge is held against.

Three kinds: a pair of answers (which is better), one answer (how good, or right or wrong), a list (in which order). All are
cases, so that a judge under test is run like any model. ``label`` is what people said, in the item's own terms:

pair   points of the first answer: 1 it is better, 0 the second is, 0.5 a tie
point  a value from ``low`` to ``high`` (0 and 1 for right and wrong)
list   the labels are a value each, the higher the better
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from ..conversation import Case, Conversation

Kind: TypeAlias = Literal["pair", "point", "list"]
Said: TypeAlias = tuple[str, str]
"""A message before what is judged: its role (system, user, assistant) and its text."""


class Item(Case, frozen=True, kw_only=True):
    """What the three kinds share. ``turns``: the conversation up to what is judged; ``dimension``: what is judged of it ("" =
    how good it is overall), ``definition``: what that means; ``raters``: the labels of single people; ``changed``: what a probe
    did to it ("" = nothing), ``extra``: what only one system knows of."""

    turns: tuple[Said, ...] = ()
    dimension: str = ""
    definition: str = ""
    reference: str | None = None
    raters: tuple[float, ...] = ()
    changed: str = ""
    extra: dict[str, Any] = {}

    @property
    def question(self) -> str:
        """The last message of a user."""
        return next((text for role, text in reversed(self.turns) if role == "user"), "")

    @property
    def history(self) -> tuple[Said, ...]:
        """What was said before that message."""
        last = max((i for i, (role, _) in enumerate(self.turns) if role == "user"), default=0)
        return self.turns[:last]


AnyItem = TypeVar("AnyItem", bound=Item)


class PairItem(Item, frozen=True, kw_only=True):
    """Two answers. ``names``: how they are called when they are shown, in the order in which they are shown. ``swapped``: the
    answers have changed places, so that a verdict has to be turned back. ``target``: the answer (1 or 2) a probe has changed."""

    first: str
    second: str
    label: float | None = None
    authors: tuple[str, str] = ("", "")
    names: tuple[str, str] = ("A", "B")
    swapped: bool = False
    target: int = 0
    ties: bool = False

    @property
    def answers(self) -> tuple[str, str]:
        return self.first, self.second


class PointItem(Item, frozen=True, kw_only=True):
    """One answer on a scale. ``descending``: the scale is described from its best end."""

    answer: str
    label: float | None = None
    low: float = 1
    high: float = 5
    whole: bool = True
    author: str = ""
    descending: bool = False

    @property
    def binary(self) -> bool:
        return (self.low, self.high) == (0, 1) and self.whole


class ListItem(Item, frozen=True, kw_only=True):
    """Several answers, to be put in order. ``labels``: people's value of each, or () = unknown. ``order``: the places of the
    answers in the original item, when a probe has moved them."""

    answers: tuple[str, ...]
    labels: tuple[float, ...] = ()
    authors: tuple[str, ...] = ()
    order: tuple[int, ...] = ()


KINDS: dict[Kind, type[Item]] = {"pair": PairItem, "point": PointItem, "list": ListItem}


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a judge made of an item.

    ``value``: points of the first answer (pair), the value on the item's scale (point); None = not measured, with its
    ``cause``. ``ranks``: of a list, the place of each answer (1 best, equal places are ties). ``confidence``: from 0 to 1, as
    stated or computed. ``shown_first``: of the verdicts that named one of two answers, the share that named the one shown first.
    ``asked`` and ``unread``: judge replies, and how many of them could not be read. ``parts``: values of its parts (aspects,
    criteria, single judges), kept beside it.
    """

    value: float | None = None
    ranks: tuple[float, ...] = ()
    confidence: float | None = None
    shown_first: float | None = None
    asked: int = 0
    unread: int = 0
    reason: str = ""
    cause: str = ""
    parts: dict[str, float] = {}


def as_text(turns: Iterable[Said]) -> str:
    """A conversation as lines that say who speaks."""
    return "\n\n".join(f"{role.capitalize()}: {text}" for role, text in turns)


def said_in(chat: Conversation) -> tuple[Said, ...]:
    """The texts of a conversation with their roles (tool calls, thoughts and pictures are left out)."""
    return tuple((m.role, m.text) for m in chat.messages if m.text)


def with_changes(item: AnyItem, **changes: Any) -> AnyItem:
    """A copy of an item with other fields; its cluster stays that of the original."""
    return msgspec.structs.replace(item, cluster=item.cluster or item.id, **changes)
