"""Floor 2. Finding passages: indexes, and the forms a question takes inside a conversation.

Owns: BM25 (`bm25`), query forms (`queries`). Does not own: measures of a ranking (measures/), memories, which are players
(players/), where passages come from (systems/).
"""
