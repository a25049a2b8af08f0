"""tau-bench: the task, in the released formats of both versions, and where its files are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ...conversation import Case, DataError, UnknownName
from ...protocols.benchmark import Data
from ...worlds.shop import Shop

SLUG = "tau-bench"
HOME = "https://raw.githubusercontent.com/sierra-research/tau2-bench/main/data/tau2/domains/retail"


class Action(Struct, frozen=True):
    """One gold action. ``by``: "assistant", or "user" for the user's own tools."""

    name: str
    arguments: dict[str, Any] = {}
    by: str = "assistant"


class Shopfront(Struct, frozen=True):
    """What all tasks of a domain share: the policy, the database, and whether there is a phone."""

    name: str
    policy: str
    database: bytes


class TauCase(Case, frozen=True, kw_only=True):
    """One task. ``scenario``: what the simulated user is told; ``outputs``: texts that the agent must have said;
    ``assertions``: sentences about the conversation for a judge; ``basis``: the task's own list of what its reward is made of.
    ``phone``: the state of the user's phone, "" = no phone. ``script``: what a user without a model says, with its own tool
    calls in front of the line they belong to; empty = only a model can play this user."""

    front: Shopfront
    scenario: str
    actions: tuple[Action, ...] = ()
    outputs: tuple[str, ...] = ()
    assertions: tuple[str, ...] = ()
    basis: tuple[str, ...] = ("DB", "COMMUNICATE")
    phone: str = ""
    script: tuple[str | Action, ...] = ()

    def world(self) -> Shop:
        """A fresh world."""
        return Shop(self.front.database, self.phone.encode() if self.phone else None)

    def replayed(self) -> Shop:
        """The world after the gold actions; what ends a conversation is left out, what is refused changes nothing."""
        world = self.world()
        for action in self.actions:
            tools = world.user if action.by == "user" else world.agent
            if action.name not in tools.terminal:
                tools.apply(action.name, action.arguments)
        return world

    def moves(self) -> list[str]:
        """The gold actions as tool calls in text, a word to the user where it has to act, and the outputs in the end."""
        moves: list[str] = []
        for i, action in enumerate(self.actions):
            if action.by == "assistant":
                moves.append(msgspec.json.encode({"name": action.name, "arguments": action.arguments}).decode())
            elif not i or self.actions[i - 1].by == "assistant":
                moves.append("Please look at your phone: let our messages through, and read me the code.")
        return [*moves, " ".join(("That is settled.", *self.outputs))]


def retail(data: Data, split: str) -> Iterator[TauCase]:
    """The released tasks of a split ("all" = every one)."""
    path = data.path(SLUG, "retail/tasks.json", f"{HOME}/tasks.json")
    wanted = _split(data, split)
    yield from (c for c in read_tasks(path, front(data, SLUG)) if wanted is None or c.id in wanted)


def _split(data: Data, split: str) -> set[str] | None:
    if split == "all":
        return None
    path = data.path(SLUG, "retail/split_tasks.json", f"{HOME}/split_tasks.json")
    try:
        splits = msgspec.json.decode(path.read_bytes(), type=dict[str, set[str]])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: not an object from splits to lists of task ids ({error})") from None
    if split not in splits:
        raise UnknownName(f"split of `{SLUG}`", split, ("all", *splits))
    return splits[split]


def front(data: Data, slug: str) -> Shopfront:
    """The released retail domain: the whole database where it is, else the sample of it, else its published home."""
    policy = data.path(slug, "retail/policy.md", f"{HOME}/policy.md").read_text(encoding="utf-8")
    for name in ("retail/db.json", "retail/db_subset.json"):
        try:
            return Shopfront("retail", policy, data.path(slug, name).read_bytes())
        except DataError:
            continue
    return Shopfront("retail", policy, data.path(slug, "retail/db.json", f"{HOME}/db.json").read_bytes())


def read_tasks(path: Path, shop: Shopfront) -> Iterator[TauCase]:
    """Tasks of a released file: a JSON list, or one JSON object a line; of version 1 or 2. Raises `DataError`."""
    for number, record in enumerate(records(path)):
        try:
            yield _second(record, shop) if "user_scenario" in record else _first(record, shop, number)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, task {number}: not a tau-bench task ({type(error).__name__}: {error})") from None


def records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON list, or of JSON lines."""
    try:
        raw = path.read_bytes().strip()
        kind = list[dict[str, Any]]
        return msgspec.json.decode(raw, type=kind) if raw[:1] == b"[" else msgspec.json.Decoder(dict[str, Any]).decode_lines(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"{path}: not a JSON list of objects, nor one object a line ({error})") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _first(record: dict[str, Any], shop: Shopfront, number: int) -> TauCase:
    actions = tuple(Action(a["name"], a["kwargs"]) for a in record["actions"])
    outputs = tuple(map(str, record["outputs"]))
    case_id = str(record.get("task_id", number))
    return TauCase(id=case_id, group=shop.name, front=shop, scenario=record["instruction"], actions=actions, outputs=outputs)


def _second(record: dict[str, Any], shop: Shopfront) -> TauCase:
    told, wanted = record["user_scenario"], record["evaluation_criteria"]
    said = told["instructions"]
    if not isinstance(said, str):
        names = ("reason_for_call", "known_info", "unknown_info", "task_instructions")
        said = "\n".join(said[name] for name in names if said.get(name))
    actions = wanted.get("actions") or ()
    return TauCase(
        id=record["id"],
        group=shop.name,
        front=shop,
        scenario="\n".join(text for text in (told.get("persona"), said) if text),
        actions=tuple(Action(a["name"], a["arguments"], a.get("requestor") or "assistant") for a in actions),
        outputs=tuple(map(str, wanted.get("communicate_info") or ())),
        assertions=tuple(wanted.get("nl_assertions") or ()),
        basis=tuple(wanted.get("reward_basis") or ("DB", "COMMUNICATE")),
    )
