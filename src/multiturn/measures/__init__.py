"""Floor 1. From verdicts to figures: every function here is pure, and every number leaves with its interval and its counts.

Owns: the shapes of verdicts and figures; clustered intervals and bootstrap, paired differences, per-turn curves,
survival of the first failure, reliability over repeats, pass@k and pass^k, detectable differences.
Does not own: how a verdict is reached (judges), where it is kept (engine), how a figure is shown (report).
"""
