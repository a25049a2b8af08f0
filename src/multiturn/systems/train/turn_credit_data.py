"""Questions and articles for turn-level credit: a sample made from a seed (invented landmarks, so that searching is needed), and
TriviaQA's rows with the articles that are given beside them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...conversation import Case, DataError
from ...conversation.files import json_rows


class Question(Case, frozen=True, kw_only=True):
    """A question and every answer that counts as right."""

    question: str
    aliases: tuple[str, ...]


STARTS, ENDS = (
    ("Bren", "Kal", "Dor", "Vel", "Hask", "Lum", "Tor", "Ost"),
    ("holt", "mar", "wick", "sund", "ford", "gard", "stede"),
)
KINDS = ("lighthouse", "bridge", "mill", "tower", "chapel", "theatre")
PEOPLE, PLACES = ("Ilse", "Oskar", "Marta", "Jonas", "Edda", "Pavel"), ("Varn", "Sella", "Ombra", "Nord", "Tiel", "Quay")
SURNAMES, COLOURS = ("Kroon", "Abel", "Lind", "Sorel", "Vance", "Ruiz"), ("red", "blue", "green", "white")
ASKED = {
    "year": "In which year was the {name} built?",
    "person": "Who built the {name}?",
    "place": "In which town does the {name} stand?",
    "height": "How many metres high is the {name}?",
    "colour": "What colour is the {name}?",
}


def sample(count: int, seed: int) -> tuple[list[Question], list[str]]:
    """``count`` landmarks with five questions each, and one article a landmark. More landmarks leave the earlier ones as they
    are (at most 336)."""
    names = [f"{start}{end} {kind}" for kind in KINDS for start in STARTS for end in ENDS]
    random.Random(f"turn-level-credit/{seed}").shuffle(names)
    questions, articles = [], []
    for number, name in enumerate(names[:count]):
        chance = random.Random(f"turn-level-credit/{seed}/{number}")
        facts = {
            "year": str(chance.randint(1600, 1950)),
            "person": f"{chance.choice(PEOPLE)} {chance.choice(SURNAMES)}",
            "place": chance.choice(PLACES),
            "height": str(chance.randint(11, 99)),
            "colour": chance.choice(COLOURS),
        }
        articles.append(
            f"{name}. The {name} stands in {facts['place']}. It was built in {facts['year']} by {facts['person']}. "
            f"It is {facts['height']} metres high. Its walls are {facts['colour']}."
        )
        questions += [
            Question(id=f"{number + 1}-{kind}", group=kind, cluster=f"{seed}/{number + 1}", question=asked.format(name=name),
                     aliases=(facts[kind],))
            for kind, asked in ASKED.items()
        ]  # fmt: skip
    return questions, articles


def read_questions(path: Path) -> Iterator[Question]:
    """TriviaQA's rows, saved as JSON lines: question, answer.normalized_aliases (and question_id)."""
    for number, row in json_rows(path, dict[str, Any]):
        try:
            aliases = tuple(str(alias) for alias in row["answer"]["normalized_aliases"])
            yield Question(id=str(row.get("question_id", number)), question=str(row["question"]), aliases=aliases)
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}, line {number}: not a row of question and answer.normalized_aliases ({error})") from None


def read_articles(path: Path) -> list[str]:
    """Articles, saved as JSON lines: contents (as prebuilt Wikipedia indexes have them) or text."""
    found = [str(row.get("contents", row.get("text", ""))) for _, row in json_rows(path, dict[str, Any])]
    if not any(found):
        raise DataError(f"{path}: no row has `contents` or `text`")
    return found
