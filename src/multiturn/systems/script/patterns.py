"""`patterns`: four kinds of conversation, made from a seed, checkable in code. The bundled benchmark.

The four interaction patterns of MT-Eval (Kwan et al., 2024, arXiv:2401.16745), written by a program instead of by people,
so that every turn has an exact answer, a gold answer, and a stand-alone counterpart: one prompt with the same question
and everything it needs, and the same right answer.

recollection  a standing rule said in turn 1 that every later answer must keep, or facts said in turn 1, one of which is
              asked for every ``distance`` turns (the turns between are small questions with stored answers, not scored)
expansion     several tasks about one document that stands in turn 1
refinement    something is asked for, then one constraint a turn is added, some of which supersede an earlier one; right
              when all constraints in force hold
follow-up     each answer builds on the one before; the stand-alone form gives the true state before the step

Each pattern has easy cases, which a very small model can mostly do in one turn, and hard ones:

              easy                                            hard
recollection  a word that every sentence needs; short facts   rules of form; facts on several people, told in one word
expansion     notes of a few lines                            records: look-ups, sums, the most, lists
refinement    a sentence: words are added or replaced         a list: separators, order, brackets, labels, capitals …
follow-up     counting on, adding, the other of two rooms     balances, weekdays, boxes, stops, directions, hours, letters

Measure: ``correct``, 0 or 1 a turn. Checks are tolerant in form (case, punctuation, number words) and exact in content.
Answers are words or numbers, found at word boundaries. In hard cases, which ask for the answer only, naming a wrong option
beside the right one is wrong; in easy ones whatever does not contradict may be said beside it (see `patterns_told`).

Difficulty: ``level`` (1 easy cases, 2 two easy ones for one hard one, 3 hard cases), ``turns`` (recollection, expansion,
follow-up), ``distance`` (facts), ``constraints`` (refinement, which has ``constraints`` + 1 turns). ``cases`` is their
number per pattern; more cases leave the earlier ones as they are. ``seed`` makes other cases of the same kind.

What theory says: turn t needs the turns ``ScriptedTurn.needs``. Somebody who works from what the user said (and, in
follow-up, from the last answer), is never wrong, and forgets all but the last k turns (this one included) is right at
turn t exactly when t - k < min(needs), and always right in the stand-alone form. (In refinement one may also edit one's
own previous answer; that needs only the turn before.)
"""

from __future__ import annotations

from collections.abc import Iterator

from ...conversation import Conversation, InputError
from ...conversation.roles import Cast
from ...judges.targets import Answer, fault
from ...measures.figures import standard
from ...measures.verdict import Verdict
from ...protocols.scripted import Scripted, ScriptedCase, ScriptedTurn, number_turns
from .patterns_expansion import document_case
from .patterns_facts import notes_case, told_case
from .patterns_followup import chain_case, easy_chain_case
from .patterns_recollection import facts_case, rule_case
from .patterns_refinement import list_case
from .patterns_sentences import sentence_case, word_rule_case
from .patterns_words import Draw

LIMITS = {"level": (1, 3), "cases": (1, 10_000), "turns": (2, 40), "distance": (1, 39), "constraints": (1, 20)}


class Patterns(Scripted):
    """Four patterns of conversation with exact answers (procedural, ours)."""

    slug = "patterns"
    title = "Patterns: four kinds of conversation, made from a seed, checked in code"
    licence = "Apache-2.0"
    params = {"seed": 1, "level": 2, "cases": 12, "turns": 8, "distance": 2, "constraints": 5}
    measures = ("correct",)
    figures = standard("correct")

    def cases(self) -> Iterator[ScriptedCase]:
        """One case of each pattern after the other, so that any prefix is balanced."""
        self._check()
        for index in range(self.options["cases"]):
            for group in ("recollection", "expansion", "refinement", "follow-up"):
                name = f"{group}-{index + 1}"
                turns = number_turns(self._turns(group, index, Draw(self.options["seed"], name)))
                yield ScriptedCase(id=name, group=group, turns=turns)

    def _turns(self, group: str, index: int, draw: Draw) -> list[ScriptedTurn]:
        level, turns, distance = self.options["level"], self.options["turns"], self.options["distance"]
        if level == 3 or (level == 2 and index % 3 == 2):
            return self._hard(group, index // 3 if level == 2 else index, draw)
        nth = index - index // 3 if level == 2 else index
        if group == "expansion":
            return notes_case(draw, turns)
        if group == "refinement":
            return sentence_case(draw, self.options["constraints"])
        if group == "follow-up":
            return easy_chain_case(draw, nth, turns)
        return word_rule_case(draw, turns) if nth % 2 else told_case(draw, turns, distance)

    def _hard(self, group: str, nth: int, draw: Draw) -> list[ScriptedTurn]:
        turns = self.options["turns"]
        if group == "expansion":
            return document_case(draw, nth, turns)
        if group == "refinement":
            return list_case(draw, self.options["constraints"])
        if group == "follow-up":
            return chain_case(draw, nth, turns)
        return facts_case(draw, turns, self.options["distance"]) if nth % 2 else rule_case(draw, nth // 2, turns)

    def _check(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= self.options[name] <= high:
                raise InputError(f"patterns?{name}={self.options[name]}: must be from {low} to {high}")
        if self.options["distance"] >= self.options["turns"]:
            distance = self.options["distance"]
            raise InputError(f"patterns?distance={distance}: needs turns={distance + 1} or more")

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        if not reply.strip():
            return [Verdict("correct", 0.0, reason="empty reply", failed=True)]
        wrong = fault(turn.target, reply) if isinstance(turn.target, Answer) else turn.target.fault(reply)
        return [Verdict("correct", float(not wrong), reason=wrong)]
