"""What can be put around any model in any benchmark, by name: ``--with window?turns=3``.

A maker takes options (their types are those of the defaults) and returns a function from (inner player, cast) to a player.
Other packages add to it with an entry point in the group ``multiturn.around``.
"""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import entry_points

from ..conversation import UnknownName
from ..models.options import parse_name, typed_options
from .base import Around

AROUND: dict[str, tuple[str, str]] = {
    "window": ("multiturn.players.context:window_of", "only the last TURNS turns are shown to the model (turns=4)"),
    "multi-round-thinking": (
        "multiturn.players.rethink:multi_round_thinking",
        "asks again, shown only the last answer (rounds=2, show=own or none)",
    ),
    "temporal-context-awareness": (
        "multiturn.players.defence_tca:temporal_context_awareness",
        "a supervisor who follows the risk of the conversation, and steps in (see its options)",
    ),
    "summary": ("multiturn.players.memory_flat:summary_of", "a running summary stands for earlier turns (words=200)"),
    "notes": ("multiturn.systems.mem.notes:notes_of", "the best earlier turns by BM25 (top=4)"),
    "memtree": ("multiturn.players.memory_tree:memtree_of", "MemTree: a tree of summaries stands for earlier turns (top=4)"),
}
"""Name -> (``module:maker``, one line)."""


def make_around(text: str) -> Around:
    """What ``--with TEXT`` means. Raises `UnknownName` or `InputError` with the nearest name or the expected type."""
    name, given = parse_name(text)
    places = {point.name: point.value for point in entry_points(group="multiturn.around")}
    places |= {known: place for known, (place, _) in AROUND.items()}
    if name not in places:
        raise UnknownName("player to put around a model (--with)", name, places)
    module, _, maker_name = places[name].partition(":")
    maker = getattr(importlib.import_module(module), maker_name)
    defaults = {p.name: p.default for p in inspect.signature(maker).parameters.values()}
    return Around(text, maker(**typed_options(given, defaults, name)))
