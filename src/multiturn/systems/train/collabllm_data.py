"""What CollabLLM is played on: a written sample of ours, and the released rows (their prompts, and their scored replies)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...conversation import Case, Conversation, DataError, from_openai
from ...conversation.files import json_rows
from ...learning.pairs import Branch, Pair, best_and_worst
from ...protocols.benchmark import Data

FILES = {"math": "collabllm-multiturn-math-hard.jsonl", "document": "collabllm-multiturn-medium.jsonl"}


class Goal(Case, frozen=True, kw_only=True):
    """A task that the user has in mind. ``opening``: how the user begins, vaguely; ``details``: what was left out, in the order
    in which it is told; ``goal``: the whole single-turn prompt; ``target``: the right answer or the reference document."""

    goal: str
    target: str
    opening: str = ""
    details: tuple[str, ...] = ()


def _math(number: int, opening: str, details: tuple[str, ...], target: str) -> Goal:
    goal = " ".join((*details, opening))
    return Goal(id=f"math-{number}", group="math", goal=goal, target=target, opening=opening, details=details)


def _document(number: int, topic: str, details: tuple[str, ...], target: str) -> Goal:
    goal, opening = f"Write {topic}. " + " ".join(details), f"Help me write {topic}."
    return Goal(id=f"document-{number}", group="document", goal=goal, target=target, opening=opening, details=details)


SAMPLE = (
    _math(1, "How much money will I have left for the trip?",
          ("I have 240 euros.", "The train is 36 euros each way.", "I sleep two nights at 45 euros a night."), "78"),
    _document(1, "a short note to my neighbours",
              ("I am painting my flat on Saturday.", "It will be loud from 9 to 12.", "They can call me, Ana, at any time."),
              "Dear neighbours, on Saturday I am painting my flat. It will be loud from 9 to 12. "
              "You can call me at any time. Ana"),
    _math(2, "How long does the job take?",
          ("There are 90 chairs to paint.", "Two people work at it.", "Each of them paints 5 chairs an hour."), "9"),
    _document(2, "an invitation to our garden party",
              ("It is on 14 June at 5 in the afternoon.", "Everybody brings something to eat.",
               "If it rains we meet in the barn."),
              "You are invited to our garden party on 14 June at 5 in the afternoon. Please bring something to eat. "
              "If it rains, we meet in the barn."),
    _math(3, "How many plates do I need?",
          ("There are 14 guests.", "Each of them eats three courses.",
           "After the first course 8 plates are washed and used again."), "34"),
    _document(3, "the text for a lost-cat poster",
              ("The cat is grey and is called Mo.", "She was last seen on Mill Street on Monday.",
               "Whoever finds her gets 50 euros."),
              "Lost: our grey cat Mo. She was last seen on Mill Street on Monday. Whoever finds her gets 50 euros."),
    _math(4, "What does the carpet cost?",
          ("The room is 4 metres wide and 6 metres long.", "The carpet is 15 euros a square metre.",
           "There is a discount of 60 euros."), "300"),
    _document(4, "a message that cancels my dentist's appointment",
              ("It is the one on Thursday at 10.", "I have a fever.", "I would like one in the week after."),
              "I have to cancel my appointment on Thursday at 10 because I have a fever. Could I have one in the week after?"),
)  # fmt: skip


class Scored(Struct, frozen=True, kw_only=True):
    """One released row: a reply to ``prompt`` with its multiturn-aware reward, and the task that it is about."""

    conv_id: str
    turn_id: int
    prompt: tuple[dict[str, Any], ...]
    completion: str
    score: float | None
    goal: str
    target: str


def read_rows(path: Path) -> list[Scored]:
    """The rows of a released file, saved as JSON lines. Raises `DataError` with the line."""
    found = []
    for number, row in json_rows(path, dict[str, Any]):
        try:
            found.append(_row(row))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: not a row of prompt, completion, conv_id, turn_id, score ({error})"
            ) from None
    return found


def _row(row: dict[str, Any]) -> Scored:
    score, prompt = row["score"], row["prompt"]
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    from_openai(prompt)
    return Scored(
        conv_id=str(row["conv_id"]), turn_id=int(row["turn_id"]), prompt=tuple(prompt), completion=str(row["completion"]),
        score=None if score is None else float(score), goal=str(row.get("single_turn_prompt", "")),
        target=str(row.get("single_turn_completion", "")),
    )  # fmt: skip


def released(data: Data) -> Iterator[Goal]:
    """The tasks of the released files."""
    for group, file in FILES.items():
        yield from released_goals(read_rows(data.path("collabllm", file)), group)


def released_goals(rows: Iterable[Scored], group: str) -> Iterator[Goal]:
    """One case a task, in the order of the file."""
    seen: set[str] = set()
    for row in rows:
        if row.goal and row.goal not in seen:
            seen.add(row.goal)
            yield Goal(id=f"{group}-{row.conv_id}", group=group, goal=row.goal, target=row.target)


def released_branches(rows: Iterable[Scored]) -> dict[tuple[str, int], list[Branch]]:
    """(conversation, turn) -> the scored replies that were candidates there."""
    points: dict[tuple[str, int], list[Branch]] = {}
    for row in rows:
        chat = from_openai(row.prompt).assistant(row.completion)
        points.setdefault((row.conv_id, row.turn_id), []).append(Branch(chat, row.score))
    return points


def released_pairs(rows: Iterable[Scored], gap: float) -> list[Pair]:
    """The best against the worst candidate of every turn, where their scores are ``gap`` apart."""
    made = [best_and_worst(branches, gap) for branches in released_branches(rows).values()]
    return [pair for pair in made if pair is not None]


def released_best(rows: Iterable[Scored]) -> list[Conversation]:
    """For supervised tuning: of each conversation the best candidate at its latest turn."""
    last: dict[str, tuple[int, list[Branch]]] = {}
    for (name, turn), branches in released_branches(rows).items():
        if name not in last or turn > last[name][0]:
            last[name] = turn, branches
    found = []
    for _, branches in last.values():
        known = [branch for branch in branches if branch.score is not None]
        if known:
            found.append(max(known, key=lambda branch: branch.score or 0.0).chat)
    return found
