"""KUMO's world: one hidden truth among candidates, actions whose outcomes rule candidates out, and one prediction (Lin et
al. 2025, arXiv 2504.02810). Also who plays it by the table: an eliminator, and the oracle (expectimax).

Outcomes are fixed with the task. A prediction is right when no observation of the task rules it out; tasks are made so that
exactly one candidate survives.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ..conversation import DataError
from .base import Misread, Step, World

Observation: TypeAlias = str | int | float


class Outcome(Struct, frozen=True):
    """One outcome of an action (a word, or a closed interval) and the candidates that it rules out."""

    state: str | tuple[float, float]
    rules_out: tuple[str, ...]

    def fits(self, seen: Observation) -> bool:
        if isinstance(self.state, str):
            return seen == self.state
        return not isinstance(seen, str) and self.state[0] <= seen <= self.state[1]


class Outcomes(Struct, frozen=True):
    """All outcomes of one action: words ("str") or intervals of a number ("float")."""

    type: Literal["str", "float"]
    states: tuple[Outcome, ...]


class Domain(Struct, frozen=True):
    """Candidates, actions, and what the outcomes of each action rule out."""

    truths: tuple[str, ...]
    actions: tuple[str, ...]
    outcomes: dict[str, Outcomes]


class Task(Struct, frozen=True):
    """One game: its candidates and actions, the outcome of every action, and the truth."""

    truths: tuple[str, ...]
    actions: tuple[str, ...]
    observations: dict[str, Observation]
    seed: int
    valid_truth: str


Table: TypeAlias = Mapping[str, Outcomes]


def read_domain(data: bytes, name: str) -> Domain:
    """A domain from JSON. Raises `DataError`."""
    domain: Domain = _read(data, Domain, name)
    return domain


def read_tasks(data: bytes, name: str, table: Table) -> list[Task]:
    """Tasks from JSON lines, each checked against the domain's table. Raises `DataError`."""
    tasks = [_read(line, Task, f"{name}, line {n}") for n, line in enumerate(data.splitlines(), 1) if line.strip()]
    for n, task in enumerate(tasks, 1):
        unknown = [a for a in task.actions if a not in table or a not in task.observations]
        if unknown or survivors(task, table, task.actions) != [task.valid_truth]:
            why = f"the action `{unknown[0]}` has no outcome" if unknown else "its observations do not leave exactly the truth"
            raise DataError(f"{name}, task {n}: {why}")
    return tasks


