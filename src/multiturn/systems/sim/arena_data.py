"""SimulatorArena's files: recorded conversations of people with assistants, what was extracted about those people, and the
README's table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...conversation import Case, DataError

HOME = "https://raw.githubusercontent.com/microsoft/SimulatorArena/main/data"
FILES = {
    "math": ("math_tutoring_annotations_redacted_for_benchmarking.json",),
    "document": (
        "document_creation_annotations_for_benchmarking.json", "document_creation_annotations_for_benchmarking_trimmed.json",
    ),
}  # fmt: skip
"""The benchmarking subsets (a trimmed copy is read, too)."""
PROFILES = {
    "math": {"knowledge": "knowledge_state", "writing": "writing_style", "interaction": "interaction_style"},
    "document": {"knowledge": "preferences", "writing": "writing_style", "interaction": "interaction_style"},
}
ASSISTANTS = (
    "phi-3-small", "phi-3-medium", "llama-3-1-8b", "llama-3-1-70b", "mistral-large-latest", "gpt-4o-mini", "gpt-4-turbo",
    "claude-3-5-sonnet-20240620", "gpt-4o",
)  # fmt: skip
"""The nine assistants of the human study (mistral-large-2407 in the document task)."""
Task = Literal["math", "document"]
PARTS = ("knowledge", "writing", "interaction")


class ArenaCase(Case, frozen=True, kw_only=True):
    """What one person wanted, and who that person is. ``group``: the task.

    ``problem``: the mathematical problem, or what is to be written; ``kind``: its level, or the type of document; ``notes``:
    pre-writing questions and answers; ``answer``: the gold answer ("" in the document task); ``said``: the person's own
    messages; ``profile``: lines about the person for each of `PARTS` that is known.
    """

    task: Task
    problem: str
    kind: str
    answer: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()
    profile: dict[str, tuple[str, ...]] = {}


class Human(NamedTuple):
    """One recorded conversation and how the person judged it. ``correct``: "correct", "incorrect", "unknown", or "" in the
    document task; ``document``: the rating of the document, None in the math task."""

    id: str
    task: Task
    assistant: str
    kind: str
    worker: str
    queries: tuple[str, ...]
    replies: tuple[str, ...]
    rating: int
    correct: str = ""
    document: int | None = None
    first_problem: int = 0
    row: Mapping[str, Any] = {}

    @property
    def about_case(self) -> tuple[str, ...]:
        """The person's messages about the (first) problem."""
        return self.queries[: self.first_problem] if self.first_problem > 0 else self.queries


def read_humans(path: Path, task: Task) -> list[Human]:
    """All conversations of a released annotations file, in its order. Raises `DataError` naming the entry."""
    rows = _json(path)
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of conversations")
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(_human(row, task))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, entry {number}: {type(error).__name__}: {error}") from None
    return found


def _human(row: Mapping[str, Any], task: Task) -> Human:
    queries, replies = (tuple(map(_text, row[name])) for name in ("user_queries", "ai_responses"))
    if not queries:
        raise ValueError("a conversation without user_queries")
    if task == "document":
        kind, intent = str(row["document_type"]), str(row["intent"])
        return Human(f"{kind}/{intent.partition(':')[0]}/{row['workerId']}", task, str(row["model"]), kind, str(row["workerId"]),
                     queries, replies, int(row["overall_interaction_rating"]), document=int(row["overall_document_rating"]),
                     row=row)  # fmt: skip
    return Human(f"math/{row['problem_id']}/{row['user_id']}", task, str(row["model"]), str(row["level"]), str(row["workerId"]),
                 queries, replies, int(row["overall_rating"]), str(row["problem_1_correctness"]),
                 first_problem=int(row["problem_1_turns"]), row=row)  # fmt: skip


def _text(message: Any) -> str:
    """A message; one that was an uploaded picture (a list of paths in the files) is only named."""
    return message if isinstance(message, str) else "[picture]"


def key_of(human: Human) -> str:
    """The key of a conversation in the files of profiles."""
    row = human.row
    if human.task == "math":
        return repr((row["problem_id"], row["user_id"], row["model"]))
    return f"{row['model']}_{row['workerId']}_{row['document_type']}_{row['intent']}"


# -- who the person is ----------------------------------------------------------------------------------------------------
_EXPERTISE = {"9-12": "school, grades 9 to 12", "undergrad": "undergraduate", "grad": "graduate"}


