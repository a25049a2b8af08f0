"""Floor 4. Runs: planning, scheduling, limits, recorded calls, the store, resume.

Owns: everything that happens between a command and its verdicts. Does not own: what a system means (systems/), how a
model is reached (models/), how results look (report/).
"""
