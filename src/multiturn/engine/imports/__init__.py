"""Conversations from elsewhere: one small file a format, and the one place that writes them into a store.

Owns: reading other programs' files as conversations with verdicts, and naming what was imported.
Does not own: judging them, or showing them.
"""
