"""MT-Eval's dialogues, rebuilt from its raw files with its seeds: same documents, questions, orders, ids.

The wording of what the authors' code adds to the data (how to classify, how a rule is stated) is ours; the stored
answers and all questions are theirs. Every scored turn has an ``item`` that is the same in every setting.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from msgspec import Struct

from ...judges.instructions.mt_eval_rules import RULES
from ...protocols.scripted import ScriptedTurn, number_turns
from .listed import ListedCase
from .mt_eval_raw import Distracted, Document, Extended, Files, Question, RawTurn, Session

SEED, RULE_SEED = 111, 11
TOPICS = ("ethics", "sports", "music", "art", "science", "literature", "economics", "medicine", "food", "technology",
          "history", "travel", "education")  # fmt: skip
TASKS = ("sum", "qa", "ner", "rewrite")
CONTEXTS = ("gold", "dgc", "sgc", "rc")
DISTANCES = (1, 3, 6)

_LABELS = "\n".join(TOPICS)
CLASSIFY = (
    "I am going to show you documents, one in each message. Every document is about exactly one of these topics:\n"
    f"{_LABELS}\n\nFor each document, answer with the name of its topic and with nothing else. Say OK if that is clear."
)
CLASSIFY_ALONE = (
    f"The document below is about exactly one of these topics:\n{_LABELS}\n\n"
    "Answer with the name of its topic and with nothing else.\n\nDocument: {document}\n\nTopic:"
)
CLASSIFY_TASK = f"Which one of these topics is the content about: {', '.join(TOPICS)}? Answer with the topic and nothing else."
SHORT = "Keep each answer under 200 words."
HOLD = "Please read this content. I will ask you about it later; for now, only say OK."


# What the judge of a turn needs to know.
class Label(Struct, frozen=True, tag=True):
    topic: str


class Standing(Struct, frozen=True, tag=True):
    rule: str
    args: dict[str, Any]


class Task(Struct, frozen=True, tag=True):
    """One task about a document (expansion)."""

    document: str
    instruction: str


class Constraints(Struct, frozen=True, tag=True):
    """All instructions so far of the current task (refinement); ``merged``: the stand-alone instruction that has them all."""

    document: str
    given: tuple[str, ...]
    merged: str = ""


class FollowUp(Struct, frozen=True, tag=True):
    """The turn before, with its stored answer."""

    question: str
    answer: str


class MTCase(ListedCase, frozen=True, kw_only=True):
    """``first``: document and task that open a refinement dialogue."""

    first: str = ""


def _case(group: str, name: object, turns: Iterable[ScriptedTurn], system: str, cluster: str = "", first: str = "") -> MTCase:
    return MTCase(id=f"{group}/{name}", group=group, cluster=cluster, turns=number_turns(turns), system=system, first=first)


def _intro(text: str, reply: str) -> ScriptedTurn:
    return ScriptedTurn(user=text, gold=reply, scored=False)


# -- recollection -----------------------------------------------------------------------------------------------------
def classification(documents: Sequence[Document], system: str, intro: str = CLASSIFY) -> list[MTCase]:
    """10 dialogues of 10 documents each: all documents shuffled once, cut into tens."""
    order = list(range(1, len(documents) + 1))
    random.Random(SEED).shuffle(order)
    cases: list[MTCase] = []
    for session in range(len(order) // 10):
        turns = [_classify(i, documents[i - 1], documents[i - 1].excerpt) for i in order[session * 10 : session * 10 + 10]]
        cases.append(_case("recollection-cls", session + 1, [_intro(intro, "OK"), *turns], system))
    return cases


def _classify(number: int, document: Document, text: str) -> ScriptedTurn:
    return ScriptedTurn(user=text, gold=document.topic, single=CLASSIFY_ALONE.format(document=text),
                        item=f"recollection-cls/{number}", needs=(1,), target=Label(document.topic))  # fmt: skip


def standing_rules(questions: Sequence[Question], system: str) -> list[MTCase]:
    """14 rules x 2 dialogues x 10 questions, drawn for each rule without replacement."""
    suited: dict[str, list[Question]] = {}
    for question in questions:
        for name in question.instructions:
            if name in RULES:
                suited.setdefault(name, []).append(question)
    draw, draw_rule = random.Random(SEED), random.Random(RULE_SEED)
    cases: list[MTCase] = []
    for number, (name, pool) in enumerate(suited.items(), 1):
        for _ in range(2):
            args = RULES[name].draw(draw_rule)
            intro = f"{RULES[name].describe(args)} {SHORT}"
            session = len(cases) + 1
            turns = [_intro(intro, "ok.")]
            for _ in range(10):
                question = pool.pop(pool.index(draw.choice(pool)))
                turns.append(ScriptedTurn(user=question.query, single=f"{intro}\n\nQuestion: {question.query}", needs=(1,),
                                          item=f"recollection-global-inst/{session}_{number}-{question.id}",
                                          target=Standing(name, args)))  # fmt: skip
            cases.append(_case("recollection-global-inst", session, turns, system))
    return cases


def contexts(documents: Sequence[Document], kind: str, system: str, intro: str = CLASSIFY) -> list[MTCase]:
    """The classification-context dialogues of one kind: 50 with 4 and 50 with 9 labelled documents, then one to classify.

    gold: random documents, true labels; dgc: none of the scored document's topic; sgc: all of one topic; rc: gold's
    documents with wrong labels. Documents are drawn with replacement. Item and label are those of `classification`.
    """
    seeds = random.Random(SEED)
    chance = [random.Random(seeds.randint(1, 10000)) for _ in range(10)]
    numbers = list(range(1, len(documents) + 1))
    topic = {i: documents[i - 1].topic for i in numbers}
    by_topic: dict[str, list[int]] = {}
    for i in numbers:
        by_topic.setdefault(topic[i], []).append(i)
    cases: list[MTCase] = []
    for size in (4, 9):
        large = [name for name, members in by_topic.items() if len(members) > size]
        for session in range(1, 51):
            scored = seeds.choice(numbers)
            gold = chance[0].choices([i for i in numbers if i != scored], k=size)
            dgc = chance[2].choices([i for i in numbers if topic[i] != topic[scored]], k=size)
            sgc = chance[1].choices(by_topic[chance[1].choice(large)], k=size)
            wrong = dict(topic)
            for i in gold:  # a document that occurs twice has one label, drawn twice
                wrong[i] = chance[3].choice([t for t in TOPICS if t != wrong[i]])
            context = {"gold": gold, "rc": gold, "dgc": dgc, "sgc": sgc}[kind]
            label = wrong if kind == "rc" else topic
            turns = [_intro(intro, "OK"), *(_intro(_lines(documents[i - 1]), label[i]) for i in context)]
            turns.append(_classify(scored, documents[scored - 1], _lines(documents[scored - 1])))
            cases.append(_case("recollection-cls", f"context-{kind}/{size}/{session}_{scored}", turns, system))
    return cases


def _lines(document: Document) -> str:
    return "\n".join(document.text.split("\n\n")[:-3])


# -- expansion, refinement --------------------------------------------------------------------------------------------
def by_document(rows: Sequence[Session]) -> dict[int, dict[str, list[RawTurn]]]:
    """The sessions of refinement_multi_inst.jsonl: document -> task -> steps, in the order of the file."""
    found: dict[int, dict[str, list[RawTurn]]] = {}
    for row in rows:
        document, task, _ = row[0].place
        found.setdefault(document, {})[task] = row
    return found


def expansion(rows: Sequence[Session], documents: Sequence[Document], system: str) -> list[MTCase]:
    """10 documents x 7 tasks, shuffled for each document; the document stands in the first turn only."""
    chance = random.Random(SEED)
    cases: list[MTCase] = []
    for number, sessions in by_document(rows).items():
        tasks = {task: steps[0] for task, steps in sessions.items() if task not in ("qa", "short-qa")}
        tasks["qa"] = sessions["short-qa"][0]
        head = tasks["qa"].user.partition("Instruction")[0]
        tasks["cls"] = RawTurn(f"{head}Instruction: {CLASSIFY_TASK}", documents[number - 1].topic, f"{number}_cls_1")
        order = [task for task in tasks if task != "rewrite"]
        chance.shuffle(order)
        turns = [
            ScriptedTurn(user=raw.instruction if i else raw.user, gold=raw.sys, single=raw.user, item=f"expansion/{raw.id}",
                         needs=(1,) if i else (), target=Task(documents[number - 1].text, raw.instruction))
            for i, raw in enumerate(tasks[task] for task in order)
        ]  # fmt: skip
        cases.append(_case("expansion", number, turns, system, cluster=f"document-{number}"))
    return cases


def refinement(rows: Sequence[Session], alone: Sequence[Session], documents: Sequence[Document],
               system: str) -> list[MTCase]:  # fmt: skip
    """10 documents x 4 dialogues of two tasks x 6 steps; the tasks are shuffled for each document and paired cyclically."""
    merged: dict[tuple[int, str, int], str] = {}
    for row in alone:
        number, task, step = row[0].place
        merged[number, task, step + 1] = row[0].user  # the first step has no constraints yet, hence no prompt of its own
    chance = random.Random(SEED)
    cases: list[MTCase] = []
    for number, sessions in by_document(rows).items():
        text = documents[number - 1].text
        order = [task for task in sessions if task in TASKS]
        chance.shuffle(order)
        for i, task in enumerate(order):
            turns: list[ScriptedTurn] = []
            for each in (task, order[(i + 1) % len(order)]):
                steps, start = sessions[each], len(turns) + 1
                for step, raw in enumerate(steps, 1):
                    whole = merged.get((number, each, step), "")
                    target = Constraints(text, tuple(s.instruction for s in steps[:step]), whole)
                    turns.append(ScriptedTurn(
                        user=raw.instruction if step == 1 and turns else raw.user, gold=raw.sys, target=target,
                        single=f"Content: {text}\n\nInstruction: {whole}" if whole else None, item=f"refinement/{raw.id}",
                        needs=tuple(sorted({1, *range(start, start + step - 1)} - {start + step - 1}))))  # fmt: skip
            name = f"{len(cases) + 1}_{task}_{order[(i + 1) % len(order)]}"
            cases.append(_case("refinement", name, turns, system, f"document-{number}", first=f"{number}_{task}"))
    return cases


def irrelevant(files: Sequence[Distracted], rows: Sequence[Session], documents: Sequence[Document], where: str,
               system: str) -> dict[tuple[str, int], MTCase]:  # fmt: skip
    """Refinement of one task with n unrelated turns, by (document_task, n). front: before the document (the file as it
    is). between: the document first, then the same unrelated turns, then the questions (built by us: that file is not
    released)."""
    sessions, found = by_document(rows), {}
    for row in files:
        chatter = [_intro(turn.user, turn.sys) for turn in row.conv[: row.n_distracts]]
        asked = row.conv[row.n_distracts :]
        number, task, _ = asked[0].place
        text = documents[number - 1].text
        steps = asked if where == "front" else sessions[number][task]
        first = len(chatter) + 1 if where == "front" else len(chatter) + 2
        turns: list[ScriptedTurn] = []
        for i, raw in enumerate(steps):
            needs = {first if where == "front" else 1, *range(first, first + i)} - {first + i}
            turns.append(ScriptedTurn(user=raw.instruction if where == "between" else raw.user, gold=raw.sys,
                                      item=f"refinement/{raw.id}", needs=tuple(sorted(needs)),
                                      target=Constraints(text, tuple(s.instruction for s in steps[: i + 1]))))  # fmt: skip
        opening = chatter if where == "front" else [_intro(f"{HOLD}\n\nContent: {text}", "OK"), *chatter]
        place = f"{number}_{task}"
        found[place, row.n_distracts] = _case("refinement", f"{where}-{row.n_distracts}/{place}", [*opening, *turns], system,
                                              cluster=f"document-{number}")  # fmt: skip
    return found


# -- follow-up --------------------------------------------------------------------------------------------------------
def follow_up(rows: Sequence[Extended], alone: dict[str, str], system: str) -> list[MTCase]:
    """80 MT-Bench questions: two stored turns, then three that are scored. ``alone``: stand-alone prompts by id, if any."""
    cases: list[MTCase] = []
    for row in rows:
        turns: list[ScriptedTurn] = []
        for i, raw in enumerate(row.conversation):
            before = row.conversation[i - 1]
            turns.append(ScriptedTurn(user=raw.user, gold=raw.sys, scored=i >= 2, item=f"follow-up/{row.question_id}#{i + 1}",
                                      single=alone.get(f"{row.question_id}#{i + 1}"), needs=(i,) if i else (),
                                      target=FollowUp(before.user, before.sys) if i else None))  # fmt: skip
        cases.append(_case("follow-up", row.question_id, turns, system))
    return cases


def dialogues(files: Files, system: str, intro: str) -> dict[str, list[MTCase]]:
    """All dialogues by task."""
    return {
        "recollection-cls": classification(files.documents, system, intro),
        "recollection-global-inst": standing_rules(files.questions, system),
        "expansion": expansion(files.sessions, files.documents, system),
        "refinement": refinement(files.sessions, files.stand_alone, files.documents, system),
        "follow-up": follow_up(files.extended, files.follow_up_alone, system),
    }


def in_turn(tasks: Mapping[str, Sequence[MTCase]]) -> Iterator[MTCase]:
    """The five tasks in turn, and first one dialogue of each document and rule: a run that is limited still covers them."""
    siblings = {"recollection-global-inst": 2, "refinement": 4}
    ordered = [[case for i in range(siblings.get(task, 1)) for case in cases[i :: siblings.get(task, 1)]]
               for task, cases in tasks.items()]  # fmt: skip
    for row in zip_longest(*ordered):
        yield from (case for case in row if case is not None)
