"""tau-bench: a list of ``{task_id, trial, reward, info, traj}``; tau2: ``{info, tasks, simulations: […]}``.

Measures: ``reward``, and what it is made of where the file says so: ``state`` (the database ended as it should), ``outputs``
(what had to be said was said), ``assertions``. A run that broke off with an error counts as reward 0 in those programs; here
its reward is *not measured*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...conversation import Conversation, DataError, Message, Thought, ToolCall, ToolResult
from ...conversation.message import as_parts
from ...measures.verdict import Verdict
from .common import (
    SAID,
    Bad,
    Found,
    Item,
    Row,
    arguments_of,
    chat_of,
    count,
    each,
    ending,
    fields,
    inner,
    kind,
    listed,
    spoken,
    text,
    verdict,
)
from .source import Source

STOPS = {
    "user_stop": "user ended", "agent_stop": "user ended", "max_steps": "turn limit", "timeout": "budget",
    "too_many_errors": "invalid action", "agent_error": "format error", "context_window_exceeded": "context limit",
    "user_error": "provider error", "infrastructure_error": "provider error", "unexpected_error": "provider error",
}  # fmt: skip
"""Why a simulation of tau2 ended, in our words."""

NOBODYS = {"user_error": "simulated user: format error"}
"""Ends that are not the agent's doing, where the cause is not the stop reason."""


def read(sources: Sequence[Source]) -> Iterator[Item]:
    """All runs of these files."""
    for source in sources:
        for row in source.rows():
            if isinstance(row, Row) and isinstance(row.value, dict) and "simulations" in row.value:
                yield from _results(row)
            else:
                yield from each([row], _run)


# -- tau-bench ------------------------------------------------------------------------------------------------------
def _run(row: Row) -> Iterable[Found]:
    item = fields(row.value, "task_id", "traj")
    info = inner(item, "info")
    error = text(info, "error", "")
    checked = inner(item, "reward_info") or inner(info, "reward_info")
    chat = Conversation() if error and not item["traj"] else chat_of(item["traj"], "traj")
    parts = _lost(error) if error else tuple(_rewarded(item, inner(checked, "info")))
    yield Found(
        chat=chat, where=row.where, case=text(item, "task_id"), repeat=count(item, "trial"), verdicts=parts,
        roles={"user": "unknown"}, **ending("provider error" if error else ""),
    )  # fmt: skip


def _lost(error: str) -> tuple[Verdict, ...]:
    return (Verdict("reward", None, cause="provider error", reason=error[:SAID]),)


def _rewarded(item: Mapping[str, Any], checked: Mapping[str, Any]) -> Iterator[Verdict]:
    if "reward" not in item:
        raise DataError("`reward` is missing")
    yield verdict("reward", item["reward"])
    for measure, name in (("state", "r_actions"), ("outputs", "r_outputs")):
        if checked.get(name) is not None:
            yield verdict(measure, checked[name])


# -- tau2 -----------------------------------------------------------------------------------------------------------
def _results(row: Row) -> Iterator[Item]:
    whole = row.value
    about = inner(whole, "info")
    place = inner(about, "environment_info")
    try:
        shared: dict[str, Any] = {
            "model": text(inner(about, "agent_info"), "llm", ""),
            "task": text(place, "domain_name", ""),
            "roles": {"user": text(inner(about, "user_info"), "llm", "") or "unknown"},
        }
        runs, policy = listed(whole, "simulations"), text(place, "policy", "")
    except DataError as error:
        yield Bad(row.where, str(error))
        return
    rows = (Row(f"{row.where}, simulations[{i}]", run) for i, run in enumerate(runs))
    yield from each(rows, lambda each_: _simulation(each_, policy, shared))


def _simulation(row: Row, policy: str, shared: dict[str, Any]) -> Iterable[Found]:
    item = fields(row.value, "task_id", "messages")
    why = text(item, "termination_reason", "")
    stop = STOPS.get(why, "provider error" if why else "")
    chat, calls = _talk(item["messages"], policy)
    yield Found(
        chat=chat if stop == "provider error" else spoken(chat, "messages"), where=row.where, case=text(item, "task_id"),
        repeat=count(item, "trial"), verdicts=tuple(_checked(item, stop, NOBODYS.get(why, stop))), **shared,
        **ending(stop, **({"user calls": calls} if calls else {})),
    )  # fmt: skip


def _checked(item: Mapping[str, Any], stop: str, cause: str) -> Iterator[Verdict]:
    info = inner(item, "reward_info")
    if stop == "provider error" or not info:
        yield Verdict("reward", None, cause=cause or "no reward in the file")
        return
    yield verdict("reward", info.get("reward"), reason=f"ended by: {stop}" if stop else "")
    if "db_reward" in (found := inner(info, "db_check")):
        yield verdict("state", found["db_reward"])
    for measure, name in (("outputs", "communicate_checks"), ("assertions", "nl_assertions")):
        met = [bool(check.get("met")) for check in listed(info, name) if isinstance(check, dict)]
        if met:
            yield verdict(measure, all(met))


def _talk(messages: Any, policy: str) -> tuple[Conversation, list[dict[str, Any]]]:
    """What was said between agent and user, and the calls that the user made on a device of its own: the agent sees none."""
    if not isinstance(messages, list):
        raise DataError(f"`messages` must be a list of messages, not {kind(messages)}")
    said: list[Message] = []
    mine: dict[str, dict[str, Any]] = {}
    for i, item in enumerate(_flat(messages)):
        try:
            _say(fields(item), said, mine)
        except (DataError, ValueError) as error:
            raise DataError(f"messages[{i}]: {error}") from None
    chat = Conversation.start(system=None if said and said[0].role == "system" else policy or None)
    for one in said:
        chat = chat.add(one)
    return chat, list(mine.values())


def _flat(messages: list[Any]) -> Iterator[Any]:
    """Messages with several tool results taken apart."""
    for item in messages:
        several = item.get("tool_messages") if isinstance(item, dict) else None
        yield from several if isinstance(several, list) else (item,)


def _say(item: dict[str, Any], said: list[Message], mine: dict[str, dict[str, Any]]) -> None:
    """Add one message to what was said, or one of the user's own calls to ``mine``."""
    role, words = text(item, "role"), text(item, "content", "")
    if role == "tool":
        if item.get("requestor") != "user":
            result = ToolResult(text(item, "id", ""), words, bool(item.get("error")))
            said.append(Message("tool", (result,)))
        elif (call := mine.get(text(item, "id", ""))) is not None:
            call |= {"result": words[:SAID], "error": bool(item.get("error"))}
        return
    calls = [fields(call, "name") for call in listed(item, "tool_calls")]
    if role == "user" and calls:
        for call in calls:
            mine[text(call, "id", "") or str(len(mine))] = {"name": text(call, "name"), "arguments": arguments_of(call)}
        if not words:
            return
    parts = [*as_parts(words)] if words or not calls else []
    if thought := text(item, "reasoning_content", ""):
        parts.insert(0, Thought(thought))
    if role == "assistant":
        parts += [ToolCall(text(call, "id", ""), text(call, "name"), arguments_of(call)) for call in calls]
    said.append(Message(role, tuple(parts)))  # type: ignore[arg-type]  # an unknown role is a ValueError
