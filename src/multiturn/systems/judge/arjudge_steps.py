"""The steps of arjudge: questions about an instruction, an answer to each in words or in code, and the last word."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from ...conversation import Cast
from ...judges.ask import quoted
from ...judges.items import PairItem
from ...judges.numbered import numbers, responses
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable
from ...judges.questions import shown
from ...worlds.sandbox import run_python

GENERAL = "Does the response do what the instruction asks, honestly, precisely and closely?"
"""Appended to every list of questions."""
MOST = 6
SECONDS, MEGABYTES = 5.0, 512
"""For one check, which sees both responses."""
_QUESTION = re.compile(r"^[ \t*]{0,6}\d{1,2}[.)][ \t*]{1,6}(\S.{0,299})", re.M)
_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n")
_VERDICT = re.compile(r"response ([12]) is better", re.I)
_LONG = 4_000


# -- the questions to the judge -----------------------------------------------------------------------------------------
def criteria_question(item: PairItem) -> str:
    """The instruction alone: no response may sway what is asked of them."""
    return "\n\n".join((
        "Responses to the instruction below will be compared. Which questions should be asked about each of them?",
        shown(item),
        f"Write three to {MOST} questions that fit this very instruction, its explicit demands (length, format, content) first. "
        "Number them, one a line, and write nothing else:\n1. <question>",
    ))  # fmt: skip


def analysis_question(item: PairItem, question: str, *, code: bool) -> str:
    """One question about both responses. ``code``: the judge may answer it with a check in Python."""
    by_code = (
        "If it can be measured (a length, a count, a format, words that must or must not occur), begin with `Code:` and write a "
        "Python function evaluate(response) in a fenced block, with the standard library only, that prints what it finds in the "
        "response it is given; it will be run on both. Otherwise begin"
    )
    return "\n\n".join((
        "Look at two responses with one question in mind.",
        responses(item),
        quoted("question", question),
        f"{by_code if code else 'Begin'} with `Analysis:` and say how each response stands. Do not decide which is better.",
    ))  # fmt: skip


def refine_question(item: PairItem, analyses: Sequence[str]) -> str:
    """All analyses, and the decision."""
    numbered = "\n\n".join(quoted(f"analysis-{n}", text) for n, text in enumerate(analyses, 1)) or "(There are no analyses.)"
    return "\n\n".join((
        "Say which of two responses follows the instruction better. What counts first is whether it does exactly what was asked, "
        "no more and no less; then whether it is right and helpful. Length, tone, style and order do not count.",
        responses(item),
        "Analyses by another judge, which may be wrong or incomplete, and the output of its checks:",
        numbered,
        "Say what holds in these analyses and what does not, add what they miss, then decide; there are no ties. End with "
        "exactly this sentence, k being 1 or 2: Therefore, Response k is better.",
    ))  # fmt: skip


# -- reading ------------------------------------------------------------------------------------------------------------
def questions(text: str) -> Outcome[tuple[str, ...]]:
    """The numbered questions, at most six, each once."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    found = tuple(dict.fromkeys(m[1].strip(" *") for m in _QUESTION.finditer(text)))[:MOST]
    return Parsed(found) if found else Unparsable("no numbered question")


class Analysis(NamedTuple):
    """A judge's answer to a question: words, or the source of a check."""

    text: str
    code: bool


def analysis(text: str, *, code: bool) -> Outcome[Analysis]:
    """A check when the reply holds a fenced function ``evaluate`` (cut at an example of its use), else the words."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    if code and (fence := _FENCE.search(text)):
        source = text[fence.end() :].partition("```")[0].partition("# Example")[0]
        if "def evaluate(" in source:
            return Parsed(Analysis(source, True))
    words = text.strip()
    if not words or words.lower().startswith("code:"):
        return Unparsable("neither an analysis nor a function evaluate(response)")
    return Parsed(Analysis(words[:_LONG], False))


def better(text: str) -> Outcome[int]:
    """1 or 2 from the last "response k is better"."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    said = _VERDICT.findall(text)
    return Parsed(int(said[-1]), text.strip()[:2000]) if said else Unparsable("no closing sentence")


# -- running a check ----------------------------------------------------------------------------------------------------
_DRIVER = """
import contextlib, io, json, sys
texts, found = json.load(open("responses.json")), []
code = compile(open("check.py").read(), "check.py", "exec")
for text in texts:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        space = {"__name__": "check"}
        exec(code, space)
        returned = space["evaluate"](text)
    printed = said.getvalue().strip()
    found.append((printed or repr(returned))[:2000])
sys.stdout.write("\\n" + json.dumps(found) + "\\n")
"""


async def checked(cast: Cast, name: str, source: str, item: PairItem) -> str:
    """What a check prints about both responses, "" when it failed. Runs in the sandbox, once: the result is recorded.

    Raises `SandboxUnavailable` where there is no sandbox.
    """
    found = await cast.record(f"check {name}", lambda: run_check(source, item.answers))
    if not isinstance(found, list):
        return ""
    called = zip(numbers(item), found, strict=True)
    return "\n".join(f"The check says of response {n}:\n{said}" for n, said in sorted(called))


async def run_check(source: str, answers: Sequence[str]) -> list[str] | None:
    """What ``evaluate`` prints (or, when it prints nothing, returns) for each answer; None when it failed or was stopped."""
    files = {"check.py": source, "responses.json": json.dumps(list(answers))}
    done = await run_python(_DRIVER, timeout=SECONDS, memory_mb=MEGABYTES, files=files)
    if not done.ok:
        return None
    try:
        found = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:  # it wrote past its own output
        return None
    right = isinstance(found, list) and len(found) == len(answers) and all(isinstance(text, str) for text in found)
    return [text[:2000] for text in found] if right else None
