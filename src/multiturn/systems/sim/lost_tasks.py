"""The tasks of Lost in Conversation with one right answer: math, code, database, actions.

A task says what the assistant is told, how an answer is found in a reply and what it is worth (0 or 1 here). It is asked
nothing about turns: the same words serve a problem told at once and one told in pieces. The wording of all prompts is ours.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ...conversation import Cast, DataError, NotMeasured
from ...judges.extract import final_number, last_function, last_number, sql_statement
from ...protocols.benchmark import Data
from ...protocols.sharded import Utterance, concat
from .lost_calls import matches, read_calls
from .lost_case import LostCase
from .lost_code import named_as, passes, tests_of


class Scored(NamedTuple):
    """What an answer is worth, 0 to 1, and why."""

    value: float
    reason: str = ""


class Task:
    """One task. ``wanted``: what counts as an answer. ``copied``: a judge model, where there is one, copies the answer out of
    the reply (else rules find it). ``scripted``: the user's turns are the shards as they are, every reply is an attempt, and
    the score is a matter of degree. ``long``: a copied answer may be given by its ends. ``last_only``: only the last reply is
    scored."""

    wanted: ClassVar[str]
    copied: ClassVar[bool] = False
    long: ClassVar[bool] = False
    scripted: ClassVar[bool] = False
    last_only: ClassVar[bool] = False

    def __init__(self, data: Data | None, official: bool) -> None:
        self.data, self.official = data, official

    @property
    def classified(self) -> bool:
        """Whether a reply may be something else than an attempt."""
        return not self.scripted

    async def ready(self, case: LostCase, cast: Cast) -> None:
        """Raises `NotMeasured` when this case cannot be scored here, before anything is asked."""

    def system(self, case: LostCase) -> str:
        raise NotImplementedError

    def full(self, case: LostCase) -> str:
        """The whole instruction as it was before sharding."""
        raise NotImplementedError

    def concat(self, case: LostCase) -> str:
        """All shards in one message."""
        return concat(case.shards)

    def turn(self, case: LostCase, index: int) -> Utterance:
        """What a scripted user says in turn ``index`` (from 0)."""
        return Utterance(case.shards[index].text, case.shards[index].id)

    def answer(self, reply: str) -> tuple[str, bool]:
        """The answer that rules find ("" = none), and whether it is plainly one."""
        return reply.strip(), True

    async def score(self, case: LostCase, answer: str, cast: Cast) -> Scored:
        raise NotImplementedError

    def gold(self, case: LostCase) -> str | None:
        return None


class Math(Task):
    """GSM8K. Right when the last number of the answer equals the gold text, without ``$ ,`` and a final full stop; cents of
    ".00" after a ``$`` are dropped (``official``: dropped as the released code does, which turns $100.00 into $1)."""

    wanted = "one number (whole, decimal, negative or a fraction) that answers the question"
    copied = True

    def system(self, case: LostCase) -> str:
        return "You are good at mathematics. Solve the problem you are given step by step."

    def full(self, case: LostCase) -> str:
        return str(case.item["question"])

    def answer(self, reply: str) -> tuple[str, bool]:
        return final_number(reply)

    async def score(self, case: LostCase, answer: str, cast: Cast) -> Scored:
        said, gold = self.plain(answer), _bare(_gold_number(case))
        return Scored(float(said == gold and said != ""), f"{said or 'no number'}, gold {gold}")

    def plain(self, answer: str) -> str:
        """The last number of an answer as it is compared."""
        if self.official:
            found = re.findall(r"-?[$0-9.,]{2,}|-?[0-9]+", answer.strip())
            number = found[-1] if found else ""
            if "$" in number and number.endswith(".00"):
                number = number.rstrip(".0")
        else:
            number = last_number(answer)
            if "$" in number:
                number = number.removesuffix(".00")
        return _bare(number)

    def gold(self, case: LostCase) -> str | None:
        return f"The answer is {_gold_number(case)}"


def _gold_number(case: LostCase) -> str:
    return str(case.item["answer"]).rpartition("####")[2].strip()


def _bare(number: str) -> str:
    return re.sub(r"[$,]", "", number.lower()).removesuffix(".")


class Code(Task):
    """HumanEval and LiveCodeBench functions. Right when all public and private tests pass, 6 s each, in the sandbox."""

    wanted = "a complete Python function that can be run against tests; an explanation alone is no answer"

    async def ready(self, case: LostCase, cast: Cast) -> None:
        from ...worlds.sandbox import Sandbox

        await asyncio.to_thread(Sandbox().backend)  # raises SandboxUnavailable

    def system(self, case: LostCase) -> str:
        return (
            "You write Python. You are given a programming problem; write a program that is right for all valid inputs.\n"
            "Your answer is one function at the top level, complete by itself: no class, no second function."
        )

    def full(self, case: LostCase) -> str:
        if "prompt" in case.item:
            return self._ask(case, f"Complete this function:\n```python\n{case.item['prompt']}\n```")
        return self._ask(case, str(case.item.get("question_content", "")))

    def concat(self, case: LostCase) -> str:
        return self._ask(case, concat(case.shards, first_leads=True))

    def _ask(self, case: LostCase, what: str) -> str:
        start = case.item.get("starter_code")
        form = f"\n\nStart from this code:\n```python\n{start}\n```" if start else ""
        return f"{what}{form}\n\nAnswer with the function only, in a ```python block."

    def answer(self, reply: str) -> tuple[str, bool]:
        return last_function(reply), True

    async def score(self, case: LostCase, answer: str, cast: Cast) -> Scored:
        name = str(case.item["metadata"].get("func_name") or "")
        code = named_as(answer, name, str(case.item.get("prompt", "")))
        fault = await passes(cast, code, name, tests_of(case.item, case.id))
        return Scored(float(not fault), fault)


class Database(Task):
    """Spider. Right when the query gives the gold query's result in every database file of its folder, DISTINCT ignored and
    with the gold query's values plugged into it (at most 100 ways), as in test-suite evaluation (Zhong et al. 2020)."""

    wanted = "one complete SQL query that can be run as it is; a template or a fragment is no answer"
    copied = True
    long = True

    async def ready(self, case: LostCase, cast: Cast) -> None:
        self._files(case)

    def _files(self, case: LostCase) -> list[Path]:
        name = str(case.item["db_id"])
        try:
            if self.data is None:
                raise DataError("no data folder")
            first = self.data.path("lost-in-conversation", f"spider/databases/{name}/{name}.sqlite")
        except DataError:
            raise NotMeasured("needs Spider's databases under lost-in-conversation/spider/databases") from None
        return sorted(first.parent.glob("*.sqlite"))

    def system(self, case: LostCase) -> str:
        return (
            "You help a user to query a database in SQL. Where the request is not clear, you may ask. The tables are:\n\n"
            f"{case.item['schema_sql']}"
        )

    def full(self, case: LostCase) -> str:
        return self._ask(case, str(case.item["fully_specified_question"]))

    def concat(self, case: LostCase) -> str:
        return self._ask(case, concat(case.shards, lead="All of the following holds:"))

    def _ask(self, case: LostCase, what: str) -> str:
        return (
            f"Write the SQL query that answers a request to this database:\n{case.item['schema_sql']}\n\nThe request:\n{what}\n\n"
            "Answer with one valid query on one line, and nothing else."
        )

    def answer(self, reply: str) -> tuple[str, bool]:
        return sql_statement(reply), True

    async def score(self, case: LostCase, answer: str, cast: Cast) -> Scored:
        gold, files = _sql(str(case.item["reference_sql"])), self._files(case)
        query = _sql(re.sub(r"```(?:sql)?", "", answer))
        try:
            right = await cast.record("query", lambda: asyncio.to_thread(_same_results, files, query, gold))
        except DataError as error:  # one broken item must not end the run
            raise NotMeasured(f"gold query cannot be run: {case.id}") from error
        return Scored(float(right), "" if right else "another result than the gold query")

    def gold(self, case: LostCase) -> str | None:
        return str(case.item["reference_sql"])


