"""MTRAG's files: tasks, queries and judgements, and the passages to search in."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...conversation import Case, Conversation, DataError
from ...measures.textmetrics import words
from ...protocols.benchmark import Data
from ...retrieval.bm25 import BM25

SLUG = "mtrag"
DOMAINS = ("clapnq", "cloud", "fiqa", "govt")
FORMS = ("lastturn", "rewrite", "questions")
RAW = "https://raw.githubusercontent.com/IBM/mt-rag-benchmark/main"
_MARKER = re.compile(r"^\|user\|:\s*", re.M)


class Task(Case, frozen=True, kw_only=True):
    """One question in its conversation. ``target`` None: only its queries are known. ``passages``: ids of the gold ones;
    ``relevant``: ids judged relevant, for retrieval; ``queries``: the published forms, marker stripped."""

    turn: int
    collection: str
    history: tuple[tuple[str, str], ...] = ()
    target: str | None = None
    answerability: str = ""
    passages: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    queries: tuple[tuple[str, str], ...] = ()

    @property
    def asked(self) -> Conversation:
        """The gold conversation up to the question."""
        chat = Conversation()
        for speaker, text in self.history:
            chat = chat.user(text) if speaker == "user" else chat.assistant(text, author="gold")
        return chat


class Pool:
    """Passages by id, searchable by BM25: in the collection asked for if the corpora are there, else in all at hand."""

    def __init__(self, passages: Mapping[str, str], collections: Mapping[str, Iterable[str]] | None = None) -> None:
        self.passages = passages
        self.names = {name: list(ids) for name, ids in (collections or {}).items()}
        self._indexes: dict[str, BM25] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.passages

    def __len__(self) -> int:
        return len(self.passages)

    def search(self, query: str, collection: str, k: int) -> list[str]:
        """Ids of the ``k`` best passages."""
        where = collection if collection in self.names else ""
        names = self.names.setdefault(where, list(self.passages))
        if where not in self._indexes:
            self._indexes[where] = BM25([self.passages[name] for name in names], tokenize=words)
        return [names[hit.document] for hit in self._indexes[where].search(query, k)]

    def shown(self, names: Iterable[str]) -> str:
        """Passages for a prompt, numbered, between tags that they cannot close."""
        texts = [self.passages[name].replace("</passage", "<\\/passage") for name in names]
        return "\n".join(f'<passage n="{i}">\n{text}\n</passage>' for i, text in enumerate(texts, 1)) or "(no passages)"


def read_pool(data: Data) -> Pool:
    """The corpora (``corpora/<collection>.jsonl``, unpacked) if all four are there, else the passages of the sample."""
    try:
        corpora = {name: data.path(SLUG, f"corpora/{name}.jsonl") for name in DOMAINS}
    except DataError:
        corpora = {}
    if corpora:
        each = {name: dict(_passages(_lines(path))) for name, path in corpora.items()}
        return Pool({k: v for part in each.values() for k, v in part.items()}, each)
    found: dict[str, str] = {}
    for row in _lines(data.path(SLUG, "human_eval_documents.jsonl")):
        found.update(_passages([row]))
    for row in _lines(data.path(SLUG, "mtragun_reference_every14th.jsonl")):
        for name, text in _passages(row[1].get("contexts", ())):
            found.setdefault(name, text)
    return Pool(found)


def read_tasks(data: Data, pool: Pool, un: bool = False) -> Iterator[Task]:
    """The tasks with answers first (the published file, or the sample's), then the questions known only for retrieval."""
    name = "mtragun-human/generation_tasks/reference.jsonl" if un else "mtrag-human/generation_tasks/reference.jsonl"
    sample = "mtragun_reference_every14th.jsonl" if un else "human_eval_tasks.jsonl"
    path = _either(data, name, sample)
    judged, queries = ({}, {}) if un else _retrieval(data)
    seen = set()
    for place, row in _lines(path):
        task = _task(row, place, queries)
        lost = [name for name in task.passages if name not in pool]
        if lost:
            raise DataError(f"{place}: passage {lost[0]} is not in the documents")
        seen.add(task.id)
        yield msgspec.structs.replace(task, relevant=judged.get(task.id, (task.collection, ()))[1])
    for name, (collection, relevant) in judged.items():
        if name not in seen:
            # Of these the assistant's turns are not known; a rewrite has to do with the user's.
            talk, _, turn = name.partition("<::>")
            forms = queries.get(name, {})
            said = tuple(("user", text) for text in forms.get("turns", "").split("\0") if text)
            yield Task(id=name, cluster=talk, group=collection, turn=int(turn), collection=collection, relevant=relevant,
                       history=said, queries=_published(forms))  # fmt: skip


def _either(data: Data, name: str, sample: str) -> Path:
    for each in (name, sample):
        try:
            return data.path(SLUG, each)
        except DataError:
            continue
    return data.path(SLUG, name, f"{RAW}/{name}")


def _task(row: dict[str, Any], place: str, queries: Mapping[str, dict[str, str]]) -> Task:
    try:
        talk, _, turn = str(row["task_id"]).partition("::")
        talk, turn = talk.removesuffix("<"), turn.removeprefix(">")
        label = (row.get("Answerability") or row["answerability"])[0]
        collection = collection_of(row.get("Collection") or row.get("collection") or "")
        name = f"{talk}<::>{turn}"
        return Task(
            id=name, cluster=talk, group=collection, turn=int(turn), collection=collection,
            history=tuple((m["speaker"], m["text"]) for m in row["input"]), target=row["targets"][0]["text"],
            answerability=label, passages=tuple(c["document_id"] for c in row["contexts"]),
            queries=_published(queries.get(name, {})),
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"{place}: not a task of MTRAG ({type(error).__name__}: {error})") from None


def collection_of(name: str) -> str:
    """The short name of a collection (``mt-rag-ibmcloud-elser-…`` is cloud)."""
    return next((domain for domain in DOMAINS if domain in name.lower()), name)


def _retrieval(data: Data) -> tuple[dict[str, tuple[str, tuple[str, ...]]], dict[str, dict[str, str]]]:
    """Judgements (task -> collection and relevant ids) and queries (task -> form -> text) of all collections."""
    judged: dict[str, tuple[str, tuple[str, ...]]] = {}
    queries: dict[str, dict[str, str]] = {}
    for domain in DOMAINS:
        folder = f"mtrag-human/retrieval_tasks/{domain}"
        path = _either(data, f"{folder}/qrels/dev.tsv", f"retrieval_tasks/{domain}_qrels_dev.tsv")
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                try:
                    task, passage, score = row["query-id"], row["corpus-id"], float(row["score"])
                except (KeyError, TypeError, ValueError) as error:
                    raise DataError(f"{path}: not a table of judgements ({error})") from None
                if score > 0:
                    judged[task] = (domain, (*judged.get(task, (domain, ()))[1], passage))
        for form in FORMS:
            path = _either(data, f"{folder}/{domain}_{form}.jsonl", f"retrieval_tasks/{domain}_{form}.jsonl")
            for place, line in _lines(path):
                try:
                    said = [text.strip() for text in _MARKER.split(line["text"]) if text.strip()]
                    queries.setdefault(line["_id"], {})[form] = "\n".join(said)
                    if form == "questions":
                        queries[line["_id"]]["turns"] = "\0".join(said)
                except (KeyError, TypeError) as error:
                    raise DataError(f"{place}: not a query ({type(error).__name__}: {error})") from None
    return judged, queries


def _published(forms: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((form, forms[form]) for form in FORMS if form in forms)


def _passages(rows: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for row in rows:
        place, each = row if isinstance(row, tuple) else ("contexts", row)
        try:
            name = each.get("document_id") or each.get("_id") or each["id"]
            title = each.get("title") or ""
            text = each["text"]
            yield name, text if not title or text.startswith(title) else f"{title}\n{text}"
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(f"{place}: not a passage ({type(error).__name__}: {error})") from None


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of each line. NaN, which the released files hold, is read as null."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(re.sub(rb":\s*NaN\b(?=[,}\s])", b": null", line) if b"NaN" in line else line)
            except msgspec.DecodeError as error:
                raise DataError(f"{path}, line {number}: {error}") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: not a JSON object")
            yield f"{path}, line {number}", row
