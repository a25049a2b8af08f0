"""The tables of a store. Every row is content-addressed, so merging two stores is a union."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

TABLES = """
CREATE TABLE nodes (            -- one message of the conversation tree
  id BLOB PRIMARY KEY,          -- blake2b(parent id, message)
  parent BLOB NOT NULL,
  message TEXT NOT NULL         -- JSON: role, parts, author
);
CREATE TABLE media (hash TEXT PRIMARY KEY, mime TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE models (id BLOB PRIMARY KEY, name TEXT NOT NULL, address TEXT NOT NULL, options TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (            -- one answered model call
  key BLOB NOT NULL,            -- blake2b(model id, tools, asked)
  draw TEXT NOT NULL,           -- repeat, branch and count: the n-th call with this key inside an episode
  model BLOB NOT NULL,
  asked BLOB NOT NULL,          -- node that was asked
  node BLOB NOT NULL,           -- node with the answer
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
  cost REAL, latency REAL NOT NULL, retries INTEGER NOT NULL, stop TEXT NOT NULL, served TEXT NOT NULL, created REAL NOT NULL,
  PRIMARY KEY (key, draw)
);
CREATE TABLE records (key BLOB NOT NULL, draw TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, created REAL NOT NULL,
  PRIMARY KEY (key, draw)) WITHOUT ROWID;
CREATE TABLE episodes (         -- case x setting x repeat x cast
  id BLOB PRIMARY KEY,
  system TEXT NOT NULL, model TEXT NOT NULL, "case" TEXT NOT NULL, cluster TEXT NOT NULL, "group" TEXT NOT NULL,
  setting TEXT NOT NULL, repeat INTEGER NOT NULL,
  node BLOB NOT NULL,           -- where the conversation ended
  stopped TEXT NOT NULL,        -- why it ended early, '' = it did not
  complete INTEGER NOT NULL,    -- 0: something failed that may work when tried again
  calls INTEGER NOT NULL,       -- model calls it is made of
  facts TEXT NOT NULL,          -- JSON: what the protocol kept beside the conversation
  created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE verdicts (
  episode BLOB NOT NULL, n INTEGER NOT NULL,
  measure TEXT NOT NULL, turn INTEGER NOT NULL, item TEXT NOT NULL, "group" TEXT NOT NULL,
  value REAL,                   -- NULL = not measured, see cause
  status INTEGER NOT NULL,      -- 0 scored, 1 failed by the model, 2 not measured
  cause TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (episode, n)
) WITHOUT ROWID;
CREATE TABLE runs (id TEXT PRIMARY KEY, spec TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL, finished REAL,
  summary TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run_episodes (run TEXT NOT NULL, n INTEGER NOT NULL, episode BLOB NOT NULL, PRIMARY KEY (run, n)) WITHOUT ROWID;
"""


def _create(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";\n"):  # executescript would end the transaction that all of this stands in
        db.execute(statement)


def _add_cards(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE cards (judge BLOB NOT NULL, labels TEXT NOT NULL, measure TEXT NOT NULL, model TEXT NOT NULL, "
        "card TEXT NOT NULL, PRIMARY KEY (judge, labels, measure)) WITHOUT ROWID"  # what a judge is worth: JSON
    )


MIGRATIONS: tuple[Callable[[sqlite3.Connection], object], ...] = (_create, _add_cards)
"""Step i brings a store from version i to i + 1; a new store takes all of them."""

VERSION = len(MIGRATIONS)
APPLICATION_ID = 0x6D74726E  # "mtrn"
