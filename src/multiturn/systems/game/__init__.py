"""Games and puzzles: worlds that are played turn by turn, and strategies that are tried on problems with a checkable answer."""