def profile_lines(part: str, entry: Any) -> tuple[str, ...]:
    """The lines of one part of a person's profile, from its entry in a released file."""
    if part == "knowledge" and isinstance(entry, dict):
        concepts = [(c["Concept Name"], c["Status"]) for c in entry.get("concepts", ()) if isinstance(c, dict)]
        return tuple(f"{name}: {status}" for name, status in concepts if status != "Not introduced")
    out = []
    for feature in entry if isinstance(entry, list) else ():
        for kind in ("Feature", "Preference"):
            if f"{kind} Name" in feature:
                out.append(f"{feature[f'{kind} Name']}: {feature[f'{kind} Question Answer']}")
    return tuple(out)


def known(human: Human) -> tuple[str, ...]:
    """What a person of the math task said about themselves before the talk."""
    expertise = str(human.row.get("math_expertise") or "")
    why = str(human.row.get("why_ask_tutor") or "")
    lines = (f"education: {_EXPERTISE.get(expertise, expertise)}" if expertise else "", f"why a tutor: {why}" if why else "")
    return tuple(line for line in lines if line)


def document_notes(human: Human) -> tuple[tuple[str, str], ...]:
    """Pre-writing questions with the person's answers, unanswered ones left out."""
    asked, answered = (human.row.get(name) or () for name in ("bullet_points", "bullet_points_responses"))
    return tuple((str(q), str(a)) for q, a in zip(asked, answered, strict=False) if str(a).strip())


def length_range(said: Sequence[str]) -> str:
    """How long the person's messages are: from the shortest to the longest, in words, rounded outwards to fives."""
    counts = [len(text.split()) for text in said] or [0]
    return f"between {min(counts) // 5 * 5} and {-(-max(counts) // 5) * 5} words"


# -- problems of MATH -----------------------------------------------------------------------------------------------------
def boxed(solution: str) -> str:
    """What stands in the last ``\\boxed{…}`` of a solution, braces balanced; "" when there is none."""
    at = solution.rfind("\\boxed{")
    depth = 0
    for i in range(at + 6, len(solution) if at >= 0 else 0):
        depth += {"{": 1, "}": -1}.get(solution[i], 0)
        if not depth:
            return solution[at + 7 : i].strip()
    return ""


def read_problem(path: Path) -> tuple[str, str]:
    """A problem of MATH (Hendrycks et al. 2021) and its final answer, the last boxed expression of its solution."""
    row = _json(path)
    try:
        problem, answer = row["problem"], boxed(row["solution"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: not a problem of MATH ({error})") from None
    if not problem or not answer:
        raise DataError(f"{path}: a problem without a boxed answer")
    return problem, answer


# -- other files ----------------------------------------------------------------------------------------------------------
class Assistant(NamedTuple):
    """A row of the README's table: mean turns and rating (1 to 10) of both tasks, % correct, and the document's rating."""

    model: str
    math_turns: float
    math_interaction: float
    math_correct_pct: float
    doc_turns: float
    doc_interaction: float
    doc_rating: float


def read_assistants(path: Path) -> list[Assistant]:
    """The README's table as CSV, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return [
                Assistant(row["model"], *(float(row[name]) for name in Assistant._fields[1:])) for row in csv.DictReader(file)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: expected the columns {', '.join(Assistant._fields)} ({error})") from None


def read_profiles(path: Path) -> dict[str, Any]:
    """A released file of profiles: what was extracted, by the key of the conversation."""
    found = _json(path)
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected an object with a profile a conversation")
    return found


class Outcome(NamedTuple):
    """What a simulator's run gave for one cell: rating 1 to 10 and whether the answer was right (None: could not be read)."""

    assistant: str
    item: str
    annotator: str
    rating: float | None
    correct: bool | None
    turns: int | None


def read_outcomes(path: Path) -> Iterator[Outcome]:
    """A result file of the released scripts: assistant -> problem (or document type -> intent) -> annotator -> result."""
    tree = _json(path)
    yield from _walk(tree.get("evaluations", tree) if isinstance(tree, dict) else None, (), path)


def _walk(node: Any, keys: tuple[str, ...], path: Path) -> Iterator[Outcome]:
    if not isinstance(node, dict) or len(keys) > 4:
        raise DataError(f"{path}: expected assistant -> item -> annotator -> result")
    if len(keys) >= 3 and ("extracted_rating" in node or "correctness" in node):
        rating, correct, turns = node.get("extracted_rating"), node.get("correctness"), node.get("ending_turn_number")
        yield Outcome(
            keys[0], "/".join(keys[1:-1]), keys[-1],
            min(float(rating), 10.0) if isinstance(rating, int | float) and not isinstance(rating, bool) else None,
            str(correct).strip().lower() == "correct" if correct in ("Correct", "Incorrect", "correct", "incorrect") else None,
            turns if isinstance(turns, int) and not isinstance(turns, bool) else None,
        )  # fmt: skip
        return
    for key, value in node.items():
        yield from _walk(value, (*keys, str(key)), path)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}") from None
