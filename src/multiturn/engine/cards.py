"""Judge cards in the store."""

from __future__ import annotations

import msgspec

from ..judges.card import Card
from .store import Store

_decode = msgspec.json.Decoder(Card).decode


def put_card(store: Store, card: Card) -> None:
    """Keep a card; an earlier one of the same judge, labels and measure is replaced."""
    with store.transaction() as db:
        row = (bytes.fromhex(card.judge), card.labels, card.measure, card.model, msgspec.json.encode(card).decode())
        db.execute("INSERT OR REPLACE INTO cards VALUES (?,?,?,?,?)", row)


def cards(store: Store) -> list[Card]:
    """All cards of a store, newest first ([] in a store from before there were any)."""
    if not list(store.rows("SELECT 1 FROM sqlite_master WHERE name='cards'")):
        return []
    return sorted((_decode(text) for (text,) in store.rows("SELECT card FROM cards")), key=lambda c: -c.created)
