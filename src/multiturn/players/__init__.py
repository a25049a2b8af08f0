"""Floor 2. Whoever speaks beside a bare model: memories, strategies, defences, simulated users, attackers, agents with tools.

Owns: players and what can be put around one (`Around`, by name in `players.catalogue`). Does not own: asking a model
(models/), how players talk to each other (protocols/), recording (the engine).
"""
