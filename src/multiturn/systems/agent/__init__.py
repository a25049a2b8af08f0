"""Agents: models that act on a database, tools or files over several turns, with people in front of them."""
