"""KUMO's released files: domains, tasks, knowledge books, the oracle's actions, and the outcomes of released runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ...conversation import DataError
from ...measures.verdict import Row, Table
from ...protocols.benchmark import Data, Published
from ...worlds.kumo import Domain, Outcome, Outcomes, Task, read_domain, read_tasks

T = TypeVar("T")
HOME = "https://raw.githubusercontent.com/linhaowei1/kumo/76867decfa39b402fa1fc44fa4eddc572a779a8a/env/"
CORE = ("Chemical", "Education", "Fantasy", "Medical", "Music")
SIZES = {"easy": (4, 6), "hard": (12, 16)}


class Files:
    """One domain's files, under the names of the sample (``MusicEnv.T4A6.tasks.jsonl``) or of the repository
    (``MusicEnv/truth_num=4+action_num=6+valid_truth_num=1.jsonl``, ``data/music_data.py``)."""

    def __init__(self, data: Data, domain: str) -> None:
        self.data, self.name = data, domain

    def _first(self, names: Sequence[str], home: str = "") -> Path:
        for name in names[:-1]:
            try:
                return self.data.path("kumo", name)
            except DataError:
                continue
        return self.data.path("kumo", names[-1], home)

    def domain(self) -> Domain:
        module = f"data/{self.name.lower()}_data.py"
        path = self._first([f"{self.name}Env.mapping.json", module], HOME + module)
        return read_domain(path.read_bytes(), path.name) if path.suffix == ".json" else from_module(path)

    def tasks(self, size: str, domain: Domain) -> list[Task]:
        n, m = SIZES[size]
        name = f"{self.name}Env/truth_num={n}+action_num={m}+valid_truth_num=1.jsonl"
        path = self._first([f"{self.name}Env.T{n}A{m}.tasks.jsonl", name], HOME + name.replace("+", "%2B"))
        return read_tasks(path.read_bytes(), path.name, domain.outcomes)

    def books(self, size: str) -> dict[int, str]:
        """Knowledge books by seed, as far as they are here."""
        n, m = SIZES[size]
        found = {}
        for name in (f"{self.name}Env.T{n}A{m}.books.first5.json", f"{self.name}Env.T{n}A{m}.books.json"):
            for key, text in _optional(self.data, name, dict[str, str], {}).items():
                found[int(key)] = text
        for seed in set(range(50)) - set(found):
            name = f"{self.name}Env/knowledge_book/truth_num={n}+action_num={m}+valid_truth_num=1/seed={seed}.txt"
            try:
                found[seed] = self.data.path("kumo", name).read_text(encoding="utf-8")
            except (DataError, UnicodeDecodeError):
                break
        return found

    def oracle(self, size: str) -> dict[int, int]:
        """Steps of the released search on each task, its prediction included, by seed."""
        n, m = SIZES[size]
        rows = _optional(self.data, f"{self.name}Env.T{n}A{m}.oracle.json", list[_Searched], [])
        return {row.seed: len(row.actions) for row in rows}


class _Searched(msgspec.Struct):
    seed: int
    actions: list[str]


def _optional(data: Data, name: str, kind: type[T], default: T) -> T:
    try:
        return msgspec.json.decode(data.path("kumo", name).read_bytes(), type=kind)
    except DataError:
        return default
    except msgspec.MsgspecError as error:
        raise DataError(f"{name}: {error}") from None


def from_module(path: Path) -> Domain:
    """A domain from the repository's Python file: three literals, which are read and never run."""
    found = {}
    try:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id.lower()] = ast.literal_eval(node.value)
        outcomes = {
            action: Outcomes(
                table["type"],
                tuple(Outcome(state if isinstance(state, str) else (float(state[0]), float(state[1])), tuple(sorted(out)))
                      for state, out in table["states"].items()),
            )
            for action, table in found["outcomes"].items()
        }  # fmt: skip
        return Domain(tuple(found["truths"]), tuple(found["actions"]), outcomes)
    except (SyntaxError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DataError(f"{path}: not a domain file of KUMO ({type(error).__name__}: {error})") from None


def replay(results: Mapping[str, Mapping[str, Sequence[Sequence[Any]]]],
           oracle: Mapping[str, Mapping[int, int]] | None = None) -> dict[str, Table]:  # fmt: skip
    """Released outcomes as tables of verdicts, one a model (by its short name), for the same figures as a new run.

    ``results``: model -> "MusicEnv.T4A6" -> [seed, then [steps, success, parse error] of each of five episodes];
    ``oracle``: the same key -> seed -> steps of the oracle, where they are known.
    """
    sizes = {f"T{n}A{m}": size for size, (n, m) in SIZES.items()}
    found = {}
    for model, files in results.items():
        rows: list[Row] = []
        for key, tasks in files.items():
            domain, _, size = key.partition(".")
            for seed, *episodes in tasks:
                case, best = f"{domain}-{size}-{seed}", (oracle or {}).get(key, {}).get(seed)
                for repeat, (steps, success, error) in enumerate(episodes):
                    values = {"success": float(success), "parse_error": float(error)}
                    if success:
                        values["steps"] = float(steps)
                        if best:
                            values["relative"] = (steps - best) / best
                    rows += [Row(case, case, "multi", repeat, sizes[size], 0, "", m, v, 0, "") for m, v in values.items()]
        found[model.replace("-instruct", "").removesuffix("-it")] = Table.of(rows)
    return found


_TABLE = {
    "deepseek-v3": (0.893, 0.550), "o1-mini": (0.878, 0.630), "deepseek-r1": (0.871, 0.611),
    "claude-3.5-sonnet": (0.826, 0.440), "gemini-2.0-flash-exp": (0.794, 0.505), "mistral-large-2411": (0.788, 0.414),
    "qwen2.5-32b": (0.788, 0.439), "gpt-4o": (0.786, 0.450), "qwen2.5-72b": (0.758, 0.401), "qwen2.5-14b": (0.756, 0.382),
    "deepseek-v2.5": (0.750, 0.431), "claude-3.5-haiku": (0.734, 0.359), "gpt-4o-mini": (0.724, 0.310),
    "llama-3.3-70b": (0.712, 0.338), "llama-3.1-70b": (0.696, 0.256), "yi-lightning": (0.673, 0.307),
    "gemma-2-27b": (0.548, 0.170), "llama-3.1-8b": (0.442, 0.116), "gemma-2-9b": (0.392, 0.132),
    "qwen2.5-7b": (0.366, 0.166), "gpt-3.5-turbo": (0.272, 0.121), "qwen2.5-3b": (0.184, 0.062),
}  # fmt: skip
PUBLISHED = tuple(
    Published(model, value, "success", "multi", size, "released outcomes over the five core domains, github.com/linhaowei1/kumo")
    for model, row in _TABLE.items() for size, value in zip(SIZES, row, strict=True)
)  # fmt: skip
