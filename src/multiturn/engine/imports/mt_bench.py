"""MT-Bench files of FastChat: questions, ``model_answer/MODEL.jsonl``, and the judgments ``JUDGE_single`` and ``JUDGE_pair``.

The answers hold no questions: ``question.jsonl`` is needed beside them, given or in the folder where FastChat keeps it. The
case is the question, its group the category, its repeats the choices. Measures: ``score`` (1 to 10 a turn; FastChat's -1, a
judgment without a rating, is *not measured*) and ``win_adjusted`` against each other model (1: better in both orders, 0: worse
in both, else 0.5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...conversation import Conversation, DataError
from ...measures.figure import Scale
from ...measures.verdict import Verdict
from .common import SAID, Found, Item, Note, Row, count, each, fields, listed, text, verdict
from .source import Source

SCALES = {"score": Scale(1, 10, "points", passing=8)}
QUESTIONS = "question.jsonl"
UNREADABLE = "judge reply not parsable"


def complete(sources: Sequence[Source]) -> list[Source]:
    """The files, and the questions where they lie beside the answers and are not among them."""
    firsts = [source.first() for source in sources]
    if any(isinstance(first, dict) and "turns" in first for first in firsts):
        return list(sources)
    for source in sources:
        for folder in source.path.absolute().parents[:2]:
            if (folder / QUESTIONS).is_file():
                return [Source(folder / QUESTIONS), *sources]
    return list(sources)


class _Files:
    """The rows of all files, by what they are."""

    def __init__(self) -> None:
        self.questions: dict[str, tuple[str, list[str]]] = {}
        self.answers: list[Row] = []
        self.verdicts: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
        self.judges: set[str] = set()

    def take(self, row: Row) -> Iterable[Found]:
        item = fields(row.value, "question_id")
        if "choices" in item:
            self.answers.append(row)
        elif "turns" in item:
            turns = [one for one in listed(item, "turns") if isinstance(one, str)]
            if not turns or len(turns) != len(item["turns"]):
                raise DataError("`turns` must be a list of texts")
            self.questions[text(item, "question_id")] = (text(item, "category", ""), turns)
        elif "g1_winner" in item:
            self._fought(item)
        elif "score" in item:
            self._rated(item)
        else:
            raise DataError("neither a question (`turns`), nor an answer (`choices`), nor a judgment (`score`, `g1_winner`)")
        return ()

    def _rated(self, item: dict[str, Any]) -> None:
        value, said = item["score"], text(item, "judgment", "")
        made = verdict("score", None if value == -1 else value, turn=_turn(item), cause=UNREADABLE, reason=said)
        self.verdicts[text(item, "question_id"), text(item, "model")].append(made)
        self._judged(item)

    def _fought(self, item: dict[str, Any]) -> None:
        one, two, turn = text(item, "model_1"), text(item, "model_2"), _turn(item)
        winners = (text(item, "g1_winner"), text(item, "g2_winner", "") or text(item, "g1_winner"))
        value: float | None = None
        if "error" not in winners:
            value = 0.5 if winners[0] != winners[1] else {"model_1": 1.0, "model_2": 0.0}.get(winners[0], 0.5)
        for model, other, mine in ((one, two, value), (two, one, None if value is None else 1 - value)):
            made = verdict(
                "win_adjusted", mine, turn=turn, item=f"{other}/{turn}", cause=UNREADABLE, reason=text(item, "g1_judgment", "")
            )
            self.verdicts[text(item, "question_id"), model].append(made)
        self._judged(item)

    def _judged(self, item: dict[str, Any]) -> None:
        judge = item.get("judge")
        self.judges.add(str(judge[0] if isinstance(judge, list) and judge else judge or "unknown")[:SAID])


def _turn(item: dict[str, Any]) -> int:
    found = count(item, "turn")
    if not found:
        raise DataError("`turn` must be 1 or more")
    return found


def read(sources: Sequence[Source]) -> Iterator[Item]:
    """The conversations of all answers, with the judgments that fit them."""
    files = _Files()
    for source in sources:
        yield from each(source.rows(), files.take)
    if not files.answers:
        raise DataError("no answers among these files: give model_answer/MODEL.jsonl, too")
    if not files.questions:
        raise DataError(f"the answers hold no questions: give {QUESTIONS}, too")
    roles = {"judge": ", ".join(sorted(files.judges))} if files.judges else {}
    left = dict(files.verdicts)

    def answered(row: Row) -> Iterator[Found]:
        item = fields(row.value, "question_id", "model_id")
        id_, model = text(item, "question_id"), text(item, "model_id")
        if id_ not in files.questions:
            raise DataError(f"question {id_!r:.40} is not in the questions")
        group, asked = files.questions[id_]
        judged = tuple(left.pop((id_, model), ()))
        for i, choice in enumerate(listed(item, "choices")):
            # FastChat judges the first choice only.
            yield Found(
                chat=_chat(asked, choice, f"choices[{i}]"), where=row.where, model=model, case=id_, group=group, repeat=i,
                verdicts=judged if not i else (), roles=roles,
            )  # fmt: skip

    yield from each(files.answers, answered)
    if left:
        few = ", ".join(sorted({model for _, model in left})[:5])
        yield Note(f"{sum(map(len, left.values())):,} judgments are of answers that are not here (models: {few})")


def _chat(asked: Sequence[str], choice: Any, where: str) -> Conversation:
    replies = listed(fields(choice, "turns"), "turns")
    if not replies or len(replies) > len(asked):
        raise DataError(f"{where}: {len(replies)} replies to a question of {len(asked)} turns")
    chat = Conversation()
    for question, reply in zip(asked, replies, strict=False):
        if not isinstance(reply, str):
            raise DataError(f"{where}: `turns` must be a list of texts")
        chat = chat.user(question).assistant(reply)
    return chat
