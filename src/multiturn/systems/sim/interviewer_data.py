"""LLM-as-an-Interviewer's files: DepthQA questions, recorded sessions and their figures; and questions of our own."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...conversation import Case, DataError
from ...protocols.benchmark import Data
from ...protocols.interview import solved_within

SLUG = "llm-as-interviewer"
SOURCES = ("auto", "bundled", "released")
HOME = "https://raw.githubusercontent.com/interview-eval/interview-eval/main/experiments/stem"
FILE = "depthqa_samples.jsonl"
LEVELS = {1: "factual", 2: "procedural", 3: "strategic"}
_LONGEST = 1_000_000


class InterviewCase(Case, frozen=True, kw_only=True):
    """A question with its reference. ``facts``: the reference in numbered pieces (kind "stem")."""

    kind: Literal["math", "stem"]
    question: str
    reference: str
    facts: tuple[str, ...] = ()


def facts_of(reference: str) -> tuple[str, ...]:
    """A reference as its sentences and lines: what recall is counted over."""
    pieces = re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+", reference)
    return tuple(p.strip() for p in pieces if sum(c.isalpha() for c in p) >= 3)


def read_depthqa(path: Path) -> Iterator[InterviewCase]:
    """DepthQA nodes, in the order of the file (a line maps trees to their nodes). Raises `DataError` naming the line."""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            for tree, nodes in json.loads(line).items():
                for node in nodes:
                    reference = str(node["solution"])
                    yield InterviewCase(
                        id=f"{tree}-{node['nodeid']}", cluster=f"tree-{tree}", group=LEVELS[node["level"]], kind="stem",
                        question=str(node["question"]), reference=reference, facts=facts_of(reference),
                    )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, line {number}: not DepthQA nodes ({type(error).__name__}: {error})") from None


def stem(data: Data | None, source: str) -> Iterable[InterviewCase]:
    """DepthQA's questions: "released" (fetched if need be), "auto" (where they are there), else questions of ours."""
    if source == "bundled" or data is None:
        return sample_stem()
    try:
        return read_depthqa(data.path(SLUG, FILE, f"{HOME}/{FILE}" if source == "released" else ""))
    except DataError:
        if source == "released":
            raise
        return sample_stem()


# -- recorded sessions ----------------------------------------------------------------------------------------------------
class Session(NamedTuple):
    """One recorded row."""

    states: tuple[str, ...]
    follow_ups: tuple[float, ...]
    errors: tuple[str, ...]

    @property
    def solved(self) -> bool:
        return solved_within(self.states)


class Accuracies(NamedTuple):
    """Shares of sessions solved at the first attempt, within two, and at all."""

    at_1: float
    at_2: float
    at_last: float


def read_sessions(path: Path) -> list[Session]:
    """The rows of a recorded csv. Cells are Python literals; they are read as such and never evaluated."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for number, row in enumerate(rows, 1):
        states, follow_ups, errors = (
            _list(row, name, path, number) for name in ("state_flow", "correctness_followup", "error_type")
        )
        try:
            found.append(Session(tuple(map(str, states)), tuple(map(float, follow_ups)), tuple(map(str, errors))))
        except (TypeError, ValueError):
            raise DataError(f"{path}, row {number}: correctness_followup must be numbers") from None
    return found


def _list(row: dict[str, str], name: str, path: Path, number: int) -> list[Any]:
    text = row.get(name)
    try:
        if text is None or len(text) > _LONGEST:
            raise ValueError
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise DataError(f"{path}, row {number}: {name} is not a list")
    return value


def accuracies(sessions: Sequence[Session]) -> Accuracies:
    """Acc@1, Acc@2 and Acc@final over rows (at least one)."""
    return Accuracies(*(sum(solved_within(s.states, n) for s in sessions) / len(sessions) for n in (1, 2, None)))


def follow_up_accuracy(sessions: Sequence[Session], solved: bool) -> float | None:
    """Share of the rows with this main result whose best follow-up is complete (none asked = 0); None without such rows."""
    rows = [s for s in sessions if s.solved is solved]
    return sum(max(s.follow_ups, default=0) >= 1 for s in rows) / len(rows) if rows else None


def error_shares(sessions: Sequence[Session]) -> dict[str, float]:
    """Kinds of errors of all attempts, as shares."""
    counts = Counter(error for s in sessions for error in s.errors if error)
    return {error: n / counts.total() for error, n in counts.most_common()}


# -- ours -----------------------------------------------------------------------------------------------------------------
_MATH = (
    ("A tank holds 240 litres and loses 5 % of what is in it each hour. How many litres are left after two hours?",
     "After the first hour 240 * 0.95 = 228 litres are left. After the second 228 * 0.95 = 216.6 litres. The answer is 216.6."),
    ("Three numbers in a row, each 4 more than the one before, add up to 81. What is the largest?",
     "Let the middle one be m. The sum is (m - 4) + m + (m + 4) = 3m = 81, so m = 27. The largest is m + 4 = 31."),
    ("How many ways are there to seat Ana, Bo, Cy and Di in a row if Ana and Bo must not sit side by side?",
     "There are 4! = 24 orders. As one block Ana and Bo give 2 * 3! = 12 orders. So 24 - 12 = 12 ways."),
)  # fmt: skip
_STEM = (
    ("factual", "What is the boiling point of a liquid?",
     "The boiling point is the temperature at which the vapour pressure of a liquid equals the pressure around it. It falls when "
     "that pressure falls."),
    ("procedural", "How would you find out whether a sample of water is hard?",
     "Shake equal amounts of the sample and of distilled water with the same drops of soap solution. Hard water gives little "
     "lather and a scum. The more soap it takes to get a lasting lather, the harder the water."),
    ("strategic", "Why does pasta take longer to cook on a high mountain, and what can be done about it?",
     "The air pressure is lower on a mountain. So water boils at a lower temperature and the pasta cooks more slowly. A pressure "
     "cooker raises the pressure, and with it the boiling point."),
)  # fmt: skip


def sample_math() -> Iterator[InterviewCase]:
    """Problems of ours, in place of the MATH seeds."""
    for number, (question, solution) in enumerate(_MATH, 1):
        yield InterviewCase(id=f"math-{number}", group="math", kind="math", question=question, reference=solution)


def sample_stem() -> Iterator[InterviewCase]:
    """Questions of ours, in place of DepthQA."""
    for number, (group, question, reference) in enumerate(_STEM, 1):
        yield InterviewCase(
            id=f"stem-{number}", group=group, kind="stem", question=question, reference=reference, facts=facts_of(reference)
        )
