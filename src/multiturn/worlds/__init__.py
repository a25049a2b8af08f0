"""Floor 1. Things that can be stepped, with checkable state: games, tool sets, databases, and the sandbox for foreign code.

Owns: worlds and what they need to be safe (`sandbox`: code written by a model; `database`: private copies of SQLite files).
Does not own: who acts in a world (players/), the order of actions (protocols/), recording what a world answered (the engine:
anything here that is not a pure function goes through ``cast.record``).
"""