def _read(data: bytes, kind: Any, name: str) -> Any:
    try:
        return msgspec.json.decode(data, type=kind, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DataError(f"{name}: {error}") from None


def reduced(task: Task, table: Table) -> dict[str, Outcomes]:
    """The part of a domain's table that is about this task."""
    known = set(task.truths)
    return {
        action: Outcomes(
            table[action].type,
            tuple(Outcome(o.state, tuple(t for t in o.rules_out if t in known)) for o in table[action].states),
        )
        for action in task.actions
    }  # fmt: skip


def ruled_out(table: Table, action: str, seen: Observation) -> set[str]:
    """The candidates that this observation rules out."""
    return {t for outcome in table[action].states if outcome.fits(seen) for t in outcome.rules_out}


def survivors(task: Task, table: Table, actions: Sequence[str]) -> list[str]:
    """The candidates that the outcomes of these actions leave, in the task's order."""
    out: set[str] = set()
    for action in actions:
        out |= ruled_out(table, action, task.observations[action])
    return [t for t in task.truths if t not in out]


# -- the world --------------------------------------------------------------------------------------------------------
_ANSWER = re.compile(r"<ANSWER>([^<]{0,500}(?:<(?!/?ANSWER>)[^<]{0,500}){0,5})</ANSWER>")


class Elimination(World[str]):
    """One task. The last ``<ANSWER> name </ANSWER>`` counts; names are matched exactly. A candidate is a prediction (also
    when an action has the same name) and ends the game; a reply without a readable name, or with another name, loses it."""

    retries = 0
    cap = 50

    def __init__(self, task: Task, table: Table) -> None:
        self.task, self.table = task, table
        self.reset()

    def reset(self, seed: int = 0) -> None:
        self.done: list[str] = []
        self.predicted = ""

    def observe(self) -> str:
        return "Begin the game."

    def parse(self, reply: str) -> str | Misread:
        found = _ANSWER.findall(reply[:100_000])
        if not found:
            return Misread("There is no <ANSWER> in this reply.")
        name: str = found[-1].strip()
        return name[2:-1].strip() if name.startswith("${") and name.endswith("}") else name

    def step(self, action: str) -> Step:
        if action in self.task.truths:
            self.predicted = action
            right = action in survivors(self.task, self.table, self.task.actions)
            return Step(f"You predicted {action}.", float(right), done=True, stop="success" if right else "failure")
        if action not in self.task.actions:
            return Step("This is neither a candidate nor an action.", done=True, valid=False, stop="invalid action")
        self.done.append(action)
        left = len(survivors(self.task, self.table, self.done))
        progress = (len(self.task.truths) - left) / (len(self.task.truths) - 1)
        return Step(f"Observation of {action}: {self.task.observations[action]}", progress)

    def facts(self) -> dict[str, Any]:
        return {"actions": list(self.done), "predicted": self.predicted}


# -- who knows the table ----------------------------------------------------------------------------------------------
def eliminate(task: Task, table: Table, done: Sequence[str]) -> str:
    """Actions in the given order until one candidate is left, which is then predicted."""
    left = survivors(task, table, done)
    rest = [a for a in task.actions if a not in done]
    return left[0] if len(left) == 1 or not rest else rest[0]


class Oracle:
    """Expectimax: the action with the fewest expected further actions, where an outcome's probability is proportional to the
    number of remaining candidates that it leaves. It predicts when one candidate is left, or when some candidate can be
    ruled out by no remaining action. Exponential: raises `OverflowError` beyond ``most`` states (hard tasks need up to about
    a million).

    Ties go to the first action in the task's order (the released search leaves them to chance).
    """

    def __init__(self, truths: Sequence[str], actions: Sequence[str], table: Table, most: int = 50_000) -> None:
        self.truths, self.actions, self.most = tuple(truths), tuple(actions), most
        bit = {t: 1 << i for i, t in enumerate(truths)}
        self._outcomes = [[sum(bit.get(t, 0) for t in set(o.rules_out)) for o in table[a].states] for a in actions]
        self._touch = [_union(masks) for masks in self._outcomes]
        self._bit, self._memo = bit, dict[tuple[int, int], float]()

    def next(self, left: Sequence[str], done: Sequence[str]) -> str:
        """The best action, or the prediction."""
        best = self.best(left, done)
        if best:
            return best[0]
        if len(left) == 1:
            return left[0]
        safe = [t for t in left if not any(self._touch[i] & self._bit[t] for i in self._open(done))]
        return (safe or list(left))[0]

    def best(self, left: Sequence[str], done: Sequence[str]) -> list[str]:
        """All actions that are best here, in order; none when it is time to predict."""
        truths = sum(self._bit[t] for t in left)
        rest = sum(1 << i for i in self._open(done))
        if self._expect(truths, rest) == 0:
            return []
        worth = {i: self._after(truths, rest, i, float("inf")) for i in self._open(done) if self._touch[i] & truths}
        least = min(worth.values())
        return [self.actions[i] for i, value in worth.items() if value <= least + 1e-6]

    def run(self, task: Task, table: Table) -> list[str]:
        """Its actions on one task, the prediction last."""
        done: list[str] = []
        while True:
            said = self.next(survivors(task, table, done), done)
            done.append(said)
            if said in task.truths:
                return done

    def _open(self, done: Sequence[str]) -> list[int]:
        return [i for i, action in enumerate(self.actions) if action not in done]

    def _expect(self, truths: int, rest: int) -> float:
        if truths.bit_count() <= 1:
            return 0.0
        useful = [i for i in range(len(self.actions)) if rest >> i & 1 and self._touch[i] & truths]
        if truths & ~_union([self._touch[i] for i in useful]):
            return 0.0
        rest = sum(1 << i for i in useful)  # what touches no remaining candidate changes nothing: equal states are one
        known = self._memo.get((truths, rest))
        if known is not None:
            return known
        if len(self._memo) >= self.most:
            raise OverflowError(f"the oracle needs more than {self.most} states for this task")
        least = float("inf")
        for i in useful:
            least = min(least, self._after(truths, rest, i, least))
        self._memo[truths, rest] = least + 1
        return least + 1

    def _after(self, truths: int, rest: int, action: int, bound: float) -> float:
        """Expected further actions after this one (a lower bound of them once they exceed ``bound``)."""
        n = truths.bit_count()
        weights = [n - (mask & truths).bit_count() for mask in self._outcomes[action]]
        total, expected = sum(weights), 0.0
        for mask, weight in zip(self._outcomes[action], weights, strict=True):
            if weight:
                expected += weight / total * self._expect(truths & ~mask, rest & ~(1 << action))
            if expected >= bound:
                break
        return expected


def _union(masks: Sequence[int]) -> int:
    out = 0
    for mask in masks:
        out |= mask
    return out


# -- new tasks --------------------------------------------------------------------------------------------------------
def sample_tasks(domain: Domain, name: str, truths: int, actions: int, count: int) -> list[Task]:
    """``count`` tasks of this size with exactly one survivor each and no two alike; the same call gives the same tasks."""
    tasks: list[Task] = []
    for seed in range(count):
        draw = random.Random(f"{name}/{truths}/{actions}/{seed}")
        for _ in range(2_000):
            task = _sample(domain, draw, truths, actions, seed)
            if task is not None and not any(_alike(task, other) for other in tasks):
                tasks.append(task)
                break
        else:
            raise DataError(f"{name}: no task {seed + 1} with {truths} candidates and {actions} actions could be made")
    return tasks


def _sample(domain: Domain, draw: random.Random, truths: int, actions: int, seed: int) -> Task | None:
    """One attempt: outcomes that spare the truth are added until every other candidate is ruled out, then other actions."""
    chosen = draw.sample(domain.truths, truths)
    valid = draw.choice(chosen)
    spares = {a: [o for o in domain.outcomes[a].states if valid not in o.rules_out] for a in domain.actions}
    picked: dict[str, Outcome] = {}
    open_truths = set(chosen) - {valid}
    while open_truths:
        target = draw.choice(sorted(open_truths))
        options = [(a, o) for a in domain.actions if a not in picked for o in spares[a] if target in o.rules_out]
        if not options or len(picked) >= actions:
            return None
        action, outcome = draw.choice(options)
        picked[action] = outcome
        open_truths -= set(outcome.rules_out)
    others = [a for a in domain.actions if a not in picked and spares[a]]
    if len(others) < actions - len(picked):
        return None
    related = [a for a in others if any(t in o.rules_out for o in domain.outcomes[a].states for t in chosen)]
    draw.shuffle(related)
    fill = related + draw.sample(sorted(set(others) - set(related)), len(others) - len(related))
    for action in fill[: actions - len(picked)]:
        picked[action] = draw.choice(spares[action])
    seen = {a: o.state if isinstance(o.state, str) else draw.uniform(*o.state) for a, o in picked.items()}
    order = draw.sample(sorted(seen), len(seen))
    task = Task(tuple(chosen), tuple(order), {a: seen[a] for a in order}, seed, valid)
    # A number on the edge of two intervals counts for both: check the task as it will be played.
    return task if survivors(task, domain.outcomes, task.actions) == [valid] else None


def _alike(a: Task, b: Task) -> bool:
    return set(a.truths) == set(b.truths) and a.valid_truth == b.valid_truth and set(a.actions) == set(b.actions)


def faults(domain: Domain) -> list[str]:
    """What is wrong with a domain: a candidate that nothing rules out, or that all outcomes of one action rule out."""
    touched = {t for a in domain.outcomes.values() for o in a.states for t in o.rules_out}
    never = [f"nothing rules out {t}" for t in domain.truths if t not in touched]
    always = [
        f"every outcome of {action} rules out {t}"
        for action, found in domain.outcomes.items() for t in domain.truths if all(t in o.rules_out for o in found.states)
    ]  # fmt: skip
    return never + always


@lru_cache(maxsize=4096)
def _oracle_steps(key: bytes) -> int:
    task, table = msgspec.json.decode(key, type=tuple[Task, dict[str, Outcomes]])
    return len(Oracle(task.truths, task.actions, table).run(task, table))


def oracle_steps(task: Task, table: Table) -> int:
    """Steps of the oracle on this task, its prediction included. Raises `OverflowError` on tasks that are too large."""
    return _oracle_steps(msgspec.json.encode((task, dict(reduced(task, table)))))
