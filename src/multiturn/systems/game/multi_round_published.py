"""The report's tables: pass@1 by round on four benchmarks with their mean, and QwQ-32B's mean lengths (tokens)."""

from __future__ import annotations

from ...protocols.benchmark import Published

BENCHMARKS = ("AIME 2024", "MATH-500", "GPQA-diamond", "LiveCodeBench")
ROWS: tuple[tuple[str, int, tuple[float, ...], float], ...] = (
    ("DeepSeek-R1", 1, (79.7, 97.6, 74.0, 65.3), 79.2), ("DeepSeek-R1", 2, (82.0, 97.6, 74.8, 67.1), 80.4),
    ("QwQ-32B", 1, (80.3, 97.2, 65.9, 63.0), 76.6), ("QwQ-32B", 2, (82.1, 97.8, 67.2, 64.7), 78.0),
    ("QwQ-32B", 3, (82.8, 97.8, 67.5, 65.2), 78.3), ("QwQ-32B", 4, (83.1, 97.7, 68.1, 66.0), 78.7),
    ("R1-Distill-Qwen-32B", 1, (72.0, 96.0, 60.1, 57.0), 71.3), ("R1-Distill-Qwen-32B", 2, (75.1, 96.3, 61.3, 57.6), 72.6),
    ("R1-Distill-Qwen-7B", 1, (56.9, 93.4, 49.2, 35.0), 58.6), ("R1-Distill-Qwen-7B", 2, (58.4, 93.9, 49.4, 36.7), 59.6),
    ("AM-Distill-Qwen-32B", 1, (72.8, 96.2, 62.3, 58.3), 72.4), ("AM-Distill-Qwen-32B", 2, (76.7, 97.2, 62.8, 60.2), 74.2),
    ("AM-Distill-Qwen-32B, trained on round 2", 2, (75.9, 97.0, 63.0, 57.9), 73.5),
)  # fmt: skip
"""Model, round, pass@1 in per cent on the four benchmarks, their printed mean."""
LENGTHS: tuple[tuple[int, tuple[float, ...], float], ...] = (
    (1, (13566.1, 8489.9, 13860.5, 4473.0), 10097.4), (2, (9607.9, 5540.4, 11043.9, 3200.9), 7348.3),
    (3, (8630.0, 5287.7, 10368.0, 3012.7), 6824.6), (4, (8654.8, 4948.0, 9674.5, 2920.8), 6549.5),
)  # fmt: skip
"""QwQ-32B: round, mean tokens on the four benchmarks (the second and fourth column look swapped in the report), their mean."""

PUBLISHED = tuple(
    Published(model, value / 100, "correct", "rounds", f"{name}, round {number}", "Think-Twice report, main table")
    for model, number, row, _ in ROWS for name, value in zip(BENCHMARKS, row, strict=True)
)  # fmt: skip
