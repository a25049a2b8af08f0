"""Which dialogues of MMSQL are played, and on which databases: all official, or all bundled."""

from __future__ import annotations

from collections.abc import Iterable

from ...conversation import DataError, InputError
from ...protocols.benchmark import Data
from ...worlds.database import Source
from .mmsql_data import Dialogue, read
from .mmsql_sample import SAMPLE

SLUG = "mmsql"
HOME = "https://raw.githubusercontent.com/mcxiaoxiao/MMSQL/2d959c9abfb9314b111a3d059839754dd3c9b795/datasets/MMSQL_test.json"
FILE = "MMSQL_test.json"
SHA256 = "a39de1433675dd9e2bbc1f94f1d24b5b2858e891f8db703e7f496aafd06fd444"


def dialogues(data: Data | None, source: str) -> tuple[tuple[Dialogue, ...], dict[str, Source]]:
    """The dialogues, and where the database of each is. ``source``: "official" (refuse without the files), "auto" (the official
    ones where file and databases are there), or "sample" (``data`` None)."""
    if source not in ("auto", "official", "sample"):
        raise InputError(f"option source={source} of `{SLUG}` must be auto, official or sample")
    if data is not None:
        found = _official(data, wanted=source == "official")
        places = _places(data, {d.database for d in found})
        if places:
            return found, places
        if source == "official":
            raise DataError(
                f"`{SLUG}` needs CoSQL's SQLite databases (https://yale-lily.github.io/cosql): put them beside {FILE}, "
                f"as {SLUG}/database/<name>/<name>.sqlite"
            )
    return SAMPLE, {d.database: d.database for d in SAMPLE}


def _official(data: Data, *, wanted: bool) -> tuple[Dialogue, ...]:
    """The released dialogues, fetched if they are ``wanted``; else none where they are not there."""
    try:
        return tuple(read(data.path(SLUG, FILE, HOME if wanted else "", SHA256 if wanted else "")))
    except DataError:
        if wanted:
            raise
        return ()


def _places(data: Data, names: Iterable[str]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for name in sorted(names):
        try:
            found[name] = data.path(SLUG, f"database/{name}/{name}.sqlite")
        except DataError:
            continue
    return found
