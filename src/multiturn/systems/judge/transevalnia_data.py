"""Translations with people's scores: a few of ours, the released sample, and files in its form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...judges.items import Item, Kind, ListItem, PairItem
from ...protocols.benchmark import Data
from .labelled_file import first_line

SAMPLE = "wmt2021_en_ja_10.jsonl"
HOME = "https://raw.githubusercontent.com/SakanaAI/TransEvalnia/6ca7d4ccd5093278db814ef65a145dbac2ee8d0d/sample_data/" + SAMPLE
SHA256 = "6511daa6d33dd0ccee3514e0e6fe5d351a15cac6fe06553b3f30355a43449bb4"
MOST = 6
"""Translations of one text that can be ranked."""


class _Row(Struct):
    src_text: str
    src_lang_long: str
    tgt_lang_long: str
    translations: list[str]
    translators: list[str] = []
    human_scores: dict[str, float] = {}


def is_translations(path: Path) -> bool:
    """Whether this file holds translations (and not labelled items)."""
    return b'"src_text"' in first_line(path)


def kind_of(path: Path) -> Kind:
    """Pairs, where every text has two translations, else lists."""
    return "pair" if all(len(row.translations) == 2 for _, row in _rows(path)) else "list"


def read_translations(path: Path) -> Iterator[Item]:
    """The items of a file. Raises `DataError` naming file and line."""
    kind = kind_of(path)
    for number, row in _rows(path):
        scores = [row.human_scores[name] for name in row.translators if name in row.human_scores]
        known = tuple(scores) if len(scores) == len(row.translations) else ()
        names = tuple(row.translators) or ("",) * len(row.translations)
        yield _item(str(number), kind, row, names, known)


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    for number, row in json_rows(path, _Row):
        if not 2 <= len(row.translations) <= MOST:
            raise DataError(f"{path}, line {number}: 2 to {MOST} translations can be ranked, not {len(row.translations)}")
        if row.translators and len(row.translators) != len(row.translations):
            raise DataError(f"{path}, line {number}: {len(row.translators)} translators of {len(row.translations)} translations")
        yield number, row


def _item(id_: str, kind: Kind, row: _Row, names: tuple[str, ...], scores: tuple[float, ...]) -> Item:
    asks = f"Translate this from {row.src_lang_long} into {row.tgt_lang_long}:\n\n{row.src_text}"
    turns = (("user", asks),)
    extra = {"source": row.src_text, "from": row.src_lang_long, "to": row.tgt_lang_long, "scores": list(scores)}
    if kind == "list":
        return ListItem(id=id_, turns=turns, answers=tuple(row.translations), labels=scores, authors=names, extra=extra)
    label = (0.5 if scores[0] == scores[1] else float(scores[0] > scores[1])) if scores else None
    one, two = row.translations
    return PairItem(
        id=id_, turns=turns, first=one, second=two, authors=(names[0], names[1]), label=label, ties=label == 0.5, extra=extra
    )  # fmt: skip


def sample(data: Data) -> Iterator[Item]:
    """The released sample: 10 English texts, each in Japanese by a person ("reference") and by another, with z-scores."""
    return read_translations(data.path("transevalnia", SAMPLE, HOME, SHA256))


class _Ours(NamedTuple):
    """A text in English, a right translation, and one with a plain mistake."""

    text: str
    to: str
    right: str
    wrong: str


OURS = (
    _Ours("The shop closes at six, but not on Fridays.", "German",
          "Der Laden schließt um sechs, aber nicht am Freitag.", "Der Laden öffnet um sechs, auch am Freitag."),
    _Ours("She had forgotten where she had parked the car.", "German",
          "Sie hatte vergessen, wo sie das Auto geparkt hatte.", "Sie hat vergessen, das Auto zu verkaufen."),
    _Ours("Please keep this medicine out of the reach of children.", "German",
          "Bitte bewahren Sie dieses Medikament für Kinder unzugänglich auf.", "Bitte geben Sie dieses Medikament den Kindern."),
    _Ours("It has not rained here for three months.", "French",
          "Il n'a pas plu ici depuis trois mois.", "Il a plu ici pendant trois mois."),
    _Ours("My brother is younger than I am.", "French",
          "Mon frère est plus jeune que moi.", "Ma sœur est plus vieille que moi."),
    _Ours("The train to Lyon leaves from platform nine.", "French",
          "Le train pour Lyon part du quai neuf.", "Le bus de Lyon arrive au quai dix-neuf."),
    _Ours("I would rather walk than take the bus.", "Spanish",
          "Prefiero caminar a tomar el autobús.", "Prefiero tomar el autobús."),
    _Ours("Nobody told us that the museum was closed on Mondays.", "Spanish",
          "Nadie nos dijo que el museo cerraba los lunes.", "Todos nos dijeron que el museo abría los martes."),
)  # fmt: skip


def bundled(data: Data | None = None) -> Iterator[PairItem]:
    """Eight pairs of translations of ours, one of each with a plain mistake; the right one comes first in every other pair."""
    for n, ours in enumerate(OURS):
        texts, names = [ours.right, ours.wrong], ["right", "wrong"]
        if n % 2:
            texts, names = texts[::-1], names[::-1]
        row = _Row(ours.text, "English", ours.to, texts)
        scores = tuple(1.0 if name == "right" else -1.0 for name in names)
        item = _item(str(n), "pair", row, tuple(names), scores)
        assert isinstance(item, PairItem)
        yield item
