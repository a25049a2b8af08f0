"""KUMO's cases, from the released files and the bundled domain, and what the model is told of one. Our wording."""

from __future__ import annotations

from typing import Any

from ...conversation import Case, DataError, InputError
from ...protocols.benchmark import Data
from ...worlds.kumo import Outcomes, Task, reduced
from .kumo_data import Files
from .kumo_sample import DOMAIN, tasks

EACH_ROUND = (
    "Choose one action to carry out, or name the truth if you know it. Think first if you like. Then end with the name, exactly "
    "as it is written in the lists, in this form: <ANSWER> name </ANSWER>"
)


class KumoCase(Case, frozen=True, kw_only=True):
    """One task with its part of the domain's table, its knowledge book, and the oracle's steps where they are released."""

    task: Task
    table: dict[str, Outcomes]
    book: str
    oracle: int | None = None


def present(data: Data | None, name: str) -> bool:
    """Whether a domain is here without asking for it elsewhere."""
    try:
        return data is not None and data.path("kumo", f"{name}Env.mapping.json").is_file()
    except DataError:
        return False


def released(data: Data, name: str, size: str, book: str) -> list[KumoCase]:
    """The released tasks of a domain, with its books (``book`` "released") or ours."""
    files = Files(data, name)
    domain = files.domain()
    books = files.books(size) if book == "released" else {}
    steps = files.oracle(size)
    return [
        _case(f"{name}-{size}-{task.seed}", size, task, domain.outcomes, books.get(task.seed, ""), steps.get(task.seed))
        for task in files.tasks(size, domain)
    ]


def bundled(size: str) -> list[KumoCase]:
    """The tasks of the bundled domain."""
    if size == "hard":
        raise InputError("kumo?size=hard needs the released files; the bundled sample is easy")
    return [_case(f"sample-{size}-{task.seed}", size, task, DOMAIN.outcomes, "", None) for task in tasks()]


def _case(name: str, group: str, task: Task, table: Any, book: str, oracle: int | None) -> KumoCase:
    part = reduced(task, table)
    return KumoCase(id=name, group=group, task=task, table=part, book=book or table_book(part), oracle=oracle)


# -- what the model is told --------------------------------------------------------------------------------------------
def rules_of(case: KumoCase) -> str:
    """The system message: goal, rules, lists, knowledge book. Our wording."""
    truths, actions = ("\n".join(f"- {name}" for name in names) for names in (case.task.truths, case.task.actions))
    return (
        "Find out which one of several candidates is the true one. In each round you carry out one action, and are told what "
        "was observed; the guidebook says which candidates each observation rules out. An observation never proves a candidate. "
        "When only one candidate is left, name it: this ends the game, and only one try is given. Use as few actions as you "
        f"can.\n\nCandidates:\n{truths}\n\nActions:\n{actions}\n\nGuidebook:\n\n{case.book.strip()}"
    )


def table_book(table: dict[str, Outcomes]) -> str:
    """A knowledge book made from the table: every outcome, and whom it rules out."""
    lines = []
    for action, outcomes in table.items():
        lines.append(f"{action}:")
        for outcome in outcomes.states:
            state = outcome.state if isinstance(outcome.state, str) else f"from {outcome.state[0]:g} to {outcome.state[1]:g}"
            lines.append(f"- if it is {state}: rules out {', '.join(outcome.rules_out) or 'nobody'}")
    return "\n".join(lines)