_LITERAL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
MOST_QUERIES, MOST_SECONDS = 100, 60.0


def _sql(text: str) -> str:
    """On one line, without DISTINCT outside quotes, comparisons written together."""
    line = re.sub(r"\s+", " ", text).strip().rstrip(";").strip()
    for apart in ("> =", "< =", "! ="):
        line = line.replace(apart, apart.replace(" ", ""))
    pieces = re.split(r"('(?:[^']|'')*'|\"[^\"]*\")", line)
    return "".join(p if i % 2 else re.sub(r"\bDISTINCT\b", "", p, flags=re.I) for i, p in enumerate(pieces))


def plugged(query: str, gold: str) -> Iterator[str]:
    """The query, then the query with its literals replaced by the gold query's in every way."""
    yield query
    slots, values = list(_LITERAL.finditer(query)), sorted(set(_LITERAL.findall(gold)))
    for choice in itertools.product(values, repeat=len(slots)) if slots and values else ():
        out, at = [], 0
        for slot, value in zip(slots, choice, strict=True):
            out += [query[at : slot.start()], value]
            at = slot.end()
        yield "".join(out) + query[at:]


def _same_results(files: list[Path], query: str, gold: str) -> bool:
    from ...worlds.database import execution_match

    end = time.monotonic() + MOST_SECONDS
    for candidate in itertools.islice(plugged(query, gold), MOST_QUERIES):
        if all(execution_match(file, candidate, gold, any_column_order=True).equal for file in files):
            return True
        if time.monotonic() > end:
            break
    return False


class Actions(Task):
    """Parallel function calls of BFCL V3. Right when exactly the wanted calls are made, in any order (`lost_calls`)."""

    wanted = "function calls in the form [name1(parameter=value, ...), name2(...)], one or more, ready to run"

    def system(self, case: LostCase) -> str:
        return (
            "You turn requests into function calls. Make all the calls that the request needs. If no function fits, or the "
            "request lacks what a function requires, say so.\nWrite calls, and nothing beside them, in this form: "
            "[name1(parameter1=value1, parameter2=value2), name2(parameter=value)]\n"
            f"These are the functions, as JSON:\n{json.dumps(case.item['function'], ensure_ascii=False)}"
        )

    def full(self, case: LostCase) -> str:
        question: Any = case.item["fully_specified_question"]
        while isinstance(question, list):  # BFCL wraps a question as turns of messages
            question = question[0]
        return str(question["content"] if isinstance(question, dict) else question)

    def answer(self, reply: str) -> tuple[str, bool]:
        return (reply.strip(), True) if read_calls(reply) else ("", False)

    async def score(self, case: LostCase, answer: str, cast: Cast) -> Scored:
        calls = read_calls(answer)
        fault = "no function calls" if calls is None else matches(calls, case.item["reference_answer"], case.item["function"])
        return Scored(float(not fault), fault)

    def gold(self, case: LostCase) -> str | None:
        calls = []
        for goal in case.item["reference_answer"]:
            name, accepted = next(iter(goal.items()))
            given = (f"{key}={_first(values)!r}" for key, values in accepted.items() if "" not in values)
            calls.append(f"{name}({', '.join(given)})")
        return f"[{', '.join(calls)}]"


def _first(values: Any) -> Any:
    """The first accepted value, itself made of first accepted values where it is a dictionary."""
    value = values[0]
    return {key: _first(inner) for key, inner in value.items()} if isinstance(value, dict) else value
